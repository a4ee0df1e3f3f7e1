"""Review → one HTML page: the chain drawn with what changes marked, and the changes beside it.

The page loads nothing and sends nothing; its policy allows its own style and script only, so that
no text of a definition could run even if it got through. Without JavaScript all of it is readable.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files

from cfl_jobs.drawing.svg import Marks, draw_svg
from cfl_jobs.errors import Finding
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.review.comparison import Action, JobChange, Part
from cfl_jobs.review.review import Review
from cfl_jobs.review.words import (
    count,
    headline,
    name_all,
    remark,
    say_revisions,
    say_risk,
    summarise,
    title_of,
)

_OPEN_LINES = 40
_KEY = (("new", "new"), ("changed", "changed"), ("gone", "gone"))


def write_page(review: Review) -> str:
    """Return the page."""
    style, script = _resource("page.css"), _resource("page.js")
    code = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{code}'"
    )
    title = escape(make_visible(f"Review: {say_revisions(review)}"))
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{title}</title>",
        f"<style>\n{style}</style>",
        "</head>",
        "<body>",
        *_body(review),
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _resource(name: str) -> str:
    return (files("cfl_jobs.review") / name).read_text(encoding="utf-8")


def _body(review: Review) -> Iterator[str]:
    weight = review.risk.weight
    yield '<a class="skip" href="#changes">Skip to the changes</a>'
    yield f'<header class="{weight.word if weight else "none"}">'
    yield f"<h1>{escape(say_risk(review))}</h1>"
    summary = summarise(review.comparison)
    revisions = make_visible(say_revisions(review))
    yield f"<p>{escape(revisions)}{f': {escape(summary)}' if summary else ''}.</p>"
    yield "</header>"
    yield "<main>"
    if review.effects:
        yield from _effects(review)
    if review.is_compared:
        yield from _drawing(review)
    for name, findings in (("base", review.base_findings), ("head", review.head_findings)):
        if findings:
            yield from _findings(f"The {name} doesn't render", findings)
    if review.problems:
        titles = [title_of(problem) for problem in review.problems]
        found = [problem.finding for problem in review.problems]
        yield from _findings("What the checks find now, and didn't before", found, titles)
    yield from _changes(review)
    yield "</main>"


def _drawing(review: Review) -> Iterator[str]:
    jobs = review.marks
    links = {name: f"#{_anchors(review)[name]}" for name in jobs if name in _anchors(review)}
    yield '<section id="chain" aria-labelledby="chain-title">'
    yield "<div>"
    yield '<h2 id="chain-title">The chain</h2>'
    yield '<div class="key" aria-hidden="true">'
    yield from (f'<span class="{mark}">{word}</span>' for mark, word in _KEY)
    yield "</div>"
    yield '<div class="tools" hidden>'
    yield '<button type="button" id="fit" aria-pressed="false">Fit the width</button>'
    yield '<span class="soft">Choose a marked job to see its changes only.</span></div>'
    yield '<div class="drawing" role="region" tabindex="0" aria-label="The chain, drawn">'
    yield draw_svg(review.chain, marks=Marks(jobs, review.arrow_marks, links))
    yield "</div></div></section>"


def _effects(review: Review) -> Iterator[str]:
    yield '<section aria-labelledby="meaning"><h2 id="meaning">This change</h2>'
    yield '<ul class="effects">'
    for effect in review.effects:
        word = effect.weight.word
        yield f'<li><span class="weight {word}">{word}</span>'
        yield f"<span>{escape(effect.text)}</span></li>"
    yield "</ul></section>"


def _findings(title: str, findings: Sequence[Finding], titles: Sequence[str] = ()) -> Iterator[str]:
    yield f"<section><h2>{title}</h2>"
    for number, finding in enumerate(findings):
        above = f"{titles[number]}\n" if titles else ""
        yield f"<pre><span>{escape(f'{above}{finding}')}</span></pre><br>"
    yield "</section>"


def _changes(review: Review) -> Iterator[str]:
    yield '<section id="changes" aria-labelledby="changes-title" tabindex="-1">'
    yield '<h2 id="changes-title">What changes on the server</h2>'
    folds = list(_folds(review))
    if not folds:
        words = "Nothing." if review.is_compared else "That can't be told."
        yield f"<p>{words}</p></section>"
        return
    yield from _tools(review)
    for number, (title, note, changes, parts) in enumerate(folds, start=1):
        names = [change.name for change in changes]
        lines = sum(len(part.lines) for part in parts)
        is_open = " open" if lines <= _OPEN_LINES else ""
        yield (
            f'<details class="change" id="change-{number}"{is_open} '
            f'data-jobs="{escape(json.dumps(names))}">'
        )
        about = f' <span class="soft">{escape(note)}</span>' if note else ""
        yield f"<summary><h3>{escape(make_visible(title))}</h3>{about}</summary>"
        for part in parts:
            yield from _part(part)
        yield "</details>"
    yield "</section>"


def _tools(review: Review) -> Iterator[str]:
    marks: Mapping[str, str] = review.marks
    yield '<div class="tools" hidden>'
    yield '<div class="jobs" role="group" aria-label="Changes of one job">'
    for name, mark in marks.items():
        label = escape(make_visible(name))
        yield (
            f'<button type="button" class="{mark}" aria-pressed="false" '
            f'data-job="{escape(name)}">{label} <span class="soft">{mark}</span></button>'
        )
    yield "</div></div>"
    yield '<div class="tools" hidden>'
    yield '<label>Find <input type="search" id="find" autocomplete="off"></label>'
    yield '<button type="button" id="all" hidden>Show all</button>'
    yield '<button type="button" id="open">Open or close all</button></div>'
    yield '<p id="told" class="soft" role="status"></p>'


def _folds(
    review: Review,
) -> Iterator[tuple[str, str, tuple[JobChange, ...], tuple[Part, ...]]]:
    """Yield title, note, jobs and parts of each fold."""
    comparison = review.comparison
    for change in comparison.having(Action.CREATE):
        yield headline(change), str(change.position or ""), (change,), change.parts
    for change in comparison.having(Action.DELETE):
        yield headline(change), "with update --prune only", (change,), change.parts
    for change in comparison.having(Action.RENAME):
        yield headline(change), "its builds stay", (change,), ()
    for group in comparison.groups:
        kind = group.changes[0].kind.value
        many = f"{count(len(group.names), kind)}: " if len(group.names) > 1 else f"{kind} "
        title = f"change {many}{name_all(group.names, most=len(group.names))}"
        yield title, "", group.changes, group.parts


def _anchors(review: Review) -> Mapping[str, str]:
    """Return the id of the first fold that each job is in."""
    found: dict[str, str] = {}
    for number, (_, _, changes, _) in enumerate(_folds(review), start=1):
        for change in changes:
            found.setdefault(change.name, f"change-{number}")
    return found


def _part(part: Part) -> Iterator[str]:
    notes = [remark(part), str(part.position or "")]
    about = escape("; ".join(note for note in notes if note))
    soft = f' <span class="soft">{about}</span>' if about else ""
    yield f'<div class="part"><h4>{escape(part.label)}{soft}</h4>'
    if part.lines:
        kinds = {"+": "add", "-": "del"}
        shown = (
            f'<span class="{kinds.get(line[:1], "same")}">{escape(line)}</span>'
            for line in part.lines
        )
        yield f'<pre class="diff">{"".join(shown)}</pre>'
    yield "</div>"
