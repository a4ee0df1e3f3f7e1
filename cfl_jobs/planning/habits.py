"""Jobs on the server → what a plugin's version does to all of its elements alike.

After a plugin, or Jenkins itself, was upgraded, Jenkins' next save may add fields to its elements,
or leave some out, which looks like an edit. Each element says which plugin's version saved it (the
others: the Jenkins that answers), and the mark has a code of each version of the last update. So in
an element of a newer version a field that we don't set is Jenkins' own, if all elements of its
class that this version saved, in two jobs or more, have it alike; and so is that a flag of ours is
gone, if none of them says anything of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cfl_jobs.configs.mark import Mark
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.sections import code_of_version, codes_of_versions, find_plugins
from cfl_jobs.planning.differences import Raw

# Fields of a job that only people fill: AbstractItem's, AbstractProject's (core 2.568).
PEOPLES = frozenset(
    """
    assignedNode customWorkspace description displayName jdk quietPeriod scmCheckoutRetryCount
    """.split()  # noqa: SIM905 - longer as a list
)


@dataclass(frozen=True, slots=True)
class Habits:
    """What the elements of a class have alike, by the plugin that saved them and the class.

    `alike` are fields with one and the same value in two jobs or more, `said` the tags that any of
    the elements has, whatever it says.
    """

    alike: Mapping[tuple[str, str, str], Normal]
    said: Mapping[tuple[str, str], frozenset[str]]

    def adds(self, plugin: str, kind: str, child: Normal) -> bool:
        """Tell whether a plugin's version writes a field with this value into a class."""
        return child.tag not in PEOPLES and self.alike.get((plugin, kind, child.tag)) == child

    def takes(self, plugin: str, kind: str, child: Normal) -> bool:
        """Tell whether a plugin's version has no such flag in a class any more.

        A flag that a class has is always written; any other field may have been emptied.
        """
        said = self.said.get((plugin, kind))
        return said is not None and child.tag not in said and child.text in ("true", "false")


def learn_habits(jobs: Iterable[Normal]) -> Habits:
    """Return what the elements of a class have alike in a server's jobs."""
    totals: Counter[tuple[str, str]] = Counter()
    values: dict[tuple[str, str, str], list[tuple[int, Normal]]] = {}
    said: dict[tuple[str, str], set[str]] = {}
    for number, job in enumerate(jobs):
        for plugin, element in _with_plugins(job):
            key = (plugin, element.kind)
            totals[key] += 1
            said.setdefault(key, set()).update(element.defaults)
            for child in element.children:
                said[key].add(child.tag)
                values.setdefault((*key, child.tag), []).append((number, child))
    alike = {
        key: found[0][1]
        for key, found in values.items()
        if len(found) == totals[key[:2]]
        and len({child for _, child in found}) == 1
        and len({number for number, _ in found}) > 1
    }
    return Habits(alike, {key: frozenset(tags) for key, tags in said.items()})


NO_HABITS = Habits({}, {})


def is_new_field(raw: Raw) -> bool:
    """Tell whether it is a field that only the server's element has."""
    return raw.wanted is None and raw.live is not None and not raw.is_item


def is_gone_field(raw: Raw) -> bool:
    """Tell whether it is a field that only our element has."""
    return raw.live is None and raw.wanted is not None and not raw.is_item


def is_upgraded(raw: Raw, mark: Mark | None) -> bool:
    """Tell whether the element was saved by a plugin's version that the last update didn't meet."""
    if mark is None or not mark.versions or not raw.plugin:
        return False
    return code_of_version(raw.plugin) not in mark.versions


def find_known(wanted: Normal) -> frozenset[tuple[str, str]]:
    """Return the fields, by class and tag, that our elements have: no upgrade brings those."""
    return frozenset(
        (element.kind, tag)
        for element in wanted.walk()
        for tag in (*element.defaults, *(child.tag for child in element.children))
    )


def is_own(raw: Raw, habits: Habits, known: Collection[tuple[str, str]]) -> bool:
    """Tell whether what differs in an element is what its plugin's version does to all alike.

    `known` as find_known gives them.
    """
    if raw.wanted is not None and is_gone_field(raw):
        return habits.takes(raw.plugin, raw.parent, raw.wanted)
    if raw.live is None or not is_new_field(raw) or (raw.parent, raw.live.tag) in known:
        return False
    return habits.adds(raw.plugin, raw.parent, raw.live)


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
