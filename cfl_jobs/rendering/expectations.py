"""One plain value → what is wrong with it: the kinds of value that job options want."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from cfl_jobs.configs.labels import LabelError, parse_labels
from cfl_jobs.errors import suggest
from cfl_jobs.rendering.cron import find_cron_mistakes, has_schedule


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a value makes no sense: "'maybe' is not true or false", and what to do.

    `inside` leads from the value to the part of it that is wrong.
    """

    message: str
    advice: str = ""
    inside: tuple[str | int, ...] = ()


Expectation = Callable[[object], tuple[Reason, ...]]

_LONGEST = 36500
_ADDRESS = re.compile(
    r"(b?cc:)?[^@\s]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|upstream-individuals:.+"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/\s]?)")
_SCHEMES = (
    *("amqp", "file", "ftp", "ftps", "git", "gs", "hdfs", "http", "https", "ldap", "ldaps", "lp"),
    *("mqtt", "s3", "sftp", "smb", "ssh", "svn", "tcp", "udp", "unix", "ws", "wss"),
)
_REPOSITORY = re.compile(r"\w[\w+.-]*://|([\w.-]+@)?[\w.-]+:\S|[/~.\\]")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)")
# What the Environment, Token Macro and build-timeout plugins expand: $NAME, ${NAME}, ${MACRO, x=1}
_VARIABLE = re.compile(r"\$(\w+|\{[^{}]+\})")


def show(value: object) -> str:
    """Return a value as its YAML reads, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def boolean(value: object) -> tuple[Reason, ...]:
    """Want true or false; their text is as good where jenkins-job-builder writes it."""
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false")):
        return ()
    return (Reason(f"{show(value)} is not true or false", "Write true or false."),)


def booleans(value: object) -> tuple[Reason, ...]:
    """Want a mapping of names to true or false."""
    if not isinstance(value, dict):
        return (Reason(f"{show(value)} is not a mapping", "Write NAME: true, one a line."),)
    return tuple(
        Reason(reason.message, reason.advice, (key,))
        for key, item in value.items()
        for reason in boolean(item)
    )


def boolean_or_nothing(value: object) -> tuple[Reason, ...]:
    """Want true, false or nothing, which leaves it to Jenkins."""
    return () if value is None else boolean(value)


def whole_number(*, least: int | None = None, variable: bool = False) -> Expectation:
    """Want an integer or its text, not below `least`; or a variable that Jenkins expands.

    Jenkins takes 010 as 8, 08 and ' 5' as no number, and 4294967295 as -1 (XStream 1.4.21,
    Long.decode).
    """

    def check(value: object) -> tuple[Reason, ...]:
        if isinstance(value, str) and variable and _VARIABLE.search(value):
            return ()
        is_text = isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value)
        if isinstance(value, bool) or not (isinstance(value, int) or is_text):
            return (Reason(f"{show(value)} is not a whole number", "Write a number."),)
        digits = str(value).lstrip("+-")
        if digits != (digits.lstrip("0") or "0"):
            advice = f"Write {digits.lstrip('0') or 0}."
            return (Reason(f"Jenkins takes {show(value)} for an octal number", advice),)
        size = int(digits[:12]) * (-1 if str(value).startswith("-") else 1)
        if not -(2**31) <= size < 2**31:
            return (Reason(f"{show(value)} is out of Jenkins' range", "It ends at 2147483647."),)
        if least is not None and size < least:
            return (Reason(f"{show(value)} is below {least}", f"Write {least} or more."),)
        return ()

    return check


def kept(value: object) -> tuple[Reason, ...]:
    """Want how many builds, or how many days, are kept: -1 for all."""
    if reasons := whole_number()(value):
        return reasons
    if int(str(value)) != -1 and not 1 <= int(str(value)) <= _LONGEST:
        return (Reason(f"{show(value)} makes no sense here", "Write 1 or more, or -1 for all."),)
    return ()


def number(value: object) -> tuple[Reason, ...]:
    """Want a number, its text, or a variable that Jenkins expands."""
    if isinstance(value, str) and (_VARIABLE.search(value) or _NUMBER.fullmatch(value.strip())):
        return ()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ()
    return (Reason(f"{show(value)} is not a number", "Write a number."),)


def text(value: object) -> tuple[Reason, ...]:
    """Want text, which may be empty. Numbers are no text: jenkins-job-builder breaks on them."""
    if isinstance(value, str):
        return ()
    return (Reason(f"{show(value)} is not text", "Put it in quotes."),)


def text_or_nothing(value: object) -> tuple[Reason, ...]:
    """Want text or nothing."""
    return () if value is None else text(value)


def scalar(value: object) -> tuple[Reason, ...]:
    """Want one value, not a list, a mapping or nothing."""
    if isinstance(value, (str, int, float)):
        return ()
    return (Reason(f"{show(value)} is not a text or a number", "Write one value."),)


def filled_text(value: object) -> tuple[Reason, ...]:
    """Want text that says something."""
    if isinstance(value, str) and not value.strip():
        return (Reason("the text is empty", "Write it, or leave the whole thing out."),)
    return text(value)


def filled_text_or_nothing(value: object) -> tuple[Reason, ...]:
    """Want text that says something, or nothing at all."""
    return () if value is None else filled_text(value)


def texts(value: object) -> tuple[Reason, ...]:
    """Want a list of one or more texts."""
    if not isinstance(value, list):
        return (Reason(f"{show(value)} is not a list", "Write a list, each entry after '- '."),)
    if not value:
        return (Reason("the list is empty", "Write at least one entry."),)
    return tuple(
        Reason(reason.message, reason.advice, (index,))
        for index, entry in enumerate(value)
        for reason in text(entry)
    )


def one_of(choices: Collection[str]) -> Expectation:
    """Want one of a few words, spelt exactly."""

    def check(value: object) -> tuple[Reason, ...]:
        if isinstance(value, str) and value in choices:
            return ()
        near = suggest(value, choices) or suggest(str(value).upper(), choices)
        known = f"It can be {', '.join(sorted(choices))}."
        return (Reason(f"{show(value)} is not among the choices", near or known),)

    return check


def cron(*, never_is_fine: bool) -> Expectation:
    """Want a schedule in Jenkins' cron syntax; none at all if `never_is_fine`."""

    def check(value: object) -> tuple[Reason, ...]:
        if not isinstance(value, str):
            return (Reason(f"{show(value)} is not a schedule", "Write it as '@daily' or so."),)
        if not never_is_fine and not has_schedule(value):
            return (Reason("there is no schedule, so it never runs", "Write one, or remove it."),)
        return tuple(
            Reason(f"line {mistake.line}: {mistake.message}" if "\n" in value else mistake.message,
                   mistake.advice)
            for mistake in find_cron_mistakes(value)
        )  # fmt: skip

    return check


