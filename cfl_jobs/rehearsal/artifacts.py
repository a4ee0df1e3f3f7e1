"""Files → archives, a Copy Artifact step (722) → the build it chooses, its files in a workspace."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from posixpath import relpath

from cfl_jobs.configs.references import expand, resolve_job
from cfl_jobs.configs.steps.artifacts import BuildSelector, CopyArtifact, Selector, parse_selector
from cfl_jobs.configs.steps.step import StepFailed
from cfl_jobs.errors import count
from cfl_jobs.rehearsal.build import BuildRun
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.environment import build_variables
from cfl_jobs.rehearsal.records import BuildRecord, Builds, UpstreamCause

_FILTER = re.compile(r"(.*?)=([^,]*)(,|$)")


def copy_from(step: CopyArtifact, build: BuildRun) -> None:
    """Do one Copy Artifact step, as the plugin in production mode. Raises StepFailed."""
    variables = build.variables()
    name = expand(step.project, variables)
    jobs = build.around.jobs
    job = jobs.get(resolve_job(name, build.job.name, jobs))
    # A server on which any logged-in user may read the source would not ask; the rehearsal is as
    # strict as the strictest, so that what passes here passes on both.
    if job is not None and not job.permits(build.job.name):
        build.log(
            f"({name!r} does not permit copying: its copyartifact property would have to name "
            f"{build.job.name!r})"
        )
        job = None
    if job is None:
        raise StepFailed(
            f"Unable to find project for artifact copy: {name}\n"
            "This may be due to incorrect project name or permission settings; "
            "see help for project name in job configuration."
        )
    given = expand(step.parameter_filter, variables)
    source = Choice(build.around.builds, job.name, variables, given).select(
        step.selector, build.record
    )
    if source is None:
        message = f"Unable to find a build for artifact copy from: {name}"
        if not step.optional:
            raise StepFailed(message)
        build.log(message)
        return
    shown = job.name
    if not name.startswith("/"):
        shown = relpath(job.name, build.job.name.rpartition("/")[0] or ".")
    build.set_variable(step.variable_for(shown), str(source.number))
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
            copy_file(archive / file, target / (Path(file).name if step.flatten else file))
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
        return next(filter(self._passes, self._candidates(selector, copier)), None)

    def _candidates(self, selector: BuildSelector, copier: BuildRecord) -> Iterator[BuildRecord]:
        match selector.kind:
            case Selector.LAST_SUCCESSFUL if selector.stable_only:
                yield from self.builds.linked(self.job, "lastStableBuild")
            case Selector.LAST_SUCCESSFUL:
                yield from self.builds.linked(self.job, "lastSuccessfulBuild")
            case Selector.LAST_COMPLETED:
                yield from self.builds.completed(self.job)
            case Selector.SPECIFIC:
                yield from self._specific(expand(selector.argument, self.variables))
            case Selector.PERMALINK:
                yield from self._permalink(selector.argument)
            case Selector.UPSTREAM:
                if upstream := self._upstream(copier):
                    yield upstream
                elif selector.fall_back_to_last_successful:
                    yield from self.builds.linked(self.job, "lastStableBuild")
            case Selector.PARAMETER:
                value = selector.argument
                if "<" not in value and "$" in value:
                    value = expand(value, self.variables)
                elif "<" not in value:
                    value = self.variables.get(value, "")
                inner = parse_selector(value)
                if inner and inner.kind is not Selector.PARAMETER:
                    yield from self._candidates(inner, copier)
            case _:
                raise StepFailed(f"Copy Artifact's {selector.kind.value} can't be rehearsed.")

    def _passes(self, record: BuildRecord) -> bool:
        environment = build_variables(record)
        filters = _FILTER.finditer(self.parameter_filter)
        return all(environment.get(match[1]) == match[2] for match in filters)

    def _specific(self, number: str) -> Iterator[BuildRecord]:
        if not number:
            raise StepFailed('java.lang.NumberFormatException: For input string: ""')
        if re.fullmatch("[0-9]+", number):
            yield from filter(None, [self.builds.get(self.job, int(number))])
        elif not number.startswith("$"):
            yield from self._permalink(number)
            yield from (r for r in self.builds.of(self.job) if number == r.shown_name)

    def _permalink(self, name: str) -> Iterator[BuildRecord]:
        yield from filter(None, [self.builds.find_permalink(self.job, name)])

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


def copy_file(source: Path, target: Path) -> None:
    """Copy one file with its mode and time; a symbolic link stays one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    if source.is_symlink():
        target.symlink_to(source.readlink())
    else:
        shutil.copy2(source, target)


