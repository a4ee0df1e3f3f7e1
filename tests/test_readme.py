"""What README and docs/ say is true: commands run, YAML renders, lists are complete."""

from __future__ import annotations

import fnmatch
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cfl_jobs import cli
from cfl_jobs.__main__ import run
from cfl_jobs.rendering.render import render

ROOT = Path(__file__).parent.parent
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
    for name in ("jobs", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def sessions() -> Iterator[tuple[str, str]]:
    """Yield (command, expected output) of the console blocks, in order."""
    for _, text in blocks("console"):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def test_every_console_command_prints_what_the_readme_shows(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`...` stands for anything."""
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


def test_added_entries_render_and_reach_the_rest_of_the_chain(project: Path) -> None:
    added = [(info, text) for info, text in blocks("yaml") if info]
    assert {info for info, _ in added} == {
        "jobs/publish.yaml",
        "jobs/tests.yaml",
        "jobs/deploy.yaml",
    }
    for file, text in added:
        path = project / file
        path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + "\n" + text)
    configs = {job.name: job.config for job in render(project)}
    assert "rapid-router" in configs["Create Distribution"]
    assert "Publish Rapid Router Files" in configs["Ad-hoc distribution"]
    assert "Run Browser Tests" in configs["Promote Distribution"]
    assert "Deploy to Demo" in configs["Create Distribution"]
    assert "./deploy.sh Demo" in configs["Deploy to Demo"]


def test_one_line_restricts_who_deploys_to_prod(project: Path) -> None:
    lines = [text for info, text in blocks("yaml") if not info]
    assert len(lines) == 1
    path = project / "jobs/deploy.yaml"
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + "\n" + lines[0])
    configs = {job.name: job.config for job in render(project)}
    assert "hudson.model.Item.Build:release-managers" in configs["Deploy to Prod"]
    assert "hudson.model.Item.Build" not in configs["Deploy to Dev"]


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
