"""Rendered jobs and the files they came from → problems: every rule, but for what is silenced."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from cfl_jobs.check import deploys, flow, parameters, shellcheck  # noqa: F401 - rules register
from cfl_jobs.check.jobs import estimate_disk
from cfl_jobs.check.positions import Positions, Silence, find_silences
from cfl_jobs.check.rule import (
    RENDERING,
    RULES,
    Found,
    Problem,
    Report,
    Rule,
    Scope,
    Severity,
    find_nothing,
)
from cfl_jobs.check.secret_text import hide_secrets
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.read_model import read_job, read_view
from cfl_jobs.errors import Finding, Origin, Position, merge_findings, suggest
from cfl_jobs.reading import JOBS, TEMPLATES
from cfl_jobs.reading.located_yaml import Sources
from cfl_jobs.target import Kind

DEFINITION = RULES.add(
    Rule(
        RENDERING,
        Severity.ERROR,
        "definitions or templates that can't be rendered",
        "Rendering is strict: bad YAML, an unknown or missing variable, an option that"
        " jenkins-job-builder never reads, a value that makes no sense. While there are any, no"
        " other rule is looked at.\n\nIt can't be silenced: fix what the message says.",
    )
)
SILENCE_WITHOUT_REASON = RULES.add(
    Rule(
        "silence-without-reason",
        Severity.ERROR,
        "a rule is silenced and nobody says why",
        "The next reader can't tell whether it still holds. The comment silences nothing until it"
        " says why.\n\nWrite the reason behind the rule's name. It can't be silenced itself.",
    )
)
UNUSED_SILENCE = RULES.add(
    Rule(
        "unused-silence",
        Severity.WARNING,
        "a comment silences nothing",
        "The rule finds nothing at that place (any more), or there is no rule of that name. A"
        " comment that stays would hide the next finding.\n\nRemove it. It can't be silenced"
        " itself.",
    )
)


def problems_of(findings: Iterable[Finding]) -> Iterator[Problem]:
    """Yield what keeps definitions from being rendered as problems of the rule of that."""
    for finding in findings:
        yield Problem(DEFINITION.id, DEFINITION.severity, hide_in_finding(finding))


def check_rendered(
    rendered: Iterable[Config],
    files: Mapping[str, str],
    *,
    executors: int = 2,
    sizes: Mapping[str, float] = MappingProxyType({}),
    builds_a_day: float = 10,
) -> Report:
    """Apply the rules to rendered jobs and views; `files` are the texts that they came from.

    Of jobs that `sizes` names, in megabytes of artifacts a build, the disk is estimated.
    """
    rendered = tuple(rendered)
    jobs = tuple(r.read(read_job) for r in rendered if r.kind is Kind.JOB)
    views = tuple(r.read(read_view) for r in rendered if r.kind is Kind.VIEW)
    scope = Scope(jobs, views, build_chain(jobs), files, executors)
    by_name = {r.name: r for r in rendered}
    positions, sources = Positions(by_name, files, jobs), Sources(Path(), files)
    silences = find_silences(files)
    used: set[Silence] = set()
    kept: list[Problem] = []
    silenced = 0
    searches = [(rule, rule.search(scope)) for rule in RULES.values()]
    searches.sort(key=lambda each: each[0].id == "shellcheck")  # it works meanwhile
    for rule, search in searches:
        for found in search:
            position = positions.find(found)
            job = by_name.get(found.name)
            covering = _find_covering(silences, rule, position, job)
            used.update(covering)
            silenced += bool(covering)
            if not covering:
                kept.append(_problem(rule, found, position, job, sources))
    problems = [*_merge(kept), *_check_silences(silences, used, sources)]
    nowhere = Position("", 0, 0)
    problems.sort(key=lambda p: (p.finding.position or nowhere, p.rule, p.finding.message))
    disk = tuple(estimate_disk(jobs, sizes, builds_a_day))
    return Report(tuple(problems), silenced, len(jobs), disk, rules=len(RULES))


def read_files(root: Path) -> dict[str, str]:
    """Return the texts below jobs/ and templates/ by path; what isn't UTF-8 text is left out."""
    files: dict[str, str] = {}
    for directory in (JOBS, TEMPLATES):
        for path in sorted((root / directory).rglob("*")):
            if path.is_file():
                try:
                    text = path.read_text(encoding="utf-8-sig")
                except UnicodeDecodeError:
                    continue  # rendering says so, where the file is used
                files[path.relative_to(root).as_posix()] = text
    return files


