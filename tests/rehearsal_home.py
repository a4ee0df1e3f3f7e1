"""Rehearsals for tests: git repositories, homes filled with small jobs, and one way to run one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.engine import Engine, LoopResult
from cfl_jobs.rehearsal.environment import GivenCredential, Repositories
from cfl_jobs.rehearsal.records import Builds, Event
from cfl_jobs.rehearsal.reports import read_jobs
from tests.shell_steps import git

DATA = Path(__file__).parent / "data/jenkins/2.440.3"


def make_repository(path: Path, files: Mapping[str, str], *, branch: str = "master") -> Path:
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch", branch)
    commit(path, files, "init")
    return path


def commit(repository: Path, files: Mapping[str, str], message: str) -> str:
    """Commit files on the branch that is checked out and return the commit's id."""
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if name.endswith(".sh"):
            path.chmod(0o755)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(repository, "rev-parse", "HEAD")


def make_home(root: Path, configs: Mapping[str, str]) -> Home:
    home = Home(root)
    for name, text in configs.items():
        path = home.job_directory(name) / "config.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return home


def trial_configs() -> dict[str, str]:
    """Return the trial chain's configs, as jenkins-job-builder made them."""
    return {
        path.name.removesuffix(".posted.xml"): path.read_text()
        for path in sorted((DATA / "config").glob("*.posted.xml"))
        if not path.name.startswith("wide-")
    }


def make_engine(
    home: Home,
    repositories: Mapping[str, Path] | None = None,
    *,
    executors: int = 2,
    secrets: Mapping[str, GivenCredential] | None = None,
    events: list[Event] | None = None,
) -> Engine:
    return Engine(
        home,
        read_jobs(home),
        Repositories(home, repositories or {}),
        executors=executors,
        secrets=secrets,
        notify=events.append if events is not None else lambda event: None,
    )


def read_log(home: Home, job: str, number: int = 1) -> str:
    return home.log(job, number).read_text()


def artifacts(home: Home, job: str, number: int = 1) -> list[str]:
    archive = home.archive(job, number)
    return sorted(str(p.relative_to(archive)) for p in archive.rglob("*") if not p.is_dir())


def job_xml(
    *,
    builders: str = "",
    publishers: str = "",
    wrappers: str = "",
    properties: str = "",
    parameters: str = "",
    fields: str = "",
    scm: str = '<scm class="hudson.scm.NullSCM"/>',
    triggers: str = "",
) -> str:
    """Return a freestyle job's config with these parts."""
    if parameters:
        properties += (
            "<hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
            f"{parameters}</parameterDefinitions></hudson.model.ParametersDefinitionProperty>"
        )
    return (
        f"<project>{fields}<canRoam>true</canRoam><properties>{properties}</properties>{scm}"
        f"<triggers>{triggers}</triggers><builders>{builders}</builders>"
        f"<publishers>{publishers}</publishers><buildWrappers>{wrappers}</buildWrappers></project>"
    )


def shell(script: str, more: str = "") -> str:
    text = script.replace("&", "&amp;").replace("<", "&lt;")
    return f"<hudson.tasks.Shell><command>{text}</command>{more}</hudson.tasks.Shell>"


def string(name: str, default: str = "") -> str:
    return (
        f"<hudson.model.StringParameterDefinition><name>{name}</name>"
        f"<defaultValue>{default}</defaultValue></hudson.model.StringParameterDefinition>"
    )


ARCHIVE = (
    "<hudson.tasks.ArtifactArchiver><artifacts>{}</artifacts>{}</hudson.tasks.ArtifactArchiver>"
)
PERMIT = (
    "<hudson.plugins.copyartifact.CopyArtifactPermissionProperty><projectNameList>"
    "<string>{}</string></projectNameList>"
    "</hudson.plugins.copyartifact.CopyArtifactPermissionProperty>"
)
COPY = (
    "<hudson.plugins.copyartifact.CopyArtifact><project>{project}</project>"
    "<filter>{filter}</filter>{more}"
    '<selector class="hudson.plugins.copyartifact.{selector}">{inner}</selector>'
    "</hudson.plugins.copyartifact.CopyArtifact>"
)
NEWEST = {"selector": "StatusBuildSelector", "inner": "<stable>true</stable>"}