def list_artifacts(home: Home, job: str, number: int) -> Mapping[str, Path]:
    """Return a build's artifacts, name → file."""
    archive = home.archive(job, number)
    return {name: archive / name for name in find_files(archive, "**", default_excludes=False)}


# org.apache.tools.ant.DirectoryScanner.DEFAULTEXCLUDES
DEFAULT_EXCLUDES = (
    "**/*~,**/#*#,**/.#*,**/%*%,**/._*,**/CVS,**/CVS/**,**/.cvsignore,**/SCCS,**/SCCS/**,"
    "**/vssver.scc,**/.svn,**/.svn/**,**/.DS_Store,**/.git,**/.git/**,**/.gitattributes,"
    "**/.gitignore,**/.gitmodules,**/.hg,**/.hg/**,**/.hgignore,**/.hgsub,**/.hgsubstate,"
    "**/.hgtags,**/.bzr,**/.bzr/**,**/.bzrignore"
)


def find_files(
    directory: Path,
    includes: str,
    excludes: str = "",
    *,
    default_excludes: bool = True,
    case_sensitive: bool = True,
    follow_symlinks: bool = True,
) -> tuple[str, ...]:
    """Return the selected files, relative with "/", sorted.

    `includes` and `excludes` are comma separated. Without `follow_symlinks` every symbolic link,
    to a file or to a directory, is passed over, as Ant's scanner does.
    """
    flags = re.DOTALL
    if not case_sensitive:
        flags |= re.IGNORECASE
    wanted, unwanted = _compile(includes, flags), _compile(excludes, flags)
    if default_excludes:
        unwanted += _compile(DEFAULT_EXCLUDES, flags)
    found = _walk(directory, "", follow_symlinks=follow_symlinks)
    selected = (name for name in found if any(pattern.fullmatch(name) for pattern in wanted))
    return tuple(sorted(n for n in selected if not any(p.fullmatch(n) for p in unwanted)))


def _walk(directory: Path, prefix: str, *, follow_symlinks: bool) -> Iterator[str]:
    # Ant gives up on a link that leads back to itself; so does a depth no real tree has.
    if prefix.count("/") > 200 or not directory.is_dir():
        return
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink() and not follow_symlinks:
                continue
            if not entry.is_dir():
                yield f"{prefix}{entry.name}"
                continue
            path = Path(entry.path)
            if entry.is_symlink():
                above = directory.resolve()
                if path.resolve() in (above, *above.parents):
                    continue
            yield from _walk(path, f"{prefix}{entry.name}/", follow_symlinks=follow_symlinks)


def _compile(patterns: str, flags: re.RegexFlag) -> tuple[re.Pattern[str], ...]:
    names = (name.strip() for name in patterns.split(","))
    return tuple(_compile_one(name, flags) for name in names if name)


@lru_cache(maxsize=512)
def _compile_one(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    pattern = re.sub(r"/+", "/", pattern.replace("\\", "/"))
    if pattern.endswith("/"):
        pattern += "**"
    text = "/".join(_segment(part) for part in pattern.split("/"))
    # "a/**" also selects "a" itself; elsewhere "**" takes any number of directories.
    text = re.sub(r"(?:/\*\*)+$", "(?:/.*)?", text).replace("**/", "(?:[^/]+/)*")
    return re.compile(text.replace("**", ".*"), flags)


def _segment(part: str) -> str:
    """Return a pattern of one name; "**" stays, to be told from others."""
    wild = {"*": "[^/]*", "?": "[^/]"}
    if part == "**":
        return part
    return "".join(wild.get(character, re.escape(character)) for character in part)
