"""A script → at what it stops by itself (`set -e`), and where; the same of shells that it calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cfl_jobs.check.script import Node, call_of, parse, shorten

_LONG_NAMES = {"errexit": "e", "nounset": "u"}


def option_changes(words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the options of `set`, `shopt -o` or a call of a shell, and whether each is set."""
    if words[:1] == ("shopt",):
        letters = "".join(word[1:] for word in words[1:] if word.startswith("-"))
        if "o" in letters and ("s" in letters or "u" in letters):
            names = (word for word in words[1:] if not word.startswith("-"))
            yield from ((_LONG_NAMES.get(name, name), "s" in letters) for name in names)
        return
    is_named, sets = False, True
    for word in words[1:]:
        if is_named:
            yield _LONG_NAMES.get(word, word), sets
            is_named = False
        elif re.fullmatch(r"[-+]\w+", word):
            sets = word[0] == "-"
            is_named = word.endswith("o")
            yield from ((letter, sets) for letter in word[1:] if letter != "o")
        else:
            return


def options_at_first(script: str) -> frozenset[str]:
    """Return the options that a script begins with. Jenkins calls sh -xe where there is no `#!`
    (hudson.tasks.Shell)."""
    first = script.partition("\n")[0]
    if not first.startswith("#!"):
        return frozenset("e")
    words = first[2:].split()
    program = next((n for n, word in enumerate(words) if re.search(r"sh$", word)), len(words))
    return frozenset(name for name, sets in option_changes(tuple(words[program:])) if sets)


# What `set -e` and the like let a script stop at, by the option's letter or name.
STOPS_AT = MappingProxyType(
    {
        "e": "a command that fails",
        "u": "a variable that isn't set",
        "pipefail": "a failure before a pipe",
    }
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of STOPS_AT: those that hold in a script, that it takes back (`set +e`), and how many
    shells that it calls have each; "" counts these shells.

    At the `end` those hold that weren't taken back, each with where alone it does, "" without that.
    """

    on: frozenset[str]
    off: frozenset[str]
    end: Mapping[str, str]
    inner: Counter[str]


_SHELL = re.compile(r"(?:\S*/)?(?:ba|da|z|k)?sh")


def find_options(script: str) -> Options:
    """Return at what a script is to stop by itself."""
    on = set(options_at_first(script))
    off, inner = set[str](), Counter[str]()
    end = dict.fromkeys(on, "")
    for node, where in _places(parse(script), script, ()):
        words = call_of(node)
        for at, word in enumerate(words):
            if _SHELL.fullmatch(word) and words[at + 1 : at + 2]:
                inner.update(["", *(name for name, sets in option_changes(words[at:]) if sets)])
        if words[:1] not in (("set",), ("shopt",)):
            continue
        for option, sets in option_changes(words):
            if sets:
                on.add(option)
                end[option] = end.get(option, where) and where
            else:
                off.add(option)
                if not where:
                    end.pop(option, None)
    return Options(frozenset(on), frozenset(off), end, inner)


_ITS_OWN = "in a shell of its own"


def _places(node: Node, script: str, around: tuple[str, ...]) -> Iterator[tuple[Node, str]]:
    """Yield each command with where alone it is run, "" for always; functions are called."""
    if node.kind == "run":
        where = f"behind `{shorten(' > '.join(around))}`" if around else ""
        yield node, _ITS_OWN if _ITS_OWN in around else where
    inner = around
    for number, part in enumerate(node.parts):
        if node.kind in ("shell", "pipe", "back"):
            inner = (_ITS_OWN,)
        elif node.kind in ("if", "loop", "and", "or") and number == 1:
            asked = node.parts[0]
            lead = {"if": "if ", "loop": "while "}.get(node.kind, "") if asked.kind == "do" else ""
            inner = (*around, lead + script[asked.start : asked.end].rstrip("; "))
        elif node.kind == "when":
            inner = (*around, f"case {' '.join(node.words)}")
        yield from _places(part, script, inner)
