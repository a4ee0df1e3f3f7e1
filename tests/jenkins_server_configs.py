"""The stand-in's configs: posted text -> what Jenkins stores, saves and has after a restart.

The rules for a save are learnt, for each version of Jenkins, from its recorded pairs in
tests/data/jenkins/VERSION/config (posted and saved form of one job); what Jenkins and its plugins
make of configs beyond order, defaults and drops is written here, class by class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any

from tests.jenkins_server_rules import Rules, class_of
from tests.jenkins_server_xml import Node, parse, read_text, set_text, write

DATA = Path(__file__).parent / "data" / "jenkins"
OLD, NEW = DIALECTS = ("2.440.3", "2.568.2")
MATRICES = (
    "hudson.security.AuthorizationMatrixProperty",
    "com.cloudbees.hudson.plugins.folder.properties.AuthorizationMatrixProperty",
)
FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
chosen = OLD  # the version that `save` and `restart` play unless they are told


@cache
def exchanges(version: str) -> list[dict[str, Any]]:
    """Return the recorded requests and answers, in order."""
    text = (DATA / version / "exchanges.json").read_text(encoding="utf-8")
    recordings: list[dict[str, Any]] = json.loads(text)["exchanges"]
    return recordings


@cache
def recorded_body(name: str, version: str) -> dict[str, Any]:
    """Return the JSON body of a recorded exchange, which nobody changes."""
    found = next(item for item in exchanges(version) if item["name"] == name)
    data: dict[str, Any] = json.loads(found["response"]["body"])
    return data


@cache
def recorded(name: str, form: str, version: str = OLD) -> str:
    """Return a recorded config. Forms: posted, stored, saved, restarted, upgraded.

    What was posted to several servers is kept once.
    """
    at = [DATA / known / "config" / f"{name}.{form}.xml" for known in (version, *DIALECTS)]
    here = at if form == "posted" else at[:1]
    return next(file for file in here if file.exists()).read_text(encoding="utf-8")


@cache
def recorded_names(form: str = "stored", version: str = OLD) -> tuple[str, ...]:
    """Name the recorded jobs that have this form."""
    ending = f".{form}.xml"
    files = (DATA / version / "config").glob(f"*{ending}")
    return tuple(sorted(file.name.removesuffix(ending) for file in files))


@cache
def recorded_plugins(version: str = OLD) -> dict[str, str]:
    """Return the plugins of the recorded server, with their versions."""
    plugins = recorded_body("plugins", version)["plugins"]
    return {plugin["shortName"]: plugin["version"] for plugin in plugins}


@cache
def recorded_save(name: str, version: str) -> str:
    """Return a recorded config as Jenkins itself made it, in memory or at a save."""
    form = "saved" if name in recorded_names("saved", version) else "stored"
    return recorded(name, form, version)


@cache
def learnt_rules(version: str = OLD, names: tuple[str, ...] = ()) -> Rules:
    """Return the rules that the recorded pairs of these jobs give, by default of all."""
    rules = Rules()
    for name in names or recorded_names("stored", version):
        rules.learn(parse(recorded(name, "posted", version)), parse(recorded_save(name, version)))
    upgraded = recorded_names("upgraded", version)
    for name in (one for one in names or upgraded if one in upgraded):
        before = recorded_save(name, DIALECTS[DIALECTS.index(version) - 1])
        rules.learn(parse(before), parse(recorded(name, "upgraded", version)))
    bodies = {
        exchange["name"]: exchange["request"]["body"] or exchange["response"]["body"]
        for exchange in exchanges(version)
    }
    for posted, saved in (
        (
            "update config, with parts no plugin knows",
            "read config after a save: normalised, unknown parts gone",
        ),
        ("create view", "view config"),
    ):
        rules.learn(parse(bodies[posted]), parse(bodies[saved]))
    rules.finish()
    return rules


def save(
    config: str | Node,
    plugins: Mapping[str, str],
    version: str = "",
    *,
    description: str | None = None,
    disabled: bool | None = None,
    entries: Sequence[str] = (),
) -> str:
    """Return what the file holds after Jenkins loaded `config` and saved the job.

    A tree that is given may be changed. `entries` are added to its matrix of permissions.
    """
    rules = learnt_rules(version or chosen)
    root = parse(config) if isinstance(config, str) else config
    if root.tag == FOLDER:
        add_folder_views(root, rules)
    if description is not None:
        set_text(described(root), "description", description)
    if disabled is not None:
        set_text(root, "disabled", str(disabled).lower())
    if entries:
        grant(root, entries)
    return write(save_node(root, plugins, rules))


def create(root: Node, plugins: Mapping[str, str], version: str) -> str:
    """Return what Jenkins holds in memory after createItem, where that isn't what a save makes.

    matrix-project 917: the execution strategy is the default one until the config is posted again.
    """
    strategy = root.find("executionStrategy")
    if root.tag == "matrix-project" and strategy is not None:
        strategy.attributes = {"class": "hudson.matrix.DefaultMatrixExecutionStrategyImpl"}
        strategy.children = [Node("runSequentially", text="false")]
    return save(root, plugins, version)


def save_node(root: Node, plugins: Mapping[str, str], rules: Rules) -> Node:
    """Return the element tree as Jenkins writes it."""
    for node in list(root.walk()):
        if "reference" not in node.attributes:
            rewrite(node, plugins, rules)
    return rules.save(root, plugins)


def restart(config: str, plugins: Mapping[str, str], version: str = "") -> str:
    """Return what the file holds after a restart: the archiver's old `latestOnly` is moved.

    hudson.tasks.ArtifactArchiver turns it into a build discarder and saves the job; any other
    config is left as it is.
    """
    root = parse(config)
    publishers = root.find("publishers")
    archivers = publishers.children if publishers else []
    moved = False
    for archiver in archivers:
        old = archiver.find("latestOnly")
        if archiver.tag != "hudson.tasks.ArtifactArchiver" or old is None:
            continue
        archiver.children.remove(old)
        moved = True
        if old.text == "true":
            keep_last_artifacts(root)
    return save(write(root), plugins, version) if moved else config


def keep_last_artifacts(root: Node) -> None:
    rotator = root.find("logRotator") or root.find(
        "properties/jenkins.model.BuildDiscarderProperty/strategy"
    )
    if rotator is not None:
        set_text(rotator, "artifactNumToKeep", "1")
        return
    numbers = ("daysToKeep", "numToKeep", "artifactDaysToKeep")
    fields = [*(Node(tag, text="-1") for tag in numbers), Node("artifactNumToKeep", text="1")]
    strategy = Node("strategy", {"class": "hudson.tasks.LogRotator"}, fields)
    discarder = Node("jenkins.model.BuildDiscarderProperty", {}, [strategy])
    _properties_of(root).children.append(discarder)


def _properties_of(root: Node) -> Node:
    properties = root.find("properties")
    if properties is None:
        properties = Node("properties")
        root.children.append(properties)
    return properties


def rewrite(node: Node, plugins: Mapping[str, str], rules: Rules) -> None:
    """Apply the rewrites that are more than order, defaults and drops."""
    name = class_of(node) or node.tag
    if name == "hudson.plugins.copyartifact.BuildSelectorParameter":
        _rewrite_selector(node, plugins, rules)
    elif name == "hudson.plugins.git.GitSCM":
        _rewrite_git_identity(node)
    elif name in MATRICES:
        node.children.sort(key=_entry_order)
    elif name == "hudson.model.ListView":
        _rewrite_status_filter(node)


def _rewrite_selector(node: Node, plugins: Mapping[str, str], rules: Rules) -> None:
    """copyartifact keeps a parameter's default selector as XML text, without line ends."""
    old = node.find("defaultSelector")
    if old is None:
        return
    node.children.remove(old)
    selector = rules.save(old, plugins)
    selector.tag = selector.attributes.pop("class").rpartition(".")[2]
    selector.attributes = {"plugin": f"copyartifact@{plugins.get('copyartifact', '')}"}
    text = write(selector).partition("\n")[2].replace("\n", "")
    node.children.append(Node("defaultSelectorXml", text=text))


