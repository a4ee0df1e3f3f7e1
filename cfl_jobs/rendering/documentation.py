"""jenkins-job-builder's own documentation and code → what each option of a component wants.

Its modules document an option as `:arg int timeout: …` or as `* **timeout** (`int`) …`, and the
words that it can be as a list below `:timeout values:` or in a sentence: "Can be 'A', 'B' or 'C'".
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

# Of task[matches][operator] it is the last name that is the option's.
_NAME = r"<?([\w*\[\]]+\[)?(?P<name>[\w.-]+)\]?>?"
_ARGUMENT = re.compile(rf":arg (?P<kind>\w+) {_NAME}:")
_BULLET = re.compile(
    r"""(:[\w<>./\ -]+:[ ]*)?\*[ ]+\*\*[ ]*(?P<name>[\w./\ -]*[\w-])(\*\*)?:?[ ]*
        (\([`']*(?P<kind>[a-z]+)[`']*\))?""",
    re.VERBOSE,
)
_LIST = re.compile(rf":{_NAME}[ ]+[Vv]alues?([ ]\(default[^)]*\))?:")
_END = re.compile(r"(\w+ )?[Ee]xamples?\b.*:|\.\. .*")
_WORD = r"""('[^']+'|"[^"]+"|``?[^`]+``?|[\w-]+)([ ]\([^()]*\))?"""
_SENTENCE = re.compile(
    rf"""(([Cc]an[ ]be([ ]one[ ]of)?|[Oo]ne[ ]of|[Ee]ither|
       ([Vv]alid|[Pp]ossible)[ ](values|options|stages)([ ]are)?):?[ ]|\((?='))
       (?P<words>{_WORD}([ ]?(,[ ]?(or|and)[ ]|,|/|\|\||or[ ]|and[ ])[ ]?{_WORD})+)
       [ ]?([.()]|$)""",
    re.VERBOSE,
)
_CHOICE = re.compile(_WORD, re.VERBOSE)
_QUOTED = re.compile(r"""['"`]([\w-]+)['"`]""")
# What it calls text and describes as a number: the plugin's field is text that it parses.
_NUMBER = re.compile(
    r"""\W*((Total|New)[ ]number\b|Number[ ]of[ ]seconds\b|(Unh|H)ealthy[ ]threshold\b
       |Configure[ ]the[ ](upper|lower)[ ]thresholds\b|Timeout[ ].*[ ]in[ ]minutes\b)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Documented:
    """What an option wants.

    `kind` is "int", "bool", "str" …, "" where it isn't said or said twice; `choices` are all the
    words that it can be, empty where it isn't one of a few; `words` are those in quotes.
    """

    kind: str = ""
    choices: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


UNDOCUMENTED = Documented()


@dataclass(slots=True)
class _Entry:
    """One mention of an option; `text` is what is said of it."""

    name: str
    kind: str = ""
    choices: list[str] = field(default_factory=list)
    text: str = ""

    def find_kind(self) -> str:
        if self.kind not in ("str", "string"):
            return self.kind
        return ("str", "int")[_NUMBER.match(self.text) is not None]

    def find_choices(self) -> frozenset[str]:
        found = _SENTENCE.search(self.text)
        if self.choices or not found:
            return frozenset(self.choices)
        words = _CHOICE.findall(found["words"])
        return frozenset(word.strip("'\"`") for word, _ in words) - {"or", "and"}


@cache
def plain_name(option: str) -> str:
    """Return an option's name in the one form of its spellings: total-all, totalAll."""
    return re.sub("[^a-z0-9.]", "", option.lower())


@cache
def read_documentation(text: str) -> Mapping[str, Documented]:
    """Return what a docstring says of options, by their plain names."""
    mentions: dict[str, list[_Entry]] = {}
    for entry in _read_entries(text):
        if entry.name:
            mentions.setdefault(plain_name(entry.name), []).append(entry)
    return {name: _merge(entries) for name, entries in mentions.items()}


def _read_entries(text: str) -> list[_Entry]:
    entries = [_Entry("")]
    listing, depth = False, 0
    for line in text.splitlines():
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        listing = listing and (not bare or indent > depth)
        if _END.fullmatch(bare):
            entries.append(_Entry(""))
        elif found := _LIST.match(bare):
            listing, depth = True, indent
            names = {"Allowed": entries[-1].name}
            entries.append(_Entry(names.get(found["name"], found["name"])))
        found = _ARGUMENT.match(bare) or _BULLET.match(bare)
        if not found:
            entries[-1].text += f" {bare}"
        elif listing and not found["kind"]:
            entries[-1].choices.append(found["name"])
        else:
            entries.append(_Entry(found["name"], found["kind"] or "", text=bare[found.end() :]))
    return entries


def _merge(entries: Sequence[_Entry]) -> Documented:
    """Join the mentions of one name; it may be several options, at several depths."""
    kinds = {entry.find_kind() for entry in entries if entry.kind}
    choices = {stated for entry in entries if len(stated := entry.find_choices()) > 1}
    return Documented(
        next(iter(kinds)) if len(kinds) == 1 else "",
        next(iter(choices)) if len(choices) == 1 else frozenset(),
        frozenset(word for entry in entries for word in _QUOTED.findall(entry.text)),
    )


# -- texts in its code -----------------------------------------------------------------------------


@cache
def read_module(name: str) -> tuple[str, frozenset[str]]:
    """Return the docstrings of the module of a kind of job or view, and the texts in its code."""
    module = sys.modules[name]
    parts = [part for part in vars(module).values() if getattr(part, "__module__", "") == name]
    methods = [item for part in parts if isinstance(part, type) for item in vars(part).values()]
    told = "\n".join(part.__doc__ or "" for part in (module, *parts))
    return told, _texts_of([*parts, *methods])


@cache
def read_function(function: Callable[..., object] | None) -> tuple[str, frozenset[str]]:
    """Return a docstring and the texts in the code, and in what that names of its own."""
    return getattr(function, "__doc__", "") or "", _texts_of([function])


def _texts_of(values: Iterable[Any]) -> frozenset[str]:
    texts: set[str] = set()
    seen: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            texts.add(value)
        elif id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, dict):
                waiting += [*value, *value.values()]
            elif isinstance(value, list | tuple | set | frozenset):
                waiting += value
            elif isinstance(value, CodeType):
                waiting += value.co_consts
            elif isinstance(value, FunctionType) and value.__module__.startswith("jenkins_jobs."):
                own = value.__globals__
                modules = [vars(it) for it in own.values() if isinstance(it, ModuleType)]
                named = [at.get(name) for at in (own, *modules) for name in value.__code__.co_names]
                waiting.append(value.__code__)
                waiting += [
                    it for it in named if isinstance(it, dict | list | tuple | FunctionType)
                ]
    return frozenset(texts)
