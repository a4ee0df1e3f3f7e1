"""A project's files → its problems: render, read, apply every rule, take out what is silenced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cfl_jobs.check.places import Places
from cfl_jobs.check.rule import Found, Rule, Scope, Severity
from cfl_jobs.check.secret_text import hide_secrets
from cfl_jobs.check.silences import Silence, find_silences
from cfl_jobs.check.table import DEFINITION, RULES, SILENCE_WITHOUT_REASON, UNUSED_SILENCE
from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.read_model import read_job, read_view
from cfl_jobs.errors import DefinitionError, Finding, Origin, Position, suggest
from cfl_jobs.rendering.cache import render_cached
from cfl_jobs.rendering.rendered import Rendered
from cfl_jobs.target import Kind

_SHOWN_JOBS = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of one rule. `names` are the jobs or views that it is about."""

    rule: str
    severity: Severity
    finding: Finding
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All problems by place, how many findings comments silenced, and how many jobs were seen."""

    problems: tuple[Problem, ...]
    silenced: int = 0
    jobs: int = 0

    def count(self, severity: Severity) -> int:
        return sum(problem.severity is severity for problem in self.problems)


def check_project(root: Path, *, executors: int = 2) -> Report:
    """Return what every rule finds in the project's jobs and views, and what rendering finds."""
    files = read_files(root)
    try:
        rendered = render_cached(root)
    except DefinitionError as error:
        problems = (
            Problem(DEFINITION.id, DEFINITION.severity, _hide(finding))
            for finding in error.findings
        )
        return Report(tuple(problems))
    return check_rendered(rendered, files, executors=executors)


def check_rendered(
    rendered: Iterable[Rendered], files: Mapping[str, str], *, executors: int = 2
) -> Report:
    """Apply the rules to rendered jobs and views; `files` are the texts that they came from."""
    rendered = tuple(rendered)
    jobs = tuple(read_job(r.name, r.config) for r in rendered if r.kind is Kind.JOB)
    views = tuple(read_view(r.name, r.config) for r in rendered if r.kind is Kind.VIEW)
    scope = Scope(jobs, views, build_chain(jobs), files, executors)
    by_name = {r.name: r for r in rendered}
    places = Places(by_name, files)
    silences = _Silences(find_silences(files), by_name)
    kept: list[Problem] = []
    silenced = 0
    for rule in RULES:
        for found in rule.search(scope):
            position = places.place(found)
            if silences.cover(rule.id, found.name, position):
                silenced += 1
            else:
                kept.append(_problem(rule, found, position, by_name, files))
    problems = [*_merge(kept), *silences.problems(files)]
    nowhere = Position("", 0, 0)
    problems.sort(key=lambda p: (p.finding.position or nowhere, p.rule, p.finding.message))
    return Report(tuple(problems), silenced, len(jobs))


def read_files(root: Path) -> dict[str, str]:
    """Return the texts below jobs/ and templates/ by path; what isn't UTF-8 text is left out."""
    files: dict[str, str] = {}
    for directory in ("jobs", "templates"):
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
    rendered: Mapping[str, Rendered],
    files: Mapping[str, str],
) -> Problem:
    origins: tuple[Origin, ...] = ()
    job = rendered.get(found.name)
    if job is not None and job.definition != position:
        origins = (Origin(f"for the {job.kind.value} {job.name!r} at", job.definition),)
    source = "" if found.secret else _line(position, files)
    finding = Finding(found.message, position, source, origins, found.advice)
    names = (found.name,) if found.name else ()
    return Problem(rule.id, found.severity or rule.severity, _hide(finding), names)


def _line(position: Position | None, files: Mapping[str, str]) -> str:
    if position is None:
        return ""
    lines = files.get(position.file, "").split("\n")
    return lines[position.line - 1].rstrip("\r") if position.line <= len(lines) else ""


def _hide(finding: Finding) -> Finding:
    """Return the finding with every secret in it as dots: output is kept in logs."""
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
        origins = dict.fromkeys(origin for p in group for origin in p.finding.origins)
        shown = list(origins)[:_SHOWN_JOBS]
        if len(origins) > _SHOWN_JOBS:
            more = len(origins) - _SHOWN_JOBS
            shown[-1] = Origin(f"{shown[-1].role[:-3]} and {more} more, at", shown[-1].position)
        names = tuple(dict.fromkeys(name for p in group for name in p.names))
        yield replace(
            group[0], finding=replace(group[0].finding, origins=tuple(shown)), names=names
        )


class _Silences:
    """The silences of a project, and which of them were of use."""

    def __init__(self, silences: tuple[Silence, ...], rendered: Mapping[str, Rendered]) -> None:
        self._silences = silences
        self._rendered = rendered
        self._used: set[Silence] = set()

    def cover(self, rule: str, name: str, position: Position | None) -> bool:
        """Tell whether a comment at its place, or at its job's definition, silences a finding."""
        definition = self._rendered[name].definition if name in self._rendered else None
        lines = {(p.file, p.line) for p in (position, definition) if p is not None}
        covering = [
            silence
            for silence in self._silences
            if silence.rule == rule
            and silence.reason
            and (silence.position.file, silence.line) in lines
        ]
        self._used.update(covering)
        return bool(covering)

    def problems(self, files: Mapping[str, str]) -> Iterator[Problem]:
        for silence in self._silences:
            rule, message, advice = UNUSED_SILENCE, "", ""
            if silence.rule not in RULES:
                message = f"there is no rule {silence.rule!r} to silence"
                advice = suggest(silence.rule, (known.id for known in RULES))
            elif not silence.reason:
                rule = SILENCE_WITHOUT_REASON
                message = f"{silence.rule} is silenced without a reason"
                advice = f"Say why: # cfl-jobs: ignore {silence.rule} because ..."
            elif silence not in self._used:
                message = f"{silence.rule} finds nothing here"
                advice = "Remove the comment."
            if message:
                source = _line(silence.position, files)
                finding = Finding(message, silence.position, source, advice=advice)
                yield Problem(rule.id, rule.severity, _hide(finding))
