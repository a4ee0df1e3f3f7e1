"""Two setups → effects on the flow: what starts a job, which job starts which, what is copied, run.

And one chain to draw: all that is there after the change, and what was before it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cfl_jobs.check.deploys import is_by_hand_only
from cfl_jobs.check.rule import parts_of
from cfl_jobs.check.shell import without_comments
from cfl_jobs.configs.graph import Chain, TriggerEdge, build_chain
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.steps.artifacts import CopyArtifact
from cfl_jobs.configs.steps.building import JUnitResults, Shell
from cfl_jobs.drawing.words import (
    list_arrows,
    say_artifacts,
    say_condition,
    say_selector,
)
from cfl_jobs.errors import join_names
from cfl_jobs.review.pair import BEGIN, Pair, without_inputs
from cfl_jobs.review.review import JOB, About, Effect, Weight, say

_ALWAYS = "ALWAYS"  # hudson.plugins.parameterizedtrigger.ResultCondition


def find_edges(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield which jobs start which as this job's config says, and on what terms."""
    was, now = _edges_of(pair.before.chain, name), _edges_of(pair.after.chain, name)
    for (source, target), edges in now.items():
        weight = pair.weigh(target)
        before = was.get((source, target), [])
        if not before:
            condition = next(filter(None, map(say_condition, edges)), "")
            if any(edge.condition == _ALWAYS and not edge.blocking for edge in edges):
                condition = " ".join(filter(None, (condition, "also when the build failed")))
            yield say(About.EDGE, weight, f"lets {source} start {JOB} {condition}", target)
        elif sorted(map(_terms_of, before)) != sorted(map(_terms_of, edges)):
            text = f"changes how {source} starts {JOB}{_say_terms(before, edges)}"
            yield say(About.EDGE, weight, text, target)
    for source, target in was:
        if (source, target) not in now:
            weight = (Weight.MEDIUM, Weight.HIGH)[is_by_hand_only(target)]
            yield say(About.EDGE, weight, f"keeps {source} from starting {JOB}", target)


def _edges_of(chain: Chain, holder: str) -> dict[tuple[str, str], list[TriggerEdge]]:
    """Return the triggers that a job's config holds, by who starts whom."""
    found: dict[tuple[str, str], list[TriggerEdge]] = {}
    for edge in chain.held_by(holder):
        found.setdefault((edge.source, edge.target), []).append(edge)
    return found


def _say_terms(before: Sequence[TriggerEdge], after: Sequence[TriggerEdge]) -> str:
    """Return on what condition a job is started now, and was, where that differs."""
    was, now = (
        join_names(dict.fromkeys(say_condition(e) or "whatever the build wrote" for e in of), "or")
        for of in (before, after)
    )
    results, before_results = ({edge.condition for edge in of} for of in (after, before))
    if _ALWAYS in results and _ALWAYS not in before_results:
        now = "also when the build failed"
        return f", {now}"
    if now == was and results != before_results:
        return ", only when the build succeeded"
    if now != was:
        return f": {now}, not {was}"
    given, had = (
        {item.name: item.value for e in of for item in e.passed} for of in (after, before)
    )
    told = (
        ("with {} too", [name for name in given if name not in had]),
        ("without {}", [name for name in had if name not in given]),
        ("with another {}", [name for name in given if given[name] != had.get(name, given[name])]),
    )
    return "".join(f", {words.format(join_names(names))}" for words, names in told if names)


def _terms_of(edge: TriggerEdge) -> tuple[object, ...]:
    """Return on what terms a job is started: the condition, and what goes along."""
    passed = tuple((item.name, item.value or "", item.value is None) for item in edge.passed)
    return (edge.condition, edge.file, edge.blocking, passed)