def label_expression(value: object) -> tuple[Reason, ...]:
    """Want a label or an expression of labels: `linux && !(windows || "big machine")`.

    Nothing means any node. Jenkins takes what it can't parse for one label's name; a job then
    waits for a node for ever.
    """
    if value is None or value == "":
        return ()
    if reasons := filled_text(value):
        return reasons
    try:
        parse_labels(str(value))
    except LabelError as error:
        advice = "Join labels with && or ||, negate with !, put names with spaces in double quotes."
        return (Reason(str(error), advice),)
    return ()


def addresses(value: object) -> tuple[Reason, ...]:
    """Want mail addresses separated by blanks or commas, or variables that Jenkins expands."""
    if reasons := text(value):
        return reasons
    if "$" in str(value):
        return ()
    bare = re.sub(r"[^,;<>]*<([^<>]*)>", r"\1 ", str(value))
    return tuple(
        Reason(f"{part!r} is no mail address", "Write name@host, separated by blanks.")
        for part in re.split(r"[\s,;]+", bare)
        if part and not _ADDRESS.fullmatch(part)
    )


def url(value: object) -> tuple[Reason, ...]:
    """Want a URL, if it looks like one: a scheme that exists, a host, no blanks."""
    found = _SCHEME.match(value) if isinstance(value, str) else None
    if found is None or "$" in str(value):
        return ()
    scheme = found[1].lower()
    if scheme not in _SCHEMES and (near := suggest(scheme, _SCHEMES)):
        return (Reason(f"{show(value)} is no URL: there is no {found[1]}://", near),)
    if re.search(r"\s", str(value).strip()) or (not found[2] and scheme not in ("file", "unix")):
        return (Reason(f"{show(value)} is no URL", "Write it as https://host/path, no blanks."),)
    return ()


def variable(value: object) -> tuple[Reason, ...]:
    """Want the name of an environment variable."""
    if reasons := filled_text(value):
        return reasons
    if re.search(r"[\s=$]", str(value)):
        return (Reason(f"{show(value)} is no variable's name", "Write it as NAME."),)
    return ()


def repository(value: object) -> tuple[Reason, ...]:
    """Want where git finds a repository: a URL, host:path or a path that begins with /."""
    if reasons := filled_text(value) or url(value):
        return reasons
    place = str(value)
    if "$" in place or (_REPOSITORY.match(place) and place.count("://") < 2):
        return ()
    return (Reason(f"{show(value)} is no URL of a repository", "Write it as https://host/path."),)


def assignments(value: object) -> tuple[Reason, ...]:
    """Want lines `NAME=value`, as Parameterized Trigger's predefined parameters are."""
    if reasons := text(value):
        return reasons
    assert isinstance(value, str)
    lines = [line.strip() for line in re.sub(r"\\\r?\n", "", value).splitlines()]
    return tuple(
        Reason(f"the line {show(line)} sets nothing", "Write NAME=value, one a line.")
        for line in lines
        if line and not line.startswith(("#", "!")) and not re.search(r"[=:]", line)
    )
