"""Two setups → one chain to draw: all that is there after the change, and what was before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cfl_jobs.configs.graph import Chain, build_chain
from cfl_jobs.review.flow import terms_of
from cfl_jobs.review.pair import Pair


def merge_chains(pair: Pair) -> tuple[Chain, Mapping[tuple[str, str], str]]:
    """Return the chain, and what becomes of its arrows: "new", "changed" or "gone"."""
    gone = [
        replace(job, name=name)
        for name, job in pair.old_jobs.items()
        if name not in pair.after.jobs
    ]
    old = _rename(pair, pair.before.chain)
    new = pair.after.chain
    before, after = _arrows(old), _arrows(new)
    merged = build_chain([*pair.after.jobs.values(), *gone])
    there = _arrows(merged)
    chain = replace(
        merged,
        triggers=(
            *merged.triggers,
            *(e for e in old.triggers if (e.source, e.target) not in there),
        ),
        copies=(*merged.copies, *(e for e in old.copies if (e.source, e.target) not in there)),
    )
    known = {node.name for node in chain.nodes}
    chain = replace(
        chain,
        triggers=tuple(e for e in chain.triggers if {e.source, e.target} <= known),
        copies=tuple(e for e in chain.copies if {e.source, e.target} <= known),
    )
    marks = {arrow: "new" for arrow in after if arrow not in before}
    marks |= {arrow: "gone" for arrow in before if arrow not in after}
    marks |= {a: "changed" for a in after if a in before and after[a] != before[a]}
    return chain, marks


def _rename(pair: Pair, chain: Chain) -> Chain:
    def now(name: str) -> str:
        return pair.now(name)

    return Chain(
        tuple(replace(node, name=now(node.name)) for node in chain.nodes),
        tuple(replace(e, source=now(e.source), target=now(e.target)) for e in chain.triggers),
        tuple(replace(e, source=now(e.source), target=now(e.target)) for e in chain.copies),
    )


def _arrows(chain: Chain) -> dict[tuple[str, str], list[object]]:
    """Return the terms of what goes along each arrow."""
    found: dict[tuple[str, str], list[object]] = {}
    for edge in chain.triggers:
        found.setdefault((edge.source, edge.target), []).append(terms_of(edge))
    for copy in chain.copies:
        terms = (copy.artifacts, copy.selector, copy.parameter_filter, copy.optional)
        found.setdefault((copy.source, copy.target), []).append(terms)
    return found
