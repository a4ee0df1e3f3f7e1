"""The pull-request workflows to copy: GitHub's, and the chain's own job Check Jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cfl_jobs.check.rule import find_shellcheck
from cfl_jobs.check.shellcheck import run_shellcheck
from cfl_jobs.rendering.render import render
from cfl_jobs.review.formats import MARK
from tests.projects import ROOT, History, edit
from tests.shell_steps import Step, run_step

WORKFLOW = ROOT / ".github/workflows/jobs.yml"
# Stands in for GitHub's command: notes what it is asked, knows one comment where OLD is set.
GH = """#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in *--paginate*) [ -z "$OLD" ] || echo "$OLD" ;; esac
"""
# Stands in for the node's Python: makes a "virtual environment" that is the tests' own.
PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 64
mkdir -p "$3/bin"
printf '#!/bin/sh\\nexit 0\\n' >"$3/bin/python"
printf '#!/bin/sh\\nPYTHONPATH={root} exec {python} -m cfl_jobs "$@"\\n' >"$3/bin/cfl-jobs"
chmod +x "$3/bin/python" "$3/bin/cfl-jobs"
"""


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    document = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert document["permissions"] == {}
    return dict(document["jobs"])


@pytest.fixture
def history(history: History) -> History:
    edit(history.root, "jobs/settings.yaml", "time_limit: 30", "time_limit: 45")
    history.commit("longer")
    return history


def executable(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return file


def step_of(job: dict[str, Any], name: str) -> str:
    return str(next(step["run"] for step in job["steps"] if step.get("name") == name))


def run_workflow_step(text: str, folder: Path, tools: Path, **variables: str) -> None:
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", **variables}
    subprocess.run(["bash", "-eo", "pipefail", "-c", text], cwd=folder, env=environment, check=True)


def test_job_that_may_write_checks_nothing_of_the_pull_request_out(jobs: dict[str, Any]) -> None:
    review = jobs["review"]
    assert review["permissions"] == {"contents": "read", "pull-requests": "write"}
    (checkout,) = (s for s in review["steps"] if "checkout" in s.get("uses", ""))
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert not any("git checkout" in s.get("run", "") for s in review["steps"])
    assert jobs["check"]["permissions"] == {"contents": "read"}
    assert jobs["check"]["if"] == "github.event_name == 'pull_request'"
    assert review["if"] == "github.event_name == 'pull_request_target'"


def test_no_step_puts_text_of_a_pull_request_into_its_script(jobs: dict[str, Any]) -> None:
    for job in jobs.values():
        assert not any("${{" in step.get("run", "") for step in job["steps"])


def test_steps_pass_shellcheck(jobs: dict[str, Any]) -> None:
    shellcheck = find_shellcheck()
    assert shellcheck is not None
    steps = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    remarks = run_shellcheck(shellcheck, [f"#!/usr/bin/env bash\n{step}" for step in steps])
    assert remarks is not None
    assert [remark.message for found in remarks for remark in found] == []


@pytest.mark.parametrize(
    ("edited", "told", "code"),
    [("environment: Prod", "time limit", "0"), ("environment: [Prod", "doesn't render", "1")],
)
def test_review_becomes_one_comment_that_is_kept_up_to_date(
    jobs: dict[str, Any], history: History, tmp_path: Path, edited: str, told: str, code: str
) -> None:
    """The job is red at its end where the pull request doesn't render."""
    edit(history.root, "jobs/deploy.yaml", "environment: Prod", edited)
    history.commit("edited")
    base, head = (history.git("rev-parse", name).strip() for name in ("main", "change"))
    history.git("update-ref", "refs/pull/7/head", head)
    clone = tmp_path / "clone"
    origin = f"file://{history.root}"
    history.git("clone", "-q", "--branch", "main", "--single-branch", origin, str(clone))
    tools, calls, summary = tmp_path / "tools", tmp_path / "calls", tmp_path / "summary"
    executable(tools, "gh", GH)
    cfl_jobs = f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m cfl_jobs "$@"\n'
    executable(tools, "cfl-jobs", cfl_jobs)
    variables = {
        "BASE": base,
        "HEAD": head,
        "NUMBER": "7",
        "GITHUB_REPOSITORY": "ocadotechnology/cfl-jobs",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "CALLS": str(calls),
    }
    run_workflow_step(step_of(jobs["review"], "review"), clone, tools, **variables)
    assert (clone / "review.md").read_text(encoding="utf-8").startswith(MARK)
    assert told in summary.read_text(encoding="utf-8")
    assert (clone / "review.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    (upload,) = (
        s["with"] for s in jobs["review"]["steps"] if "upload-artifact" in s.get("uses", "")
    )
    assert all((clone / name).is_file() for name in upload["path"].split())
    for old, method, where in (
        ("", "POST", "issues/7/comments"),
        ("4711", "PATCH", "issues/comments/4711"),
    ):
        run_workflow_step(step_of(jobs["review"], "comment"), clone, tools, **variables, OLD=old)
        asked = calls.read_text(encoding="utf-8").splitlines()[-1]
        assert asked.startswith(f"api --method {method} repos/ocadotechnology/cfl-jobs/{where} ")
        assert "body=@review.md" in asked
    assert (tmp_path / "output").read_text() == f"code={code}\n"
    assert step_of(jobs["review"], "result") == 'exit "$CODE"'


def check_jobs(history: History, tmp_path: Path) -> tuple[Path, Step]:
    """Clone as the job's git step does, detached, and run the script there."""
    workspace = tmp_path / "workspace"
    history.git("clone", "-q", f"file://{history.root}", str(workspace))
    history.git("-C", str(workspace), "checkout", "-q", "--detach", "origin/change")
    text = PYTHON.format(root=ROOT, python=sys.executable)
    python = executable(tmp_path / "tools", "python", text)
    values = {"base": "main", "python": str(python)}
    # What was rendered for other tests is rendered here.
    return workspace, run_step("check-jobs.sh", workspace, values, {"HOME": os.environ["HOME"]})


def test_check_jobs_reviews_a_branch(history: History, tmp_path: Path) -> None:
    workspace, step = check_jobs(history, tmp_path)
    assert step.code == 0, step.log
    assert "Risk: low" in step.log
    assert "[description] " in step.log
    assert "no problems" in step.log
    assert (workspace / "review.md").read_text(encoding="utf-8").startswith(MARK)
    link = '<link rel="stylesheet" href="review.html.css">'
    assert link in (workspace / "review.html").read_text(encoding="utf-8")
    config = next(job for job in render(ROOT) if job.name == "Check Jobs").config
    archived = config.partition("<artifacts>")[2].partition("</artifacts>")[0].split(",")
    assert archived == ["review.md", "review.html", "review.html.css"]
    assert all((workspace / name).is_file() for name in archived)


def test_check_jobs_fails_on_a_broken_branch_and_keeps_its_review(
    history: History, tmp_path: Path
) -> None:
    edit(history.root, "jobs/deploy.yaml", "environment: Prod", "environment: [Prod")
    history.commit("a typo")
    workspace, step = check_jobs(history, tmp_path)
    assert step.code == 1
    assert "FAILED while checking" in step.log
    assert "not YAML: did not find expected" in step.log
    assert "[description] " in step.log
    assert ": Risk: high: " in step.log
    assert "doesn't render" in (workspace / "review.md").read_text(encoding="utf-8")
