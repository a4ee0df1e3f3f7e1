"""Two revisions → the review: a value that text, Markdown, JSON and HTML are written from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cfl_jobs.check.run import Problem
from cfl_jobs.configs.graph import Chain
from cfl_jobs.errors import Finding
from cfl_jobs.review.chains import merge_chains
from cfl_jobs.review.comparison import Action, Comparison, compare_renders
from cfl_jobs.review.effect import Effect
from cfl_jobs.review.effects import Risk, find_effects, weigh
from cfl_jobs.review.pair import Pair
from cfl_jobs.review.revisions import (
    WORK_TREE,
    Revision,
    find_fork_point,
    find_revision,
    taken_out,
)
from cfl_jobs.review.setups import Setup, read_setup
from cfl_jobs.target import Kind

_NO_CHAIN = Chain((), (), ())


@dataclass(frozen=True, slots=True)
class Review:
    """What a change does. Where a side has findings it doesn't render and nothing is compared.

    `problems` are what the checks find after the change and didn't before. `chain` holds what is
    there after the change and what was before it, for a drawing; `arrow_marks` say which is which.
    """

    base: Revision
    head: Revision
    comparison: Comparison
    effects: tuple[Effect, ...]
    risk: Risk
    problems: tuple[Problem, ...] = ()
    base_findings: tuple[Finding, ...] = ()
    head_findings: tuple[Finding, ...] = ()
    chain: Chain = _NO_CHAIN
    arrow_marks: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def is_compared(self) -> bool:
        return not self.base_findings and not self.head_findings

    @property
    def marks(self) -> Mapping[str, str]:
        """Return what becomes of each job that changes: "new", "changed" or "gone"."""
        words = {Action.CREATE: "new", Action.DELETE: "gone"}
        return {
            change.name: words.get(change.action, "changed")
            for change in self.comparison.changes
            if change.kind is Kind.JOB
        }


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
    return review_setups(old, new, before, after)


def review_setups(base: Revision, head: Revision, before: Setup, after: Setup) -> Review:
    """Compare two setups."""
    if not (before.renders and after.renders):
        words = (
            "this revision doesn't render"
            if not after.renders
            else (f"{base} doesn't render, so there is nothing to compare with")
        )
        risk = Risk(None, words)
        findings = (before.findings, after.findings)
        return Review(base, head, Comparison(), (), risk, (), *findings)
    comparison = compare_renders(before.rendered, after.rendered)
    renamed = {
        change.old_name: change.name
        for change in comparison.having(Action.RENAME)
        if change.kind is Kind.JOB
    }
    pair = Pair(before, after, renamed)
    effects = find_effects(pair, comparison)
    chain, arrow_marks = merge_chains(pair)
    return Review(
        base,
        head,
        comparison,
        effects,
        weigh(effects, comparison),
        tuple(_new_problems(before.problems, after.problems)),
        chain=chain,
        arrow_marks=arrow_marks,
    )


def _new_problems(before: Iterable[Problem], after: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the problems that weren't there; where a line went doesn't make one new."""
    known = {(problem.rule, problem.finding.message, problem.names) for problem in before}
    for problem in after:
        if (problem.rule, problem.finding.message, problem.names) not in known:
            yield problem
