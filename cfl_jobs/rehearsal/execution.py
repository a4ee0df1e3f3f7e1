"""One build from its first log line to its last, its checkout as the git plugin 5.2 does it.

And what in jobs can't be rehearsed truly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from cfl_jobs.configs.model import Git, Job, ParameterKind
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.artifacts import ArchiveArtifacts, CopyArtifact
from cfl_jobs.configs.steps.building import CleanAfter
from cfl_jobs.configs.steps.step import BoundCredential, Result, StepFailed
from cfl_jobs.configs.steps.triggering import TriggerBuilds
from cfl_jobs.errors import RehearsalError
from cfl_jobs.reading.secrets import KINDS, CredentialKind
from cfl_jobs.rehearsal.artifacts import copy_file, copy_from, find_files
from cfl_jobs.rehearsal.build import BuildRun, Interrupted, Wait
from cfl_jobs.rehearsal.directory import write_text
from cfl_jobs.rehearsal.environment import Repositories, ask_for, repository_name
from cfl_jobs.rehearsal.records import BuiltRevision, log_lines
from cfl_jobs.rehearsal.triggering import start_builds


class RehearsedBuild(BuildRun):
    """A running build with all that its steps may ask of it: `cfl_jobs.configs.steps`' Build."""

    @cached_property
    def steps(self) -> Generator[Wait, None, None]:
        """What runs it from its first line to its last; its record then has the result."""
        self.record = replace(self.record, result=Result.SUCCESS)
        for cause in self.record.causes:
            self.log("\n".join(log_lines(cause)))
        self.log("Running as SYSTEM")
        self.log(f"Building in workspace {self.workspace}")
        try:
            if not (yield from _build(self)):
                self.worsen(Result.FAILURE)
        except (StepFailed, OSError, RehearsalError) as error:
            self.log(f"ERROR: {error}")
            self.worsen(Result.FAILURE)
        except Interrupted as stop:
            self.worsen(stop.result)
        self.bound.clear()
        for publisher in sorted(self.job.publishers, key=lambda step: isinstance(step, CleanAfter)):
            try:
                publisher.publish(self)
            except (StepFailed, OSError) as error:
                self.log(f"ERROR: {error}")
                self.worsen(Result.FAILURE)

    @property
    def previous_result(self) -> Result | None:
        return next((r.result for r in self.around.builds.completed(self.job.name)), None)

    def rename(self, name: str) -> None:
        self.record = replace(self.record, display_name=name)

    def describe(self, description: str) -> None:
        self.record = replace(self.record, description=description)

    def record_tests(self, ran: int, failing: Sequence[str]) -> None:
        self.record = replace(self.record, tests=(ran, len(failing)), failing=tuple(failing))

    def read_log(self) -> str:
        self.flush()
        path = self.home.log(self.record.job, self.record.number)
        return path.read_text(encoding="utf-8", errors="replace")

    def find_files(self, patterns: str) -> tuple[str, ...]:
        return find_files(self.workspace, patterns)

    def clean_workspace(self) -> None:
        self.log("[WS-CLEANUP] Deleting project workspace...")
        self.around.trash.put(self.workspace)
        self.log("[WS-CLEANUP] Done")

    def archive(self, step: ArchiveArtifacts, patterns: str) -> bool:
        names = find_files(
            self.workspace,
            patterns,
            step.excludes,
            default_excludes=step.default_excludes,
            case_sensitive=step.case_sensitive,
            follow_symlinks=step.follow_symlinks,
        )
        archive = self.home.archive(self.record.job, self.record.number)
        for name in names:
            copy_file(self.workspace / name, archive / name)
        if names and step.fingerprint:
            # As in Jenkins' log, which a rehearsal's is held against; it keeps no fingerprints.
            self.log("Recording fingerprints")
        return bool(names)

    def copy(self, step: CopyArtifact) -> None:
        copy_from(step, self)

    def start_builds(self, step: TriggerBuilds) -> Generator[Wait, None, bool]:
        return (yield from start_builds(step, self))

    def bind(self, bindings: Sequence[BoundCredential]) -> None:
        secrets = self.around.secrets
        if missing := [bound for bound in bindings if bound.credentials_id not in secrets]:
            raise StepFailed(ask_for(missing))
        for bound in bindings:
            credential = secrets[bound.credentials_id]
            secret = credential.secret
            if KINDS[bound.kind] in (CredentialKind.FILE, CredentialKind.SSH_KEY):
                path = self.workspace.with_name(f"{self.workspace.name}@tmp") / bound.credentials_id
                path.parent.mkdir(mode=0o700, exist_ok=True)
                write_text(path, secret)
                path.chmod(0o400)
                secret = str(path)
            parts = {"usernameVariable": credential.user, "passphraseVariable": ""}
            if bound.kind == "UsernamePasswordBinding":
                parts["variable"] = f"{credential.user}:{secret}"
            for role, variable in zip(bound.roles, bound.variables, strict=True):
                self.bound[variable] = parts.get(role, secret)
            names = " or ".join(f"${name}" for name in bound.variables)
            self.log(f"Masking supported pattern matches of {names}")

    def run_script(self, script: str) -> Generator[Wait, None, int]:
        path = self.home.state / "tmp" / f"jenkins{uuid4().int % 10**18}.sh"
        script = script.replace("\r\n", "\n")
        write_text(path, script)
        first = script.partition("\n")[0].strip()
        interpreter = first[2:].split() if first.startswith("#!") else ["/bin/sh", "-xe"]
        command = [*interpreter, str(path)]
        self.log(f"[{self.workspace.name}] $ {' '.join(command)}")
        try:
            return (yield from self.run(command))
        finally:
            path.unlink(missing_ok=True)


