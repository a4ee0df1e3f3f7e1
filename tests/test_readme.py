"""What README and docs/ say is true: commands run, YAML renders, lists are complete."""

from __future__ import annotations

import ast
import fnmatch
import html
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest

from cfl_jobs import cli
from cfl_jobs.__main__ import run
from cfl_jobs.reading.secrets import name_of
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rendering.render import render
from cfl_jobs.sample import REPOSITORIES
from tests.projects import ROOT, copy_project
from tests.rehearsal_chain import NAMES, SECRETS, make_chain
from tests.rehearsal_home import make_repository
from tests.shell_steps import quick_python
from tests.wheelhouse import make_pip_offline, make_wheelhouse

PAGES = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/*.md"))}
README = (ROOT / "README.md").read_text(encoding="utf-8")
ALL = "\n".join([README, *PAGES.values()])
_FENCE = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    """Return (what stands behind the language, text) of each fenced block in a language."""
    return [(info, text) for found, info, text in _FENCE.findall(ALL) if found == language]


def between(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", ALL, re.DOTALL)
    assert found, name
    return found[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the definitions and templates, as current directory."""
    root = copy_project(tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return root


def sessions() -> Iterator[tuple[str, str]]:
    """Yield (command, expected output) of the console blocks, in order."""
    for _, text in blocks("console"):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def test_every_console_command_prints_what_the_readme_shows(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also after what `make demo` does; `...` stands for anything."""
    [demo] = re.findall(r"\$\(BIN\)/cfl-jobs (update .*)", (ROOT / "Makefile").read_text())
    assert run(demo.split()) == 0
    capsys.readouterr()
    ran = 0
    for command, expected in sessions():
        words = shlex.split(command)
        assert words[0] == "cfl-jobs", command
        assert run(words[1:]) == 0, command
        printed = capsys.readouterr().out
        pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
        assert re.search(f"^{pattern}$", printed.strip() or "", re.DOTALL), (command, printed)
        ran += 1
    assert ran >= 1


def rehearsal_commands(text: str) -> list[list[str]]:
    """Return each `cfl-jobs rehearse …` of a page's shell blocks, and of its sentences."""
    shell = [block.replace("\\\n", "") for name, _, block in _FENCE.findall(text) if name == "sh"]
    found = re.findall(r"^cfl-jobs (rehearse.*)$", "".join(shell), re.MULTILINE)
    found += re.findall(r"`cfl-jobs (rehearse[^`]* --[^`]*)`", text)
    return [shlex.split(command, comments=True) for command in found]


def test_every_example_works_in_a_rehearsal(
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All that the pages add to jobs/, at once, on the sample's real site: it deploys to Dev.

    Then what README says to go on with, and what the rehearsal itself does.
    """
    examples = sorted(blocks("yaml"))  # a line without a file is for the last entry that is there
    assert {info for info, _ in examples} == {
        "",
        "jobs/deploy.yaml",
        "jobs/publish.yaml",
        "jobs/tests.yaml",
    }
    for info, text in examples:
        path = project / (info or "jobs/deploy.yaml")
        path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + "\n" + text)
    assert run(["check"]) == 0
    configs = {job.name: job.config for job in render(project)}
    assert "hudson.model.Item.Build:release-managers" in configs["Deploy to Prod"]
    assert "hudson.model.Item.Build" not in configs["Deploy to Dev"]

    tools = tmp_path_factory.mktemp("tools")
    quick_python(tools)
    for name, value in make_pip_offline(make_wheelhouse(tools / "wheels")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    make_repository(project.parent / "rapid-router", {"README.md": "a fourth repository"})
    capsys.readouterr()
    [fourth] = rehearsal_commands(PAGES[ROOT / "docs/chain.md"])
    assert run(fourth) == 0
    shown = capsys.readouterr().out
    assert re.search(r"Deploy to Dev #1: SUCCESS in [\d.]+ s - distribution 1 to Dev", shown)
    assert "Run Route Tests #1: SUCCESS" in shown
    home = Path("build/rehearsal")
    assert f"{home}/jobs/Create Distribution/builds/1/archive/distribution.tar.gz  (Cr" in shown
    assert f"{home}/deployed/Dev/current/  (the deployed site)" in shown
    live = home / "deployed/Dev/current"
    assert (live / "static").is_dir()
    assert (live / "submodules/rapid-router/README.md").is_file()
    commits = dict(line.split() for line in (live / "commit.txt").read_text().splitlines())
    assert set(commits) == {*REPOSITORIES, "rapid-router"}
    for name in REPOSITORIES:
        head = home / f"repositories/{name}/.git/refs/heads/master"
        assert head.read_text().strip() == commits[name]

    whole, *others = rehearsal_commands(README)
    assert whole == ["rehearse"]
    for command in others:
        assert run(command) == 0
    assert (home / "deployed/Demo/current/static").is_dir()
    suggested = re.findall(r"^  cfl-jobs (rehearse .*)$", shown, re.MULTILINE)
    picture = (ROOT / "cfl_jobs/rehearsal/screen.svg").read_text(encoding="utf-8")
    drawn = html.unescape(picture.replace("&#160;", " ")).replace(" --home build/demo", "")
    assert re.findall(r">  cfl-jobs (rehearse .*)</text>", drawn) == suggested
    assert suggested[0] == "rehearse push ocargo --commit"  # a test on a stub site runs that
    for text in suggested[1:]:
        assert run(shlex.split(text)) == 0, text


def test_the_commands_of_the_rehearsals_page_work_on_peoples_clones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first distribution comes from the job that publishes all; later each push is played.

    Every view tells the same, and what was given once needn't be given again.
    """
    made = make_chain(tmp_path)
    project = tmp_path / "clones/project"  # the clones are in ../ocargo and so on
    chain = replace(made, home=Home(project / "build/rehearsal"))
    shutil.copytree(made.home.root, chain.home.root)
    secrets = (f"{name_of(id_)}={value}\n" for id_, value in SECRETS.items())
    (project / "secrets.env").write_text("".join(secrets))
    monkeypatch.chdir(project)

    def said(*arguments: str) -> str:
        assert run(list(arguments)) == 0
        return capsys.readouterr().out

    first, push, *others = rehearsal_commands(PAGES[ROOT / "docs/rehearsal.md"])
    shown = said(*first)
    assert "Ad-hoc distribution is started with BRANCH=master" in shown
    assert "Deploy to Dev #1: SUCCESS" in shown
    assert "FAILURE" not in shown
    assert chain.deployed("Dev") == chain.heads()
    head = chain.heads()["ocargo"][:10]
    assert f"Publish Ocargo Files has built {head} of master as #1." in said(*push)
    for command in others:
        said(*command)

    assert "Deploy to Dev\n  #1 SUCCESS" in said("rehearse", "status")
    assert "Deploy to Prod: no builds" in said("rehearse", "status")
    assert said("rehearse", "log", "Deploy to Dev").endswith("Finished: SUCCESS\n")
    assert "distribution.tar.gz" in said("rehearse", "artifacts", "Create Distribution", "1")
    for name in NAMES:
        chain.commit(name)
    assert "Push to master of ocargo" in said("rehearse")
    assert chain.results("Ad-hoc distribution") == ["SUCCESS"]
    assert chain.deployed("Dev") == chain.heads()
    remembered = (chain.home.state / "settings.json").read_text()
    assert not any(value in remembered for value in SECRETS.values())


def test_every_command_is_listed_with_its_own_words() -> None:
    listed = dict(
        re.findall(r"^\| `cfl-jobs ([\w-]+)[^`]*` \| (.*) \|$", between("commands"), re.M)
    )
    assert listed.keys() == cli.VERBS.keys()


def test_the_diagram_is_the_output_of_graph(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["graph", "--format", "mermaid"]) == 0
    assert between("chain").strip() == f"```mermaid\n{capsys.readouterr().out.strip()}\n```"


def test_every_option_in_the_readme_exists() -> None:
    """Each `cfl-jobs verb --option` on any page is one that the verb has."""
    found = re.findall(r"cfl-jobs ([a-z][\w-]*)((?: [^`\n|]*)?)", ALL)
    assert found
    for verb, rest in found:
        if verb not in cli.VERBS:
            continue
        command = cli.cli.get_command(click.Context(cli.cli), verb)
        assert command is not None
        for option in re.findall(r"(?<!\S)(--[a-z-]+)", rest):
            owners = [command, *getattr(command, "commands", {}).values()]
            known = {name for owner in owners for param in owner.params for name in param.opts}
            known |= {name for owner in owners for param in owner.params
                      for name in param.secondary_opts} | {"--help"}  # fmt: skip
            assert fnmatch.filter(known, option), f"{verb} has no {option}"


def fill(node: ast.expr) -> str:
    """Return the text that a string in the code stands for; what is filled in later is 1."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(p.value) if isinstance(p, ast.Constant) else "1" for p in parts)


def printed_commands() -> Iterator[tuple[str, str]]:
    """Yield (module, what stands behind "cfl-jobs") of every text in the code that names a command.

    A rule or a file that is filled in later stands as one that there is.
    """
    for path in sorted((ROOT / "cfl_jobs").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        filled = [node for node in nodes if isinstance(node, ast.JoinedStr)]
        inside = {part for node in filled for part in node.values}
        texts: list[ast.expr] = [*filled, *(n for n in nodes if isinstance(n, ast.Constant))]
        said = [fill(node) for node in texts if node not in inside]
        said += [
            f"cfl-jobs {fill(node.args[0])}{' --url https://example.org/' * (len(node.args) - 1)}"
            for node in nodes
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "name_command"
        ]
        for text in said:
            for command in re.findall(r"cfl-jobs ([a-z][a-z-]*(?: [^`]*)?)(?=`|$)", text):
                if command.split()[0] in cli.VERBS and "-->" not in command:
                    yield path.name, _with_real_names(command)


def _with_real_names(command: str) -> str:
    command = command.replace("explain 1", "explain cycle")
    return command.replace("--plan 1", f"--plan {shlex.quote(__file__)}")


def find_misuse(verb: str, *words: str) -> str:
    """Return what the command line's own parser has against a command, or ""."""
    command = cli.cli.get_command(click.Context(cli.cli), verb)
    assert command
    try:
        command.make_context(verb, list(words))
    except click.UsageError as error:
        return error.format_message()
    return ""


def test_every_command_that_a_text_names_is_understood() -> None:
    """Its verb, arguments and options are there, and go together."""
    found = set(printed_commands())
    named = {command.split()[0] for _, command in found}
    assert named >= {"plan", "update", "rehearse", "history", "inventory"}
    for module, text in sorted(found):
        # Of a verb alone a sentence may speak, though it needs more.
        if " " in text:
            assert not find_misuse(*shlex.split(text)), (module, text)


def test_every_package_stands_in_the_map_of_the_code() -> None:
    listed = set(re.findall(r"`([a-z_]+)/`", README[README.index("| In `cfl_jobs/`") :]))
    there = {path.parent.name for path in (ROOT / "cfl_jobs").glob("*/__init__.py")}
    assert listed - {"cfl_jobs"} == there


