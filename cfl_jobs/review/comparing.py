"""Two revisions, or a plan and all that is defined → the review of what changes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from cfl_jobs.check.project import check_project
from cfl_jobs.check.rule import RENDERING, Problem
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import Mark, code_of_text, fingerprint
from cfl_jobs.errors import CflJobsError, DefinitionError, Finding, count, some, sort_findings
from cfl_jobs.planning.basis import Setup
from cfl_jobs.planning.observe import Observed
from cfl_jobs.planning.plan import Create, Plan
from cfl_jobs.planning.planner import plan_changes
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.reading import JOBS
from cfl_jobs.reading.names import folders_of
from cfl_jobs.reading.versions import NEWEST
from cfl_jobs.rendering.cache import Rendering, render_whole
from cfl_jobs.review.effects import weigh_plan
from cfl_jobs.review.review import Review, Revision, Risk, Weight
from cfl_jobs.review.revisions import (
    WORK_TREE,
    find_fork_point,
    find_revision,
    list_uncommitted,
    taken_out,
)
from cfl_jobs.target import Key, Kind, Listed, name_command

TIME_LIMIT = 240.0  # seconds; ten thousand jobs take less


def make_review(root: Path, base: str, head: str | None) -> Review:
    """Compare two revisions; None is the work tree. Raises CflJobsError where git can't tell them.

    Compared is what `head` changes since it left `base`. Neither needs to render.
    """
    asked = find_revision(root, base)
    new = Revision(WORK_TREE) if head is None else find_revision(root, head)
    old = find_fork_point(root, asked, new)
    with taken_out(root, old) as (folder, findings):
        before = read_setup(folder, findings)
    with taken_out(root, new) as (folder, findings):
        after = read_setup(folder, findings)
    review = review_setups(old, new, before, after)
    left = list_uncommitted(root) if head == "HEAD" else ()
    if not left:
        return review
    note = f"Note: not committed, so not in this review: {some(left)}; --worktree takes it."
    return replace(review, outlook=f"{review.outlook} {note}".lstrip())


def review_setups(base: Revision, head: Revision, before: Setup, after: Setup) -> Review:
    """Compare two setups."""
    if not before.renders or not after.renders:
        return _review_broken(base, head, before, after)
    plan = plan_revision(before.rendered, after.rendered)
    review = replace(weigh_plan(plan, after.rendered), revisions=(base, head))
    return review.with_problems(_new_problems(before.problems, after.problems))


def _review_broken(base: Revision, head: Revision, before: Setup, after: Setup) -> Review:
    """Return what can be told where one of them doesn't render: why, and what the other one is."""
    if after.findings:
        revision, known = base, before
        role = (", the first at", ", at")[len(after.findings) == 1]
        first = next((f"{role} {at}" for f in after.findings if (at := f.position)), "")
        text = f"{head} doesn't render: {count(len(after.findings), 'mistake')}{first}"
        advice = f"Put these right and commit; `{name_command('check')}` shows what is left."
    else:
        revision, known = head, after
        text = f"{base} doesn't render, so what this changes can't be told"
        advice = f"`{name_command('plan')}` compares {head.asked} with the server."
    jobs, views = len(known.jobs), len(known.rendered) - len(known.jobs)
    holds = f"renders: {count(jobs, 'job')} and {count(views, 'view')}"
    if not known.renders:
        holds = "doesn't render either"
    return Review(
        Plan(""),
        (base, head),
        risk=Risk(Weight.HIGH, text),
        problems=after.problems,
        base_findings=before.findings,
        head_findings=after.findings,
        outlook=f"{advice} {revision} {holds}.",
        chain=known.chain,
    )


def review_plan(plan: Plan, setup: Setup, *, is_part: bool = False) -> Review:
    """Judge the plan of a server, `setup` being all that is defined; `is_part`: not all is planned.

    What counts of the checks' findings: the errors in all that is to be applied, and the warnings
    about what changes. Of a part these are the errors about what changes, those that come of it in
    other jobs, and that the rest doesn't render.
    """
    changed = {change.name for change in plan.changes}
    problems = [
        problem
        for problem in setup.problems
        if (problem.is_error and not is_part)
        or problem.rule == RENDERING
        or not changed.isdisjoint(problem.names)
    ]
    others = [
        found for found in setup.problems if is_part and found not in problems and found.names
    ]
    if any(found.is_error for found in others):
        from cfl_jobs.check.run import check_rendered

        there = [change.live for change in plan.changes if not isinstance(change, Create)]
        rest = [config for config in setup.rendered if config.name not in changed]
        problems += _new_problems(check_rendered((*there, *rest), {}).problems, others)
    return weigh_plan(plan, setup.rendered).with_problems(problems, changed)


