"""JUnit result files → how many tests ran and failed, and what that makes of a build."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import ConfigError
from cfl_jobs.rehearsal.patterns import find_files

# hudson.tasks.junit.TestResult takes a report this many seconds older than the build.
_TOLERANCE = 3.0


class NoResults(Exception):
    """There is nothing to publish; the text is the plugin's."""


def read_results(workspace: Path, pattern: str, *, started: float) -> tuple[int, int]:
    """Return (tests, failures) of the reports that are not older than the build.

    A report that can't be parsed counts as one failed test, as in the plugin. Raises NoResults.
    """
    names = find_files(workspace, pattern)
    if not names:
        raise NoResults("No test report files were found. Configuration error?")
    fresh = [n for n in names if (workspace / n).stat().st_mtime + _TOLERANCE >= started]
    if not fresh:
        raise NoResults(
            f"Test reports were found but none of them are new. Did tests run? "
            f"For example, {workspace / names[0]} is older than the build."
        )
    tests = failures = 0
    for name in fresh:
        ran, failed = _count(workspace / name)
        tests, failures = tests + ran, failures + failed
    return tests, failures


def _count(path: Path) -> tuple[int, int]:
    try:
        root = parse_config(path.read_text(encoding="utf-8", errors="replace"), name=path.name)
    except ConfigError:
        return 1, 1
    cases = list(root.iter("testcase"))
    broken = [error for suite in root.iter("testsuite") for error in suite.findall("error")]
    return len(cases) + len(broken), sum(_failed(case) for case in cases) + len(broken)


def _failed(case: ET.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None
