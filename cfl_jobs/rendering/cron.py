"""Cron text → mistakes in it: what Jenkins would refuse, never run, or warn about.

The grammar is Jenkins' own, not crontab(5): CrontabLexer.g4, CrontabParser.g4 and BaseParser in
hudson.scheduler (2.440). Five fields of lists of `7`, `1-5`, `1-5/2`, `*`, `*/2`, `H`, `H/2`,
`H(1-5)`, `H(1-5)/2`; or `@daily` and its kind. It takes no names of months or days. Parsers of
crontab (cronsim, croniter) take much that it refuses, and don't say which part of a field is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cfl_jobs.errors import CflJobsError, count, suggest


@dataclass(frozen=True, slots=True)
class CronMistake:
    """What is wrong in cron text. `line` counts from 1 in that text."""

    line: int
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    # H alone stays within this: no 29th to 31st, and Sunday only once
    highest_hash: int


_FIELDS = (
    _Field("minute", 0, 59, 59),
    _Field("hour", 0, 23, 23),
    _Field("day of month", 1, 31, 28),
    _Field("month", 1, 12, 12),
    _Field("day of week", 0, 7, 6),
)
_ALIASES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBERS = dict(zip((*_MONTHS, *_DAYS), (*range(1, 13), *range(7)), strict=True))
_ORDER = "minute hour day-of-month month day-of-week"

_NOT_IN_JAVA = frozenset({"Factory", "GMT+0", "GMT-0", "ROC"})
_ONLY_IN_JAVA = frozenset(
    (
        *("ACT", "AET", "AGT", "ART", "AST", "BET", "BST", "CAT", "CNT", "CST", "CTT", "EAT"),
        *("ECT", "IET", "IST", "JST", "MIT", "NET", "NST", "PLT", "PNT", "PRT", "PST", "SST"),
        *("VST", "SystemV/AST4", "SystemV/AST4ADT", "SystemV/CST6", "SystemV/CST6CDT"),
        *("SystemV/EST5", "SystemV/EST5EDT", "SystemV/HST10", "SystemV/MST7", "SystemV/MST7MDT"),
        *("SystemV/PST8", "SystemV/PST8PDT", "SystemV/YST9", "SystemV/YST9YDT"),
    )
)

_ODD_TERMS = (
    (r"^$", "A comma stands where it separates nothing."),
    (r"^\*\*$", "There must be a space between '*' and '*'."),
    ("h", "The H must be a capital."),
    ("[?LW#]", "That is another cron's; use '*' or numbers."),
)
_WORD = re.compile(r"[^ \t]+")
_TERM = re.compile(
    r"""(?P<single>[0-9]+)
      | (\* | (?P<low>[0-9]+) - (?P<high>[0-9]+)
           | (?P<hash>H) (\( (?P<least>[0-9]+) - (?P<most>[0-9]+) \))?) (/ (?P<step>[0-9]+))?""",
    re.VERBOSE,
)


def find_cron_mistakes(spec: str) -> tuple[CronMistake, ...]:
    """Return what makes Jenkins refuse `spec`, and lines that name only days that don't exist.

    Text without a schedule (empty, or only comments) is not a mistake here.
    """
    return tuple(
        CronMistake(number, message, advice)
        for number, line in _split_lines(spec)
        for message, advice in _check_line(number, line)
    )


def find_cron_warnings(spec: str) -> tuple[CronMistake, ...]:
    """Return what may be meant otherwise in a `spec` without mistakes.

    What Jenkins' configuration page warns about: every minute of an hour, and fixed minutes where H
    would spread the load. And both fields of days, which Jenkins takes otherwise than crontab.
    """
    if find_cron_mistakes(spec):
        return ()
    return tuple(
        CronMistake(number, f"{line!r} {message}", advice)
        for number, line in _split_lines(spec)
        if not line.startswith(("TZ=", "@"))
        for message, advice in _find_doubts(line)
    )


def _find_doubts(line: str) -> Iterator[tuple[str, str]]:
    minute, hour, day, month, weekday = fields = _WORD.findall(line)
    rest = " ".join(fields[1:])
    if _limits(day, _FIELDS[2]) and _limits(weekday, _FIELDS[4]):
        yield (
            "runs on days that match both day fields, where crontab takes either",
            f"For either, write two lines: '{minute} {hour} {day} {month} *' and "
            f"'{minute} {hour} * {month} {weekday}'. For both, silence this and say so.",
        )
    if not _limits(minute, _FIELDS[0]):
        yield "runs every minute of each hour that matches", f"Once an hour is 'H {rest}'."
    elif (spread := _spread(minute)) and "H" not in line:
        yield (
            "starts at a fixed minute, together with other jobs",
            f"'{spread} {rest}' spreads the load.",
        )


def has_schedule(spec: str) -> bool:
    """Return whether any line of `spec` is a schedule, right or wrong."""
    return any(not line.startswith("TZ=") for _, line in _split_lines(spec))


def _split_lines(spec: str) -> Iterator[tuple[int, str]]:
    for number, text in enumerate(re.split(r"\r?\n", spec), start=1):
        # Java's String.trim(): everything up to the space
        line = text.strip("".join(map(chr, range(33))))
        if line and not line.startswith("#"):
            yield number, line


def _check_line(number: int, line: str) -> Iterator[tuple[str, str]]:
    zone = line.replace("TZ=", "")
    alias, *rest = _WORD.findall(line)
    if line.startswith("@") and alias not in _ALIASES:
        advice = suggest(alias, _ALIASES) or f"There are {', '.join(_ALIASES)}."
        yield f"Jenkins knows no schedule {alias!r}", advice
    elif line.startswith("@"):
        yield from ((f"{' '.join(rest)!r} after {alias!r}", "Leave it out.") for _ in rest[:1])
    elif not line.startswith("TZ="):
        yield from _check_fields(line)
    elif number > 1:
        yield "TZ= is only taken on the first line", "Move it there."
    elif zone not in time_zones():
        advice = suggest(zone, time_zones()) or "Use a name such as TZ=Europe/London."
        yield f"Jenkins knows no time zone {zone!r}", advice


@cache
def time_zones() -> frozenset[str]:
    """Return the zones that Java has (OpenJDK 17, `TimeZone.getAvailableIDs()`), and newer ones.

    They are tzdata's, and not this machine's, which may be others than the server's.
    """
    from importlib.resources import files  # only few schedules name one

    known = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return (frozenset(known) - _NOT_IN_JAVA) | _ONLY_IN_JAVA


def _check_fields(line: str) -> Iterator[tuple[str, str]]:
    fields = _WORD.findall(line)
    if len(fields) != len(_FIELDS):
        yield f"{line!r} has {count(len(fields), 'field')}, not five", _count_again(line, fields)
        return
    mistakes: list[tuple[str, str]] = []
    possible: list[set[int]] = [set() for _ in fields]
    for text, field, values in zip(fields, _FIELDS, possible, strict=True):
        for term in text.split(","):
            try:
                values |= _read_term(term, field)
            except _Wrong as wrong:
                mistakes.append((wrong.message, wrong.advice))
    yield from mistakes
    _, _, days, months, _ = possible
    if not mistakes and all(min(days) > _LONGEST_MONTH.get(month, 31) for month in months):
        yield f"{line!r} never runs: there is no such day in that month", "Check day and month."


def _count_again(line: str, fields: list[str]) -> str:
    advice = f"The fields are: {_ORDER}."
    if "**" in line:
        return "There must be a space between '*' and '*'."
    if len(fields) == 6:
        return f"{advice} Jenkins' cron has no seconds and no year."
    if re.search(r",[ \t]|[ \t],", line):
        return f"{advice} There is no space around a comma."
    return advice


class _Wrong(CflJobsError):
    """A term that Jenkins doesn't take."""


