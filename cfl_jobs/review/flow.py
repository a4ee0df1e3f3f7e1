"""Two setups → effects on the flow: what starts a job, which job starts which, what is copied.

And one chain to draw: all that is there after the change, and what was before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cfl_jobs.configs.graph import Chain, CopyEdge, StartKind, TriggerEdge, build_chain
from cfl_jobs.drawing.words import (
    join_names,
    list_arrows,
    say_artifacts,
    say_condition,
    say_selector,
    say_start,
)
from cfl_jobs.review.review import About, Effect, Weight
from cfl_jobs.review.setups import Pair

_Copies = dict[tuple[str, str, str], list[str]]


def find_flow_effects(pair: Pair) -> Iterator[Effect]:
    yield from _starts(pair)
    yield from _edges(pair)
    yield from _copies(pair)


def _starts(pair: Pair) -> Iterator[Effect]:
    old, new = _starts_of(pair.old_chain), _starts_of(pair.after.chain)
    for name in dict.fromkeys((*new, *old)):
        was, now = old.get(name, []), new.get(name, [])
        for start in now:
            if start not in was:
                yield Effect(About.TRIGGER, pair.weigh(name), f"lets {start} start", (name,))
        for start in was:
            if start not in now and name in new:
                yield Effect(About.TRIGGER, Weight.MEDIUM, "stops starting", (name,), f"by {start}")


def _starts_of(chain: Chain) -> dict[str, list[str]]:
    return {
        node.name: [say_start(start) for start in node.starts if start.kind is not StartKind.HAND]
        for node in chain.nodes
    }


def _edges(pair: Pair) -> Iterator[Effect]:
    old, new = _triggers_of(pair.old_chain), _triggers_of(pair.after.chain)
    for (source, target), edges in new.items():
        weight = pair.weigh(target)
        was = old.get((source, target))
        if was is None:
            condition = next(filter(None, map(say_condition, edges)), "")
            yield Effect(About.EDGE, weight, f"lets {source} start", (target,), condition)
        elif sorted(map(_terms_of, was)) != sorted(map(_terms_of, edges)):
            yield Effect(About.EDGE, weight, f"changes how {source} starts", (target,))
    for source, target in old:
        if (source, target) not in new:
            yield Effect(About.EDGE, Weight.MEDIUM, f"keeps {source} from starting", (target,))


def _triggers_of(chain: Chain) -> Mapping[tuple[str, str], tuple[TriggerEdge, ...]]:
    return {arrow.ends: arrow.triggers for arrow in list_arrows(chain) if arrow.triggers}


def _terms_of(edge: TriggerEdge) -> tuple[object, ...]:
    """Return on what terms a job is started: the condition, and what goes along."""
    passed = tuple((item.name, item.value or "", item.value is None) for item in edge.passed)
    return (edge.condition, edge.file, edge.blocking, passed)


def _copies(pair: Pair) -> Iterator[Effect]:
    old, new = _copies_of(pair.old_chain.copies), _copies_of(pair.after.chain.copies)
    for (source, target, artifacts), words in new.items():
        weight = pair.weigh(target) if target in pair.kept else Weight.LOW
        was = old.get((source, target, artifacts), words)
        if (source, target, artifacts) not in old:
            lead = f"takes {artifacts} of {source} ({join_names(words)}) into"
            yield Effect(About.COPY, weight, lead, (target,))
        elif was != words:
            lead = f"takes {artifacts} of {source} from {join_names(words)}"
            lead += f", not {join_names(was)}, into"
            yield Effect(About.COPY, weight, lead, (target,))
    for source, target, artifacts in old:
        if (source, target, artifacts) not in new and target in pair.kept:
            lead = f"no longer takes {artifacts} of {source} into"
            yield Effect(About.COPY, pair.weigh(target), lead, (target,))


def _copies_of(edges: Iterable[CopyEdge]) -> _Copies:
    """Return which builds are copied from, in words, by source, target and artifacts."""
    found: _Copies = {}
    for edge in edges:
        words = f"{say_selector(edge)}{', if there is one' if edge.optional else ''}"
        key = (edge.source, edge.target, say_artifacts(edge.artifacts))
        found.setdefault(key, []).append(words)
    return found


def merge_chains(pair: Pair) -> tuple[Chain, Mapping[tuple[str, str], str]]:
    """Return the chain, and what becomes of its arrows: "new", "changed" or "gone"."""
    jobs = dict(pair.after.jobs)
    for name, job in pair.old_jobs.items():
        jobs.setdefault(name, replace(job, name=name))
    merged = build_chain(jobs.values())
    before, after, there = map(_terms, (pair.old_chain, pair.after.chain, merged))
    known = {node.name for node in merged.nodes}

    def is_drawn(edge: TriggerEdge | CopyEdge) -> bool:
        """Tell whether an edge of before is to be added."""
        ends = edge.source, edge.target
        return ends not in there and known.issuperset(ends)

    chain = replace(
        merged,
        triggers=(*merged.triggers, *filter(is_drawn, pair.old_chain.triggers)),
        copies=(*merged.copies, *filter(is_drawn, pair.old_chain.copies)),
    )
    marks = {arrow: "new" for arrow in after if arrow not in before}
    marks |= {arrow: "gone" for arrow in before if arrow not in after}
    marks |= {a: "changed" for a in after if a in before and after[a] != before[a]}
    return chain, marks


def _terms(chain: Chain) -> dict[tuple[str, str], list[object]]:
    """Return the terms of what goes along each arrow."""
    return {
        arrow.ends: [
            *map(_terms_of, arrow.triggers),
            *((c.artifacts, c.selector, c.parameter_filter, c.optional) for c in arrow.copies),
        ]
        for arrow in list_arrows(chain)
    }