def find_copies(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield what a job takes of other jobs' builds, and of which."""
    was, now = _copies_of(pair.before.chain, name), _copies_of(pair.after.chain, name)
    weight = Weight.LOW if pair.is_new(name) else pair.weigh(name)
    for (source, artifacts), words in now.items():
        before, builds = was.get((source, artifacts)), join_names(words)
        if before is None:
            text = f"takes {artifacts} of {source} ({builds}) into {JOB}"
            yield say(About.COPY, weight, text, name)
        elif before != words:
            text = (
                f"takes {artifacts} of {source} from {builds}, not {join_names(before)}, into {JOB}"
            )
            yield say(About.COPY, weight, text, name)
    taken = {source for source, _ in now}
    for source, artifacts in was:
        if name not in pair.after.jobs or (source, artifacts) in now:
            continue
        is_gone = name in pair.judges and source not in taken and source in pair.before.jobs
        if is_gone and any(parts_of(pair.before.jobs[source].publishers, JUnitResults)):
            text = f"lets a distribution be promoted without {JOB}"
            yield say(About.GUARD, Weight.HIGH, text, source)
        else:
            text = f"no longer takes {artifacts} of {source} into {JOB}"
            yield say(About.COPY, weight, text, name)


def _copies_of(chain: Chain, name: str) -> dict[tuple[str, str], list[str]]:
    """Return which builds a job copies from, in words, by source and artifacts."""
    found: dict[tuple[str, str], list[str]] = {}
    for edge in chain.copied_by(name):
        words = say_selector(edge) + ", if there is one" * edge.part.optional
        found.setdefault((edge.source, say_artifacts(edge.artifacts)), []).append(words)
    return found


def find_runs(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job runs something else, unless that is known to be comments alone."""
    was, now = pair.steps(name)
    if was == now:
        return
    about, weight, text, many = About.RUNS, Weight.LOW, f"changes what {JOB} runs", "run"
    fed: tuple[str, ...] = ()
    if list(map(_code_of, was)) == list(map(_code_of, now)):
        text = f"changes nothing but comments and blank lines in what {JOB} runs"
    elif name in pair.judges and _judges_otherwise(was, now):
        about, weight, many = About.GUARD, Weight.HIGH, ""
        text = f"changes what decides whether a distribution was tested: {JOB}"
    elif name in pair.deploys:
        weight = Weight.HIGH
    elif fed := _narrow(pair.fed_by(name), was, now):
        weight, along = pair.weigh(name), ", and so what {others} may deploy"
        text, many = text + along, many + along
    yield say(about, weight, text, name, tail_of_many=many, others=fed)


Steps = Sequence[Normal]
# What a template puts between names of jobs, or in place of them.
_LINKS = re.compile(r"\b(?:and|nothing)\b|[\s,'()]")
_LIST = re.compile(r"^(\w+)=\((.*)\)$", re.MULTILINE)


def _narrow(fed: tuple[str, ...], was: Steps, now: Steps) -> tuple[str, ...]:
    """Return which of the jobs that are fed are meant, where only inputs that name them change."""
    before, after = (Counter(_inputs_of(steps).split("\n")) for steps in (was, now))
    lines = ["\n".join(part.elements()) for part in (before - after, after - before)]
    name = re.compile("|".join(map(re.escape, sorted(fed, key=len, reverse=True))))
    rest = {_LINKS.sub("", name.sub("", text)) for text in lines}
    if not fed or len(rest) > 1 or _without_inputs(was) != _without_inputs(now):
        return fed
    old, new = (set(name.findall(text)) for text in lines)
    return tuple(job for job in fed if job in old ^ new) or fed


def _judges_otherwise(was: Steps, now: Steps) -> bool:
    """Tell whether more changes than what a script is given, or one more place to look at."""
    old, new = _without_inputs(was), _without_inputs(now)
    if [step for step in new if step in old] != old:
        return True
    lists, lists_now = (dict(_LIST.findall(_inputs_of(steps))) for steps in (was, now))
    return any(step.tag != CopyArtifact.TAG for step in new if step not in old) or any(
        set(words.split()) - set(lists_now.get(name, "").split()) for name, words in lists.items()
    )


def _without_inputs(steps: Steps) -> list[Normal]:
    """Return the code of steps, each script without the inputs that a template gives it."""
    return [_code_of(step, with_inputs=False) for step in steps]


def _inputs_of(steps: Steps) -> str:
    """Return the inputs of all scripts."""
    scripts = (step.find("command") for step in steps if step.tag == Shell.TAG)
    return "\n".join(script.text.partition(BEGIN)[0] for script in scripts if script)


def _code_of(step: Normal, *, with_inputs: bool = True) -> Normal:
    """Return a step without what shell takes for comments and blank lines."""
    script = step.find("command")
    if step.tag != Shell.TAG or script is None:
        return step
    others = tuple(child for child in step.children if child is not script)
    text = script.text
    if not with_inputs:
        text = without_inputs(text)
    return replace(step, children=(*others, replace(script, text=without_comments(text))))


def merge_chains(pair: Pair) -> tuple[Chain, Mapping[tuple[str, str], str]]:
    """Return the chain, and what becomes of its arrows: "new", "changed" or "gone"."""
    jobs = pair.before.jobs
    gone = [replace(jobs[name], name=name) for name in jobs if name not in pair.after.jobs]
    merged = pair.after.chain
    if gone:
        merged = build_chain((*pair.after.jobs.values(), *gone))
    before, after, there = map(_terms, (pair.before.chain, pair.after.chain, merged))
    known = {node.name for node in merged.nodes}
    left = {ends for ends in before if ends not in there and known.issuperset(ends)}
    triggers = (e for e in pair.before.chain.triggers if (e.source, e.target) in left)
    copies = (e for e in pair.before.chain.copies if (e.source, e.target) in left)
    chain = replace(
        merged,
        triggers=(*merged.triggers, *triggers),
        copies=(*merged.copies, *copies),
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
            *(
                (c.artifacts, c.part.selector, c.part.parameter_filter, c.part.optional)
                for c in arrow.copies
            ),
        ]
        for arrow in list_arrows(chain)
    }
