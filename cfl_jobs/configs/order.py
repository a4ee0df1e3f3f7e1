"""Names and arrows between them → an order: each name after those that point to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush


def sort_jobs(names: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Sort so that each name comes after those before it in `pairs`, and stays put otherwise.

    Where names wait for each other in a circle, the first of them goes first:

    >>> sort_jobs(["deploy", "build", "test"], [("build", "test"), ("test", "deploy")])
    ['build', 'test', 'deploy']
    >>> sort_jobs(["a", "b"], [("a", "b"), ("b", "a")])
    ['a', 'b']
    """
    place = {name: number for number, name in enumerate(names)}
    before: dict[str, set[str]] = {name: set() for name in names}
    after: dict[str, set[str]] = {name: set() for name in names}
    for source, target in pairs:
        if source != target:
            before[target].add(source)
            after[source].add(target)
    ready = [place[name] for name in names if not before[name]]
    waiting = dict.fromkeys(names)
    order: list[str] = []
    while waiting:
        chosen = names[heappop(ready)] if ready else _first_of_circle(list(waiting), before)
        del waiting[chosen]
        order.append(chosen)
        for name in after[chosen]:
            before[name].discard(chosen)
            if not before[name] and name in waiting:
                heappush(ready, place[name])
    return order


def _first_of_circle(waiting: list[str], before: dict[str, set[str]]) -> str:
    """Return the first name that waits, however indirectly, for itself."""
    for name in waiting:
        reached: set[str] = set()
        open_names = [name]
        while open_names:
            for earlier in before[open_names.pop()] - reached:
                reached.add(earlier)
                open_names.append(earlier)
        if name in reached:
            return name
    return waiting[0]
