"""A generated job → what was lost on its way to XML, and what reached it though it makes no sense.

Reads nothing itself that would count as a read of the job's data. What jenkins-job-builder's code
doesn't tell is tried: another name or value is put in place of an option's, and the config stays as
it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cfl_jobs.configs.configxml import escape
from cfl_jobs.errors import Finding, Origin, Position, nearest, suggest
from cfl_jobs.reading.tracking import NOWHERE, TrackedDict, unread_places
from cfl_jobs.reading.versions import NEWEST
from cfl_jobs.rendering import options as want
from cfl_jobs.rendering.documentation import UNDOCUMENTED, Documented, plain_name
from cfl_jobs.rendering.generator import Component, Generated
from cfl_jobs.rendering.options import COMPONENT_LISTS, Reason
from cfl_jobs.rendering.values import (
    check_job,
    check_value,
    check_written,
    plain_copy,
    read_options,
)

_MISSPELT = "Did you mean"
_TYPES = frozenset({"project-type", "view-type"})
_NAMES = _TYPES | {"name"}
_SHORT = 3
_KINDS = {**COMPONENT_LISTS, "axes": "axis"}
_Option = tuple[TrackedDict, str]
_Item = TypeVar("_Item")
# An option or word, and a mark → where it stands, and the key and value that stand there instead.
_Vary = Callable[[_Item, str], tuple[tuple[int, str | int], tuple[str | int, Any]]]


@dataclass(frozen=True, slots=True)
class _Scope:
    """A mapping with the innermost component around it, if any.

    `options` is what is known of its options, by name, None if its only key is the component's
    name; `words` are those that their reader knows. `named` says whose options they are.
    """

    mapping: TrackedDict
    owner: Component | None
    options: Mapping[str, Documented] | None
    words: frozenset[str]
    named: str

    def find(self, message: str, place: Position, advice: str) -> Finding:
        """Return a finding; its origin is the component that it is in."""
        origins: tuple[Origin, ...] = ()
        if self.owner is not None:
            origins = (Origin(f"in {self.named} at", self.owner.position),)
        return Finding(message, place, origins=origins, advice=advice)


# What is wrong with the value at a place, and of which option it is, "" for none.
_Odd = tuple[_Scope, str, Position, Reason]


def find_losses(
    data: TrackedDict, made: Generated, *, word: str, versions: Mapping[str, str] = NEWEST
) -> Iterator[Finding]:
    """Find what was lost of a job or view; `word` says which of the two it is.

    `versions` are the server's, by plugin or versions.CORE; what isn't listed is the newest. A
    finding's origin is the component that it is in.
    """
    scopes = {scope.mapping.identity: scope for scope in _find_scopes(data, made, word)}
    _settle([scope.mapping for scope in scopes.values()], made)
    unread = tuple(unread_places(data))  # judging values may count as reading them
    odd: dict[Position | None, Finding] = {}  # one at a place
    problems = {problem.position for problem in made.problems}
    own = scopes[data.identity]
    for scope, option, place, reason in (
        *_judge_job(data, made, scopes, versions),
        *_judge_texts(data, made, scopes),
        *_judge_options(list(scopes.values()), own, made),
    ):
        if place not in problems and place not in odd:
            message = f"{option!r}: " * bool(option) + reason.message
            odd[place] = scope.find(message, place, reason.advice)
    yield from _find_unread_options(unread, scopes, odd.keys())
    yield from odd.values()


def _find_scopes(data: TrackedDict, made: Generated, word: str) -> Iterator[_Scope]:
    components = {
        component.data.identity: component
        for component in made.components
        if isinstance(component.data, TrackedDict)
    }
    own = _Scope(data, None, read_options("", "", made.documentation), made.words, f"a {word}")
    # What to look into, what is around it, and the list that it stands in.
    waiting: list[tuple[Any, _Scope, str]] = [(data, own, "")]
    while waiting:
        value, around, listed = waiting.pop()
        if isinstance(value, (list, tuple)):
            waiting += [(item, around, listed) for item in reversed(value)]
        if not isinstance(value, TrackedDict):
            continue
        owner = components.get(value.identity)
        if owner is None:
            yield replace(around, mapping=value)
        else:
            options = read_options(owner.kind, owner.name, owner.documentation)
            named = f"the {owner.kind} {owner.name!r}"
            around = _Scope(value, owner, options, owner.words, named)
            yield replace(around, options=None)
        kind = _KINDS.get(listed, "option")  # an entry of a list that a job itself reads, or else
        for key, item in reversed(dict.items(value)):
            if isinstance(item, TrackedDict) and around.owner is None:
                named = f"the {kind}" if kind == key else f"the {kind} {key!r}"
                waiting.append((item, replace(around, named=named), ""))
            else:
                waiting.append((item, around, key))


# -- options that nobody reads -------------------------------------------------------------------


def _settle(mappings: Sequence[TrackedDict], made: Generated) -> None:
    """Find which of the keys that jenkins-job-builder went through it used, and note those."""
    suspects = [(mapping, key) for mapping in mappings for key in mapping.suspect_keys()]
    if not suspects or not made.text:
        return
    unused = suspects
    for vary in (_rename, _replace):
        # Most of them are someone's own names and values: the config then shows their marks.
        unused = _not_shown(unused, vary, made)
    unused = _without_effect(unused, made, _rename, _replace)
    for mapping in mappings:
        mapping.settle(unread=[key for suspect, key in unused if suspect is mapping])


def _made_with(items: Sequence[_Item], vary: _Vary[_Item], made: Generated) -> str:
    """Return the config of the job with each item varied, by a mark of its own."""
    return made.again(dict(vary(item, _mark(at)) for at, item in enumerate(items)))


def _mark(number: int) -> str:
    return f"zq{number}qz"


def _not_shown(items: Sequence[_Item], vary: _Vary[_Item], made: Generated) -> list[_Item]:
    if not items:
        return []
    text = _made_with(items, vary, made).lower()
    return [item for at, item in enumerate(items) if _mark(at) not in text]


def _without_effect(items: list[_Item], made: Generated, *varies: _Vary[_Item]) -> list[_Item]:
    """Return the items that the config doesn't depend on; mostly that is so of all together."""

    def matter(some: Sequence[_Item]) -> bool:
        return any(some and _made_with(some, vary, made) != made.text for vary in varies)

    if not matter(items):
        return items
    return [item for item in items if not matter([item])]


