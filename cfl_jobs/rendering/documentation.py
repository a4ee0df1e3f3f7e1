"""jenkins-job-builder's own documentation of a component → what each of its options wants.

Its modules document an option as `:arg int timeout: …` or as `* **timeout** (`int`) …`, and the
words that it can be as a list below `:timeout values:` or in a sentence: "Can be 'A', 'B' or 'C'".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

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
    text: list[str] = field(default_factory=list)


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
            entries.append(
                _Entry(entries[-1].name if found["name"] == "Allowed" else found["name"])
            )
        if found := _ARGUMENT.match(bare) or _BULLET.match(bare):
            if listing and not found["kind"]:
                entries[-1].choices.append(found["name"])
            else:
                entries.append(
                    _Entry(found["name"], found["kind"] or "", text=[bare[found.end() :]])
                )
        else:
            entries[-1].text.append(bare)
    return entries


def _merge(entries: Sequence[_Entry]) -> Documented:
    """Join the mentions of one name; it may be several options, at several depths."""
    kinds = {_kind_of(entry) for entry in entries if entry.kind}
    choices = {stated for entry in entries if len(stated := _choices_of(entry)) > 1}
    return Documented(
        kinds.pop() if len(kinds) == 1 else "",
        choices.pop() if len(choices) == 1 else frozenset(),
        frozenset(word for entry in entries for word in _QUOTED.findall(" ".join(entry.text))),
    )


def _kind_of(entry: _Entry) -> str:
    if entry.kind not in ("str", "string"):
        return entry.kind
    return "int" if _NUMBER.match(" ".join(entry.text)) else "str"


def _choices_of(entry: _Entry) -> frozenset[str]:
    if entry.choices:
        return frozenset(entry.choices)
    found = _SENTENCE.search(" ".join(entry.text))
    words = _CHOICE.findall(found["words"]) if found else ()
    return frozenset(word.strip("'\"`") for word, _ in words) - {"or", "and"}
