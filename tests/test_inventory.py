"""The inventory is read strictly, written alike every time, and renewed from a server."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.__main__ import run
from cfl_jobs.commands.inventory import take_inventory
from cfl_jobs.errors import CflJobsError, DefinitionError
from cfl_jobs.reading.inventory import (
    INVENTORY,
    LONG_NAMES,
    Inventory,
    compare_inventories,
    dump_inventory,
    load_inventory,
)
from tests.jenkins_server import JenkinsServer
from tests.jenkins_server_configs import NEW, recorded_plugins
from tests.memory_target import MemoryTarget

ROOT = Path(__file__).parent.parent
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]+(\.[0-9a-z_-]{1,9}){0,3}", fullmatch=True)
# Asked for by their short names.
ASKED_SHORT = frozenset(
    {
        "PrioritySorter",
        "artifactory",
        "email-ext",
        "groovy-postbuild",
        "nodejs",
        "parameterized-trigger",
        "postbuildscript",
        "preSCMbuildstep",
        "xunit",
    }
)


@settings(max_examples=30)
@given(st.dictionaries(NAMES, VERSIONS), st.one_of(st.just(""), VERSIONS))
def test_what_is_written_is_read_back(plugins: dict[str, str], jenkins: str) -> None:
    inventory = Inventory(plugins, jenkins)
    text = dump_inventory(inventory)
    assert load_inventory(text) == inventory
    assert dump_inventory(Inventory(dict(reversed(plugins.items())), jenkins)) == text


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("plugins: {git: 5.1}", "1:16", "5.1 is a number"),
        ("plugins: {git: 5.10}", "1:16", "in quotes"),
        ("plugins:\n  git: 5", "2:8", "5 is a number"),
        ("plugins:\n  git:", "2:", "'git' has no version"),
        ("plugins:\n  git: [5]", "2:8", "'git' has no version"),
        ("plugins:\n  git: 5 6", "2:8", "'5 6' is no version"),
        ("plugins:\n  git: latest", "2:8", "'latest' is no version"),
        ("jenkins: lts\nplugins: {}", "1:10", "'lts' is no version"),
        ("plugins:\n  Git Plugin: '5'", "2:3", "'Git Plugin' is no plugin's name"),
        ("plugin: {}\nplugins: {}", "1:1", "unknown key 'plugin'"),
        ("plugins: [git]", "1:1", "needs a mapping"),
        ("jenkins: 2.44\nplugins: {}", "1:10", "2.44 is a number"),
        ("- git", "1:1", "is a mapping"),
        ("", "1:1", "is a mapping"),
        ("plugins: {a: '1', a: '2'}", "1:19", "'a'"),
    ],
)
def test_each_mistake_in_the_file_is_told_with_its_place(
    text: str, place: str, message: str
) -> None:
    with pytest.raises(DefinitionError) as raised:
        load_inventory(text)
    assert f"{INVENTORY}:{place}" in str(raised.value)
    assert message in str(raised.value)


def test_the_committed_inventory_is_the_recorded_server() -> None:
    text = (ROOT / INVENTORY).read_text(encoding="utf-8")
    inventory = load_inventory(text)
    assert inventory.jenkins == NEW
    assert inventory.plugins == recorded_plugins(NEW)
    assert dump_inventory(inventory) == text


def test_every_name_that_jenkins_job_builder_asks_for_is_given() -> None:
    """It asks for some plugins by long names; an unknown one would mean the newest version."""
    spec = find_spec("jenkins_jobs")
    assert spec
    assert spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations))) / "modules"
    asked = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("get_plugin_version"):
                asked.add(ast.literal_eval(node.args[0]))
    assert asked == ASKED_SHORT | set(LONG_NAMES.values())


def test_the_plugins_list_has_short_and_long_names() -> None:
    listed = Inventory({"slack": "2.3", "git": "5.2.1"}).as_plugins_list()
    assert listed == [
        {"shortName": "git", "longName": "git", "version": "5.2.1"},
        {"shortName": "slack", "longName": "Slack Notification Plugin", "version": "2.3"},
    ]


def test_differences_are_told_one_by_one() -> None:
    old = Inventory({"git": "5.2.1", "ant": "1", "junit": "3"}, "2.440.3")
    new = Inventory({"git": "5.3.0", "slack": "2", "junit": "3"}, "2.452.1")
    assert list(compare_inventories(old, new)) == [
        "Jenkins 2.440.3 → 2.452.1",
        "ant 1 is gone",
        "git 5.2.1 → 5.3.0",
        "slack 2 is new",
    ]
    assert list(compare_inventories(old, old)) == []
    assert list(compare_inventories(old, Inventory(old.plugins))) == []


def test_the_command_writes_what_the_server_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run writes all of it, the second finds no difference."""
    target = MemoryTarget(plugins={"junit": "3", "git": "5.2.1"})
    assert take_inventory(tmp_path, target, check=True) == 1
    assert not (tmp_path / INVENTORY).exists()
    assert take_inventory(tmp_path, target, check=False) == 0
    text = (tmp_path / INVENTORY).read_text(encoding="utf-8")
    assert load_inventory(text).plugins == {"git": "5.2.1", "junit": "3"}
    assert "git 5.2.1 is new" in capsys.readouterr().out
    assert take_inventory(tmp_path, target, check=True) == 0
    assert "is what memory has: 2 plugins" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A link stays one: here it leads into a directory that isn't there."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / INVENTORY).symlink_to("nowhere/plugins.yaml")
    with pytest.raises(CflJobsError, match=f"^{INVENTORY}: can't be written: No such file"):
        take_inventory(tmp_path, MemoryTarget(plugins={"git": "5.2.1"}), check=False)
    assert (tmp_path / INVENTORY).is_symlink()


def test_the_command_repairs_a_broken_file_but_does_not_check_it(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / INVENTORY).write_text("- x\n", encoding="utf-8")
    target = MemoryTarget(plugins={"git": "5.2.1"})
    with pytest.raises(DefinitionError):
        take_inventory(tmp_path, target, check=True)
    assert take_inventory(tmp_path, target, check=False) == 0
    assert take_inventory(tmp_path, target, check=True) == 0


def test_the_command_line_takes_it_from_a_server(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    jenkins_server: JenkinsServer,
) -> None:
    """Without permission it says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JENKINS_USER_ID", jenkins_server.reader)
    monkeypatch.setenv("JENKINS_API_TOKEN", jenkins_server.reader_token)
    assert run(["inventory", "--url", jenkins_server.url]) == 1
    assert "permission" in capsys.readouterr().err
    monkeypatch.setenv("JENKINS_USER_ID", jenkins_server.user)
    monkeypatch.setenv("JENKINS_API_TOKEN", jenkins_server.token)
    assert run(["inventory", "--url", jenkins_server.url]) == 0
    taken = load_inventory((tmp_path / INVENTORY).read_text(encoding="utf-8"))
    assert taken == Inventory(jenkins_server.plugins, jenkins_server.version)
    assert run(["inventory", "--check", "--url", jenkins_server.url]) == 0


def test_a_target_without_plugins_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CflJobsError, match="tells no plugins"):
        take_inventory(tmp_path, MemoryTarget(), check=False)
    assert not (tmp_path / INVENTORY).exists()
