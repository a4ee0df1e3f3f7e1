"""One revision's files → all that a review compares: renderings, models, the chain, problems.

A revision that doesn't render is one too; it says why. Two of them make a pair.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import FrameType

from cfl_jobs.check.run import check_rendered, hide_in_finding, read_files
from cfl_jobs.configs.graph import Chain, follow
from cfl_jobs.configs.model import Job
from cfl_jobs.errors import CflJobsError, DefinitionError, Finding, sort_findings
from cfl_jobs.planning.basis import Setup
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.reading.definition import Definition
from cfl_jobs.reading.definitions import load_definitions
from cfl_jobs.rendering.cache import render_cached
from cfl_jobs.review.review import Weight
from cfl_jobs.target import Kind

TIME_LIMIT = 240.0  # seconds; ten thousand jobs take less


def read_setup(
    root: Path, findings: Iterable[Finding] = (), *, time_limit: float = TIME_LIMIT
) -> Setup:
    """Render a revision's files. `findings` are those already made about them.

    What takes longer than `time_limit` seconds doesn't render.
    """
    found = tuple(findings)
    try:
        with _limited(time_limit):
            definitions = () if _is_empty(root) else load_definitions(root).entries
            rendered = () if _is_empty(root) else render_cached(root)
    except _TimeUp as error:
        advice = "Look for a loop that never ends in the templates."
        return Setup(findings=(*found, Finding(str(error), advice=advice)))
    except DefinitionError as error:
        return Setup(findings=tuple(map(_show, sort_findings((*found, *error.findings)))))
    except CflJobsError as error:
        return Setup(findings=(*found, _show(Finding(error.message, advice=error.advice))))
    if found:
        return Setup(findings=found)
    problems = check_rendered(rendered, read_files(root)).problems if rendered else ()
    return Setup(
        rendered,
        _environments(definitions),
        tuple(replace(problem, finding=_show(problem.finding)) for problem in problems),
    )


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


def _environments(entries: Iterable[Definition]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        value = dict.get(entry.variables, "environment")
        if entry.kind is Kind.JOB and isinstance(value, str):
            found[entry.name] = str(value)
    return found


def _show(finding: Finding) -> Finding:
    """Return a finding without secrets, and without what can't be seen."""
    shown = hide_in_finding(finding)
    return replace(
        shown,
        message=make_visible(shown.message),
        source=make_visible(shown.source),
        advice=make_visible(shown.advice),
    )


@dataclass(frozen=True)
class Pair:
    """Two setups side by side: which jobs are the same, and which deploy or feed a deploy.

    `renamed` are new names by old ones.
    """

    before: Setup
    after: Setup
    renamed: Mapping[str, str] = field(default_factory=dict)

    def now(self, name: str) -> str:
        """Return what a job of before is called now."""
        return self.renamed.get(name, name)

    @cached_property
    def old_jobs(self) -> Mapping[str, Job]:
        """The jobs of before, by the names they have now."""
        return {self.now(name): job for name, job in self.before.jobs.items()}

    @cached_property
    def old_chain(self) -> Chain:
        """The chain of before, with the names that jobs have now."""
        now, chain = self.now, self.before.chain
        return Chain(
            tuple(replace(node, name=now(node.name)) for node in chain.nodes),
            tuple(replace(e, source=now(e.source), target=now(e.target)) for e in chain.triggers),
            tuple(replace(e, source=now(e.source), target=now(e.target)) for e in chain.copies),
        )

    @cached_property
    def old_environments(self) -> Mapping[str, str]:
        return {self.now(name): value for name, value in self.before.environments.items()}

    @cached_property
    def kept(self) -> frozenset[str]:
        """The jobs that are there before and after."""
        return frozenset(self.old_jobs) & frozenset(self.after.jobs)

    @cached_property
    def deploys(self) -> frozenset[str]:
        """The jobs that deploy somewhere, before or after."""
        return frozenset(self.old_environments) | frozenset(self.after.environments)

    def weigh(self, name: str) -> Weight:
        """Return what a change of a job weighs that may do harm: most where the job deploys."""
        return Weight.HIGH if name in self.deploys else Weight.MEDIUM

    def both(self) -> Iterator[tuple[str, Job, Job]]:
        """Yield name, job before, job after, in the chain's order."""
        for node in self.after.chain.nodes:
            if node.name in self.kept:
                yield node.name, self.old_jobs[node.name], self.after.jobs[node.name]

    def fed_by(self, name: str) -> tuple[str, ...]:
        """Return the deploying jobs that get artifacts of a job, however indirectly."""
        copies = self.after.chain.copies
        reached = follow([name], lambda n: [e.target for e in copies if e.source == n])
        fed = self.deploys.intersection(reached)
        return tuple(node.name for node in self.after.chain.nodes if node.name in fed)
