"""Shell steps → whether they stop before they deploy, where a file isn't there or isn't right.

Not a full parser of bash: it looks for a decision (`if`, `case`, `&&`, `||`, or any command under
`set -e`) that names the file, or a variable made of it, and that leads to an exit or to the deploy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from enum import Enum

from cfl_jobs.check.shell_variables import expanding_text

_DEPLOYS = re.compile(
    r"""(?:^|[;&|({]|\b(?:then|do|else|exec|sudo|time|env)\s)\s*(?:\w+=\S*\s+)*
        (?: (?:(?:ba|da|z|k)?sh|source|\.|python\d?)\s+(?:-\w+\s+)*["']?(?:[\w.${}-]*/)*
          | ["']?(?:[\w.${}-]*/)+ | (?:make|fab|npm\s+run|yarn|rake)\s+ )
        deploy(?:[_-][\w-]*)?(?:\.\w+)?(?![\w/-])""",
    re.VERBOSE | re.MULTILINE,
)
_FUNCTION = re.compile(
    r"^[ \t]*(?:function[ \t]+)?(?P<name>\w+)[ \t]*\(\)[ \t]*\{"
    r"(?P<body>[^\n]*\}[ \t]*$|.*?^[ \t]*\}[ \t]*$)",
    re.MULTILINE | re.DOTALL,
)
_ERREXIT = re.compile(r"\bset\s+(?:-\w+\s+)*-(?:\w*e|o\s+errexit)")
_OPENS = re.compile(r"^(?:(?:then|do|else|[{(!])\s*)*(?:if|elif|while|until|case|for)\b|[{(]$")
_GOES_ON = re.compile(r"elif\b")
_CLOSES = re.compile(r"(?:fi|done|esac)\b|[})]")
_DECIDES_NOTHING = re.compile(
    r"(?:(?:then|do|else|\{|\()\s+)*"
    r"(?:!|echo|printf|rm|:|true|mkdir|touch|export|local|declare|readonly|unset|set|trap|tee)(?:\s|$)"
)
_TESTS = re.compile(r"(?:(?:then|do|else)\s+)*(?:test|\[+|grep|cmp|diff|sha\d+sum|\S*/\S+)\s")


class Guard(Enum):
    """What a script does, whichever comes first."""

    STOPS = "stops where the file isn't right"
    DEPLOYS = "deploys"
    NEITHER = "neither"


def deploys(script: str) -> bool:
    """Tell whether a script runs a program that is called deploy."""
    return _DEPLOYS.search(expanding_text(script)) is not None


def find_guard(script: str, files: Collection[str]) -> Guard:
    """Return what a step does first: look at one of the files and stop, or deploy."""
    first, _, rest = script.partition("\n")
    if first.startswith("#!") and not re.search(r"sh\b", first):
        return Guard.STOPS if any(file in script for file in files) else Guard.NEITHER
    text = expanding_text(script.replace("\\\n", "  "))
    stops_by_itself = not first.startswith("#!") or re.search(r"\s-\w*e", first) is not None
    return _Reader(text, files, errexit=stops_by_itself or _ERREXIT.search(rest) is not None).read()


class _Reader:
    def __init__(self, text: str, files: Iterable[str], *, errexit: bool) -> None:
        self._words = [re.escape(file) for file in files]
        self._errexit = errexit
        self._stops = [r"\bexit\b", r"\breturn\s+[1-9]"]
        self._deploying: list[str] = []
        self._guards: list[str] = []
        functions = {found["name"]: found["body"] for found in _FUNCTION.finditer(text)}
        self._text = _FUNCTION.sub("", text)
        for name, body in functions.items():
            kind = _Reader(body, files, errexit=errexit).read()
            if kind is Guard.STOPS:
                self._guards.append(rf"\b{name}\b")
            elif kind is Guard.DEPLOYS:
                self._deploying.append(rf"^\W*{name}\b")
            elif re.search(r"\bexit\b", body):
                self._stops.append(rf"\b{name}\b")

    def read(self) -> Guard:
        blocks: list[tuple[bool, list[str]]] = []  # whether the file decides, and what is inside
        for statement in _statements(self._text):
            if _CLOSES.match(statement) and blocks:
                decides, inside = blocks.pop()
                if decides and any(map(self._ends_or_deploys, inside)):
                    return Guard.STOPS
                if not blocks and any(map(self._deploys, inside)):
                    return Guard.DEPLOYS
                continue
            opens = _OPENS.search(statement) is not None
            if not opens and self._decides(statement, is_inner=bool(blocks)):
                return Guard.STOPS
            if not opens and not blocks and self._deploys(statement):
                return Guard.DEPLOYS
            if _GOES_ON.match(statement) and blocks:
                decides, inside = blocks.pop()
                blocks.append((decides or self._names(statement), inside))
            elif opens:
                blocks.append((self._names(statement), []))
            for _, inside in blocks:
                inside.append(statement)
            self._follow(statement)
        return Guard.NEITHER

    def _names(self, statement: str) -> bool:
        return any(re.search(word, statement) for word in self._words)

    def _deploys(self, statement: str) -> bool:
        own = any(re.search(name, statement) for name in self._deploying)
        return own or _DEPLOYS.search(statement) is not None

    def _ends_or_deploys(self, statement: str) -> bool:
        return self._deploys(statement) or any(re.search(s, statement) for s in self._stops)

    def _decides(self, statement: str, *, is_inner: bool) -> bool:
        """Tell whether a lone statement stops the script where the file isn't right.

        Inside of a block, a command that only shows the file isn't meant to.
        """
        if any(re.search(name, statement) for name in self._guards):
            return True
        if not self._names(statement):
            return False
        if re.search(r"&&|\|\|", statement):
            return self._ends_or_deploys(statement)
        decides = _TESTS.match(statement) if is_inner else not _DECIDES_NOTHING.match(statement)
        return self._errexit and "|" not in statement and bool(decides)

    def _follow(self, statement: str) -> None:
        """Take what is made of the file for the file."""
        if self._names(statement):
            made = re.match(r"\W*(?:\w+\s+)*?(\w+)=", statement)
            read = re.search(r"\b(?:read|mapfile|readarray)\s+(?:-\w+\s+)*(\w+)", statement)
            self._words += [rf"\$\{{?{found[1]}\b" for found in (made, read) if found]


def _statements(text: str) -> Iterator[str]:
    """Yield the statements of a script; those that `&&` or `||` join, or brackets, are one."""
    joined = re.sub(r"(&&|\|\|)[ \t]*\n|\n[ \t]*(?=&&|\|\|)", r"\1 ", text)
    joined = re.sub(r"[{(][^{}()\n]*[})]", lambda group: group[0].replace(";", "\0"), joined)
    for part in re.split(r"[\n;]", joined):
        if part.strip():
            yield part.strip()
