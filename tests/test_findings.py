"""Whole findings, word for word; one mistake is one finding, and none that follows."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from cfl_jobs.errors import DefinitionError, Finding, Origin, Position, count, merge_findings
from cfl_jobs.rendering.render import render
from tests.case_files import find_cases, lay_out
from tests.projects import ROOT, copy_project, edit
from tests.test_architecture import PACKAGE


@pytest.mark.parametrize("case", find_cases("findings"), ids=lambda case: case.stem)
def test_every_mistake_is_told_with_its_place_and_a_way_out(case: Path, tmp_path: Path) -> None:
    expected = lay_out(case, tmp_path)
    with pytest.raises(DefinitionError) as caught:
        render(tmp_path)
    assert str(caught.value) == expected.rstrip("\n")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (1000, "1,000 jobs")]
)
def test_one_of_a_kind_is_told_without_the_plural(number: int, text: str) -> None:
    assert count(number, "job") == text


def test_what_is_counted_is_told_by_the_one_function_that_knows_plurals() -> None:
    """No f-string writes len(…) before a word in the plural by itself."""
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source * ("{len(" in source))):
            values = node.values if isinstance(node, ast.JoinedStr) else []
            for number, text in pairwise(values):
                if isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant):
                    told = ast.unparse(number.value) + str(text.value)
                    assert not re.match(r"len\(.*\) (more )?(?!as |is )\w+s\b", told), (path, told)


@pytest.mark.parametrize("own", [("for the job",), ("set here", "for the job")])
def test_findings_beyond_three_are_counted_however_many_places_each_has(
    own: tuple[str, ...],
) -> None:
    places = [
        tuple(Origin(role, Position(f"{role}.yaml", line)) for role in own) for line in range(1, 8)
    ]
    merged = merge_findings([Finding("bad", origins=origins) for origins in places])
    assert len(merged.origins) == 3 * len(own)
    assert str(merged).endswith(f"  for the job and 4 more, at {own[-1]}.yaml:3:1")


_KEY = re.compile(r"^[ -]*(\w+):(?=\s)|[{,] *(\w+): ", re.MULTILINE)
FILES = sorted(path.name for path in (ROOT / "jobs").glob("*.yaml") if path.stem != "plugins")


def keys_of(file: str) -> list[tuple[str, int]]:
    """Return each key of a file of definitions once, with where it stands in the text last."""
    text = (ROOT / "jobs" / file).read_text(encoding="utf-8")
    text = re.sub(r"#.*", lambda comment: " " * len(comment[0]), text)
    found = (
        (match[group], match.start(group))
        for match in _KEY.finditer(text)
        for group in (1, 2)
        if match[group]
    )
    return list({key: (key, start) for key, start in found}.values())


def findings_of(root: Path) -> tuple[Finding, ...]:
    with pytest.raises(DefinitionError) as caught:
        render(root)
    return caught.value.findings


@pytest.mark.parametrize("number", range(max(len(keys_of(file)) for file in FILES)))
def test_misspelt_key_is_told_once_at_its_line(number: int, tmp_path: Path) -> None:
    """One key in each file at a time: no finding of one file hides another's."""
    project = copy_project(tmp_path)
    expected = set()
    for file in FILES:
        keys = keys_of(file)
        if number < len(keys):
            key, start = keys[number]
            path = project / "jobs" / file
            text = path.read_text(encoding="utf-8")
            middle = start + len(key) // 2
            path.write_text(text[:middle] + text[middle + 1 :], encoding="utf-8")
            expected.add((f"jobs/{file}", text.count("\n", 0, start) + 1, f"Did you mean '{key}'?"))
    findings = findings_of(project)
    told = [(f.position.file, f.position.line, f.advice) for f in findings if f.position]
    assert sorted(told) == sorted(expected)
    assert all("is misspelt" in finding.message for finding in findings)


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("jobs/adhoc.yaml", "template: adhoc.yaml.j2\n", "", "jobs:"),
        ("jobs/tests.yaml", "jobs:\n", "", "  - name: Run Portal Tests"),
        ("jobs/promote.yaml", "name: Promote Distribution", "name: []", "  - name: []"),
        ("jobs/publish.yaml", "    repository: ocargo\n", "", "  - name: Publish Ocargo Files"),
        ("jobs/settings.yaml", "settings:\n", "", "  server: https://build.codeforlife.education"),
        ("jobs/settings.yaml", "branch: master", "branch: {a: 1}", "  branch: {a: 1}"),
        ("jobs/settings.yaml", "time_limit: 30", "time_limit: {a: 1}", "  time_limit: {a: 1}"),
        ("jobs/publish.yaml", "component: ocargo", "component: {}", "    component: {}"),
        ("templates/tests.yaml.j2", "which-build:", "whichbuild:", "whichbuild: specific-build"),
        ("templates/tests.yaml.j2", "results:", "reslts:", "reslts: reports/*.xml"),
    ],
)
def test_one_mistake_is_one_finding(
    file: str, old: str, new: str, line: str, tmp_path: Path
) -> None:
    """What other templates and modules then lack is held back."""
    project = copy_project(tmp_path)
    edit(project, file, old, new)
    (finding,) = findings_of(project)
    assert finding.position is not None
    assert (finding.position.file, finding.source.strip()) == (file, line.strip())
