"""Changes → the lines of text that tell them; the command line's, and watch's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cfl_jobs.check.run import Problem
from cfl_jobs.review.comparison import Action, Comparison, JobChange, Part
from cfl_jobs.review.effect import Weight
from cfl_jobs.review.review import Review

Style = Callable[[str, str], str]
_SHOWN_NAMES = 6
_SHOWN_LINES = 40
_COLOURS = {"+": "green", "-": "red"}


def plain(text: str, _: str) -> str:
    """Colour nothing."""
    return text


def count(number: int, word: str) -> str:
    """Return "1 job" or "3 jobs"."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def headline(change: JobChange) -> str:
    """Return, for example, "create job Deploy to Demo"."""
    what = f"{change.kind.value} {change.name}"
    if change.action is Action.RENAME:
        return f"rename {change.kind.value} {change.old_name} to {change.name}"
    return f"{change.action.value} {what}"


def name_all(names: Sequence[str], *, most: int = _SHOWN_NAMES) -> str:
    """Return "Deploy to Dev, Deploy to Prod and 3 more"."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def remark(part: Part) -> str:
    """Return what to say behind a part's label where its lines don't say it."""
    shown = {line[:1] for line in part.lines}
    if shown - {" "}:
        return ""
    return "" if part.lines else part.change.value


def tell_changes(comparison: Comparison, *, style: Style = plain) -> Iterator[str]:
    """Yield the lines that tell all changes."""
    for change in comparison.having(Action.CREATE):
        yield style(f"+ {headline(change)}", "green") + f"  ({change.position})"
        for part in change.parts:
            yield from _tell(part, style)
    for change in comparison.having(Action.RENAME):
        yield style(f"> {headline(change)}", "yellow")
    for group in comparison.groups:
        first = group.changes[0]
        names = name_all(group.names, most=len(group.names))
        yield style(f"~ change {first.kind.value} {names}", "yellow")
        for part in group.parts:
            yield from _tell(part, style)
    for change in comparison.having(Action.DELETE):
        yield style(f"- {headline(change)}", "red") + "  (update deletes it with --prune only)"


def _tell(part: Part, style: Style) -> Iterator[str]:
    notes = [note for note in (remark(part), str(part.position or "")) if note]
    yield f"    {part.label}" + (f"  ({'; '.join(notes)})" if notes else "")
    lines = part.lines
    if len(lines) > _SHOWN_LINES and {line[:1] for line in lines} in ({"+"}, {"-"}):
        rest = len(lines) - _SHOWN_LINES
        lines = (*lines[:_SHOWN_LINES], f"  … and {count(rest, 'more line')}")
    for line in lines:
        colour = _COLOURS.get(line[:1], "")
        yield "      " + (style(line, colour) if colour else line)


def summarise(comparison: Comparison) -> str:
    """Return, for example, "1 to create, 10 to change"."""
    counts = [(action, len(comparison.having(action))) for action in Action]
    return ", ".join(f"{number} to {action.value}" for action, number in counts if number)


def say_risk(review: Review) -> str:
    """Return the line on top: "Risk: high: changes what Deploy to Prod runs"."""
    risk = review.risk
    if risk.weight is None:
        return risk.text[:1].upper() + risk.text[1:]
    return f"Risk: {risk.weight.word}: {risk.text}"


def say_revisions(review: Review) -> str:
    """Return which revisions are compared."""
    return f"{review.head} compared with {review.base}"


def title_of(problem: Problem) -> str:
    """Return "warning no-time-limit"."""
    return f"{problem.severity.value} {problem.rule}"


def tell_review(review: Review, *, style: Style = plain) -> Iterator[str]:
    """Yield the lines of a whole review."""
    colours = {Weight.HIGH: "red", Weight.MEDIUM: "yellow"}
    weight = review.risk.weight
    yield style(f"{say_risk(review)}.", colours.get(weight, "green") if weight else "")
    yield f"{say_revisions(review)}."
    for name, findings in (("base", review.base_findings), ("head", review.head_findings)):
        if findings:
            yield ""
            yield f"The {name} doesn't render:"
            yield from (f"\n{finding}" for finding in findings)
    if review.effects:
        yield ""
        yield "This change"
        for effect in review.effects:
            yield style(f"  {effect.weight.word:<6}  {effect.text}", colours.get(effect.weight, ""))
    if review.problems:
        yield ""
        yield "What the checks find now, and didn't before:"
        yield from (f"\n{title_of(problem)}\n{problem.finding}" for problem in review.problems)
    if review.comparison.changes:
        yield ""
        yield f"What changes on the server: {summarise(review.comparison)}"
        yield from tell_changes(review.comparison, style=style)
