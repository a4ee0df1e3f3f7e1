"""Plan or review → text for people, JSON for programs; and the table of all formats' writers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum
from types import MappingProxyType
from typing import Any, Protocol

from cfl_jobs.errors import Finding, bracket
from cfl_jobs.planning.plan import Create, Delete, Difference, Owner, Plan, PlannedChange, Update
from cfl_jobs.planning.visible import make_json_visible, make_line_visible
from cfl_jobs.review.outline import (
    Entry,
    count_actions,
    differences_of,
    list_entries,
    summarise,
)
from cfl_jobs.review.review import Review, Weight

VERSION = 2
_NOTE = ("kind", "name", "text", "quiet")
_SIGNS = {
    "create": "+ ",
    "change": "~ ",
    "adopt": "~ ",  # whatever else is done to the job
    "rename": "> ",
    "confirm": "? ",
    "delete": "- ",
    "left alone": "! ",
    "note": "  ",
    "unchanged": "= ",
}
_SHOWN_NAMES = 6
_SHOWN_LINES = 200  # of one difference
# How a line of prose begins, between lines of configs and scripts, which stay whole.
PROSE = r"\w|  (high|medium|low) "
# How a line of the text begins, and its colour.
COLOURS = (
    (r"(      )?\+ ", "green"),
    (r"(      )?- |! |Risk: high|  high  ", "red"),
    (r"[~>?] |Risk: medium|  medium  ", "yellow"),
    (r"Risk: low|  low  ", "green"),
)


class Writer(Protocol):
    def __call__(self, review: Review, *, verbose: bool = False) -> str:
        """Return a plan, with what it means where it was weighed.

        `verbose`: with all lines, with Jenkins' own changes and with what is as it should be.
        """


def write_text(review: Review, *, verbose: bool = False) -> str:
    """Return it as text for a terminal; see Writer."""
    lines = [*_meaning(review, verbose=verbose), *tell_changes(review, verbose=verbose)]
    if not review.revisions:
        if lines:
            lines.append("")
        lines.append(summarise(review.plan))
    return "\n".join(lines) + "\n"


def _meaning(review: Review, *, verbose: bool) -> Iterator[str]:
    """Yield what stands above the changes: risk, revisions, findings, effects, problems."""
    if review.risk.text:
        yield f"{review.risk}."
    if review.revisions:
        yield f"{review.title}."
    for title, findings in review.mistakes.items():
        yield from ("", f"{title}:", *(f"\n{finding}" for finding in findings))
    if review.outlook:
        yield from ("", review.outlook)
    if review.effects:
        yield from ("", "This change")
        for effect in review.effects:
            yield f"  {effect.weight.word:<6}  {effect.shown(verbose=verbose)}"
    if review.problems:
        yield from ("", f"{review.problems_title}:")
        yield from (f"\n{problem.title}\n{problem.finding}" for problem in review.problems)
    if review.revisions and review.plan.changes:
        yield from ("", f"What changes on the server: {', '.join(count_actions(review.plan))}")
    elif review.risk.text and review.plan.changes:
        yield ""


def tell_changes(review: Review, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines that tell what changes; see outline.list_entries."""
    most = (_SHOWN_LINES, None)[verbose]
    for entry in list_entries(review, verbose=verbose, most=most):
        yield from _tell_names(entry)
        if entry.action == "delete":
            continue
        for part in entry.parts:
            yield f"    {part.label}{bracket(part.about, '  ')}"
            yield from (f"      {line}" for line in part.lines)


def _tell_names(entry: Entry) -> Iterator[str]:
    """Yield the lines that name an entry's jobs: one each, those of many in one."""
    about = bracket(entry.about, "  ")
    for line in entry.lines[:_SHOWN_NAMES]:
        yield f"{_SIGNS.get(line.split()[0], _SIGNS[entry.action])}{line}{about}"
    if more := entry.names[_SHOWN_NAMES:]:
        yield f"  and {len(more)} more: {', '.join(map(make_line_visible, more))}"


