"""What options want: kinds of values, and tables of options where jenkins-job-builder is silent."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cfl_jobs.configs.references import LabelError, parse_labels
from cfl_jobs.errors import suggest
from cfl_jobs.reading.tracking import listed
from cfl_jobs.rendering.cron import find_cron_mistakes, has_schedule

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a value makes no sense: "'maybe' is not true or false", and what to do.

    `path` leads from what was looked at to the part of it that is wrong: ("triggers", 0, "timed").
    """

    message: str
    advice: str = ""
    path: Path = ()


# Given a value, returns why it makes no sense.
Expectation = Callable[[Any], tuple[Reason, ...]]

TRUTH = {"true": True, "false": False}
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
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def _want(fits: Callable[[Any], object], message: str, advice: str) -> Expectation:
    """Want a value that fits; in the message {} stands for it."""
    return lambda it: () if fits(it) else (Reason(message.format(show(it)), advice),)


def _in_turn(*expectations: Expectation) -> Expectation:
    """Want all of these; the first that isn't met says why."""
    return lambda value: next(filter(None, (expect(value) for expect in expectations)), ())


def or_nothing(expectation: Expectation, nothing: Collection[object] = (None,)) -> Expectation:
    """Want that, or nothing at all."""
    return lambda value: () if value in nothing else expectation(value)


