"""Rendered jobs and the files they came from → problems: every rule, but for what is silenced.

`# cfl-jobs: ignore RULE reason`, in YAML, a template (also as a Jinja2 comment) or a script: behind
a line for that line, alone on a line for the next one that isn't a comment. At a job's entry in
`jobs/` it covers what is found in that job.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from cfl_jobs.check import deploys, flow, parameters, shellcheck  # noqa: F401 - rules register
from cfl_jobs.check.jobs import estimate_disk
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
    by_name = {config.name: config for config in rendered}
    jobs = tuple(each.read(read_job) for each in rendered if each.kind is Kind.JOB)
    views = tuple(each.read(read_view) for each in rendered if each.kind is Kind.VIEW)
    scope = Scope(jobs, views, build_chain(jobs), files, executors)
    sources = Sources(Path(), files)
    silences = [found for file, text in files.items() for found in _find_silences(file, text)]
    used: set[Silence] = set()
    kept: list[Problem] = []
    silenced = 0
    searches = [(rule, rule.search(scope)) for rule in RULES.values()]
    searches.sort(key=lambda each: each[0].id == "shellcheck")  # it works meanwhile
    for rule, search in searches:
        for found in search:
            config = by_name.get(found.name)
            position = _find_position(found, config, scope)
            places = [place for place in (position, config and config.definition) if place]
            covering = [each for each in silences if each.covers(rule, places)]
            used.update(covering)
            silenced += bool(covering)
            if not covering:
                kept.append(_problem(rule, found, position, config, sources))
    problems = [*_merge(kept), *_check_silences(silences, used, sources)]
    nowhere = Position("", 0, 0)
    problems.sort(key=lambda p: (p.finding.position or nowhere, p.rule, p.finding.message))
    disk = tuple(estimate_disk(jobs, sizes, builds_a_day))
    return Report(tuple(problems), silenced, len(jobs), disk, rules=len(RULES))


def read_files(root: Path) -> dict[str, str]:
    """Return the texts below jobs/ and templates/ by path, without what can't be read as UTF-8."""
    files: dict[str, str] = {}
    for directory in (JOBS, TEMPLATES):
        for path in sorted((root / directory).rglob("*")):
            if path.is_file():
                try:
                    text = path.read_text(encoding="utf-8-sig")
                except (OSError, UnicodeDecodeError):
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


def _find_position(found: Found, config: Config | None, scope: Scope) -> Position | None:
    """Return where a person edits what was found; None where it belongs to no file."""
    if found.position is not None or config is None:
        return found.position
    if not found.path:
        return config.definition
    place = config.place_of(found.path)
    if not found.line:
        return place
    job = scope.job(found.name)
    steps = (job and job.shells) or ()
    shells = {f"{step.path}/command": step.script for step in steps}
    script = shells.get(found.path, "")
    mark = shellcheck.FROM_HERE.search(script)
    if not mark:
        return _find_inline(script, found, place, scope.files.get(place.file, ""))
    before = script.count("\n", 0, mark.start()) + 1
    if found.line > before:
        line = int(mark["line"]) + found.line - before - 1
        return Position(mark["file"], line, found.column)
    if found.line == 1:
        return Position(mark["file"], 1)
    return config.place_of(found.path.rpartition("/")[0])


def _find_inline(script: str, found: Found, start: Position, template: str) -> Position:
    """Return the line of a script that stands in a template, looked for from its start on."""
    above, lines, at = script.split("\n")[: found.line], template.split("\n"), start.line - 1
    for line in filter(None, map(str.strip, above)):
        at = next((number for number in range(at, len(lines)) if line in lines[number]), at)
    here, text = "".join(lines[at : at + 1]), above[-1].strip()
    if not text or text not in here:
        return start
    return Position(start.file, at + 1, here.index(text) + 1)


_COMMENT = re.compile(
    r"(?P<before>.*?)(?:\{#-?|#)\s*cfl-jobs:\s*ignore\b\s*(?P<rule>[\w-]*)(?P<reason>[^#]*?)"
    r"\s*(?:-?#\})?\s*$"
)
_ONLY_COMMENT = re.compile(r"\s*(?:#.*|\{#.*#\}\s*)?$")


@dataclass(frozen=True, slots=True)
class Silence:
    """One comment. `line` is the line that it covers, in `position.file`."""

    rule: str
    reason: str
    position: Position
    line: int

    def covers(self, rule: Rule, places: Iterable[Position]) -> bool:
        """Tell whether it silences a finding, which is at one of these places."""
        own = self.position.file, self.line
        is_of_rule = self.rule == rule.id and bool(self.reason)
        return is_of_rule and any((place.file, place.line) == own for place in places)


def _find_silences(file: str, text: str) -> Iterator[Silence]:
    lines = text.split("\n")
    for number, match in enumerate(map(_COMMENT.match, lines), 1):
        if match is None:
            continue
        covered = number
        if not match["before"].strip():
            below = range(number, len(lines))
            covered = next((at + 1 for at in below if not _ONLY_COMMENT.match(lines[at])), number)
        position = Position(file, number, len(match["before"]) + 1)
        yield Silence(match["rule"], match["reason"].strip(" \t:-"), position, covered)


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