def _rename(option: _Option, mark: str) -> tuple[tuple[int, str], tuple[str, Any]]:
    mapping, key = option
    return (id(mapping), key), (f"{mark}{key}{mark}", dict.get(mapping, key))


def _replace(option: _Option, mark: str) -> tuple[tuple[int, str], tuple[str, Any]]:
    """Put another value of the same type in its place, so that it isn't refused for that."""
    mapping, key = option
    other: Any = dict.get(mapping, key)
    match other:
        case bool():
            other = not other
        case int() | float():
            other += 1
        case list():
            other = [mark]
        case dict():
            other = {mark: mark}
        case _:
            other = f"{other}{mark}"
    return (id(mapping), key), (key, other)


def _find_unread_options(
    options: Iterable[_Option], scopes: Mapping[int, _Scope], told: Set[Position | None]
) -> Iterator[Finding]:
    """Find options that jenkins-job-builder never asked for.

    In a component with one that is misspelt, those that are like no other are held back: most of
    them are only read where that one is there; of a job, where its type isn't given, which decides
    on what is read. So are those whose value is told of.
    """
    unread = [(mapping, key, advise_on_unread(key, mapping)) for mapping, key in options]
    misspelt = {id(mapping) for mapping, _, advice in unread if advice.startswith(_MISSPELT)}
    for mapping, key, advice in unread:
        scope = scopes[mapping.identity]
        has_type = not scope.owner and not _TYPES.isdisjoint(key for key, _ in mapping.raw_items())
        held_back = id(mapping) in misspelt and not has_type
        if advice or not (held_back or mapping.value_positions.get(key) in told):
            message = f"jenkins-job-builder never reads {key!r} of {scope.named}"
            advice = advice or "Remove it: it would have no effect."
            yield scope.find(message, mapping.position_of(key), advice)