def at(path: Path, reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return what is wrong with a value that stands at a path."""
    return tuple(Reason(it.message, it.advice, (*path, *it.path)) for it in reasons)


def items_of(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return the keys and values of a mapping, the indexes and entries of a list."""
    return value.items() if isinstance(value, dict) else enumerate(listed(value))


def _each(expectation: Expectation) -> Expectation:
    """Want that of each value in a list or mapping."""
    return lambda value: tuple(
        reason for key, item in items_of(value) for reason in at((key,), expectation(item))
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return bool(_VARIABLE.search(value) or _NUMBER.fullmatch(value.strip()))
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_truth(value: object) -> bool:
    """Tell whether a value is a flag; its text is as good where jenkins-job-builder writes it."""
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in TRUTH)


def whole_number(*, least: int = -(2**31), variable: bool = False) -> Expectation:
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
        plain = digits.lstrip("0") or "0"
        if digits != plain:
            message = f"Jenkins takes {show(value)} for an octal number"
            return (Reason(message, f"Write {plain}."),)
        size = int(str(value)[:13])
        if not -(2**31) <= size < 2**31:
            advice = "It ends at 2147483647."
            return (Reason(f"{show(value)} is out of Jenkins' range", advice),)
        if size < least:
            return (Reason(f"{show(value)} is below {least}", f"Write {least} or more."),)
        return ()

    return check


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

    def check(value: str) -> tuple[Reason, ...]:
        if not never_is_fine and not has_schedule(value):
            return (Reason("there is no schedule, so it never runs", "Write one, or remove it."),)
        several = "\n" in value
        return tuple(
            Reason(f"line {found.line}: " * several + found.message, found.advice)
            for found in find_cron_mistakes(value)
        )

    return _in_turn(_want(_is_text, "{} is not a schedule", "Write it as '@daily' or so."), check)


def _find_wrong_label(value: str) -> tuple[Reason, ...]:
    try:
        parse_labels(value)
    except LabelError as error:
        advice = "Join labels with && or ||, negate with !, put names with spaces in double quotes."
        return (Reason(str(error), advice),)
    return ()


def _find_wrong_addresses(value: str) -> tuple[Reason, ...]:
    bare = re.sub(r"[^,;<>]*<([^<>]*)>", r"\1 ", value) * ("$" not in value)
    return tuple(
        Reason(f"{part!r} is no mail address", "Write name@host, separated by blanks.")
        for part in re.split(r"[\s,;]+", bare)
        if part and not _ADDRESS.fullmatch(part)
    )


def url(value: object) -> tuple[Reason, ...]:
    """Want a URL, if it looks like one: a scheme that exists, a host, no blanks."""
    found = _SCHEME.match(str(value))
    if found is None or "$" in str(value):
        return ()
    scheme = found[1].lower()
    if scheme not in _SCHEMES and (near := suggest(scheme, _SCHEMES)):
        return (Reason(f"{show(value)} is no URL: there is no {found[1]}://", near),)
    if re.search(r"\s", str(value).strip()) or (not found[2] and scheme not in ("file", "unix")):
        return (Reason(f"{show(value)} is no URL", "Write it as https://host/path, no blanks."),)
    return ()


def _find_wrong_lines(value: str) -> tuple[Reason, ...]:
    lines = [line.strip() for line in re.sub(r"\\\r?\n", "", value).splitlines()]
    return tuple(
        Reason(f"the line {show(line)} sets nothing", "Write NAME=value, one a line.")
        for line in lines
        if line and not line.startswith(("#", "!")) and not re.search(r"[=:]", line)
    )


boolean = _want(_is_truth, "{} is not true or false", "Write true or false.")
number = _want(_is_number, "{} is not a number", "Write a number.")
is_list = _want(
    lambda value: isinstance(value, list),
    "{} is not a list",
    "Write a list, each entry after '- '.",
)
# Numbers are no text: jenkins-job-builder breaks on them.
_text = _want(_is_text, "{} is not text", "Put it in quotes.")
_scalar = _want(
    lambda value: isinstance(value, (str, int, float)),
    "{} is not a text or a number",
    "Write one value.",
)
_filled_text = _in_turn(
    _want(
        lambda it: not _is_text(it) or it.strip(),
        "the text is empty",
        "Write it, or leave the whole thing out.",
    ),
    _text,
)
texts = _in_turn(
    is_list, _want(bool, "the list is empty", "Write at least one entry."), _each(_text)
)
_booleans = _in_turn(
    _want(lambda it: isinstance(it, dict), "{} is not a mapping", "Write NAME: true, one a line."),
    _each(boolean),
)
# How many builds, or how many days, are kept: -1 for all.
_kept = _in_turn(
    whole_number(),
    _want(
        lambda value: int(value) == -1 or 1 <= int(value) <= _LONGEST,
        "{} makes no sense here",
        "Write 1 or more, or -1 for all.",
    ),
)
# `linux && !(windows || "big machine")`; nothing means any node. Jenkins takes what it can't parse
# for one label's name; a job then waits for a node for ever.
_labels = or_nothing(_in_turn(_filled_text, _find_wrong_label), nothing=(None, ""))
# Mail addresses separated by blanks or commas, or variables that Jenkins expands.
_addresses = _in_turn(_text, _find_wrong_addresses)
# The name of an environment variable.
_variable = _in_turn(
    _filled_text,
    _want(lambda it: not re.search(r"[\s=$]", it), "{} is no variable's name", "Write it as NAME."),
)
# Where git finds a repository: a URL, host:path or a path that begins with /.
_repository = _in_turn(
    _filled_text,
    url,
    _want(
        lambda it: "$" in it or (_REPOSITORY.match(it) and it.count("://") < 2),
        "{} is no URL of a repository",
        "Write it as https://host/path.",
    ),
)
# Lines `NAME=value`, as Parameterized Trigger's predefined parameters are.
_assignments = _in_turn(_text, _find_wrong_lines)


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Options with a default of false or 0, or documented as such, that also take something else.
TAKES_MORE = _words(
    """after before block-thresholds classes conditional content file-path files line log-text
    method packages predefined-parameters priority property-file retry suppress-scm-triggering
    trigger-script write-description"""
)
# Options without a default and a documented type that are whole numbers, by component.
WHOLE_NUMBERS: Mapping[tuple[str, str], frozenset[str]] = {
    ("builder", "grails"): _words("server-port"),
    ("publisher", "cloverphp"): _words("method statement"),
    ("wrapper", "xvfb"): _words("display-name"),
}
# Options with a list for a default that also take one text, or a mapping.
TAKES_ONE = _words("class-path job-filters refspecs")

JOB_OPTIONS: Mapping[str, Expectation] = {
    "disabled": or_nothing(boolean),
    "concurrent": boolean,
    "block-upstream": boolean,
    "block-downstream": boolean,
    "quiet-period": whole_number(least=0),
    "retry-count": whole_number(least=0),
    "node": _labels,
    "description": or_nothing(_text),
    "display-name": _filled_text,
    "auth-token": or_nothing(_filled_text),
    "jdk": or_nothing(_text),
    "workspace": _filled_text,
}
# What a list view can show: jenkins_jobs.modules.view_list.
COLUMNS = _words(
    """status weather job last-success last-failure last-duration build-button last-stable
    robot-list find-bugs jacoco git-branch favorite schedule-build priority-sorter build-filter
    desc policy-violations member-graph-view built-on extra-tests-total extra-tests-failed
    extra-tests-passed extra-tests-skipped extra-tests-format-0 extra-tests-format-1
    extra-build-description extra-build-parameters extra-last-user-name extra-last-output
    extra-workspace-link extra-configure-button"""
)
# hudson.plugins.parameterizedtrigger.ResultCondition (parameterized-trigger 787)
_CONDITIONS = (
    "SUCCESS", "UNSTABLE", "UNSTABLE_OR_BETTER", "UNSTABLE_OR_WORSE", "FAILED", "FAILED_OR_BETTER",
    "ALWAYS",
)  # fmt: skip
_TIMEOUT_TYPES = ("absolute", "no-activity", "likely-stuck", "elastic", "deadline")
KEPT = dict.fromkeys(
    ("days-to-keep", "num-to-keep", "artifact-days-to-keep", "artifact-num-to-keep"), _kept
)
_PARAMETERS: Mapping[str, Expectation] = {
    "boolean-parameters": _booleans,
    "predefined-parameters": _assignments,
    "current-parameters": boolean,
    "svn-revision": boolean,
}
ANY = "*"

# (component type, name, or * for all) → option → what it wants; the option "" is the whole value,
# and "each" stands before options of a component that is a list.
COMPONENT_OPTIONS: Mapping[tuple[str, str], Mapping[str, Expectation]] = {
    ("trigger", "timed"): {"": cron(never_is_fine=False)},
    ("trigger", "pollscm"): {"": cron(never_is_fine=True)},
    ("trigger", "parameterized-timer"): {
        "cron": lambda value: ()
    },  # "@daily % NAME=value" is its own
    ("trigger", ANY): {"cron": cron(never_is_fine=True)},
    ("wrapper", "timeout"): {"type": one_of(_TIMEOUT_TYPES), "write-description": _text},
    ("wrapper", "credentials-binding"): dict.fromkeys(
        _words(
            "key-file-variable password passphrase-variable username username-variable variable"
        ),
        _variable,
    ),
    ("property", "build-discarder"): KEPT,
    ("parameter", ANY): {"name": _filled_text, "description": _text},
    ("parameter", "string"): {"default": _scalar},
    ("parameter", "text"): {"default": _scalar},
    ("parameter", "password"): {"default": _scalar},
    ("parameter", "choice"): {"choices": texts},
    ("publisher", "archive"): {"artifacts": _filled_text},
    ("publisher", "junit"): {"results": _filled_text},
    ("publisher", "email"): {"recipients": _addresses},
    ("publisher", "email-ext"): {
        **dict.fromkeys(("aborted", "failure", "not-built", "success", "unstable"), boolean),
        "recipients": _addresses,
    },
    ("scm", "git"): {"url": _repository},
    ("publisher", "trigger"): {"project": _filled_text},
    ("publisher", "pipeline"): {"boolean-parameters": _booleans},
    ("publisher", "trigger-parameterized-builds"): {
        **_PARAMETERS,
        "condition": one_of(_CONDITIONS),
    },
    ("builder", "trigger-builds"): {**_PARAMETERS, "block": boolean, "same-node": boolean},
    ("builder", "copyartifact"): {"project": _filled_text},
    ("builder", "shell"): {"": _scalar},
}
# By the key of a list of components, which type they are.
COMPONENT_LISTS = {
    "scm": "scm",
    "triggers": "trigger",
    "wrappers": "wrapper",
    "properties": "property",
    "parameters": "parameter",
    "publishers": "publisher",
    "reporters": "reporter",
    "action": "publisher",
    **dict.fromkeys(
        ("builders", "steps", "on-evaluation-fail", "prebuilders", "postbuilders"), "builder"
    ),
}