def _problem(
    rule: Rule,
    found: Found,
    position: Position | None,
    job: Config | None,
    sources: Sources,
) -> Problem:
    origins: tuple[Origin, ...] = ()
    if job is not None and job.definition != position:
        origins = (Origin(f"for the {job.kind.value} {job.name!r} at", job.definition),)
    finding = sources.find(found.message, position, origins=origins, advice=found.advice)
    if found.secret:
        finding = replace(finding, source="")
    names = tuple(filter(None, [found.name]))
    return Problem(rule.id, found.severity or rule.severity, hide_in_finding(finding), names)


def hide_in_finding(finding: Finding) -> Finding:
    """Return a finding with every secret in it as dots: output is kept in logs."""
    return replace(
        finding,
        message=hide_secrets(finding.message),
        source=hide_secrets(finding.source),
        advice=hide_secrets(finding.advice),
    )


def _merge(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield each problem once: a template's line is wrong for all of its jobs alike."""
    alike: dict[tuple[str, str, Position | None], list[Problem]] = {}
    for problem in problems:
        key = (problem.rule, problem.finding.message, problem.finding.position)
        alike.setdefault(key, []).append(problem)
    for group in alike.values():
        names = tuple(dict.fromkeys(name for p in group for name in p.names))
        merged = merge_findings([problem.finding for problem in group])
        yield replace(group[0], finding=merged, names=names)


def _find_covering(
    silences: Iterable[Silence], rule: Rule, position: Position | None, job: Config | None
) -> list[Silence]:
    """Return the comments at a finding's place, or at its job's definition, that silence it."""
    lines = {(each.file, each.line) for each in (position, job and job.definition) if each}
    return [
        silence
        for silence in silences
        if silence.rule == rule.id
        and silence.reason
        and (silence.position.file, silence.line) in lines
    ]


def _check_silences(
    silences: Iterable[Silence], used: Container[Silence], sources: Sources
) -> Iterator[Problem]:
    for silence in silences:
        rule, advice = UNUSED_SILENCE, "Remove the comment."
        message = f"{silence.rule} finds nothing here"
        if silence.rule not in RULES:
            message = f"there is no rule {silence.rule!r} to silence"
            advice = suggest(silence.rule, RULES)
        elif not silence.reason:
            rule = SILENCE_WITHOUT_REASON
            message = f"{silence.rule} is silenced without a reason"
            advice = f"Say why: # cfl-jobs: ignore {silence.rule} because ..."
        if silence not in used:
            finding = sources.find(message, silence.position, advice=advice)
            yield Problem(rule.id, rule.severity, hide_in_finding(finding))


def list_rules() -> str:
    """Return all rules, one a line."""
    width = max(map(len, RULES))
    lines = (
        f"{id_:{width}}  {rule.severity.value:7}  {rule.title}\n" for id_, rule in RULES.items()
    )
    return "".join(lines)


def explain_rule(name: str) -> str:
    """Return what a rule looks for and what to do."""
    rule = RULES[name]
    text = f"{rule.id} ({rule.severity.value}): {rule.title}\n\n{rule.why}\n"
    if rule.search is find_nothing:
        return text
    return text + (
        f"\nSilence it where it is right: `# cfl-jobs: ignore {rule.id} REASON` behind the line"
        " or on the line above it, or above the job's entry in jobs/ for that job alone.\n"
    )