def _rewrite_status_filter(node: Node) -> None:
    """hudson.model.ListView.readResolve turns the old field into a filter."""
    old, filters = node.find("statusFilter"), node.find("jobFilters")
    if old is not None and filters is not None:
        node.children.remove(old)
        filters.children.append(Node("hudson.views.StatusFilter", {}, [old]))


def _entry_order(node: Node) -> tuple[str, ...]:
    """Order the entries of a matrix as matrix-auth does: by permission, then by kind and name."""
    kind, _, rest = (node.text or "").partition(":")
    if kind not in ("EITHER", "GROUP", "USER"):
        kind, rest = "EITHER", node.text or ""
    permission, _, name = rest.partition(":")
    return permission, kind, name


@dataclass(frozen=True)
class Matrix:
    """A job's own entries, as "USER:hudson.model.Item.Read:ann"."""

    entries: frozenset[str] = frozenset()
    inherits: bool = True


def read_matrix(config: str) -> Matrix:
    """Return the matrix of a job or folder; most have none."""
    if not any(name in config for name in MATRICES):
        return Matrix()
    root = parse(config)
    found = next((node for node in root.walk() if node.tag in MATRICES), None)
    if found is None:
        return Matrix()
    texts = {child.text or "" for child in found.children if child.tag == "permission"}
    strategy = found.find("inheritanceStrategy")
    inherits = strategy is None or "NonInheriting" not in strategy.attributes.get("class", "")
    return Matrix(frozenset(texts), inherits)


