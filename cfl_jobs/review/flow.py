"""Two setups → effects on the flow: what starts a job, which job starts which, what is copied."""

from __future__ import annotations

from collections.abc import Iterator

from cfl_jobs.configs.graph import CopyEdge, StartKind, TriggerEdge
from cfl_jobs.drawing.words import (
    join_names,
    say_artifacts,
    say_condition,
    say_selector,
    say_start,
)
from cfl_jobs.review.effect import About, Effect, Weight
from cfl_jobs.review.pair import Pair


def find_flow_effects(pair: Pair) -> Iterator[Effect]:
    yield from _starts(pair)
    yield from _edges(pair)
    yield from _copies(pair)


def _starts(pair: Pair) -> Iterator[Effect]:
    def starts(side: str) -> dict[str, list[str]]:
        chain = pair.before.chain if side == "before" else pair.after.chain
        return {
            pair.now(node.name) if side == "before" else node.name: [
                say_start(start) for start in node.starts if start.kind is not StartKind.HAND
            ]
            for node in chain.nodes
        }

    old, new = starts("before"), starts("after")
    deploys = pair.deploys
    for name in dict.fromkeys((*new, *old)):
        weight = Weight.HIGH if name in deploys else Weight.MEDIUM
        for start in new.get(name, ()):
            if start not in old.get(name, ()):
                yield Effect(About.TRIGGER, weight, f"lets {start} start", (name,))
        for start in old.get(name, ()):
            if start not in new.get(name, ()) and name in new:
                yield Effect(About.TRIGGER, Weight.MEDIUM, "stops starting", (name,), f"by {start}")


def _edges(pair: Pair) -> Iterator[Effect]:
    old = _by_pair(pair, pair.before.chain.triggers, rename=True)
    new = _by_pair(pair, pair.after.chain.triggers, rename=False)
    deploys = pair.deploys
    for (source, target), edges in new.items():
        is_deploy = target in deploys
        weight = Weight.HIGH if is_deploy else Weight.MEDIUM
        was = old.get((source, target))
        if was is None:
            condition = next(filter(None, map(say_condition, edges)), "")
            lead = f"lets {source} start"
            yield Effect(About.EDGE, weight, lead, (target,), condition)
        elif sorted(map(terms_of, was)) != sorted(map(terms_of, edges)):
            yield Effect(About.EDGE, weight, f"changes how {source} starts", (target,))
    for source, target in old:
        if (source, target) not in new:
            yield Effect(About.EDGE, Weight.MEDIUM, f"keeps {source} from starting", (target,))


def _by_pair(
    pair: Pair, edges: tuple[TriggerEdge, ...], *, rename: bool
) -> dict[tuple[str, str], list[TriggerEdge]]:
    found: dict[tuple[str, str], list[TriggerEdge]] = {}
    for edge in edges:
        ends = (edge.source, edge.target)
        key = (pair.now(ends[0]), pair.now(ends[1])) if rename else ends
        found.setdefault(key, []).append(edge)
    return found


def terms_of(edge: TriggerEdge) -> tuple[object, ...]:
    """Return on what terms a job is started: the condition, and what goes along."""
    passed = tuple((item.name, item.value or "", item.value is None) for item in edge.passed)
    return (edge.condition, edge.file, edge.blocking, passed)


def _copies(pair: Pair) -> Iterator[Effect]:
    old = _copies_of(pair, pair.before.chain.copies, rename=True)
    new = _copies_of(pair, pair.after.chain.copies, rename=False)
    deploys, kept = pair.deploys, pair.kept
    for (source, target, artifacts), edges in new.items():
        is_deploy = target in deploys and target in kept
        weight = Weight.HIGH if is_deploy else Weight.MEDIUM if target in kept else Weight.LOW
        was = old.get((source, target, artifacts))
        words = [_say_which(edge) for edge in edges]
        if was is None:
            lead = f"takes {artifacts} of {source} ({join_names(words)}) into"
            yield Effect(About.COPY, weight, lead, (target,))
        elif (then := [_say_which(edge) for edge in was]) != words:
            lead = f"takes {artifacts} of {source} from {join_names(words)}"
            lead += f", not {join_names(then)}, into"
            yield Effect(About.COPY, weight, lead, (target,))
    for source, target, artifacts in old:
        if (source, target, artifacts) not in new and target in kept:
            is_deploy = target in deploys
            weight = Weight.HIGH if is_deploy else Weight.MEDIUM
            lead = f"no longer takes {artifacts} of {source} into"
            yield Effect(About.COPY, weight, lead, (target,))


def _copies_of(
    pair: Pair, edges: tuple[CopyEdge, ...], *, rename: bool
) -> dict[tuple[str, str, str], list[CopyEdge]]:
    found: dict[tuple[str, str, str], list[CopyEdge]] = {}
    for edge in edges:
        source, target = edge.source, edge.target
        if rename:
            source, target = pair.now(source), pair.now(target)
        found.setdefault((source, target, say_artifacts(edge.artifacts)), []).append(edge)
    return found


def _say_which(edge: CopyEdge) -> str:
    return f"{say_selector(edge)}{', if there is one' if edge.optional else ''}"
