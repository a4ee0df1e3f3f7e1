"""The check of the project's own chain, silences, and what the command writes."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cfl_jobs.check.project import check_project
from cfl_jobs.check.report import WRITERS
from cfl_jobs.check.rule import RULES, Found, Scope, Severity
from cfl_jobs.check.run import DEFINITION, read_files
from cfl_jobs.check.shellcheck import Remark, find_kept_remarks, run_shellcheck
from cfl_jobs.cli import cli
from cfl_jobs.configs.graph import build_chain
from cfl_jobs.errors import CflJobsError
from tests.case_files import find_cases, lay_out, read_case
from tests.projects import ROOT, copy_project
from tests.trial_chain import CONFIGS, read_trial_job

CASES = {case.stem: case for case in find_cases("check")}


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A copy of the project's definitions and templates, to be damaged."""
    return copy_project(tmp_path)


def lay_out_case(name: str, root: Path) -> list[Path]:
    """Return the projects of a case: where the rule finds something, and where all is right."""
    projects = [root / "found", root / "left"]
    lay_out(CASES[name], root, expected="found/expected")
    for project in projects:
        (project / "templates").mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests/cases/check/job.yaml.j2", project / "templates")
    return projects


def add(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def write_program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


def test_the_chain_has_no_problems_and_silences_none() -> None:
    report = check_project(ROOT)
    assert [str(problem.finding) for problem in report.problems] == []
    assert report.silenced == 0
    assert report.jobs >= 11


def test_what_can_not_be_read_is_left_to_rendering(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "a.yaml").write_text("a")
    (jobs / "bytes.yaml").write_bytes(b"\xff")
    (jobs / "odd.yaml").symlink_to("/proc/self/mem")  # a file that even root can't read
    assert read_files(tmp_path) == {"jobs/a.yaml": "a"}


# What is done to which file, and which rules see it; one chain has mistakes for different rules.
SOME_DAMAGES = (
    ("templates/publish.yaml.j2", "projects: {{ distribution }}", "projects: Nobody",
     "unknown-job copy-not-permitted"),
    ("templates/scripts/publish.sh", ">create-distribution.properties", ">distribution.properties",
     "property-file-not-written"),
    ("templates/scripts/promote.sh", "DISTRIBUTION_NUMBER:?", "DISTRIBUTION_NUBMER:?",
     "undeclared-variable"),
    ("templates/deploy.yaml.j2", "which-build: specific-build\n      build-number: \"\"",
     "which-build: last-successful",
     "deploy-of-newest"),
    ("templates/deploy.yaml.j2", "{% block builders %}",
     "{% block builders %}\n  - shell: set -x", "trace-near-secret"),
    ("templates/base.yaml.j2", "concurrent: false", "concurrent: true",
     "too-many-blocking-jobs concurrent-deploy"),
    ("templates/base.yaml.j2", "  - workspace-cleanup\n", "", "workspace-not-cleaned"),
    ("jobs/settings.yaml", "python: ", "python: ghp_0123456789abcdefghijABCDEFGHIJ012345 # ",
     "plain-secret"),
)  # fmt: skip
OTHER_DAMAGES = (
    ("templates/publish.yaml.j2", "project: {{ distribution }}", "project: Create Distributoin",
     "unknown-job"),
    ("templates/publish.yaml.j2", "{{ component }}.{{ suffix }},commit.txt", "{{ component }}.tgz",
     "artifact-not-archived"),
    ("templates/tests.yaml.j2", "predefined-parameters: DISTRIBUTION_NUMBER=",
     "predefined-parameters: DISTRIBUTION=", "undeclared-parameter missing-parameter"),
    ("templates/deploy.yaml.j2", "param: DISTRIBUTION", "param: DISTRIBUTOIN",
     "undeclared-variable"),
    ("templates/scripts/deploy-distribution.sh", "    refuse \"distribution $number is not tested",
     "    echo \"distribution $number is not tested", "deploy-without-guard"),
    ("jobs/deploy.yaml", "environment: Prod", "environment: Prod\n    after_promotion: true",
     "deploy-trigger"),
    ("templates/scripts/run-suite.sh", 'cd distribution\n', 'cd $PWD/distribution\n',
     "shellcheck"),
)  # fmt: skip
MORE_DAMAGES = (
    ("templates/deploy.yaml.j2", "project: {{ promote }}\n      filter: tests.txt",
     "project: {{ distribution }}\n      filter: commit.txt",
     "deploy-without-guard undeclared-parameter"),
    ("jobs/deploy.yaml", "name: Deploy to Prod\n",
     "name: Release to Prod\n    command: make release\n    after_promotion: true\n",
     "deploy-trigger"),
)  # fmt: skip


@pytest.mark.parametrize("damages", [SOME_DAMAGES, OTHER_DAMAGES, MORE_DAMAGES])
def test_each_mistake_in_the_chain_is_found_and_nothing_else(
    chain: Path, damages: tuple[tuple[str, str, str, str], ...]
) -> None:
    for file, old, new, _ in damages:
        change(chain / file, old, new)
    expected = {rule for *_, rules in damages for rule in rules.split()}
    assert {problem.rule for problem in check_project(chain).problems} == expected


def test_a_finding_in_a_script_is_told_once_for_all_its_jobs_and_silenced_there_or_in_one(
    chain: Path,
) -> None:
    script, jobs = chain / "templates/scripts/publish.sh", chain / "jobs/publish.yaml"
    add(script, 'echo "$DISTRIBUTION"\n')
    (problem,) = check_project(chain).problems
    position = problem.finding.position
    assert position is not None
    assert position.file == "templates/scripts/publish.sh"
    assert position.line == len(script.read_text(encoding="utf-8").splitlines())
    assert len(problem.names) == len(problem.finding.origins) == 3
    silence = "# cfl-jobs: ignore undeclared-variable the node sets it"
    change(jobs, "  - name: Publish Ocargo Files", f"  {silence}\n  - name: Publish Ocargo Files")
    report = check_project(chain)
    assert (report.silenced, [len(each.names) for each in report.problems]) == (1, [2])
    change(jobs, f"  {silence}\n", "")
    change(script, 'echo "$DISTRIBUTION"', f'{silence}\necho "$DISTRIBUTION"')
    report = check_project(chain)
    assert (report.silenced, report.problems) == (3, ())


def test_a_silence_in_a_template_may_be_of_yaml_or_of_jinja(chain: Path) -> None:
    change(chain / "templates/base.yaml.j2", "  - workspace-cleanup\n", "")
    problems = check_project(chain).problems
    assert {problem.rule for problem in problems} == {"workspace-not-cleaned"}
    for comment in ("  # {}", "  {{# {} #}}"):
        silence = comment.format("cfl-jobs: ignore workspace-not-cleaned every node is new")
        texts: dict[Path, str] = {}
        for problem in reversed(problems):
            place = problem.finding.position
            assert place is not None
            path = chain / place.file
            texts.setdefault(path, path.read_text(encoding="utf-8"))
            lines = path.read_text(encoding="utf-8").split("\n")
            lines.insert(place.line - 1, silence)
            path.write_text("\n".join(lines), encoding="utf-8")
        report = check_project(chain)
        assert report.problems == ()
        assert report.silenced == sum(len(problem.names) for problem in problems)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")


def test_no_format_ever_shows_a_secret(tmp_path: Path) -> None:
    report = check_project(lay_out_case("plain-secret", tmp_path)[0])
    secrets = ("hunter2", "4pples", "ghp_", "geheim", "Zm9v", "s3cr3t", "AKIA")
    for write in WRITERS.values():
        text = write(report)
        assert report.problems
        assert not any(secret in text for secret in secrets)


def test_errors_fail_and_warnings_fail_only_when_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lay_out_case("unreachable-job", tmp_path)[0])
    assert run("check").return_value == 0
    assert run("check", "--strict").return_value == 1
    monkeypatch.chdir(lay_out_case("cycle", tmp_path / "other")[0])
    result = run("check")
    assert result.return_value == 1
    assert "[error: cycle]" in result.output
    assert "`cfl-jobs explain " in result.output.splitlines()[-1]


