"""A generated job → what was lost on its way to XML, and what reached it though it makes no sense.

Reads nothing itself that would count as a read of the job's data. What jenkins-job-builder's code
doesn't tell is tried: another name or value is put in place of an option's, and the config stays as
it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import escape
from cfl_jobs.errors import Finding, Origin, Position, nearest, suggest
from cfl_jobs.reading.tracking import NOWHERE, TrackedDict, unread_places
from cfl_jobs.reading.versions import NEWEST
from cfl_jobs.rendering import options as want
from cfl_jobs.rendering.documentation import UNDOCUMENTED, Documented, plain_name
from cfl_jobs.rendering.generator import Changes, Component, Generated
from cfl_jobs.rendering.options import COMPONENT_LISTS, Reason
from cfl_jobs.rendering.values import (
    check_job,
    check_value,
    check_written,
    plain_copy,
    read_options,
)

_MISSPELT = "Did you mean"
_NAMES = frozenset({"name", "project-type", "view-type"})
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


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of a scope's option; it stands in `holder` at `key`."""

    scope: _Scope
    option: str
    holder: Any
    key: str | int

    @property
    def place(self) -> Position:
        if isinstance(self.holder, TrackedDict):
            return self.holder.position_of_value(str(self.key))
        places = enumerate(getattr(self.holder, "entry_positions", ()))
        around: Position = getattr(self.holder, "pos", NOWHERE)
        return next((place for at, place in places if at == self.key), around)


_OddValue = tuple[_Value, Reason]


def find_losses(
    data: TrackedDict, made: Generated, *, word: str, versions: Mapping[str, str] = NEWEST
) -> Iterator[Finding]:
    """Find what was lost of a job or view; `word` says which of the two it is.

    `versions` are the server's, by plugin or versions.CORE; what isn't listed is the newest. A
    finding's origin is the component that it is in.
    """
    scopes = {scope.mapping.identity: scope for scope in _find_scopes(data, made, word)}
    _settle([scope.mapping for scope in scopes.values()], made)
    # Judging values may count as reading them.
    unread = tuple(unread_places(data))
    odd = tuple(_find_odd_values(data, made, scopes, versions))
    yield from _find_unread_options(unread, scopes, {loss.position for loss in odd})
    yield from odd


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
        if not isinstance(value, TrackedDict):
            waiting += [(item, around, listed) for item in reversed(value) if _is_inside(item)]
            continue
        owner = components.get(value.identity)
        if owner is None:
            yield replace(around, mapping=value)
        else:
            options = read_options(owner.kind, owner.name, owner.documentation)
            named = f"the {owner.kind} {owner.name!r}"
            around = _Scope(value, owner, options, owner.words, named)
            yield replace(around, options=None)
        for key, item in reversed(dict.items(value)):
            if isinstance(item, TrackedDict) and around.owner is None:
                inner = replace(around, mapping=item, named=_name_mapping(key, listed))
                waiting.append((item, inner, ""))
            elif _is_inside(item):
                waiting.append((item, around, key))


def _is_inside(item: object) -> bool:
    return isinstance(item, (TrackedDict, list, tuple))


def _name_mapping(key: str, listed: str) -> str:
    """Name a mapping that is no component: an entry of a list that a job itself reads, or else."""
    kind = _KINDS.get(listed, "option")
    return f"the {kind}" if kind == key else f"the {kind} {key!r}"


# -- options that nobody reads -------------------------------------------------------------------


def _settle(mappings: Sequence[TrackedDict], made: Generated) -> None:
    """Find which of the keys that jenkins-job-builder went through it used, and note those."""
    suspects = [(mapping, key) for mapping in mappings for key in mapping.suspect_keys()]
    if suspects and made.text:
        unused: dict[int, set[str]] = {}
        for mapping, key in _find_unused(suspects, made):
            unused.setdefault(id(mapping), set()).add(key)
        for mapping, _ in suspects:
            mapping.settle(unread=unused.get(id(mapping), ()))


def _find_unused(suspects: list[_Option], made: Generated) -> list[_Option]:
    for vary in (_rename, _replace):
        # Most of them are someone's own names and values: the config then shows their marks.
        suspects = _not_shown(suspects, vary, made)
    if not _matter(suspects, made, _rename, _replace):
        return suspects
    return [option for option in suspects if not _matter([option], made, _rename, _replace)]