def advise_on_unread(key: str, mapping: TrackedDict) -> str:
    """Say what a key that no one asked for may have meant: the nearest one that was asked for."""
    near = nearest(key, sorted(mapping.asked_keys()))
    if near is not None and dict.__contains__(mapping, near):
        return f"{near!r} is already there; remove this one."
    return f"{_MISSPELT} {near!r}?" * bool(near)


# -- values that make no sense -------------------------------------------------------------------


def _judge_job(
    data: TrackedDict, made: Generated, scopes: Mapping[int, _Scope], versions: Mapping[str, str]
) -> Iterator[_Odd]:
    """Find values that are known to be wrong by their path, or by what became of them."""
    plain: Any = plain_copy(data)
    texts = [element.text for element in made.root.iter() if element.text]
    for reason in (*check_job(plain, versions), *check_written(plain, texts)):
        holder: Any = data
        *path, key = reason.path
        for step in path:
            holder = dict.get(holder, str(step)) if isinstance(holder, dict) else holder[int(step)]
        scope = scopes.get(getattr(holder, "identity", 0), scopes[data.identity])
        yield scope, key if isinstance(key, str) else "", _place_in(holder, key), reason


def _place_in(holder: Any, key: Any) -> Position:
    """Return where the value of a mapping or list at a key stands."""
    if isinstance(holder, TrackedDict):
        return holder.position_of_value(str(key))
    places: dict[int, Position] = dict(enumerate(getattr(holder, "entry_positions", ())))
    return places.get(key, getattr(holder, "pos", NOWHERE))


def _judge_texts(
    data: TrackedDict, made: Generated, scopes: Mapping[int, _Scope]
) -> Iterator[_Odd]:
    """Find text beside elements: XStream 1.4.21 reads it up to the first one."""
    for element in made.root.iter():
        beside = (element.text, *(child.tail for child in element))
        if len(element) and any(part and not part.isspace() for part in beside):
            given = next((it.data for it in made.components if it.holds(element)), data)
            message = (
                f"<{element.tag}> holds text beside elements: Jenkins reads none after the first"
            )
            advice = "Write &lt; for a < in text, or put the text in <![CDATA[...]]>."
            scope = scopes.get(getattr(given, "identity", 0), scopes[data.identity])
            yield (
                scope,
                "",
                _place_in(dict.get(given, "raw", given), "xml"),
                Reason(message, advice),
            )


def _judge_options(scopes: Sequence[_Scope], job: _Scope, made: Generated) -> Iterator[_Odd]:
    """Find values that are known to be wrong by what their component says of its options."""
    known = [scope for scope in scopes if scope.options is not None]
    for scope in known:
        mapping = scope.mapping
        for key in mapping.key_positions:
            value, default = dict.get(mapping, key), mapping.defaults.get(key)
            documented = (scope.options or {}).get(plain_name(key), UNDOCUMENTED)
            for reason in check_value(key, value, default, documented):
                yield scope, key, _place_in(mapping, key), reason
    if made.text:
        # Of components that have a problem all words are lost with it.
        problems = {problem.position for problem in made.problems}
        broken = {id(scope.owner) for scope in scopes if problems & _places_in(scope.mapping)}
        sound = [scope for scope in known if id(scope.owner) not in broken]
        yield from _find_unknown_words(sound, job, made)


def _places_in(mapping: TrackedDict) -> set[Position]:
    return {mapping.pos, *mapping.key_positions.values(), *mapping.value_positions.values()}