def plan_revision(before: Sequence[Config], after: Sequence[Config]) -> Plan:
    """Return the plan of an update to `after`, with --prune, where `before` was applied last.

    Nobody edited anything there, and folders that nothing defines are there.
    """
    texts = {config.key: config.config for config in before}
    changed = [config for config in after if texts.get(config.key) != config.config]
    same = {config.key for config in after}.difference(config.key for config in changed)
    project = next((config.project for config in after), "")
    # What is the same on both sides is listed as if it were of others: it needs no comparing.
    folders = ((Kind.JOB, name) for config in after for name in folders_of(config.name))
    listed = {key: Listed(key[1]) for key in (*folders, *texts)}
    live: dict[Key, Config] = {}
    for config in before:
        if config.key not in same:
            print_ = fingerprint(config.normal)
            mark = Mark(
                config.definition.file,
                print_,
                print_,
                project=project,
                name=code_of_text(config.name),
                said_disabled=config.says_disabled,
            )
            live[config.key] = replace(config, config=config.write(mark))
            listed[config.key] = Listed(config.name, config.describe(mark))
    builds = dict.fromkeys((name for _, name in texts), 0)
    observed = Observed("", listed, live, NEWEST, builds, project=project)
    plan = plan_changes(changed, observed, prune=True)
    # A job that only moved to another file has another mark, which is none of a review's matter.
    changes = tuple(change for change in plan.changes if change.action != "confirm")
    return replace(plan, changes=changes)


def _new_problems(before: Iterable[Problem], after: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the problems that weren't there; where a line went doesn't make one new."""
    known = {(problem.rule, problem.finding.message, problem.names) for problem in before}
    for problem in after:
        if (problem.rule, problem.finding.message, problem.names) not in known:
            yield problem


def check_setup(root: Path, setup: Setup) -> Setup:
    """Return what the files here define, checked: `setup` is what is rendered of them.

    Where the rest doesn't render that is a problem, and all it has.
    """
    if setup.renders:
        problems = check_project(root, Rendering(setup.rendered, setup.project)).problems
    else:
        from cfl_jobs.check.run import problems_of

        problems = tuple(problems_of(setup.findings))
    shown = (replace(problem, finding=_show(problem.finding)) for problem in problems)
    return Setup(setup.rendered, tuple(shown))


def read_setup(
    root: Path, findings: Iterable[Finding] = (), *, time_limit: float = TIME_LIMIT
) -> Setup:
    """Render a revision's files. `findings` are those already made about them.

    What takes longer than `time_limit` seconds doesn't render. Before there were any definitions,
    a revision has no jobs.
    """
    found = tuple(findings)
    try:
        with _limited(time_limit):
            whole = render_whole(root) if any((root / JOBS).glob("*")) else Rendering(())
    except _TimeUp:  # what it says may be a codec's that it came upon
        message = f"it takes longer than {time_limit:g} seconds to render"
        advice = "Look for a loop that never ends in the templates."
        return Setup(findings=(*found, Finding(message, advice=advice)))
    except DefinitionError as error:
        return Setup(findings=tuple(map(_show, sort_findings((*found, *error.findings)))))
    except CflJobsError as error:
        return Setup(findings=(*found, _show(Finding(error.message, advice=error.advice))))
    if found or not whole.configs:
        return Setup(findings=found)
    return check_setup(root, Setup(whole.configs, project=whole.project))


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


class _TimeUp(BaseException):
    """Rendering took too long. No `except Exception` on the way takes it for a template's own."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise _TimeUp inside the block when it takes longer, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    is_over = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not is_over:
            raise _TimeUp

    before = signal.signal(signal.SIGALRM, stop)
    # Again each second: what Python itself calls, as a finalizer, swallows one.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        is_over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