def _read_term(term: str, field: _Field) -> set[int]:
    """Return all values that `term` may stand for, whatever H will be. Raises _Wrong."""
    found = _TERM.fullmatch(term)
    if not found:
        raise _Wrong(f"{term!r} is no {field.name}", advice=_explain(term, field))
    if found["single"]:
        return _step_range(_number(found["single"]), _number(found["single"]), 1, field)
    low, high = found["low"] or found["least"], found["high"] or found["most"]
    start, end, step = field.lowest, field.highest, _number(found["step"] or "1")
    if low and high:
        start, end = _number(low), _number(high)
    elif found["hash"]:
        end = field.highest_hash
    if not found["hash"]:
        return _step_range(start, end, step, field)
    hashed = _step_range(start, end, 1, field)
    if not 1 <= step <= len(hashed):
        raise _Wrong(
            f"the step {step} in {term!r} is out of range for {field.name}",
            advice=f"It can be 1 to {len(hashed)}.",
        )
    return hashed


def _number(digits: str) -> int:
    """Return the number, or one that is out of every range: int() refuses 5,000 digits."""
    return int(digits.lstrip("0")[:9] or "0")


def _step_range(start: int, end: int, step: int, field: _Field) -> set[int]:
    for value in (start, end):
        if not field.lowest <= value <= field.highest:
            advice = f"It can be {field.lowest} to {field.highest}."
            raise _Wrong(f"{value} is out of range for {field.name}", advice=advice)
    if step < 1:
        raise _Wrong("a step must be at least 1")
    if start > end:
        raise _Wrong(f"the range {start}-{end} runs backwards", advice=f"Write {end}-{start}.")
    return set(range(start, end + 1, step))


def _explain(term: str, field: _Field) -> str:
    lower = term.lower()
    if name := next((name for name in _NUMBERS if name in lower), ""):
        return f"Jenkins takes numbers, not names: {_NUMBERS[name]} is {name.capitalize()}."
    if re.fullmatch(r"[0-9]+/[0-9]+", term):
        start, step = term.split("/")
        return f"A step needs a range: {start}-{field.highest}/{step}."
    usual = f"Use {field.lowest} to {field.highest}, ranges such as 1-3, lists, '*', or H."
    return next((advice for pattern, advice in _ODD_TERMS if re.search(pattern, term)), usual)


def _limits(text: str, field: _Field) -> bool:
    """Tell whether a field leaves anything out: some minute, some day."""
    if "H" in text:
        return True
    values = set[int]().union(*(_read_term(term, field) for term in text.split(",")))
    every = _read_term("*", field)
    if field.highest_hash == 6:  # 0 and 7 are Sunday
        values, every = ({day % 7 for day in days} for days in (values, every))
    return values < every


def _spread(minutes: str) -> str:
    """Return a minute field with H for one that has fixed minutes, or ""."""
    if minutes.startswith("*/"):
        return "H" + minutes[1:]
    if minutes.isdigit():
        return "H"
    values = minutes.split(",")
    if len(values) > 1 and all(map(str.isdigit, values)):
        period = int(values[1])
        if period and [*map(int, values)] == [*range(0, 60, period)]:
            return f"H/{period}"
    return ""
