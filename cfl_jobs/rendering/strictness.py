"""A generated job → what was lost on its way to XML, and what reached it though it makes no sense.

Reads nothing itself that would count as a read of the job's data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast
from xml.etree import ElementTree as ET

from cfl_jobs.errors import Origin, Position, nearest
from cfl_jobs.reading.tracking import TrackedDict, unread_places
from cfl_jobs.rendering.documentation import plain_name
from cfl_jobs.rendering.expectations import Reason
from cfl_jobs.rendering.generator import Changes, Component, Generated
from cfl_jobs.rendering.noeffect import check_no_effect
from cfl_jobs.rendering.unknown_words import OddValue, Options, find_unknown_words
from cfl_jobs.rendering.values import (
    ValueMistake,
    check_job,
    check_value,
    check_written,
    plain_copy,
    read_options,
)

_MISSPELT = "Did you mean"
_Option = tuple[TrackedDict, str]
_Vary = Callable[[str, object, str], tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Loss:
    """One line of YAML that has no effect, or not the one it seems to have.

    `within` names the component that it stands in.
    """

    message: str
    position: Position
    advice: str = ""
    within: tuple[Origin, ...] = ()


def find_losses(
    data: TrackedDict,
    made: Generated,
    *,
    word: str,
    versions: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Loss]:
    """Find what was lost of a job or view; `word` says which of the two it is.

    `versions` are the server's, by plugin or versions.CORE; what isn't listed is the newest.
    """
    scopes = tuple(_find_scopes(data, made))
    _settle([scope.mapping for scope in scopes], made)
    owners = {scope.mapping.identity: scope.owner for scope in scopes}
    # Judging values may count as reading them.
    unread = tuple(unread_places(data))
    odd = tuple(_find_odd_values(data, made, scopes, owners, versions))
    yield from _find_unread_options(unread, owners, word, {loss.position for loss in odd})
    yield from odd


@dataclass(frozen=True, slots=True)
class _Scope:
    """A mapping with the innermost component around it, if any.

    `options` is what is known of its options, None if its only key is the component's name.
    """

    mapping: TrackedDict
    owner: Component | None
    options: Options | None


def _find_scopes(data: TrackedDict, made: Generated) -> Iterator[_Scope]:
    """Yield every mapping of a job, parents first."""
    components = {
        component.data.identity: component
        for component in made.components
        if isinstance(component.data, TrackedDict)
    }
    own = Options(read_options("", "", made.documentation), made.words)
    waiting: list[tuple[Any, Component | None, Options]] = [(data, None, own)]
    while waiting:
        value, owner, options = waiting.pop()
        if isinstance(value, TrackedDict):
            inside = components.get(value.identity)
            if inside is not None:
                owner = inside
                by_name = read_options(owner.kind, owner.name, owner.documentation)
                options = Options(by_name, owner.words)
            yield _Scope(value, owner, None if inside is not None else options)
            value = dict.values(value)
        elif not isinstance(value, (list, tuple)):
            continue
        waiting += [
            (item, owner, options)
            for item in reversed(value)
            if isinstance(item, (dict, list, tuple))
        ]


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
    """Return those of the options whose name and value make no difference to the config."""
    for vary in (_rename, _replace):
        # Most of them are someone's own names and values: the config then shows their marks.
        text = made.again(_vary_all(suspects, vary)).lower() if suspects else ""
        suspects = [option for at, option in enumerate(suspects) if _mark(at) not in text]
    if not _matter(suspects, made):
        return suspects
    return [option for option in suspects if not _matter([option], made)]


def _matter(options: Sequence[_Option], made: Generated) -> bool:
    """Tell whether the config is another one where the options are."""
    ways = (_rename, _replace) if options else ()
    return any(made.again(_vary_all(options, vary)) != made.text for vary in ways)


def _vary_all(options: Sequence[_Option], vary: _Vary) -> Changes:
    return {
        (id(mapping), key): vary(key, dict.get(mapping, key), _mark(number))
        for number, (mapping, key) in enumerate(options)
    }


def _mark(number: int) -> str:
    return f"zq{number}qz"


def _rename(key: str, value: object, mark: str) -> tuple[str, object]:
    return f"{mark}{key}{mark}", value


def _replace(key: str, value: object, mark: str) -> tuple[str, object]:
    """Put another value of the same type in its place, so that it isn't refused for that."""
    if isinstance(value, bool):
        return key, not value
    if isinstance(value, (int, float)):
        return key, value + 1
    if isinstance(value, list):
        return key, [mark]
    return key, {mark: mark} if isinstance(value, dict) else f"{value}{mark}"


def _within(owner: Component | None) -> tuple[Origin, ...]:
    if owner is None:
        return ()
    return (Origin(f"in the {owner.kind} {owner.name!r} at", owner.position),)


def _find_unread_options(
    options: Iterable[_Option],
    owners: Mapping[int, Component | None],
    word: str,
    told: Set[Position],
) -> Iterator[Loss]:
    """Find options that jenkins-job-builder never asked for.

    In a component with one that is misspelt, those that are like no other are held back: most of
    them are only read where that one is there. So are those whose value is told of.
    """
    unread = [(mapping, key, advise_on_unread(key, mapping)) for mapping, key in options]
    misspelt = {id(mapping) for mapping, _, advice in unread if advice.startswith(_MISSPELT)}
    for mapping, key, advice in unread:
        owner = owners.get(mapping.identity)
        if not advice and (
            (id(mapping) in misspelt and (owner or not _knows_its_type(mapping)))
            or mapping.value_positions.get(key) in told
        ):
            continue
        of = f"the {owner.kind} {owner.name!r}" if owner else f"a {word}"
        advice = advice or "Remove it: it would have no effect."
        message = f"jenkins-job-builder never reads {key!r} of {of}"
        yield Loss(message, mapping.position_of(key), advice, _within(owner))


