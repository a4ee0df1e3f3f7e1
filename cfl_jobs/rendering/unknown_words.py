"""A generated job → words in it that jenkins-job-builder or Jenkins doesn't know.

Many modules take one word for one branch of theirs and all others for another, or write what they
get where the plugin knows a few words. Both are found by putting another word in its place: the
config stays as it is, or takes that word too, though a few others are documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from cfl_jobs.errors import suggest
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.rendering import expectations as want
from cfl_jobs.rendering.documentation import Documented, plain_name
from cfl_jobs.rendering.expectations import Reason
from cfl_jobs.rendering.generator import Changes, Generated
from cfl_jobs.rendering.options import COMPONENT_LISTS

_TRUTH = {"true": True, "false": False}
_NAMES = frozenset({"name", "project-type", "view-type"})
_SHORT = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What is known of a mapping's options, by name, and the words that their reader knows."""

    by_name: Mapping[str, Documented]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class OddValue:
    """A value of a mapping's option that makes no sense; it stands in `holder` at `key`."""

    mapping: Any
    option: str
    holder: Any
    key: str | int
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Suspect:
    mapping: TrackedDict
    option: str
    holder: Any
    key: str | int
    word: str
    known: Documented
    words: frozenset[str]

    @property
    def place(self) -> tuple[int, str | int]:
        return id(self.holder), self.key

    def tell(self, *reasons: Reason) -> Iterator[OddValue]:
        for reason in reasons:
            yield OddValue(self.mapping, self.option, self.holder, self.key, reason)


def find_unknown_words(
    known: Sequence[tuple[TrackedDict, Options]], made: Generated, job: TrackedDict
) -> Iterator[OddValue]:
    """Find them in mappings of the job whose options are known."""
    suspects = [*_find_suspects(known, made.text.lower(), job)]
    if not suspects or not made.text:
        return
    varied = made.again(_mark_all(suspects)).lower()
    lost = []
    for number, suspect in enumerate(suspects):
        if _mark(number) not in varied:
            lost.append(suspect)
        elif suspect.known.choices:
            yield from suspect.tell(*want.one_of(suspect.known.choices)(suspect.word))
    together = bool(lost) and made.again(_mark_all(lost)) == made.text
    for suspect in lost:
        if together or made.again(_mark_all([suspect])) == made.text:
            yield from suspect.tell(*_judge_ignored(suspect, made))


def _find_suspects(
    known: Sequence[tuple[TrackedDict, Options]], config: str, job: TrackedDict
) -> Iterator[_Suspect]:
    for mapping, options in known:
        unread = mapping.unread_keys()
        for option, value in mapping.raw_items():
            if not isinstance(value, (str, list)) or option in COMPONENT_LISTS or option in unread:
                continue
            if option not in mapping.key_positions or (mapping is job and option in _NAMES):
                continue
            about = options.by_name.get(plain_name(option), Documented())
            for key, word in enumerate(value) if isinstance(value, list) else ((option, value),):
                if isinstance(word, str) and _is_suspect(word, about, options.words, config):
                    holder = value if isinstance(value, list) else mapping
                    yield _Suspect(mapping, option, holder, key, word, about, options.words)


def _is_suspect(word: str, known: Documented, words: frozenset[str], config: str) -> bool:
    if known.choices:
        return word not in known.choices
    if word.lower() in _TRUTH:
        return known.kind in ("", "bool")
    if word in words or word in known.words:
        return False
    word = word.lower()
    if not word.strip() or "$" in word or word.startswith("<"):
        return False
    if len(word) <= _SHORT:
        return re.search(rf"(?<!\w){re.escape(escape(word))}(?!\w)", config) is None
    return escape(word, {'"': "&quot;"}) not in config and escape(word) not in config


def _judge_ignored(suspect: _Suspect, made: Generated) -> tuple[Reason, ...]:
    """Return what is wrong with a word that any other could stand for."""
    word, known = suspect.word, suspect.known
    truth = _TRUTH.get(word.lower())
    if truth is not None:
        if made.again({suspect.place: (suspect.key, truth)}) == made.text:
            return ()
        message = f"the text {word!r} counts as {str(not truth).lower()} here"
        return (Reason(message, f"Write {str(truth).lower()} without quotes."),)
    if known.choices:
        return want.one_of(known.choices)(word)
    if known.kind == "bool":
        return want.boolean(word)
    message = f"{want.show(word)} has no effect: any other text does the same"
    advice = suggest(word, suspect.words) or "Look on the module's page for the words it knows."
    return (Reason(message, advice),)


def _mark_all(suspects: list[_Suspect]) -> Changes:
    return {suspect.place: (suspect.key, _mark(at)) for at, suspect in enumerate(suspects)}


def _mark(number: int) -> str:
    return f"zq{number}qz"
