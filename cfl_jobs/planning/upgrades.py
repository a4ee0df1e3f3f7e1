"""A server's jobs + a job → what a newer version of a plugin did to it by itself.

After a plugin, or Jenkins itself, was upgraded, Jenkins' next save may add fields to its elements,
or leave some out, which looks like an edit. Each element says which plugin's version saved it (the
others: the Jenkins that answers), and the mark has a code of each version of the last update. So in
an element of a newer version a field that we don't set is Jenkins' own, if all elements of its
class that this version saved, in two jobs or more, have it alike; and so is that a flag of ours is
gone, if none of them says anything of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, cached_property

from cfl_jobs.configs.mark import Mark, find_plugins
from cfl_jobs.configs.normalform import Normal

# Fields of a job that only people fill: AbstractItem's, AbstractProject's (core 2.568).
PEOPLES = frozenset(
    """
    assignedNode customWorkspace description displayName jdk quietPeriod scmCheckoutRetryCount
    """.split()  # noqa: SIM905 - longer as a list
)


class Habits:
    """What a server's elements of a class have alike, by the plugin that saved them and the class.

    `elements` are those of each, with the number of their job.
    """

    def __init__(self, elements: Mapping[tuple[str, str], list[tuple[int, Normal]]]) -> None:
        self._elements = elements
        self.adds, self.takes = cache(self._adds), cache(self._takes)

    def _adds(self, plugin: str, kind: str, child: Normal) -> bool:
        """Tell whether a plugin's version writes a field with this value into a class.

        All elements have it then, in two jobs or more.
        """
        found = self._elements.get((plugin, kind), ())
        return (
            child.tag not in PEOPLES
            and len({number for number, _ in found}) > 1
            and all([c for c in it.children if c.tag == child.tag] == [child] for _, it in found)
        )

    def _takes(self, plugin: str, kind: str, child: Normal) -> bool:
        """Tell whether a plugin's version has no such flag in a class any more.

        A flag that a class has is always written; any other field may have been emptied.
        """
        found = [element for _, element in self._elements.get((plugin, kind), ())]
        is_said = any(child.tag in element.defaults or element.find(child.tag) for element in found)
        return bool(found) and not is_said and child.text in ("true", "false")


NO_HABITS = Habits({})


def learn_habits(jobs: Iterable[Normal]) -> Habits:
    """Return what the elements of a class have alike in a server's jobs."""
    elements: dict[tuple[str, str], list[tuple[int, Normal]]] = {}
    for number, job in enumerate(jobs):
        for plugin, element in _with_plugins(job):
            elements.setdefault((plugin, element.kind), []).append((number, element))
    return Habits(elements)


def _with_plugins(element: Normal, around: str = "") -> Iterator[tuple[str, Normal]]:
    """Yield each element with the plugin that saved it: Jenkins names it on the outermost only."""
    plugin = element.plugin or around
    yield plugin, element
    for child in element.children:
        yield from _with_plugins(child, plugin)


def has_upgraded(normal: Normal, mark: Mark | None) -> bool:
    """Tell whether any element of a job was saved by a version that the last update didn't meet."""
    return mark is not None and any(map(mark.is_older_than, find_plugins(normal)))


class Upgrade:
    """What the upgrade of plugins since the last update did to a job.

    `is_saved` tells of a field at a path, without numbers, whether Jenkins saved it then.
    """

    def __init__(
        self,
        desired: Normal,
        live: Normal,
        mark: Mark,
        habits: Callable[[], Habits],
        is_saved: Callable[[Normal, str], bool],
    ) -> None:
        self._mark, self._is_saved, self._desired = mark, is_saved, desired
        self._is_any, self._habits = has_upgraded(live, mark), NO_HABITS
        if self._is_any:
            self._habits = habits()

    @cached_property
    def _known(self) -> frozenset[tuple[str, str]]:
        """Fields, by class, that our elements have: no upgrade brings those."""
        return frozenset(
            (element.kind, tag)
            for element in self._desired.walk()
            for tag in (*element.defaults, *(child.tag for child in element.children))
        )

    def undo(self, element: Normal, path: str, plugin: str) -> Normal:
        """Return an element of the server's without the fields that newer versions added to it.

        `plugin` saved what is around it.
        """
        if not self._is_any:
            return element
        plugin = element.plugin or plugin
        inside = [(child, f"{path}/{child.tag}".lstrip("/")) for child in element.children]
        children = tuple(
            self.undo(child, inner, plugin)
            for child, inner in inside
            if not self.adds(element.kind, child, plugin) or self._is_saved(child, inner)
        )
        return replace(element, children=children)

    def adds(self, kind: str, child: Normal, plugin: str) -> bool:
        """Tell whether a plugin's version, newer than at the last update, gave a class a field."""
        is_new = (kind, child.tag) not in self._known and self._mark.is_older_than(plugin)
        return is_new and self._habits.adds(plugin, kind, child)

    def takes(self, kind: str, child: Normal, plugin: str) -> bool:
        return self._habits.takes(plugin, kind, child)
