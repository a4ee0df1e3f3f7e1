"""Plan or review → Markdown, made to be read as a comment on a pull request.

Everything that a server or a revision holds is data to it: no text of a definition can end a code
fence, make a link, mention a person or become HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cfl_jobs.errors import bracket
from cfl_jobs.planning.visible import escape, fence, guard
from cfl_jobs.review.outline import Entry, count_actions, cut_lines, list_entries, summarise
from cfl_jobs.review.review import Review
from cfl_jobs.target import name_command

# What a comment on GitHub may have; some is left for what a workflow puts around it.
LIMIT = 65_000
MARK = "<!-- cfl-jobs review -->"
_CAPS = (400, 120, 40, 12, 4, 0)  # lines of one difference
_SIGNS = {"high": "🔴 ", "medium": "🟠 ", "low": "🟢 ", "none": ""}
_FOLDED = 12


def write_markdown(review: Review, *, verbose: bool = False, limit: int = LIMIT) -> str:
    """Return it as Markdown; unless `verbose`, with shorter parts than are longer than `limit`."""
    caps: tuple[int | None, ...] = (_CAPS, (None,))[verbose]
    for cap in caps:
        text = "\n".join(_lines(review, cap, verbose=verbose)) + "\n"
        if verbose or len(text) <= limit:
            return text
    command = name_command("plan -v", review.plan.target)
    if review.revisions:
        base, head = review.revisions
        command = name_command(f"review {base.commit[:10]} {head.commit[:10] or '--worktree'}")
    note = f"\n\n… and more: `{command}` shows all of it.\n"
    return _cut(text, limit - len(note)) + note


def _lines(review: Review, cap: int | None, *, verbose: bool) -> Iterator[str]:
    plan = review.plan
    if review.revisions:
        yield MARK
    if review.risk.text:
        yield from (f"### {_SIGNS[review.risk.word]}{escape(str(review.risk))}", "")
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
            yield f"- {_SIGNS[effect.weight.word]}{escape(effect.shown(verbose=verbose))}"
    if review.problems:
        yield from ("", f"**{review.problems_title}**", "")
        yield from _fence_texts([f"{p.title}\n{p.finding}" for p in review.problems], cap)
    entries = list_entries(review, verbose=verbose, most=cap)
    if review.revisions and plan.changes:
        yield from ("", "**What changes on the server**")
    yield ""
    for entry in entries:
        yield from _entry(entry)


def _fence_texts(texts: Sequence[str], cap: int | None) -> Iterator[str]:
    lines = "\n\n".join(texts).split("\n")
    most = None if cap is None else max(cap, 4)
    yield from fence(list(map(_shorten, cut_lines(lines, most))))


def _entry(entry: Entry) -> Iterator[str]:
    about = bracket(entry.about)
    if not entry.parts:
        yield from (f"- {escape(line + about)}" for line in entry.lines)
        return
    most = _FOLDED * (entry.action not in ("create", "delete"))
    state = " open" * entry.is_open(most)
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
    return line if len(line) <= 1000 else f"{line[:1000]}…"


def _cut(text: str, limit: int) -> str:
    """Cut between two parts, so that nothing stays open."""
    end = text.rfind("\n</details>\n", 0, limit)
    if end >= 0:
        return text[: end + len("\n</details>")]
    end = text.rfind("\n- ", 0, limit)
    return text[: limit if end < 0 else end]