def write_json(review: Review, *, verbose: bool = False) -> str:
    """Return it as one JSON object, always with everything; configs are not in it."""
    plan = review.plan
    document = {
        "version": VERSION,
        **_sides_to_json(review),
        **_meaning_to_json(review),
        "changes": [_change_to_json(change) for change in plan.changes],
        "probable_renames": [
            _pick(update, "kind", "old_name", "name") | _pick(update.desired, "definition")
            for update in plan.probable_renames
        ],
        "differences": list(_differences_to_json(plan, whole=review.revisions is not None)),
        "unchanged": [{"kind": kind.value, "name": name} for kind, name in plan.unchanged],
        "undone": [_pick(note, *_NOTE) for note in plan.undone],
        "notes": [_pick(note, *_NOTE) for note in plan.notes],
    }
    return make_json_visible(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def _sides_to_json(review: Review) -> dict[str, Any]:
    if review.revisions is None:
        return {"target": review.plan.target}
    revisions = zip(("base", "head"), review.revisions, strict=True)
    return {
        **{name: _pick(revision, "asked", "commit") for name, revision in revisions},
        "renders": {name: not found for name, found in review.findings.items()},
        "findings": {name: list(map(_finding, found)) for name, found in review.findings.items()},
    }


def _meaning_to_json(review: Review) -> dict[str, Any]:
    return {
        "risk": {"weight": review.risk.word, "text": review.risk.text},
        "outlook": review.outlook,
        "effects": [_pick(effect, "about", "weight", "jobs", "text") for effect in review.effects],
        "problems": [
            {**_pick(problem, "rule", "severity"), **_finding(problem.finding)}
            for problem in review.problems
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return _pick(finding, "message", "position", "advice")


def _pick(value: object, *names: str) -> dict[str, Any]:
    """Return some attributes of a value as JSON has them: enumerations and places are texts."""
    found: dict[str, Any] = {}
    for name in names:
        of = getattr(value, name)
        if isinstance(of, Weight):
            of = of.word
        elif isinstance(of, Enum):
            of = of.value
        elif name in ("position", "definition"):
            of = str(of or "")
        found[name] = of
    return found


def _change_to_json(change: PlannedChange) -> dict[str, Any]:
    found = {"action": change.action, **_pick(change, "kind", "name")}
    if isinstance(change, Delete):
        return {**found, "builds": change.builds}
    found |= _pick(change.desired, "definition")
    if isinstance(change, Create):
        found["side"] = (Owner.OURS, Owner.THEIRS)[bool(change.gone)].value
    if isinstance(change, Update):
        found |= _pick(change, "old_name", "adopted")
        if not change.old_name:
            del found["old_name"]
    return found


def _differences_to_json(plan: Plan, *, whole: bool) -> Iterator[dict[str, Any]]:
    """Yield each difference once, with the jobs that have it."""
    jobs: dict[Difference, list[dict[str, str]]] = {}
    for change in (*plan.changes, *plan.unadopted):
        for found in differences_of(change, whole=whole):
            job = {"name": change.name, "position": str(found.position or "")}
            jobs.setdefault(replace(found, position=None), []).append(job)
    names = ("path", "label", "change", "remark", "before", "after")
    for found, found_in in jobs.items():
        yield {**_pick(found, *names), "side": found.owner.value, "jobs": found_in}


def _write_markdown(review: Review, *, verbose: bool = False) -> str:
    from cfl_jobs.review.markdown import write_markdown

    return write_markdown(review, verbose=verbose)


def _write_page(review: Review, *, verbose: bool = False) -> str:
    # The drawing and its templates are for pages only: each plan would wait for them.
    from cfl_jobs.review.page import write_page

    return write_page(review, verbose=verbose)


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        "text": write_text,
        "json": write_json,
        "markdown": _write_markdown,
        "html": _write_page,
    }
)
