"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from cfl_jobs.targets.server import JenkinsTarget
from tests.jenkins_server import JenkinsServer
from tests.jenkins_server_configs import DIALECTS
from tests.projects import History
from tests.rendered_jobs import Server, choose_dialect
from tests.server_targets import target_at

# Other work on the machine is no fault of a test.
# The same examples in each run: what is new in a change is what makes a run red.
settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
settings.load_profile("tests")


# Whoever starts the tests in the background, or by nohup, has these ignored; then they do nothing.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


def pytest_configure(config: pytest.Config) -> None:
    """Give all workers one home of their own, so that nothing is left in the user's.

    A live server's credentials may stand in the user's. And a company's proxy knows nothing of this
    machine's loopback.
    """
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    if hasattr(config, "workerinput") or "CFL_JOBS_TEST_URL" in os.environ:
        return
    home = TemporaryDirectory(prefix="cfl-jobs-home-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    os.environ["HOME"] = home.name
    # What doctor asks of repositories' hosts stays on this machine, where nobody answers.
    os.environ["HTTPS_PROXY"] = os.environ["https_proxy"] = "http://127.0.0.1:9"
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        os.environ.pop(name, None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped, and why; how long it took stands in the line below."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report, pytest.TestReport) and isinstance(report.longrepr, tuple)
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} skipped: {reason}")


@pytest.fixture(params=DIALECTS)
def each_dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server in memory be each recorded version, with its plugins."""
    choose_dialect(request.param, monkeypatch)


@pytest.fixture
def a_dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be one of them, by the test's name: for what depends little on which it is."""
    choose_dialect(DIALECTS[len(request.node.name) % len(DIALECTS)], monkeypatch)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """Return a server in memory, as `jenkins` makes them."""
    return Server(tmp_path)


@pytest.fixture(params=DIALECTS)
def jenkins_server(request: pytest.FixtureRequest) -> Iterator[JenkinsServer]:
    """A stand-in for Jenkins on loopback, empty, of each recorded version."""
    with JenkinsServer(request.param) as server:
        yield server


@pytest.fixture
def target(jenkins_server: JenkinsServer) -> Iterator[JenkinsTarget]:
    """The stand-in as one sees it who may do everything; waiting for it takes no time."""
    with target_at(jenkins_server.url) as found:
        yield found


@pytest.fixture(scope="session")
def _first_commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("history") / "repository"
    History(root).begin()
    return root


@pytest.fixture
def history(_first_commit: Path, tmp_path: Path) -> History:
    """A repository that holds the real definitions; the branch `change` is as `main`."""
    return History(shutil.copytree(_first_commit, tmp_path / "repository", symlinks=True))
