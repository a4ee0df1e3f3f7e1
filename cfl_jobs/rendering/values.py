"""Plain job data → values in it that make no sense, though jenkins-job-builder takes them.

Three sources: the default that jenkins-job-builder would have taken tells the type that an option
has, its own documentation tells it where the default doesn't (`check_value`), and tables where
neither does (`check_job`). benchmarks/losses.py measures what is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cfl_jobs.reading.tracking import listed, peek
from cfl_jobs.reading.versions import NEWEST
from cfl_jobs.rendering import options as want
from cfl_jobs.rendering.documentation import Documented, plain_name, read_documentation
from cfl_jobs.rendering.noeffect import NO_EFFECTS, NoEffect
from cfl_jobs.rendering.options import Expectation, Path, Reason

_WANTED = want.COMPONENT_OPTIONS
_NO_EFFECTS: dict[tuple[str, str], list[NoEffect]] = {}
for _row in NO_EFFECTS:
    if _row.successor is None:
        _NO_EFFECTS.setdefault((_row.kind, _row.name), []).append(_row)


def read_options(kind: str, name: str, documentation: str) -> Mapping[str, Documented]:
    """Return what is known of a component's options, by their plain names."""
    numbers = want.WHOLE_NUMBERS.get((kind, name), ())
    known = {plain_name(key): Documented("number") for key in numbers}
    return {**read_documentation(documentation), **known}


def check_value(
    key: str, value: object, default: object, documented: Documented
) -> tuple[Reason, ...]:
    """Return what is wrong with an option's value, given its reader's default and documentation.

    Texts that stand for numbers and truth values are taken, as Jenkins takes them. The default
    tells more surely what is wanted; an empty one tells nothing.
    """
    reasons: tuple[Reason, ...] = ()
    if documented.kind == "number":
        return _WHOLE(value)
    if key == "url" or key.endswith("-url"):
        reasons = want.url(value)
    if reasons or key in want.TAKES_MORE:
        return reasons
    if not isinstance(default, list):
        if expectation := _told_by(default):
            return expectation(value)
    elif key not in want.TAKES_ONE and isinstance(value, (str, dict)):
        reasons = want.is_list(value)
    elif default and isinstance(value, list) and all(type(it) is int for it in default):
        reasons = tuple(reason for entry in value for reason in want.whole_number()(entry))
    if reasons or documented.kind not in _BY_KIND or default or value == default:
        return reasons
    return _BY_KIND[documented.kind](value)


def _flag(value: object) -> tuple[Reason, ...]:
    """Want true or false; a mapping of options may stand for true."""
    return () if isinstance(value, dict) else want.boolean(value)


_WHOLE = want.whole_number(variable=True)
_BY_KIND = {"int": _WHOLE, "bool": _flag}