def _mark(number: int) -> str:
    return f"zq{number}qz"


def _vary_all(items: Sequence[_Item], vary: _Vary[_Item]) -> Changes:
    return dict(vary(item, _mark(at)) for at, item in enumerate(items))


def _not_shown(items: Sequence[_Item], vary: _Vary[_Item], made: Generated) -> list[_Item]:
    if not items:
        return []
    text = made.again(_vary_all(items, vary)).lower()
    return [item for at, item in enumerate(items) if _mark(at) not in text]


def _matter(items: Sequence[_Item], made: Generated, *varies: _Vary[_Item]) -> bool:
    return any(items and made.again(_vary_all(items, vary)) != made.text for vary in varies)


def _rename(option: _Option, mark: str) -> tuple[tuple[int, str], tuple[str, Any]]:
    mapping, key = option
    return (id(mapping), key), (f"{mark}{key}{mark}", dict.get(mapping, key))


def _replace(option: _Option, mark: str) -> tuple[tuple[int, str], tuple[str, Any]]:
    """Put another value of the same type in its place, so that it isn't refused for that."""
    mapping, key = option
    other: Any = dict.get(mapping, key)
    if isinstance(other, bool):
        other = not other
    elif isinstance(other, (int, float)):
        other += 1
    elif isinstance(other, list):
        other = [mark]
    elif isinstance(other, dict):
        other = {mark: mark}
    else:
        other = f"{other}{mark}"
    return (id(mapping), key), (key, other)


def _find_unread_options(
    options: Iterable[_Option], scopes: Mapping[int, _Scope], told: Set[Position | None]
) -> Iterator[Finding]:
    """Find options that jenkins-job-builder never asked for.

    In a component with one that is misspelt, those that are like no other are held back: most of
    them are only read where that one is there. So are those whose value is told of.
    """
    unread = [(mapping, key, advise_on_unread(key, mapping)) for mapping, key in options]
    misspelt = {id(mapping) for mapping, _, advice in unread if advice.startswith(_MISSPELT)}
    for mapping, key, advice in unread:
        scope = scopes[mapping.identity]
        if not advice and (
            (id(mapping) in misspelt and (scope.owner or not _knows_its_type(mapping)))
            or mapping.value_positions.get(key) in told
        ):
            continue
        advice = advice or "Remove it: it would have no effect."
        message = f"jenkins-job-builder never reads {key!r} of {scope.named}"
        yield scope.find(message, mapping.position_of(key), advice)


def _knows_its_type(job: TrackedDict) -> bool:
    """Tell whether a job or view says of which type it is, which decides on what is read of it."""
    return any(dict.__contains__(job, key) for key in ("project-type", "view-type"))


def advise_on_unread(key: str, mapping: TrackedDict) -> str:
    """Say what a key that no one asked for may have meant: the nearest one that was asked for."""
    near = nearest(key, sorted(mapping.asked_keys()))
    if near is not None and dict.__contains__(mapping, near):
        return f"{near!r} is already there; remove this one."
    return f"{_MISSPELT} {near!r}?" if near else ""


# -- values that make no sense -------------------------------------------------------------------


def _find_odd_values(
    data: TrackedDict, made: Generated, scopes: Mapping[int, _Scope], versions: Mapping[str, str]
) -> Iterator[Finding]:
    """Find values that jenkins-job-builder takes though they make no sense, one at a place."""
    told = {problem.position for problem in made.problems}
    for odd, reason in (*_judge_job(data, made, scopes, versions), *_judge_options(scopes, made)):
        if odd.place not in told:
            told.add(odd.place)
            message = reason.message
            if odd.option:
                message = f"{odd.option!r}: {message}"
            yield odd.scope.find(message, odd.place, reason.advice)