def test_the_readme_says_what_it_does_before_the_first_command() -> None:
    """On one screen."""
    before = README.partition("```")[0]
    assert before.count("\n") <= 24
    assert "For the people who" in before


def test_every_link_leads_to_a_page_and_a_heading_of_it() -> None:
    pages = {ROOT / "README.md": README, **PAGES}
    linked: set[Path] = set()
    for page, text in pages.items():
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            name, _, heading = link.partition("#")
            target = (page.parent / name).resolve()
            assert target.exists(), link
            linked.add(target)
            headings = re.findall(r"^#+ (.*)$", pages.get(target, ""), re.MULTILINE)
            assert not heading or heading in {h.lower().replace(" ", "-") for h in headings}, link
    assert set(PAGES) <= linked


def test_make_test_leaves_nothing_at_home_and_says_how_long_it_took_and_what_it_skipped(
    tmp_path: Path,
) -> None:
    """Tried with a test that keeps a run and what it rendered, and those that need a server."""
    home = tmp_path / "home"
    home.mkdir()
    kept = ("CFL_JOBS_TEST_URL", "PYTEST_", "XDG_")
    environment = {key: os.environ[key] for key in os.environ if not key.startswith(kept)}
    made = subprocess.run(["make", "-nB", "test"], cwd=ROOT, capture_output=True, text=True)
    assert re.search(r"pip install .*--no-cache-dir", made.stdout)
    tests = ["tests/test_live_server.py", "tests/test_main.py", "-k", "live or jenkins_home"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=environment | {"HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert list(home.iterdir()) == []
    assert "2 skipped: CFL_JOBS_TEST_URL names no live Jenkins" in done.stdout
    assert re.search(r"1 passed, 2 skipped in [\d.]+s", done.stdout)