GIT = (
    '<scm class="hudson.plugins.git.GitSCM"><userRemoteConfigs>'
    "<hudson.plugins.git.UserRemoteConfig><url>https://github.com/o/{}.git</url>"
    "</hudson.plugins.git.UserRemoteConfig></userRemoteConfigs><branches>"
    "<hudson.plugins.git.BranchSpec><name>{}</name></hudson.plugins.git.BranchSpec></branches></scm>"
)


def archive(pattern: str, more: str = "") -> str:
    return ARCHIVE.format(pattern, more)


def copy(project: str, files: str = "", more: str = "", **selector: str) -> str:
    chosen = {"inner": "", **(selector or NEWEST)}
    return COPY.format(project=project, filter=files, more=more, **chosen)


def bind(**kinds: str) -> str:
    """Return a wrapper that binds credentials: id, and its kind and fields."""
    impl = "org.jenkinsci.plugins.credentialsbinding.impl."
    inner = ""
    for id_, text in kinds.items():
        kind, *fields = text.split()
        named = "".join("<{0}>{1}</{0}>".format(*each.split("=")) for each in fields)
        inner += f"<{impl}{kind}><credentialsId>{id_}</credentialsId>{named}</{impl}{kind}>"
    return f"<{impl}SecretBuildWrapper><bindings>{inner}</bindings></{impl}SecretBuildWrapper>"


def trigger(projects: str, parameters: str, condition: str = "SUCCESS", more: str = "") -> str:
    return (
        "<hudson.plugins.parameterizedtrigger.BuildTrigger><configs>"
        "<hudson.plugins.parameterizedtrigger.BuildTriggerConfig>"
        f"<configs>{parameters}</configs><projects>{projects}</projects>"
        f"<condition>{condition}</condition>{more}"
        "</hudson.plugins.parameterizedtrigger.BuildTriggerConfig></configs>"
        "</hudson.plugins.parameterizedtrigger.BuildTrigger>"
    )


def blocking(projects: str, thresholds: str = "") -> str:
    return (
        "<hudson.plugins.parameterizedtrigger.TriggerBuilder><configs>"
        "<hudson.plugins.parameterizedtrigger.BlockableBuildTriggerConfig>"
        f"<configs>{predefined('A=1')}</configs><projects>{projects}</projects>"
        f"<condition>ALWAYS</condition><block>{thresholds}</block>"
        "</hudson.plugins.parameterizedtrigger.BlockableBuildTriggerConfig></configs>"
        "</hudson.plugins.parameterizedtrigger.TriggerBuilder>"
    )


def predefined(text: str) -> str:
    return (
        "<hudson.plugins.parameterizedtrigger.PredefinedBuildParameters>"
        f"<properties>{text}</properties>"
        "</hudson.plugins.parameterizedtrigger.PredefinedBuildParameters>"
    )


def run(
    home: Home, job: str, secrets: Mapping[str, GivenCredential] | None = None, **parameters: str
) -> Result | None:
    """Start a job by hand, run everything to its end and return the job's last result."""
    with make_engine(home, secrets=secrets) as engine:
        engine.build(job, parameters)
        engine.run()
    return last(home, job)


def play(
    home: Home, *jobs: str, repositories: Mapping[str, Path] | None = None, executors: int = 2
) -> LoopResult:
    """Start jobs by hand, one right after the other, and run everything to its end."""
    with make_engine(home, repositories, executors=executors) as engine:
        for job in jobs:
            engine.build(job, {})
        return engine.run()


def last(home: Home, job: str) -> Result | None:
    return Builds(home).of(job)[0].result


def wait_until(condition: Callable[[], bool], *, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
