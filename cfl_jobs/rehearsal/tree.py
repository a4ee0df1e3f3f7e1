"""Events → a tree of builds: what started what, how each stands, how long it took."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from cfl_jobs.rehearsal.records import (
    BuildRecord,
    Cause,
    Deadlocked,
    Event,
    Finished,
    PushCause,
    Queued,
    Recovered,
    Started,
    UpstreamCause,
)


@dataclass(slots=True)
class Node:
    """A request that is waiting or has become a build; `record` is None while it waits."""

    item: int
    job: str
    causes: list[Cause]
    record: BuildRecord | None = None
    children: list[Node] = field(default_factory=list)


class BuildTree:
    """The builds of this session, each below the one that started it first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.roots: list[Node] = []
        self.deadlock: tuple[str, ...] = ()
        self._by_item: dict[int, Node] = {}
        self._by_build: dict[tuple[str, int], Node] = {}

    def add(self, event: Event) -> None:
        with self.lock:
            match event:
                case Queued():
                    self._add_request(event)
                case Started(record):
                    node = self._find(record)
                    node.record = record
                    self._by_build[record.job, record.number] = node
                case Finished(record):
                    self._find(record).record = record
                case Recovered(record):
                    self.roots.append(Node(record.item, record.job, list(record.causes), record))
                case Deadlocked(lines):
                    self.deadlock = lines

    def _add_request(self, event: Queued) -> None:
        node = self._by_item.get(event.item)
        if node:
            node.causes.append(event.cause)
            return
        node = Node(event.item, event.job, [event.cause])
        self._by_item[event.item] = node
        self._place(node)

    def _find(self, record: BuildRecord) -> Node:
        """Return the build's node; a request of an earlier session gets one now."""
        node = self._by_item.get(record.item)
        if node is None:
            node = Node(record.item, record.job, list(record.causes))
            self._by_item[record.item] = node
            self._place(node)
        return node

    def _place(self, node: Node) -> None:
        cause = node.causes[0]
        parent = None
        if isinstance(cause, UpstreamCause):
            parent = self._by_build.get((cause.job, cause.number))
        (parent.children if parent else self.roots).append(node)


def describe_causes(node: Node, *, with_parent: bool) -> str:
    """Say what started a build; below its parent only what else did."""
    texts = []
    for cause in dict.fromkeys(node.causes[1:] if with_parent else node.causes):
        match cause:
            case UpstreamCause(job, number):
                texts.append(f"{job} #{number}")
            case PushCause():
                texts.append("a push")
            case _:
                texts.append(cause.user)
    if not texts:
        return ""
    return ("also " if with_parent else "") + "by " + " and ".join(texts)
