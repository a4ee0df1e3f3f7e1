"""Config XML of a job's scm → model: a git checkout (git 5.2)."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from cfl_jobs.configs.fields import (
    Paths,
    is_default,
    list_items,
    read_text,
    short_class,
)
from cfl_jobs.configs.model import Git

_GIT_EXTENSIONS = "hudson.plugins.git.extensions.impl."
# GitSCM's fields that are read here, or that say nothing; CheckoutOption and the like are kept.
_GIT_READ = frozenset(
    {
        "branches",
        "configVersion",
        "extensions",
        "gitConfigEmail",
        "gitConfigName",
        "gitTool",
        "submoduleCfg",
        "userRemoteConfigs",
    }
)


def read_git(scm: ET.Element, paths: Paths) -> Git | None:
    """Return the checkout, or None where the scm is another one or none."""
    if scm.get("class") != "hudson.plugins.git.GitSCM":
        return None
    remotes = list(list_items(scm, "userRemoteConfigs"))
    extensions = list(list_items(scm, "extensions"))
    names = [short_class(item.tag) for item in extensions]
    identity = _read_identity(scm)
    if any(identity) and "UserIdentity" not in names:
        names.append("UserIdentity")
    unknown = [
        item
        for item in extensions
        if short_class(item.tag) not in ("CleanBeforeCheckout", "WipeWorkspace", "UserIdentity")
    ]
    fields = [child for child in scm if child.tag not in _GIT_READ and not is_default(child)]
    return Git(
        urls=tuple(read_text(remote, "url") for remote in remotes),
        branches=tuple(read_text(item, "name") for item in list_items(scm, "branches")),
        refspec=read_text(remotes[0], "refspec") if remotes else "",
        credentials_id=read_text(remotes[0], "credentialsId") if remotes else "",
        clean_before_checkout=not {"CleanBeforeCheckout", "WipeWorkspace"}.isdisjoint(names),
        extensions=tuple(names),
        directory=read_text(
            scm, f"extensions/{_GIT_EXTENSIONS}RelativeTargetDirectory/relativeTargetDir"
        ),
        local_branch=read_text(scm, f"extensions/{_GIT_EXTENSIONS}LocalBranch/localBranch"),
        identity=identity,
        unknown=(
            *(paths.unknown("userRemoteConfigs", remote) for remote in remotes[1:]),
            *(paths.unknown("extensions", item) for item in unknown),
            *(paths.unknown("scm", child) for child in fields),
        ),
        path=paths[scm],
    )


def _read_identity(scm: ET.Element) -> tuple[str, str]:
    """Return committer name and e-mail; GitSCM.readResolve turns the old fields into the new."""
    new = f"extensions/{_GIT_EXTENSIONS}UserIdentity"
    return (
        read_text(scm, f"{new}/name") or read_text(scm, "gitConfigName"),
        read_text(scm, f"{new}/email") or read_text(scm, "gitConfigEmail"),
    )
