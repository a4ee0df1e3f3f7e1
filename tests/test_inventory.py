"""The inventory: read strictly, renewed from a server, and compared with another's versions."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.__main__ import run
from cfl_jobs.commands.server import renew_inventory
from cfl_jobs.errors import CflJobsError, DefinitionError
from cfl_jobs.reading.inventory import (
    INVENTORY,
    LONG_NAMES,
    Inventory,
    compare_inventories,
    dump_inventory,
    load_inventory,
    read_plugin_list,
)
from cfl_jobs.reading.versions import ALWAYS, CORE, Span, is_older, is_version
from tests.case_files import CASES
from tests.jenkins_server import JenkinsServer
from tests.jenkins_server_configs import DATA, NEW, OLD, recorded_plugins
from tests.projects import copy_project, edit

ROOT = Path(__file__).parent.parent
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]+(\.[0-9a-z_-]{1,9}){0,3}", fullmatch=True)
# Asked for by their short names.
ASKED_SHORT = {
    "PrioritySorter", "artifactory", "email-ext", "groovy-postbuild", "nodejs",
    "parameterized-trigger", "postbuildscript", "preSCMbuildstep", "xunit",
}  # fmt: skip


@settings(max_examples=10)
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
        ("plugins: [", "2:1", "plugins"),
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


def renew(root: Path, *, check: bool = False) -> int:
    """Take two plugins from a source that has them."""
    new = Inventory({"junit": "3", "git": "5.2.1"})
    return renew_inventory(root, new, source="memory", check=check)


def test_the_first_run_writes_all_of_it_and_the_second_finds_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert renew(tmp_path, check=True) == 1
    assert not (tmp_path / INVENTORY).exists()
    assert renew(tmp_path) == 0
    text = (tmp_path / INVENTORY).read_text(encoding="utf-8")
    assert load_inventory(text).plugins == {"git": "5.2.1", "junit": "3"}
    assert "git 5.2.1 is new" in capsys.readouterr().out
    assert renew(tmp_path, check=True) == 0
    assert "is what memory has: 2 plugins" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A link stays one: here it leads into a directory that isn't there."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / INVENTORY).symlink_to("nowhere/plugins.yaml")
    with pytest.raises(CflJobsError, match=f"^{INVENTORY}: can't be written: No such file"):
        renew(tmp_path)
    assert (tmp_path / INVENTORY).is_symlink()


def test_the_command_repairs_a_broken_file_but_does_not_check_it(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / INVENTORY).write_text("- x\n", encoding="utf-8")
    with pytest.raises(DefinitionError):
        renew(tmp_path, check=True)
    assert renew(tmp_path) == 0
    assert renew(tmp_path, check=True) == 0


def test_the_command_line_takes_it_from_a_server(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    jenkins_server: JenkinsServer,
) -> None:
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
    jenkins_server.plugins.clear()
    assert run(["inventory", "--url", jenkins_server.url]) == 1
    assert "tells no plugins" in capsys.readouterr().err


TODAY = DATA / NEW / "plugins.json"
LISTS = CASES / "plugin_lists"
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
    junit = "  - junit:\n"
    edit(tmp_path, "templates/tests.yaml.j2", junit, f"{junit}      keep-long-stdio: true\n")
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
    told = "Nothing gets another version.\n\nEvery job is rendered as before.\n"
    assert upgrade(INVENTORY) == (0, told)


@pytest.mark.parametrize("name", sorted(path.name for path in LISTS.iterdir()))
def test_a_list_kept_elsewhere_becomes_the_inventory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The first run writes it, the second finds no difference; Jenkins stays unless it is said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").mkdir()
    (tmp_path / INVENTORY).write_text(dump_inventory(Inventory({}, NEW)), encoding="utf-8")
    (tmp_path / name).write_text((LISTS / name).read_text(encoding="utf-8"))
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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2.440", "2.440.3"),
        ("2.99", "2.440.3"),
        ("1.9.9", "1.37.3.1"),
        ("0.45", "0.46"),
        ("642.v737c34dea_6c2", "1311.vcf0a_900b_37c2"),
        ("4.5.14-208.v438351942757", "4.5.14-269.va_2c6b"),
        ("3.11", "722.v0662a_9b_e22a_c"),
        ("9.9-185.va_6c6b_3348b_c3", "9.9.1-189.vb_5ef2964da_91"),
        ("9.9", "9.9-185.va_6c6b_3348b_c3"),
        ("2.0.1-3", "2.0.1-10"),
    ],
)
def test_older_version_comes_first(one: str, other: str) -> None:
    assert is_older(one, other)
    assert not is_older(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("2.440", "2.440.0"), ("9.0-0", "9"), ("722.v0662a", "722.v9999"), ("", "")]
)
def test_equal_versions_are_not_older(one: str, other: str) -> None:
    assert not is_older(one, other)
    assert not is_older(other, one)


@pytest.mark.parametrize(
    ("span", "versions", "holds"),
    [
        (ALWAYS, {}, True),
        (ALWAYS, {"junit": "1252.vfc2e5efa_294f"}, True),
        (Span("junit", since="1256"), {"junit": "1252.vfc2e5efa_294f"}, False),
        (Span("junit", since="1256"), {"junit": "1256.v1"}, True),
        (Span("junit", since="1256"), {"junit": "1424.v0"}, True),
        (Span("junit", until="1256"), {"junit": "1252.vfc2e5efa_294f"}, True),
        (Span("junit", until="1256"), {"junit": "1256.v1"}, False),
        (Span("git", since="5.2", until="5.10"), {"git": "5.9.9"}, True),
        (Span("git", since="5.2", until="5.10"), {"git": "5.10.1"}, False),
        (Span(CORE, since="2.555.3"), {CORE: "2.440.3", "junit": "1424"}, False),
        (Span(CORE, since="2.555.3"), {CORE: "2.568.2"}, True),
    ],
)
def test_a_span_holds_from_its_first_version_and_before_the_one_after(
    span: Span, versions: dict[str, str], holds: bool
) -> None:
    assert span.holds(versions) is holds


@pytest.mark.parametrize("versions", [{}, {"junit": ""}, {"git": "5.2.1"}])
def test_a_version_that_is_not_known_counts_as_the_newest(versions: dict[str, str]) -> None:
    assert Span("junit", since="1256").holds(versions)
    assert not Span("junit", until="1256").holds(versions)


def test_a_version_begins_with_a_number() -> None:
    assert all(map(is_version, ("2.568.2", "642.v737c34dea_6c2", "2.0.1-3", "1.0-SNAPSHOT", "5")))
    assert not any(map(is_version, ("latest", "experimental", "v5", "", "5 6")))