def _knows_its_type(job: TrackedDict) -> bool:
    """Tell whether a job or view says of which type it is, which decides on what is read of it."""
    return any(dict.__contains__(job, key) for key in ("project-type", "view-type"))


def advise_on_unread(key: str, mapping: TrackedDict) -> str:
    """Say what a key that no one asked for may have meant: the nearest one that was asked for."""
    near = nearest(key, mapping.asked_keys())
    if near is not None and dict.__contains__(mapping, near):
        return f"{near!r} is already there; remove this one."
    return f"{_MISSPELT} {near!r}?" if near else ""


def _find_odd_values(
    data: TrackedDict,
    made: Generated,
    scopes: Sequence[_Scope],
    owners: Mapping[int, Component | None],
    versions: Mapping[str, str],
) -> Iterator[Loss]:
    """Find values that jenkins-job-builder takes though they make no sense, one at a place."""
    told = {problem.position for problem in made.problems}
    for odd in (*_judge_job(data, made, versions), *_judge_options(scopes, made)):
        place = _place_of_value(odd.holder, odd.key)
        if place not in told:
            told.add(place)
            message = f"{odd.option!r}: {odd.reason.message}" if odd.option else odd.reason.message
            owner = owners.get(getattr(odd.mapping, "identity", 0))
            yield Loss(message, place, odd.reason.advice, _within(owner))


def _judge_job(
    data: TrackedDict, made: Generated, versions: Mapping[str, str]
) -> Iterator[OddValue]:
    """Find values that are known to be wrong by their path, or by what became of them."""
    texts: list[Any] = []
    has_cut_text = False
    for element in made.root.iter():
        text, tail = element.text, element.tail
        texts += [text] if text else []
        has_cut_text |= bool(tail and tail.strip())
        has_cut_text |= bool(text and len(element) and text.strip())
    plain = cast(dict[str, object], plain_copy(data))
    senseless = check_no_effect(plain, versions)
    for mistake in (*senseless, *check_job(plain), *check_written(plain, texts)):
        holder, key = _follow(data, mistake)
        option = key if isinstance(key, str) else ""
        yield OddValue(holder, option, holder, key, Reason(mistake.message, mistake.advice))
    if has_cut_text:
        yield from _find_cut_text(data, made)


def _judge_options(scopes: Sequence[_Scope], made: Generated) -> Iterator[OddValue]:
    """Find values that are known to be wrong by what their component says of its options."""
    broken = _find_broken(scopes, made) if made.problems else set()
    sound: list[tuple[TrackedDict, Options]] = []
    for scope in scopes:
        mapping, options = scope.mapping, scope.options
        if options is None:
            continue
        for key in mapping.key_positions:
            value, default = dict.get(mapping, key), mapping.defaults.get(key)
            for reason in check_value(key, value, default, options.by_name.get(plain_name(key))):
                yield OddValue(mapping, key, mapping, key, reason)
        sound += [(mapping, options)] if id(scope.owner) not in broken else []
    yield from find_unknown_words(sound, made, scopes[0].mapping)


def _find_broken(scopes: Sequence[_Scope], made: Generated) -> set[int]:
    """Return the ids of components that have a problem: all their words are lost with it."""
    places = {problem.position for problem in made.problems}
    return {
        id(scope.owner)
        for scope in scopes
        if not places.isdisjoint(
            (
                scope.mapping.pos,
                *scope.mapping.key_positions.values(),
                *scope.mapping.value_positions.values(),
            )
        )
    }


def _find_cut_text(data: TrackedDict, made: Generated) -> Iterator[OddValue]:
    """Find raw XML with text beside elements; XStream 1.4.21 reads text up to the first element."""
    for element in made.root.iter():
        beside = (element.text, *(child.tail for child in element))
        if len(element) and any(part and part.strip() for part in beside):
            owner = next((it for it in made.components if _made(it, element)), None)
            given = owner.data if owner else data
            message = (
                f"<{element.tag}> holds text beside elements: Jenkins reads none after the first"
            )
            advice = "Write &lt; for a < in text, or put the text in <![CDATA[...]]>."
            yield OddValue(given, "", dict.get(given, "raw", given), "xml", Reason(message, advice))


def _made(component: Component, element: ET.Element) -> bool:
    return any(element is inner for made in component.elements for inner in made.iter())


def _follow(data: TrackedDict, mistake: ValueMistake) -> tuple[object, str | int]:
    """Return the innermost mapping or list on a mistake's path, and the key in it."""
    holder: object = data
    for key in mistake.path[:-1]:
        if isinstance(holder, dict):
            holder = dict.get(holder, str(key))
        elif isinstance(holder, list) and isinstance(key, int):
            holder = holder[key]
    return holder, mistake.path[-1]


def _place_of_value(holder: object, key: str | int) -> Position:
    if isinstance(holder, TrackedDict):
        return holder.value_positions.get(str(key), holder.position_of(str(key)))
    places: Any = getattr(holder, "value_pos", None) or getattr(holder, "entry_positions", ())
    if isinstance(key, int) and key < len(places) and isinstance(places[key], Position):
        place: Position = places[key]
        return place
    return getattr(holder, "pos", None) or Position("", 0, 0)
