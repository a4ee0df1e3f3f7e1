"""The stand-in's configs: posted text -> what Jenkins stores, saves and has after a restart.

The rules for a save are learnt, for each version of Jenkins, from its recorded pairs in
tests/data/jenkins/VERSION/config (posted and saved form of one job).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.jenkins_server_rewrites import (
    FOLDER,
    add_folder_views,
    described,
    grant,
    keep_last_artifacts,
    rewrite,
)
from tests.jenkins_server_rules import Rules
from tests.jenkins_server_xml import Node, parse, set_text, write

DATA = Path(__file__).parent / "data" / "jenkins"
OLD, NEW = DIALECTS = ("2.440.3", "2.568.2")
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