def _judge_job(
    data: TrackedDict, made: Generated, scopes: Mapping[int, _Scope], versions: Mapping[str, str]
) -> Iterator[_OddValue]:
    """Find values that are known to be wrong by their path, or by what became of them."""
    plain: Any = plain_copy(data)
    own = scopes[data.identity]
    texts = [element.text for element in made.root.iter() if element.text]
    for reason in (*check_job(plain, versions), *check_written(plain, texts)):
        holder, key = _follow(data, reason.path)
        scope = scopes.get(getattr(holder, "identity", 0), own)
        yield _Value(scope, key if isinstance(key, str) else "", holder, key), reason
    for element in made.root.iter():
        # XStream 1.4.21 reads text up to the first element.
        if len(element) and _holds_text(element):
            given = next((it.data for it in made.components if it.holds(element)), data)
            message = (
                f"<{element.tag}> holds text beside elements: Jenkins reads none after the first"
            )
            advice = "Write &lt; for a < in text, or put the text in <![CDATA[...]]>."
            scope = scopes.get(getattr(given, "identity", 0), own)
            yield _Value(scope, "", dict.get(given, "raw", given), "xml"), Reason(message, advice)


def _holds_text(element: ET.Element) -> bool:
    beside = (element.text, *(child.tail for child in element))
    return any(part and not part.isspace() for part in beside)


def _judge_options(scopes: Mapping[int, _Scope], made: Generated) -> Iterator[_OddValue]:
    """Find values that are known to be wrong by what their component says of its options."""
    broken = _find_broken(scopes.values(), made)
    sound: list[_Scope] = []
    for scope in scopes.values():
        mapping, options = scope.mapping, scope.options
        if options is None:
            continue
        for key in mapping.key_positions:
            value, default = dict.get(mapping, key), mapping.defaults.get(key)
            documented = options.get(plain_name(key), UNDOCUMENTED)
            for reason in check_value(key, value, default, documented):
                yield _Value(scope, key, mapping, key), reason
        if id(scope.owner) not in broken:
            sound.append(scope)
    if made.text:
        yield from _find_unknown_words(sound, next(iter(scopes.values())), made)


def _find_broken(scopes: Iterable[_Scope], made: Generated) -> set[int]:
    """Return the ids of components that have a problem: all their words are lost with it."""
    places = {problem.position for problem in made.problems}
    return {id(scope.owner) for scope in scopes if places and places & _places_in(scope.mapping)}


def _places_in(mapping: TrackedDict) -> set[Position]:
    return {mapping.pos, *mapping.key_positions.values(), *mapping.value_positions.values()}


def _follow(data: TrackedDict, path: want.Path) -> tuple[object, str | int]:
    """Return the innermost mapping or list on a path, and the key in it."""
    holder: object = data
    for key in path[:-1]:
        if isinstance(holder, dict):
            holder = dict.get(holder, str(key))
        elif isinstance(holder, list) and isinstance(key, int):
            holder = holder[key]
    return holder, path[-1]


# -- words that jenkins-job-builder or Jenkins doesn't know --------------------------------------
# Many modules take one word for one branch of theirs and all others for another, or write what they
# get where the plugin knows a few words.


@dataclass(frozen=True, slots=True)
class _Suspect(_Value):
    word: str
    known: Documented

    def mark(self, mark: object) -> tuple[tuple[int, str | int], tuple[str | int, Any]]:
        return (id(self.holder), self.key), (self.key, mark)


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


def _find_unknown_words(
    scopes: Sequence[_Scope], job: _Scope, made: Generated
) -> Iterator[_OddValue]:
    suspects = [*_find_suspects(scopes, job, made.text.lower())]
    lost = _not_shown(suspects, _Suspect.mark, made)
    for suspect in suspects:
        if suspect.known.choices and not any(suspect is other for other in lost):
            reasons = want.one_of(suspect.known.choices)(suspect.word)
            yield from ((suspect, reason) for reason in reasons)
    together = not _matter(lost, made, _Suspect.mark)
    for suspect in lost:
        if together or not _matter([suspect], made, _Suspect.mark):
            yield from ((suspect, reason) for reason in _judge_ignored(suspect, made))


def _find_suspects(scopes: Sequence[_Scope], job: _Scope, config: str) -> Iterator[_Suspect]:
    for scope in scopes:
        mapping = scope.mapping
        unread = mapping.unread_keys()
        for option, value in dict.items(mapping):
            if option in COMPONENT_LISTS or option in unread:
                continue
            if option not in mapping.key_positions or (option in _NAMES and scope is job):
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