def test_more_executors_allow_more_jobs_that_wait(tmp_path: Path) -> None:
    project, _ = lay_out_case("too-many-blocking-jobs", tmp_path)
    rules = {problem.rule for problem in check_project(project, executors=3).problems}
    assert "too-many-blocking-jobs" not in rules


def test_github_annotations_stand_at_the_line_and_escape_what_means_something(
    chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add((chain / "jobs/tests.yaml").rename(chain / "jobs/te,s:ts%.yaml"), "    tpyo: 1\n")
    monkeypatch.chdir(chain)
    result = run("check", "--format", "github")
    assert result.return_value == 1
    first = result.output.splitlines()[0]
    assert first.startswith("::error file=")
    assert ",title=definition::" in first


def test_sarif_names_every_rule_that_it_uses_and_every_place(tmp_path: Path) -> None:
    report = check_project(lay_out_case("unknown-job", tmp_path)[0])
    (sarif,) = json.loads(WRITERS["sarif"](report))["runs"]
    rules = [rule["id"] for rule in sarif["tool"]["driver"]["rules"]]
    assert len(sarif["results"]) == len(report.problems)
    for result in sarif["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "jobs/chain.yaml"
        assert place["region"]["startLine"] >= 1


def test_json_counts_and_lists_the_problems(tmp_path: Path) -> None:
    report = check_project(lay_out_case("no-time-limit", tmp_path)[0])
    data = json.loads(WRITERS["json"](report))
    assert data["warnings"] == report.count(Severity.WARNING) == len(data["problems"])
    (problem,) = (found for found in data["problems"] if found["rule"] == "no-time-limit")
    assert (problem["file"], problem["line"], problem["jobs"]) == ("jobs/chain.yaml", 3, ["a"])


def test_explain_lists_all_rules_and_tells_of_each_what_comes_of_it_and_how_to_silence_it() -> None:
    assert len(run("explain").output.splitlines()) >= 25
    text = run("explain", "copy-not-permitted").output
    assert "Unable to find project for artifact copy" in text
    assert "# cfl-jobs: ignore copy-not-permitted REASON" in text


def test_a_shellcheck_that_answers_nonsense_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(CflJobsError, match="did not answer with JSON"):
        run_shellcheck(write_program(tmp_path / "shellcheck", "echo no"), ["true"])


def test_shellcheck_that_takes_for_ever_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cfl_jobs.check.shellcheck._TIME_LIMIT", 0.2)
    slow = write_program(tmp_path / "shellcheck", "exec sleep 600")
    assert run_shellcheck(slow, ["true"]) is None


def test_scripts_are_looked_at_by_shellcheck_but_for_those_too_long_for_it(chain: Path) -> None:
    """It takes gigabytes for a megabyte; its errors are errors, its remarks are warnings."""
    scripts = chain / "templates/scripts"
    add(scripts / "publish.sh", "echo a line like the others\n" * 5_000)
    add(scripts / "promote.sh", "rm $1\n")
    add(scripts / "run-suite.sh", "for x in 1; do\n")
    found = {
        (place.file.removeprefix("templates/scripts/"), p.severity, p.finding.message[:15])
        for p in check_project(chain).problems
        if p.rule == "shellcheck" and (place := p.finding.position)
    }
    assert ("promote.sh", Severity.WARNING, "SC2086: Double ") in found
    assert ("run-suite.sh", Severity.ERROR) in {each[:2] for each in found}
    assert ("publish.sh", Severity.WARNING, "the script is t") in found
    assert {file for file, *_ in found} == {"promote.sh", "run-suite.sh", "publish.sh"}


def test_shellcheck_works_while_the_other_rules_look(
    tmp_path: Path, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that doesn't end before the first rule has seen it at work."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    begun, seen = tmp_path / "begun", tmp_path / "seen"
    wait = f"touch '{begun}'; until test -e '{seen}'; do sleep 0.05; done"
    program = write_program(tmp_path / "shellcheck", f"{wait}\necho '{{\"comments\": []}}'")
    monkeypatch.setattr("cfl_jobs.check.shellcheck.find_shellcheck", lambda: program)

    def look(scope: Scope) -> Iterator[Found]:
        end = time.monotonic() + 60
        while not begun.exists():
            assert time.monotonic() < end, "ShellCheck was not begun before"
            time.sleep(0.01)
        seen.touch()
        yield from ()

    # this rule looks for nothing itself
    monkeypatch.setitem(RULES, DEFINITION.id, replace(DEFINITION, search=look))
    assert check_project(chain).problems == ()


def test_remarks_are_kept_by_the_script_and_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shellcheck that counts its runs; another state of it is asked again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    runs = tmp_path / "runs"
    answer = '{"comments": [{"file": "0.sh", "code": 1, "level": "info", "message": "m", '
    answer += '"line": 2, "column": 3}]}'
    counting = f"echo $# >>'{runs}'\necho '{answer}'"
    program = write_program(tmp_path / "shellcheck", counting)
    remarks = ((Remark("SC1", "info", "m", 1, 3),),)
    for script in ("true", "true", "false", "true"):
        assert find_kept_remarks(program, [script]) == remarks
    assert runs.read_text() == "3\n3\n"
    add(program, "# newer\n")
    assert find_kept_remarks(program, ["true", "false"]) == (*remarks, ())
    assert runs.read_text() == "3\n3\n4\n"
    for file in (tmp_path / "cache/cfl-jobs/shellcheck").iterdir():
        file.write_text("[1]")
    assert find_kept_remarks(program, ["true"]) == remarks


def test_the_disk_that_retention_takes_is_estimated_of_sizes_given_or_seen(
    chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(chain)
    for number, size in ((9, 1), (10, 2_500_000)):
        archive = Path(f"build/rehearsal/jobs/Publish Portal Files/builds/{number}/archive")
        archive.mkdir(parents=True)
        (archive / "portal.tar.gz").write_bytes(b"x" * size)
    change(Path("jobs/distribution.yaml"), "    expect:", "    retention_builds: 20\n    expect:")
    assert CliRunner().invoke(cli, ["check"]).output.endswith("27 rules: no problems.\n")
    asked = ["check", "--size", "Create Distribution=60", "--builds-a-day", "4"]
    told = CliRunner().invoke(cli, asked).output
    assert told.endswith(
        "\nWhat retention lets artifacts take at most:\n"
        "  Create Distribution: 1.2 GB, 20 builds of 60.0 MB\n"
        "  Publish Portal Files: 0.9 GB, 360 builds of 2.5 MB\n"
    )
    with pytest.raises(CflJobsError, match=r"no job 'Create Dist'\n  Did you mean 'Create Dist"):
        CliRunner().invoke(cli, ["check", "--size", "Create Dist=60"], catch_exceptions=False)


def find_problems(project: Path, rule: str) -> list[str]:
    """Return the problems of one rule as "file:line: message"."""
    problems = (each for each in check_project(project).problems if each.rule == rule)
    found = ((each.finding.position, each.finding.message) for each in problems)
    return sorted(f"{place.file}:{place.line}: {text}" for place, text in found if place)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_what_it_is_for_at_its_line_and_leaves_alone_what_is_right(
    rule: str, tmp_path: Path
) -> None:
    found, left = lay_out_case(rule, tmp_path)
    expected = read_case(CASES[rule])["found/expected"].splitlines()
    assert find_problems(found, rule) == sorted(expected)
    assert find_problems(left, rule) == []


def test_every_rule_has_a_case_and_says_what_comes_of_it_and_what_to_do() -> None:
    assert {*CASES} == {*RULES}
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
