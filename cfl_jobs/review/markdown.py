"""Review → Markdown, made to be read as a comment on a pull request.

Everything a revision holds is data to it: no text of a definition can end a code fence, make a
link, mention a person or become HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cfl_jobs.errors import Finding
from cfl_jobs.planning.visible import escape, fence, guard
from cfl_jobs.review.comparison import Action, Part
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

# What a comment on GitHub may have; some is left for what a workflow puts around it.
LIMIT = 65_000
MARK = "<!-- cfl-jobs review -->"
_CAPS = (400, 120, 40, 12, 4, 0)
_SIGNS = {"high": "🔴", "medium": "🟠", "low": "🟢"}
_FOLDED = 12


def write_markdown(review: Review, *, limit: int = LIMIT) -> str:
    """Return the review, shorter parts where it would be longer than `limit` characters."""
    text = ""
    for cap in _CAPS:
        text = "\n".join(_lines(review, cap)) + "\n"
        if len(text) <= limit:
            return text
    note = "\n\n… and more: `cfl-jobs review` shows all of it.\n"
    return _cut(text, limit - len(note)) + note


def _lines(review: Review, cap: int) -> Iterator[str]:
    yield MARK
    weight = review.risk.weight
    sign = f"{_SIGNS[weight.word]} " if weight else ""
    yield f"### {sign}{escape(say_risk(review))}"
    yield ""
    summary = summarise(review.comparison)
    yield escape(f"{say_revisions(review)}{f': {summary}' if summary else ''}.")
    for name, findings in (("base", review.base_findings), ("head", review.head_findings)):
        if findings:
            yield from _findings(name, findings, cap)
    if review.effects:
        yield ""
        yield "**This change**"
        yield ""
        for effect in review.effects:
            yield f"- {_SIGNS[effect.weight.word]} {escape(effect.text)}"
    if review.problems:
        yield ""
        yield "**What the checks find now, and didn't before**"
        yield ""
        told = [
            [title_of(problem), *str(problem.finding).split("\n")] for problem in review.problems
        ]
        yield from fence(
            _shorten([line for lines in told for line in (*lines, "")][:-1], max(cap, 4))
        )
    if review.comparison.changes:
        yield ""
        yield "**What changes on the server**"
        yield from _changes(review, cap)


def _findings(name: str, findings: Sequence[Finding], cap: int) -> Iterator[str]:
    yield ""
    yield f"**The {name} doesn't render:** {count(len(findings), 'finding')}"
    yield ""
    lines = [line for finding in findings for line in (*str(finding).split("\n"), "")]
    yield from fence(_shorten(lines[:-1], max(cap, 4)))


def _changes(review: Review, cap: int) -> Iterator[str]:
    comparison = review.comparison
    for change in comparison.having(Action.CREATE, Action.DELETE):
        note = "" if change.position is None else f" ({change.position})"
        if change.action is Action.DELETE:
            note = " (with update --prune only)"
        yield from _fold(headline(change), note, change.parts, cap, is_open=False)
    for change in comparison.having(Action.RENAME):
        yield ""
        yield f"- {escape(headline(change))}"
    for group in comparison.groups:
        kind = group.changes[0].kind.value
        many = f"{count(len(group.names), kind)}: " if len(group.names) > 1 else f"{kind} "
        title = f"change {many}{name_all(group.names, most=12)}"
        is_open = sum(len(part.lines) for part in group.parts) <= _FOLDED
        yield from _fold(title, "", group.parts, cap, is_open=is_open)


def _fold(
    title: str, note: str, parts: Sequence[Part], cap: int, *, is_open: bool
) -> Iterator[str]:
    yield ""
    state = " open" if is_open else ""
    yield f"<details{state}><summary><b>{guard(title)}</b>{guard(note)}</summary>"
    yield ""
    for part in parts:
        notes = [remark(part), str(part.position or "")]
        about = "; ".join(word for word in notes if word)
        yield f"{escape(part.label)}{f' ({escape(about)})' if about else ''}"
        if part.lines and cap:
            yield ""
            yield from fence(_shorten(part.lines, cap), "diff")
        yield ""
    yield "</details>"


def _shorten(lines: Sequence[str], cap: int) -> Sequence[str]:
    shown = [line if len(line) <= 1000 else f"{line[:1000]}…" for line in lines[:cap]]
    if len(lines) > cap:
        shown.append(f"  … and {count(len(lines) - cap, 'more line')}")
    return shown


def _cut(text: str, limit: int) -> str:
    """Cut between two parts, so that nothing stays open."""
    end = text.rfind("\n</details>\n", 0, limit)
    if end >= 0:
        return text[: end + len("\n</details>")]
    end = text.rfind("\n- ", 0, limit)
    return text[: end if end > 0 else limit]