def _told_by(default: object) -> Expectation | None:
    """Return what an option wants that has such a default, None where that doesn't tell."""
    if isinstance(default, bool):
        return _flag
    if isinstance(default, int):
        return _WHOLE
    if isinstance(default, str) and default.lower() in want.TRUTH:
        return want.boolean
    if isinstance(default, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", default):
        return want.number
    return None


def check_job(
    data: Mapping[str, object], versions: Mapping[str, str] = NEWEST
) -> tuple[Reason, ...]:
    """Return the values of a job or view that have no effect, and those that make no sense.

    `versions` are the server's, by plugin or versions.CORE. Looking does not count as reading.
    """
    plain: Any = plain_copy(data)
    if "view-type" in plain:
        return tuple(_check_view(plain))
    found = [*_find_no_effect((), plain, _NO_EFFECTS[("", "")], versions)]
    found += _check_options(plain, want.JOB_OPTIONS, ())
    found += _find_same_parameters(plain.get("parameters"))
    for path, kind, name, options in _walk_components(plain, ()):
        if isinstance(options, dict):
            found += _find_no_effect(path, options, _NO_EFFECTS.get((kind, name), ()), versions)
        found += _check_component(path, kind, name, options)
    return tuple(found)


def _find_no_effect(
    path: Path, options: dict[str, Any], rows: Iterable[NoEffect], versions: Mapping[str, str]
) -> Iterator[Reason]:
    for row in rows:
        # An empty list of a job's is as good as none.
        given = (path and row.key in options) or options.get(row.key) is not None
        if given and row.when(options) and row.span.holds(versions):
            yield Reason(f"it has no effect: {row.why}", row.instead, (*path, row.key))


def _find_same_parameters(parameters: object) -> Iterator[Reason]:
    """A build gets one value of each name; the form asks for both."""
    seen: dict[object, object] = {}
    for index, parameter in want.items_of(parameters):
        for kind, options in want.items_of(parameter):
            name = peek(options, "name")
            if isinstance(name, str) and seen.setdefault(name, index) != index:
                path = ("parameters", index, kind, "name")
                yield Reason(f"two parameters are called {name}", "Rename one of them.", path)


def check_written(data: Mapping[str, object], texts: Iterable[object]) -> Iterator[Reason]:
    """Yield the lists, mappings and empty values that came out as Python's words for them.

    `texts` are the texts of the config's elements. Where an option is one text,
    jenkins-job-builder writes a list as "['a', 'b']" and an empty value as "None".
    """
    # Modules may put a number or true where text belongs; writing the XML fails then.
    written = [text for text in texts if isinstance(text, str)]
    brackets = frozenset(text for text in written if text.startswith(("[", "{")))
    says_none = any(text.lower() == "none" for text in written)
    waiting: list[tuple[Path, object]] = []
    if brackets or says_none:
        waiting.append(((), plain_copy(data)))
    while waiting:
        path, value = waiting.pop()
        if value is None and path and says_none:
            yield Reason("nothing stands here; Jenkins gets the text 'None'", "Write ''.", path)
        if isinstance(value, (list, dict)) and value and str(value) in brackets:
            message = f"{want.show(value)} can't stand here; Jenkins gets Python's text of it"
            yield Reason(message, "Write one text.", path)
        else:
            waiting += reversed([((*path, key), it) for key, it in want.items_of(value)])


def _check_view(data: dict[str, object]) -> Iterator[Reason]:
    """A column that jenkins-job-builder doesn't know is left out without a word."""
    columns = data.get("columns", [])
    yield from want.at(("columns",), want.is_list(columns))
    for index, column in enumerate(listed(columns)):
        if not isinstance(column, dict):
            for reason in want.one_of(want.COLUMNS)(column):
                message = f"there is no column {want.show(column)}"
                yield Reason(message, reason.advice, ("columns", index))
    names = data.get("job-name")
    if names is not None and names != []:
        yield from want.at(("job-name",), want.texts(names))


def _walk_components(value: object, path: Path) -> Iterator[tuple[Path, str, str, object]]:
    """Yield (path, type, name, options) of all components of a job, those inside others too."""
    for key, item in want.items_of(value):
        if not isinstance(item, (dict, list)):
            continue
        kind = want.COMPONENT_LISTS.get(str(key))
        if kind and isinstance(item, list):
            for index, component in enumerate(item):
                if isinstance(component, dict) and len(component) == 1:
                    ((name, options),) = component.items()
                    yield (*path, key, index, name), kind, name, options
        yield from _walk_components(item, (*path, key))


def _check_component(path: Path, kind: str, name: str, options: object) -> Iterator[Reason]:
    wanted = {**_WANTED.get((kind, want.ANY), {}), **_WANTED.get((kind, name), {})}
    if isinstance(options, dict):
        yield from _check_options(options, wanted, path)
    elif isinstance(options, list):
        for index, entry in enumerate(options):
            if isinstance(entry, dict):
                yield from _check_options(entry, wanted, (*path, index))
                for inner_name, inner in entry.items():
                    if len(entry) == 1 and isinstance(inner, dict):
                        yield from _check_options(inner, wanted, (*path, index, inner_name))
    elif "" in wanted:
        yield from want.at(path, wanted[""](options))


def _check_options(
    options: dict[str, object], wanted: Mapping[str, Expectation], path: Path
) -> Iterator[Reason]:
    for key, value in options.items():
        if key in wanted:
            yield from want.at((*path, key), wanted[key](value))


def plain_copy(value: object) -> object:
    """Copy data to plain dicts and lists; tracked data would count looking as reading.

    What is plain already is taken as it is.
    """
    if type(value) is dict:
        return value
    if isinstance(value, dict):
        return {key: plain_copy(item) for key, item in dict.items(value)}
    if isinstance(value, (list, tuple)):
        return [plain_copy(item) for item in value]
    return value
