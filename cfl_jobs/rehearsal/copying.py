"""A Copy Artifact step + builds → the build that it chooses, its files in the workspace (722)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from posixpath import relpath

from cfl_jobs.configs.references import expand, resolve_job
from cfl_jobs.configs.steps.artifacts import BuildSelector, CopyArtifact, Selector, parse_selector
from cfl_jobs.configs.steps.step import Result, StepFailed
from cfl_jobs.errors import count
from cfl_jobs.rehearsal.artifacts import copy_file, find_files
from cfl_jobs.rehearsal.build import BuildRun
from cfl_jobs.rehearsal.builds import Builds
from cfl_jobs.rehearsal.environment import build_variables
from cfl_jobs.rehearsal.records import BuildRecord, UpstreamCause

_FILTER = re.compile(r"(.*?)=([^,]*)(,|$)")


def copy_from(step: CopyArtifact, build: BuildRun) -> None:
    """Do one Copy Artifact step, as the plugin in production mode. Raises StepFailed."""
    variables = build.variables()
    name = expand(step.project, variables)
    jobs = build.around.jobs
    source = jobs.get(resolve_job(name, build.job.name, jobs))
    # A server on which any logged-in user may read the source would not ask; the rehearsal is as
    # strict as the strictest, so that what passes here passes on both.
    if source is None or not source.permits(build.job.name):
        if source is not None:
            build.log(
                f"({name!r} does not permit copying: its copyartifact property would have to "
                f"name {build.job.name!r})"
            )
        raise StepFailed(
            f"Unable to find project for artifact copy: {name}\n"
            "This may be due to incorrect project name or permission settings; "
            "see help for project name in job configuration."
        )
    choice = Choice(
        build.around.builds, source.name, variables, expand(step.parameter_filter, variables)
    )
    chosen = choice.select(step.selector, build.record)
    if chosen is None:
        message = f"Unable to find a build for artifact copy from: {name}"
        if not step.optional:
            raise StepFailed(message)
        build.log(message)
        return
    folder = build.job.name.rpartition("/")[0] or "."
    shown = source.name if name.startswith("/") else relpath(source.name, folder)
    build.set_variable(step.variable_for(shown), str(chosen.number))
    _copy(step, build, name, chosen)


def _copy(step: CopyArtifact, build: BuildRun, name: str, source: BuildRecord) -> None:
    variables = build.variables()
    archive = build.home.archive(source.job, source.number)
    includes = expand(step.filter, variables).strip() or "**"
    names: tuple[str, ...] = ()
    if archive.is_dir():
        target = build.workspace / expand(step.target, variables)
        excludes = expand(step.excludes, variables)
        names = find_files(archive, includes, excludes, default_excludes=False)
        target.mkdir(parents=True, exist_ok=True)
        for file in names:
            copy_file(archive / file, target / (PurePosixPath(file).name if step.flatten else file))
        copied = count(len(names), "artifact")
        build.log(f'Copied {copied} from "{source.job}" build number {source.number}')
    if not names and not step.optional:
        raise StepFailed(f"Failed to copy artifacts from {name} with filter: {includes}")


@dataclass(frozen=True, slots=True)
class Choice:
    """Among the builds of `job`, with the copying build's variables.

    `parameter_filter` is "A=1,B=2" with variables already replaced: of a build only its
    environment then has to say the same.
    """

    builds: Builds
    job: str
    variables: dict[str, str]
    parameter_filter: str = ""

    def select(self, selector: BuildSelector, copier: BuildRecord) -> BuildRecord | None:
        """Return the build that Copy Artifact would take, or None.

        Raises StepFailed for an empty number: Copy Artifact answers it with a stack trace.
        """
        match selector.kind:
            case Selector.LAST_SUCCESSFUL:
                return self._latest(Result.SUCCESS if selector.stable_only else Result.UNSTABLE)
            case Selector.LAST_COMPLETED:
                return self._latest(Result.ABORTED)
            case Selector.SPECIFIC:
                chosen = self._specific(expand(selector.argument, self.variables))
            case Selector.PERMALINK:
                chosen = self._permalink(selector.argument)
            case Selector.UPSTREAM:
                chosen = self._upstream(copier)
                if chosen is None and selector.fall_back_to_last_successful:
                    chosen = self._latest(Result.SUCCESS)
            case Selector.PARAMETER:
                inner = parse_selector(self._parameter(selector.argument))
                if inner is None or inner.kind is Selector.PARAMETER:
                    return None
                return self.select(inner, copier)
            case _:
                raise StepFailed(f"Copy Artifact's {selector.kind.value} can't be rehearsed.")
        return chosen if chosen and self._passes(chosen) else None

    def _passes(self, record: BuildRecord) -> bool:
        environment = build_variables(record)
        filters = _FILTER.finditer(self.parameter_filter)
        return all(environment.get(match[1]) == match[2] for match in filters)

    def _latest(self, enough: Result) -> BuildRecord | None:
        for record in self.builds.completed(self.job):
            if record.result and record.result.is_at_least(enough) and self._passes(record):
                return record
        return None

    def _specific(self, number: str) -> BuildRecord | None:
        if number.startswith("$"):
            return None
        if not number:
            raise StepFailed('java.lang.NumberFormatException: For input string: ""')
        if re.fullmatch("[0-9]+", number):
            return self.builds.get(self.job, int(number))
        shown = (r for r in self.builds.of(self.job) if number == r.shown_name)
        return self._permalink(number) or next(shown, None)

    def _permalink(self, name: str) -> BuildRecord | None:
        try:
            return self.builds.find_permalink(self.job, name)
        except KeyError:
            return None

    def _upstream(self, copier: BuildRecord) -> BuildRecord | None:
        """Follow the causes up; of several builds the oldest (the plugin's own default)."""
        found: BuildRecord | None = None
        for cause in copier.causes:
            if not isinstance(cause, UpstreamCause):
                continue
            upstream = self.builds.get(cause.job, cause.number)
            if upstream and cause.job != self.job:
                upstream = self._upstream(upstream)
            if upstream and self._passes(upstream):
                found = min(found or upstream, upstream, key=lambda record: record.number)
        return found

    def _parameter(self, name: str) -> str:
        if "<" in name:
            return name
        return expand(name, self.variables) if "$" in name else self.variables.get(name, "")
