"""Reading ahead: a server is looked at while the jobs are rendered, and nothing else changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from cfl_jobs.configs.mark import split_description
from cfl_jobs.configs.sections import code_of_version
from cfl_jobs.planning.ahead import ReadAhead
from cfl_jobs.planning.observe import observe
from cfl_jobs.target import Kind
from tests.jenkins_server import Fault, JenkinsServer, Request
from tests.rendered_jobs import jenkins, job

ROOT = Path(__file__).parents[1]


def run(server: JenkinsServer, place: Path, *arguments: str) -> tuple[int, str]:
    """Run a verb on this repository's chain, in a process of its own, which may fork."""
    process = start(server, place, *arguments)
    output = process.communicate(timeout=120)[0]
    return process.returncode, output


def start(
    server: JenkinsServer, place: Path, *arguments: str, code: str = ""
) -> subprocess.Popen[str]:
    verb = ["-m", "cfl_jobs", *arguments, "--url", server.url]
    return subprocess.Popen(
        [sys.executable, *(["-c", code, server.url] if code else verb)],
        cwd=ROOT,
        env={
            **os.environ,
            "JENKINS_USER_ID": server.user,
            "JENKINS_API_TOKEN": server.token,
            "XDG_STATE_HOME": str(place),
            "HOME": str(place),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_plan_asks_no_more_for_reading_ahead(
    jenkins_server: JenkinsServer, tmp_path: Path
) -> None:
    """One request for each job, two listings, the plugins; and it sees an edit."""
    code, output = run(jenkins_server, tmp_path, "update", "--yes")
    assert code == 0, output
    count = len(jenkins_server.jobs) + len(jenkins_server.top.views)
    jenkins_server.requests.clear()
    code, output = run(jenkins_server, tmp_path, "plan", "--detailed-exitcode")
    assert (code, f"{count} as they should be" in output) == (0, True), output
    assert jenkins_server.count() == count + 3
    edited = jenkins_server.config("Deploy to Dev").replace("set -euo", "set -eu", 1)
    jenkins_server.edit_job("Deploy to Dev", edited)
    code, output = run(jenkins_server, tmp_path, "plan", "Deploy*", "--detailed-exitcode")
    assert code == 2
    assert "~ change job Deploy to Dev" in output


def test_an_error_while_reading_ahead_is_the_targets_own(
    jenkins_server: JenkinsServer, tmp_path: Path
) -> None:
    """What couldn't be fetched is told once, and not asked for again."""
    jenkins_server.fail(Fault.HTML, path="api/json", times=100)
    code, output = run(jenkins_server, tmp_path, "plan")
    assert code == 1
    assert output.count("Error") == 1
    assert "Traceback" not in output
    assert jenkins_server.count() == 1


def test_reading_ahead_ends_with_the_process_it_is_for(
    jenkins_server: JenkinsServer, tmp_path: Path
) -> None:
    """Even if that is killed while the server keeps both waiting."""
    asked, going_on = threading.Event(), threading.Event()

    def keep_waiting(_: Request) -> None:
        asked.set()
        going_on.wait()

    jenkins_server.hook = keep_waiting
    process = start(jenkins_server, tmp_path, "plan")
    try:
        assert asked.wait(60)
        process.kill()
        process.communicate(timeout=60)  # until nobody is left who could write
    finally:
        going_on.set()


def test_the_mark_knows_the_version_of_jenkins_that_only_the_reading_ahead_saw(
    jenkins_server: JenkinsServer, tmp_path: Path
) -> None:
    """It counts among the versions of the plugins, for what a newer one adds by itself."""
    code, output = run(jenkins_server, tmp_path, "update", "--yes")
    assert code == 0, output
    for name in jenkins_server.jobs:
        mark = split_description(jenkins_server.config(name))[1]
        assert mark is not None
        assert code_of_version(f"jenkins@{jenkins_server.version}") in mark.versions


def test_a_target_that_cannot_be_read_ahead_is_just_asked() -> None:
    """A directory, or a process that has threads."""
    target = jenkins()
    target.create(Kind.JOB, "A", job().config)
    reader = ReadAhead(target)
    observed = observe(reader, [(Kind.JOB, "A")], with_orphans=False)
    assert list(observed.live) == [(Kind.JOB, "A")]
    reader.save("A", "new")
    reader.update(Kind.JOB, "A", job(branch="x").config)
    reader.rename("A", "B")
    assert reader.count_builds("B") == 0
    reader.delete(Kind.JOB, "B")
    reader.create(Kind.JOB, "C", job().config)
    assert (reader.label, [entry.name for entry in reader.list(Kind.JOB)]) == ("memory", ["C"])


def test_an_interrupt_ends_a_plan_that_waits_for_the_server(
    jenkins_server: JenkinsServer, tmp_path: Path
) -> None:
    """A job that isn't ours yet is read by the plan itself, in threads that nobody waits for."""
    asked, going_on = threading.Event(), threading.Event()
    jenkins_server.add_job("Deploy to Dev", job().config)

    def keep_waiting(request: Request) -> None:
        if request.path.endswith("config.xml"):
            asked.set()
            going_on.wait()

    jenkins_server.hook = keep_waiting
    process = start(jenkins_server, tmp_path, "plan")
    try:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        assert "Interrupted." in process.communicate(timeout=60)[0]
    finally:
        going_on.set()
    assert process.returncode == 130
