"""Every rule of check has a project in which it finds something, and one that it leaves alone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from cfl_jobs.check.project import check_project
from cfl_jobs.check.rule import RULES, Scope
from cfl_jobs.configs.graph import build_chain
from tests.case_files import find_cases, lay_out
from tests.trial_chain import CONFIGS, read_trial_job

CASES = find_cases("check")
TEMPLATE = Path(__file__).parent / "cases/check/job.yaml.j2"


def find_problems(project: Path, rule: str) -> list[str]:
    """Return the problems of one rule as "file:line: message"."""
    templates = project / "templates"
    templates.mkdir(exist_ok=True)
    shutil.copy(TEMPLATE, templates)
    found = []
    for problem in check_project(project).problems:
        place = problem.finding.position
        if problem.rule == rule:
            assert place is not None
            found.append(f"{place.file}:{place.line}: {problem.finding.message}")
    return sorted(
        found,
        key=lambda line: [
            int(part) if part.isdigit() else part for part in re.split(r"(\d+)", line)
        ],
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_rule_finds_what_it_is_for_at_its_line(case: Path, tmp_path: Path) -> None:
    expected = lay_out(case, tmp_path, expected="found/expected")
    assert find_problems(tmp_path / "found", case.stem) == expected.splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_rule_leaves_alone_what_is_right(case: Path, tmp_path: Path) -> None:
    lay_out(case, tmp_path, expected="found/expected")
    assert find_problems(tmp_path / "left", case.stem) == []


def test_every_rule_has_a_case() -> None:
    assert {case.stem for case in CASES} == {*RULES}


def test_every_rule_says_what_comes_of_it_and_what_to_do() -> None:
    for rule in RULES.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
        assert rule.title[0].islower() or rule.title.startswith("ShellCheck")
        assert not rule.title.endswith(".")
        why, *_, advice = rule.why.split("\n\n")
        assert why != advice, f"{rule.id} doesn't say what to do"


@pytest.mark.parametrize("form", ["posted", "saved"])
def test_every_rule_reads_whatever_jobs_a_server_has(form: str) -> None:
    paths = sorted(CONFIGS.glob(f"*.{form}.xml"))
    names = [path.name.removesuffix(f".{form}.xml") for path in paths]
    jobs = tuple(read_trial_job(name, form) for name in names)
    scope = Scope(jobs, (), build_chain(jobs))
    found = [(name, one) for name, rule in RULES.items() for one in rule.search(scope)]
    assert all(one.name in names for _, one in found)
    assert {"undeclared-parameter", "no-time-limit", "deploy-of-newest"} <= {
        rule for rule, _ in found
    }
