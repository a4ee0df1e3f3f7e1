"""Jobs on the server → what a plugin's version writes into all of its elements alike.

After a plugin, or Jenkins itself, was upgraded, Jenkins' next save may add fields to its elements,
which looks like an edit. Each element says which plugin's version saved it (the others: the Jenkins
that answers), and the mark has a code of each version of the last update. So in an element of a
newer version a field that we don't set is Jenkins' own, if all elements of its class that this
version saved, in two jobs or more, have it alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.differences import Raw
from cfl_jobs.planning.mark import Mark
from cfl_jobs.planning.sections import code_of_version, codes_of_versions, find_plugins

# What all elements of a class hold in a field, by the plugin that saved them, class and field.
Habits = Mapping[tuple[str, str, str], Normal]


def learn_habits(jobs: Iterable[Normal]) -> Habits:
    """Return the fields that all elements of a class have alike, in two jobs or more."""
    totals: Counter[tuple[str, str]] = Counter()
    values: dict[tuple[str, str, str], list[tuple[int, Normal]]] = {}
    for number, job in enumerate(jobs):
        for plugin, element in _with_plugins(job):
            totals[plugin, element.kind] += 1
            for child in element.children:
                values.setdefault((plugin, element.kind, child.tag), []).append((number, child))
    return {
        key: found[0][1]
        for key, found in values.items()
        if len(found) == totals[key[:2]]
        and len({child for _, child in found}) == 1
        and len({number for number, _ in found}) > 1
    }


def is_habit(raw: Raw, habits: Habits) -> bool:
    return raw.live is not None and habits.get((raw.plugin, raw.parent, raw.live.tag)) == raw.live


def is_new_field(raw: Raw) -> bool:
    """Tell whether it is a field that only the server's element has."""
    return raw.wanted is None and raw.live is not None and not raw.is_item


def is_upgraded(raw: Raw, mark: Mark | None) -> bool:
    """Tell whether the element was saved by a plugin's version that the last update didn't meet."""
    if mark is None or not mark.versions or not raw.plugin:
        return False
    return code_of_version(raw.plugin) not in mark.versions


def has_upgraded(normal: Normal, mark: Mark | None) -> bool:
    """Tell whether any element of a job was saved by such a version."""
    if mark is None or not mark.versions:
        return False
    return not set(codes_of_versions(find_plugins(normal))) <= set(mark.versions)


def _with_plugins(element: Normal, around: str = "") -> Iterator[tuple[str, Normal]]:
    """Yield each element with the plugin that saved it: Jenkins names it on the outermost only."""
    plugin = element.plugin or around
    yield plugin, element
    for child in element.children:
        yield from _with_plugins(child, plugin)
