"""An upgrade is told before it is made: what loses its effect, what fits, what to look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.inventory import (
    INVENTORY,
    Inventory,
    dump_inventory,
    load_inventory,
    read_plugin_list,
)
from tests.jenkins_server_configs import DATA, NEW, OLD, recorded_plugins
from tests.projects import copy_project, edit

TODAY = DATA / NEW / "plugins.json"
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run the command in a copy of the project that is rendered for the older server."""
    monkeypatch.chdir(copy_project(tmp_path, OLD))

    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(["upgrade", *arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


def test_the_chain_may_be_upgraded_and_what_changes_is_told(upgrade: Call) -> None:
    code, told = upgrade(str(TODAY), "--jenkins", NEW)
    assert code == 0
    lines = told.splitlines()
    assert lines[0] == f"Jenkins {OLD} → {NEW}"
    plugins = recorded_plugins(OLD), recorded_plugins(NEW)
    junit = "junit {} → {}  (look at Run Portal Tests, Run Ocargo Tests)"
    assert junit.format(*(versions["junit"] for versions in plugins)) in lines
    assert "  'keep-long-stdio' of the publisher 'junit': Run Portal Tests, Run Ocargo Tests" in (
        lines
    )
    assert lines[-1] == "Every job is rendered as before."


def test_a_plugin_that_needs_a_newer_jenkins_is_told_and_an_error(upgrade: Call) -> None:
    """Once for all of them, with the newest that any needs."""
    code, told = upgrade(str(TODAY))
    assert code == 1
    assert (
        f"  matrix-project {recorded_plugins(NEW)['matrix-project']} needs Jenkins 2.555.3, and not"
        f" {OLD}, and 83 more need a newer one too.\n"
    ) in told


def test_an_option_that_loses_its_effect_or_its_plugin_is_told_with_its_place(
    upgrade: Call, tmp_path: Path
) -> None:
    edit(tmp_path, "templates/base.yaml.j2", "  - timestamps\n", "  - timestamps\n  - ansicolor\n")
    code, told = upgrade(str(TODAY), "--jenkins", NEW)
    assert code == 1
    assert "What doesn't render any more:" in told
    assert "templates/base.yaml.j2:" in told
    assert "needs the plugin 'ansicolor', which the server doesn't have" in told


def test_what_has_a_successor_is_shown_as_what_changes(upgrade: Call, tmp_path: Path) -> None:
    edit(
        tmp_path,
        "templates/tests.yaml.j2",
        "  - junit:\n",
        "  - junit:\n      keep-long-stdio: true\n",
    )
    code, told = upgrade(str(TODAY), "--jenkins", NEW)
    assert code == 0
    assert "~ change job Run Ocargo Tests\n~ change job Run Portal Tests\n" in told
    assert "stdio retention" in told
    assert "whose default ends" not in told


def test_a_project_without_an_inventory_has_nothing_to_upgrade_from(
    upgrade: Call, tmp_path: Path
) -> None:
    (tmp_path / INVENTORY).unlink()
    code, told = upgrade(str(TODAY))
    assert code == 1
    assert "names no plugins" in told
    assert "`cfl-jobs inventory` takes them from the server." in told


def test_the_same_versions_change_nothing(upgrade: Call) -> None:
    code, told = upgrade(INVENTORY)
    assert (code, told) == (
        0,
        "Nothing gets another version.\n\nEvery job is rendered as before.\n",
    )


LISTS = {
    "plugins.txt": "# ours\ngit:5.10.1  # a comment\n\njunit:1424.v1:https://example.org/junit.hpi\n",
    "plugins.yaml": (
        "plugins:\n  - artifactId: git\n    source: {version: '5.10.1'}\n"
        "  - artifactId: junit\n    source:\n      version: 1424.v1\n"
    ),
    "inventory.yaml": "jenkins: '2.568.2'\nplugins: {git: '5.10.1', junit: 1424.v1}\n",
    "api.json": json.dumps(
        {
            "plugins": [
                {"shortName": "git", "version": "5.10.1 (private-ann)", "active": True},
                {"shortName": "junit", "version": "1424.v1"},
                {"shortName": "ant", "version": "1", "active": False},
            ]
        }
    ),
    "update.json": json.dumps(
        {"plugins": {"git": {"version": "5.10.1"}, "junit": {"version": "1424.v1"}}}
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_kept_elsewhere_becomes_the_inventory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The first run writes it, the second finds no difference; Jenkins stays unless it is said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").mkdir()
    (tmp_path / INVENTORY).write_text(dump_inventory(Inventory({}, NEW)), encoding="utf-8")
    (tmp_path / name).write_text(LISTS[name], encoding="utf-8")
    assert run(["inventory", "--from", name, "--check"]) == 1
    assert run(["inventory", "--from", name]) == 0
    assert "git 5.10.1 is new" in capsys.readouterr().out
    written = load_inventory((tmp_path / INVENTORY).read_text(encoding="utf-8"))
    assert written == Inventory({"git": "5.10.1", "junit": "1424.v1"}, NEW)
    assert run(["inventory", "--from", name, "--check"]) == 0
    assert run(["inventory", "--from", name, "--jenkins", "2.999"]) == 0
    assert 'jenkins: "2.999"' in (tmp_path / INVENTORY).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("plugins.txt", "junit:1\ngit\n", "plugins.txt:2:1: 'git' names no version"),
        ("plugins.txt", "git:latest\n", "plugins.txt:1:1: 'latest' is no version"),
        ("plugins.txt", "git:incrementals;a.b;1\n", "'incrementals;a.b;1' is no version"),
        ("plugins.txt", "# nothing\n", "there is no plugin in it"),
        ("plugins.txt", "no plugin\n" * 1000, "as in `git:5.10.1`. And 997 more like this."),
        ("plugins.yaml", "plugins:\n  - artifactId: git\n", "plugins.yaml:2:5: 'git' names no"),
        ("plugins.yaml", "plugins: [git]\n", "'git' names no version"),
        ("a.yaml", "plugins: {git: latest}\n", "a.yaml:1:16: 'latest' is no version"),
        ("a.json", '{"plugins": [1]}', "is no list of plugins"),
        ("a.json", "{", "a.json:1:2: is no JSON"),
        ("a.json", '{"plugins": [{"shortName": "git", "version": "x"}]}', "no version of git"),
        ("a.json", '{"plugins": null}', "is no list of plugins"),
        ("a.json", "[]", "is no list of plugins"),
    ],
)
def test_each_mistake_in_a_list_is_told(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CflJobsError) as raised:
        read_plugin_list(tmp_path / name)
    assert message in str(raised.value)


def test_plugins_that_need_one_another_must_fit_together() -> None:
    """Those of the recorded server do."""
    assert list(read_plugin_list(TODAY, jenkins=NEW).unmet()) == []


def test_a_plugin_that_needs_another_one_is_told(tmp_path: Path) -> None:
    plugins = {
        "git": {"version": "5", "dependencies": [{"shortName": "scm-api", "version": "700.v1"}]},
        "github": {"version": "1.4", "needs": {"git": "6"}},
        "ant": {"version": "1", "dependencies": [{"name": "x", "version": "1", "optional": True}]},
    }
    (tmp_path / "a.json").write_text(json.dumps(plugins), encoding="utf-8")
    assert list(read_plugin_list(tmp_path / "a.json").unmet()) == [
        "git 5 needs scm-api 700.v1, which isn't there",
        "github 1.4 needs git 6, and not 5",
    ]
