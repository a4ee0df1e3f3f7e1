"""One revision's files → what a review compares: what it renders, and what the checks find.

A revision that doesn't render is one too; it says why.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from cfl_jobs.check.project import check_project
from cfl_jobs.check.rule import Problem
from cfl_jobs.errors import CflJobsError, DefinitionError, Finding, sort_findings
from cfl_jobs.planning.basis import Setup
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.rendering.cache import Rendering, render_whole

TIME_LIMIT = 240.0  # seconds; ten thousand jobs take less


def check_setup(root: Path, setup: Setup) -> Setup:
    """Return what the files here define, checked: `setup` is what is rendered of them.

    Where the rest doesn't render that is a problem, and all it has.
    """
    if setup.renders:
        return Setup(setup.rendered, _check(root, Rendering(setup.rendered, setup.project)))
    from cfl_jobs.check.run import problems_of

    return Setup(setup.rendered, tuple(map(_show_problem, problems_of(setup.findings))))


def read_setup(
    root: Path, findings: Iterable[Finding] = (), *, time_limit: float = TIME_LIMIT
) -> Setup:
    """Render a revision's files. `findings` are those already made about them.

    What takes longer than `time_limit` seconds doesn't render.
    """
    found = tuple(findings)
    try:
        with _limited(time_limit):
            whole = Rendering(()) if _is_empty(root) else render_whole(root)
    except _TimeUp as error:
        advice = "Look for a loop that never ends in the templates."
        return Setup(findings=(*found, Finding(str(error), advice=advice)))
    except DefinitionError as error:
        return Setup(findings=tuple(map(_show, sort_findings((*found, *error.findings)))))
    except CflJobsError as error:
        return Setup(findings=(*found, _show(Finding(error.message, advice=error.advice))))
    if found:
        return Setup(findings=found)
    return Setup(whole.configs, _check(root, whole) if whole.configs else ())


def _check(root: Path, whole: Rendering) -> tuple[Problem, ...]:
    return tuple(map(_show_problem, check_project(root, whole).problems))


def _show_problem(problem: Problem) -> Problem:
    return replace(problem, finding=_show(problem.finding))


class _TimeUp(BaseException):
    """Rendering took too long. No `except Exception` on the way takes it for a template's own."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise _TimeUp inside the block when it takes longer, where the platform and thread allow."""
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TimeUp(f"it takes longer than {seconds:g} seconds to render")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_empty(root: Path) -> bool:
    """Tell whether a revision has no definitions at all, as before there were any."""
    return next((root / "jobs").glob("*"), None) is None


def _show(finding: Finding) -> Finding:
    """Return a finding without secrets, and without what can't be seen."""
    from cfl_jobs.check.run import hide_in_finding  # what is found is rare

    shown = hide_in_finding(finding)
    return replace(
        shown,
        message=make_visible(shown.message),
        source=make_visible(shown.source),
        advice=make_visible(shown.advice),
    )