def _build(build: RehearsedBuild) -> Generator[Wait, None, bool]:
    job = build.job
    for wrapper in job.wrappers:
        wrapper.prepare(build)
    build.workspace.mkdir(parents=True, exist_ok=True)
    if job.scm:
        before = next((r for r in build.around.builds.completed(job.name) if r.revision), None)
        revision = yield from check_out(job.scm, build)
        build.record = replace(build.record, revision=revision)
        if before and before.revision:
            build.set_variable("GIT_PREVIOUS_COMMIT", before.revision.commit)
        for role, value in zip(("NAME", "EMAIL"), job.scm.identity, strict=True):
            if value:
                build.set_variable(f"GIT_AUTHOR_{role}", value)
                build.set_variable(f"GIT_COMMITTER_{role}", value)
    for wrapper in job.wrappers:
        wrapper.set_up(build)
    if job.resources_variable:
        build.set_variable(job.resources_variable, " ".join(job.resources))
    for step in job.builders:
        if not (yield from step.run(build)):
            build.log(f"Build step '{step.TITLE}' marked build as failure")
            return False
    return True


_TAGS = {True: "--tags", False: "--no-tags"}
_DEFAULT_REFSPEC = "+refs/heads/*:refs/remotes/origin/*"


def check_out(git: Git, build: BuildRun) -> Generator[Wait, None, BuiltRevision]:
    """Bring the workspace to the revision that the branch names now. Raises StepFailed."""
    workspace, variables = build.workspace, build.variables()
    repositories = build.around.repositories
    url = expand(git.urls[0], variables)
    refspec = expand(git.refspec, variables) or _DEFAULT_REFSPEC

    def run(*arguments: str) -> Generator[Wait, None, None]:
        build.log(" > git " + " ".join(arguments))
        code = yield from build.run(["git", *arguments])
        if code:
            raise StepFailed(f"git {arguments[0]} returned status code {code}")

    build.log("The recommended git tool is: NONE")
    credentials = git.credentials_id and f"using credential {git.credentials_id}"
    build.log(credentials or "No credentials specified")
    if "WipeWorkspace" in git.extensions:
        build.log("Wiping out workspace first.")
        for entry in workspace.iterdir():
            build.around.trash.put(entry)
    if (workspace / ".git").is_dir():
        build.log("Fetching changes from the remote Git repository")
        if git.clean_before_checkout:
            build.log("Cleaning workspace")
            yield from run("reset", "--hard")
            yield from run("clean", "-fdx")
    else:
        build.log(f"Cloning the remote Git repository\nCloning repository {url}")
        yield from run("init", str(workspace))
    yield from run("config", "remote.origin.url", url)
    build.log(f"Fetching upstream changes from {url}")
    options = [_TAGS[git.fetches_tags], "--force"]
    if "PruneStaleBranch" in git.extensions:
        options.append("--prune")
    if git.depth:
        options.append(f"--depth={git.depth}")
    yield from run("fetch", *options, "--quiet", "--", url, *refspec.split())
    revision = _resolve(git, repositories, variables, url, workspace)
    if revision is None:
        raise StepFailed(
            "Couldn't find any revision to build. "
            "Verify the repository and branch configuration for this job."
        )
    build.log(f"Checking out Revision {revision.commit} ({revision.branch})")
    yield from run("checkout", "-q", "-f", revision.commit)
    if "GitLFSPull" in git.extensions:
        yield from run("lfs", "pull", "origin")
    if git.submodules:
        build.log("Submodules come from the clones that --repo names, as repositories do.")
        yield from run("submodule", "update", *git.submodules)
    if "CleanCheckout" in git.extensions:
        yield from run("clean", "-fdx")
    subject = repositories.git("log", "-1", "--format=%s", directory=workspace).strip()
    build.log(f'Commit message: "{subject}"')
    return revision


