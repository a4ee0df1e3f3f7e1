"""Plan or review → text for people, JSON for programs, Markdown for a pull request, an HTML page.

Everything that a server or a revision holds is data to all of them: no text of a definition can
move a terminal's cursor, end a code fence, make a link, mention a person or become HTML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

from cfl_jobs.errors import Finding, bracket
from cfl_jobs.planning.plan import Create, Delete, Difference, Owner, PlannedChange
from cfl_jobs.planning.visible import (
    escape,
    fence,
    guard,
    make_json_visible,
    make_line_visible,
    make_visible,
)
from cfl_jobs.review.outline import (
    Entry,
    count_actions,
    cut_lines,
    differences_of,
    list_entries,
    summarise,
)
from cfl_jobs.review.review import Review, Weight
from cfl_jobs.target import name_command

VERSION = 2
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
# What a comment on GitHub may have; some is left for what a workflow puts around it.
LIMIT = 65_000
MARK = "<!-- cfl-jobs review -->"
_CAPS = (400, 120, 40, 12, 4, 0)  # lines of one difference
_DOTS = {"high": "🔴 ", "medium": "🟠 ", "low": "🟢 ", "none": ""}
_FOLDED = 12
_OPEN_LINES = 40  # of a change on a page


def write_text(review: Review, *, verbose: bool = False) -> str:
    """Return it as text for a terminal; `verbose`: see WRITERS."""
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
    """Yield the lines that tell what changes: one for each job, those of many in one."""
    most = (_SHOWN_LINES, None)[verbose]
    for entry in list_entries(review, verbose=verbose, most=most):
        for line in entry.lines[:_SHOWN_NAMES]:
            sign = _SIGNS.get(line.split()[0], _SIGNS[entry.action])
            yield f"{sign}{line}{bracket(entry.about, '  ')}"
        if more := entry.names[_SHOWN_NAMES:]:
            yield f"  and {len(more)} more: {', '.join(map(make_line_visible, more))}"
        if entry.action == "delete":
            continue
        for part in entry.parts:
            yield f"    {part.label}{bracket(part.about, '  ')}"
            yield from (f"      {line}" for line in part.lines)


def write_json(review: Review, *, verbose: bool = False) -> str:
    """Return it as one JSON object, always with everything; configs are not in it."""
    plan, document = review.plan, dict[str, Any](version=VERSION)
    if review.revisions is None:
        document["target"] = plan.target
    else:
        sides = ("base", "head")
        findings = dict(zip(sides, (review.base_findings, review.head_findings), strict=True))
        for side, revision in zip(sides, review.revisions, strict=True):
            document[side] = _pick(revision, "asked", "commit")
        document["renders"] = {side: not found for side, found in findings.items()}
        document["findings"] = {
            side: list(map(_finding, found)) for side, found in findings.items()
        }
    document |= {
        "risk": {"weight": review.risk.word, "text": review.risk.text},
        "outlook": review.outlook,
        "effects": [_pick(effect, "about", "weight", "jobs", "text") for effect in review.effects],
        "problems": [
            {**_pick(problem, "rule", "severity"), **_finding(problem.finding)}
            for problem in review.problems
        ],
        "changes": [_change_to_json(change) for change in plan.changes],
        "probable_renames": [
            _pick(update, "kind", "old_name", "name") | _pick(update.desired, "definition")
            for update in plan.probable_renames
        ],
        "differences": list(_differences_to_json(review)),
        "unchanged": [{"kind": kind.value, "name": name} for kind, name in plan.unchanged],
        "undone": [_pick(note, "kind", "name", "text", "quiet") for note in plan.undone],
        "notes": [_pick(note, "kind", "name", "text", "quiet") for note in plan.notes],
    }
    return make_json_visible(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


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
        return {**found, "side": (Owner.OURS, Owner.THEIRS)[bool(change.gone)].value}
    if change.old_name:
        found |= _pick(change, "old_name")
    return {**found, "adopted": change.adopted}


def _differences_to_json(review: Review) -> Iterator[dict[str, Any]]:
    """Yield each difference once, with the jobs that have it."""
    jobs: dict[Difference, list[dict[str, str]]] = {}
    for change in (*review.plan.changes, *review.plan.unadopted):
        for found in differences_of(change, whole=review.revisions is not None):
            job = {"name": change.name, "position": str(found.position or "")}
            jobs.setdefault(replace(found, position=None), []).append(job)
    names = ("path", "label", "change", "remark", "before", "after")
    for found, found_in in jobs.items():
        yield {**_pick(found, *names), "side": found.owner.value, "jobs": found_in}


def write_markdown(review: Review, *, verbose: bool = False, limit: int = LIMIT) -> str:
    """Return it as Markdown; unless `verbose`, with shorter parts than are longer than `limit`."""
    caps: tuple[int | None, ...] = (_CAPS, (None,))[verbose]
    for cap in caps:
        text = "\n".join(_markdown(review, cap, verbose=verbose)) + "\n"
        if verbose or len(text) <= limit:
            return text
    command = name_command("plan -v", review.plan.target)
    if review.revisions:
        base, head = review.revisions
        command = name_command(f"review {base.commit[:10]} {head.commit[:10] or '--worktree'}")
    note = f"\n\n… and more: `{command}` shows all of it.\n"
    room = limit - len(note)
    for kept, after in (("\n</details>", "\n"), ("", "\n- ")):  # nothing stays open there
        end = text.rfind(kept + after, 0, room)
        if end >= 0:
            return text[:end] + kept + note
    return text[:room] + note


def _markdown(review: Review, cap: int | None, *, verbose: bool) -> Iterator[str]:
    plan = review.plan
    if review.revisions:
        yield MARK
    if review.risk.text:
        yield from (f"### {_DOTS[review.risk.word]}{escape(str(review.risk))}", "")
    if review.revisions:
        told = (review.title, ", ".join(count_actions(plan)))
        yield escape(f"{': '.join(filter(None, told))}.")
    else:
        yield f"**{escape(summarise(plan))}**"
    for title, findings in review.mistakes.items():
        yield from ("", f"**{escape(title)}**", "")
        yield from _fence_texts([str(finding) for finding in findings], cap)
    if review.outlook:
        yield from ("", escape(review.outlook))
    if review.effects:
        yield from ("", "**This change**", "")
        for effect in review.effects:
            yield f"- {_DOTS[effect.weight.word]}{escape(effect.shown(verbose=verbose))}"
    if review.problems:
        yield from ("", f"**{review.problems_title}**", "")
        yield from _fence_texts([f"{p.title}\n{p.finding}" for p in review.problems], cap)
    if review.revisions and plan.changes:
        yield from ("", "**What changes on the server**")
    yield ""
    for entry in list_entries(review, verbose=verbose, most=cap):
        yield from _fold(entry)


def _fence_texts(texts: Sequence[str], cap: int | None) -> Iterator[str]:
    lines = "\n\n".join(texts).split("\n")
    most = None if cap is None else max(cap, 4)
    yield from fence(list(map(_shorten, cut_lines(lines, most))))


def _fold(entry: Entry) -> Iterator[str]:
    """Yield an entry's lines, its parts in a fold."""
    about = bracket(entry.about)
    if not entry.parts:
        yield from (f"- {escape(line + about)}" for line in entry.lines)
        return
    state = " open" * entry.is_open(_FOLDED * (entry.action not in ("create", "delete")))
    title = f"<b>{guard(entry.title)}</b>{guard(about)}"
    yield from ("", f"<details{state}><summary>{title}</summary>", "")
    if entry.action == "left alone" and len(entry.lines) > 1:
        yield from (f"- {escape(line)}" for line in entry.lines)
        yield ""
    for part in entry.parts:
        yield escape(part.label + bracket(part.about))
        if part.lines:
            yield ""
            lines = part.lines
            if not part.is_whole:
                lines = tuple(map(_shorten, lines))
            yield from fence(lines, "diff")
        yield ""
    yield from ("</details>", "")