def grant(root: Node, entries: Sequence[str]) -> None:
    properties = _properties_of(root)
    matrix = next((node for node in properties.children if node.tag in MATRICES), None)
    if matrix is None:
        strategy = "org.jenkinsci.plugins.matrixauth.inheritance.InheritParentStrategy"
        children = [Node("inheritanceStrategy", {"class": strategy})]
        matrix = Node(MATRICES[root.tag == FOLDER], {}, children)
        properties.children.append(matrix)
    matrix.children += [Node("permission", text=entry) for entry in entries]


# Classes that name other jobs, with the field: what follows a rename.
_REFERRING = {
    "hudson.plugins.copyartifact.CopyArtifact": "project",
    "hudson.plugins.parameterizedtrigger.BlockableBuildTriggerConfig": "projects",
    "hudson.plugins.parameterizedtrigger.BuildTriggerConfig": "projects",
    "hudson.tasks.BuildTrigger": "childProjects",
    "jenkins.triggers.ReverseBuildTrigger": "upstreamProjects",
}


def rename_references(config: str, context: str, old: str, new: str) -> str | None:
    """Return a config whose references follow the rename of a job, None where it stays as it is.

    Names are relative to the folder `context`. hudson.model.Items.computeRelativeNamesAfterRenaming
    also takes the blanks out of each list of names.
    """
    root = parse(config)
    changed = False
    for node in root.walk():
        found = node.find(_REFERRING.get(class_of(node), " "))
        if found is not None and found.text:
            names = [name.strip() for name in found.text.split(",")]
            text = ",".join(_renamed(name, context, old, new) for name in names)
            changed |= text != found.text
            found.text = text
    return write(root) if changed else None


def _renamed(name: str, context: str, old: str, new: str) -> str:
    full = normpath(f"/{context}/{name}" if not name.startswith("/") else name).strip("/")
    if full != old and not full.startswith(f"{old}/"):
        return name
    now = f"/{new}{full.removeprefix(old)}"
    return now if name.startswith("/") else relpath(now, f"/{context}")


def _rewrite_git_identity(node: Node) -> None:
    """The git plugin's readResolve turns the old identity fields into an extension."""
    fields = [node.find("gitConfigName"), node.find("gitConfigEmail")]
    texts = [found.text or "" if found else "" for found in fields]
    extensions = node.find("extensions")
    if any(texts) and extensions is not None:
        identity = [Node("name", text=texts[0]), Node("email", text=texts[1])]
        tag = "hudson.plugins.git.extensions.impl.UserIdentity"
        extensions.children.append(Node(tag, {}, identity))


def add_folder_views(root: Node, rules: Rules) -> None:
    """A folder posted without its views gets the default one, which has no description."""
    views = rules.rules[FOLDER].defaults["folderViews"].copy()
    for node in views.walk():
        node.children = [child for child in node.children if child.tag != "description"]
    if root.find("folderViews") is None:
        root.children.append(views)


def described(root: Node) -> Node:
    """Return the element whose description submitDescription sets: of a folder, its primary view.

    cloudbees-folder: AbstractFolder is a ViewGroup, so Stapler hands the request to that view.
    """
    if root.tag != FOLDER:
        return root
    views = root.find("folderViews/views")
    primary = root.find("folderViews/primaryView")
    found = views.children if views else []
    named = [view for view in found if primary and read_text(view, "name") == primary.text]
    return (named or found)[0]