def _resolve(
    git: Git, repositories: Repositories, variables: Mapping[str, str], url: str, workspace: Path
) -> BuiltRevision | None:
    """Return the revision that the first branch specifier with a match stands for."""
    form = "--format=%(refname) %(objectname) %(*objectname)"
    listed = repositories.git("for-each-ref", form, directory=workspace).splitlines()
    # Full ref name → commit; a tag's own object comes before it.
    known = {line.split()[0]: line.split()[-1] for line in listed}
    for specifier in git.branches:
        name = expand(specifier, variables).strip()
        if shown := next(_find_refs(name, known), None):
            return BuiltRevision(known[shown], shown.removeprefix("refs/remotes/"), url)
        if re.fullmatch(r"[0-9a-f]{6,40}", name):
            commits = repositories.git("rev-list", "--all", directory=workspace).splitlines()
            if found := [commit for commit in commits if commit.startswith(name)]:
                return BuiltRevision(found[0], "detached", url)
    return None


def _find_refs(name: str, known: Mapping[str, str]) -> Iterator[str]:
    """Yield the refs that a branch specifier may mean and that are there, most likely first."""
    if "*" in name:
        for ref in known:
            _, is_origins, short = ref.partition("refs/remotes/origin/")
            if is_origins and (fnmatchcase(short, name) or fnmatchcase(f"origin/{short}", name)):
                yield ref
        return
    if name.startswith("refs/heads/"):
        candidates = [f"refs/remotes/origin/{name.removeprefix('refs/heads/')}"]
    elif name.startswith("refs/"):
        candidates = [name]
    elif name.startswith("remotes/"):
        candidates = [f"refs/{name}"]
    else:
        candidates = [f"refs/{place}{name}" for place in ("remotes/", "remotes/origin/", "tags/")]
    yield from filter(known.__contains__, candidates)


# Tells where a part of a job's config comes from: (job, path of the element) → a place or "".
Locate: TypeAlias = Callable[[str, str], str]
_PARAMETERS = frozenset({ParameterKind.PASSWORD, ParameterKind.RUN, ParameterKind.FILE})


def refuse_unknown(jobs: Iterable[Job], repositories: Repositories, locate: Locate) -> None:
    """Raise RehearsalError that names everything in these jobs that can't be rehearsed."""
    jobs = tuple(jobs)
    problems = [
        f"{job.name}: {what} ({locate(job.name, path) or path})"
        for job in jobs
        for what, path in find_unrehearsable(job)
    ]
    if problems:
        raise RehearsalError(
            "These jobs have parts that a rehearsal can't do as Jenkins would:\n  "
            + "\n  ".join(problems),
            advice="Take them out of the job's template, or try the job on a server.",
        )
    uses = {url: job.name for job in jobs for url in job.urls}
    if missing := [url for url in uses if not repositories.is_known(url)]:
        options = " ".join(f"--repo {repository_name(url)}=PATH" for url in missing)
        raise RehearsalError(
            "No local repository stands for "
            + ", ".join(f"{url} (for {uses[url]})" for url in missing),
            advice=f"Give your clones: {options}",
        )


def find_unrehearsable(job: Job) -> Iterator[tuple[str, str]]:
    """Yield each part of one job that can't be rehearsed: words and its element's path."""
    if job.root != "project":
        yield f"it is a {job.root}, not a freestyle job", ""
    if job.workspace:
        yield f"its own workspace {job.workspace}", "customWorkspace"
    for part in (
        *job.unknown,
        *getattr(job.scm, "unknown", ()),
        *job.wrappers,
        *job.builders,
        *job.publishers,
    ):
        yield from part.unrehearsable()
    for parameter in job.parameters:
        if parameter.kind in _PARAMETERS:
            yield f"{parameter.kind.value} parameter {parameter.name}", parameter.path