# -- words that jenkins-job-builder or Jenkins doesn't know --------------------------------------
# Many modules take one word for one branch of theirs and all others for another, or write what they
# get where the plugin knows a few words.


@dataclass(frozen=True, slots=True, eq=False)
class _Suspect:
    """A word of a scope's option; it stands in `holder` at `key`."""

    scope: _Scope
    option: str
    holder: Any
    key: str | int
    word: str
    known: Documented

    def mark(self, mark: object) -> tuple[tuple[int, str | int], tuple[str | int, Any]]:
        return (id(self.holder), self.key), (self.key, mark)


def _find_unknown_words(scopes: Sequence[_Scope], job: _Scope, made: Generated) -> Iterator[_Odd]:
    suspects = [*_find_suspects(scopes, job, made.text.lower())]
    lost = _not_shown(suspects, _Suspect.mark, made)
    reasons = [
        (suspect, want.one_of(suspect.known.choices)(suspect.word))
        for suspect in suspects
        if suspect.known.choices and suspect not in lost
    ]
    ignored = _without_effect(lost, made, _Suspect.mark)
    reasons += [(suspect, _judge_ignored(suspect, made)) for suspect in ignored]
    for suspect, found in reasons:
        place = _place_in(suspect.holder, suspect.key)
        yield from ((suspect.scope, suspect.option, place, reason) for reason in found)


def _find_suspects(scopes: Sequence[_Scope], job: _Scope, config: str) -> Iterator[_Suspect]:
    for scope in scopes:
        mapping = scope.mapping
        left_out = {*mapping.unread_keys(), *COMPONENT_LISTS}
        if scope is job:
            left_out |= _NAMES
        for option, value in dict.items(mapping):
            if option in left_out or option not in mapping.key_positions:
                continue
            known = (scope.options or {}).get(plain_name(option)) or UNDOCUMENTED
            words: list[tuple[Any, str | int, Any]] = [(mapping, option, value)]
            if isinstance(value, list):
                words = [(value, at, word) for at, word in enumerate(value)]
            for holder, key, word in words:
                if isinstance(word, str) and _is_suspect(word, known, scope.words, config):
                    yield _Suspect(scope, option, holder, key, word, known)


def _is_suspect(word: str, known: Documented, words: frozenset[str], config: str) -> bool:
    if known.choices:
        return word not in known.choices
    if word.lower() in want.TRUTH:
        return known.kind in ("", "bool")
    if word in words or word in known.words:
        return False
    word = word.lower()
    if not word.strip() or "$" in word or word.startswith("<"):
        return False
    return not _is_written(word, config)


def _is_written(word: str, config: str) -> bool:
    """Tell whether a config has a word, a short one by itself; both are in lower case."""
    written = escape(word)
    at = config.find(written)
    while at >= 0 and len(word) <= _SHORT:
        around = f"{config[at - 1 : at]}{config[at + len(written) : at + len(written) + 1]}"
        if not any(letter.isalnum() or letter == "_" for letter in around):
            return True
        at = config.find(written, at + 1)
    return at >= 0


def _judge_ignored(suspect: _Suspect, made: Generated) -> tuple[Reason, ...]:
    """Return what is wrong with a word that any other could stand for."""
    word, known = suspect.word, suspect.known
    truth = want.TRUTH.get(word.lower())
    if truth is not None:
        if made.again(dict([suspect.mark(truth)])) == made.text:
            return ()
        message = f"the text {word!r} counts as {str(not truth).lower()} here"
        return (Reason(message, f"Write {str(truth).lower()} without quotes."),)
    if known.choices:
        return want.one_of(known.choices)(word)
    if known.kind == "bool":
        return want.boolean(word)
    message = f"{want.show(word)} has no effect: any other text does the same"
    near = suggest(word, suspect.scope.words)
    return (Reason(message, near or "Look on the module's page for the words it knows."),)