def _shorten(line: str) -> str:
    return line[:1000] + "…" * (len(line) > 1000)


def write_page(review: Review, *, verbose: bool = False, sheet: str = "") -> str:
    """Return a page: the chain drawn with what changes marked, and the changes.

    It loads nothing but its style sheet, where that is a file beside it, called `sheet`, and sends
    nothing. Its policy allows its own style and script only, so that no text of a definition could
    run even if it got through. All of it is readable without the script, and drawn without the
    style: Jenkins' policy for artifacts (hudson.model.DirectoryBrowserSupport.CSP) refuses both in
    a page, and takes a style sheet beside it.
    """
    # Each plan would wait for these.
    from base64 import b64encode
    from hashlib import sha256
    from urllib.parse import quote

    from markupsafe import Markup

    from cfl_jobs.drawing.svg import Marks, draw_svg, fill_template

    entries = list(list_entries(review, verbose=verbose))
    numbers = reversed(list(enumerate(entries, start=1)))
    anchors = {name: f"#change-{number}" for number, entry in numbers for name in entry.names}
    links = {name: anchors[name] for name in review.marks if name in anchors}
    drawing = ""
    if review.chain and review.chain.nodes:
        drawing = draw_svg(review.chain, marks=Marks(review.marks, review.arrow_marks, links))
    title, summary = summarise(review.plan), ""
    if review.revisions:
        title, summary = f"Review: {review.title}", ", ".join(count_actions(review.plan))
    script = _beside("page.js").read_text(encoding="utf-8")
    return fill_template(
        _beside("page.html.j2"),
        review=review,
        verbose=verbose,
        entries=entries,
        open_lines=_OPEN_LINES,
        drawing=Markup(drawing),  # noqa: S704 - it is escaped
        visible=make_visible,
        title=make_visible(title),
        summary=summary,
        sheet=quote(sheet),
        style=Markup(read_style_sheet() * (not sheet)),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        code=b64encode(sha256(script.encode()).digest()).decode(),
    )


def read_style_sheet() -> str:
    """Return the style sheet of all pages."""
    return _beside("page.css").read_text(encoding="utf-8")


def _beside(name: str) -> Path:
    return Path(__file__).with_name(name)


# Each takes a review, and `verbose`: with all lines, with Jenkins' own changes and with what is as
# it should be.
WRITERS: Mapping[str, Callable[..., str]] = {
    "text": write_text,
    "json": write_json,
    "markdown": write_markdown,
    "html": write_page,
}
