"""Parts of small jobs for rehearsal tests, and one way to run one."""

from __future__ import annotations

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.builds import Builds
from cfl_jobs.rehearsal.directory import Home
from tests.rehearsal_home import make_engine

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


def archive(pattern: str, more: str = "") -> str:
    return ARCHIVE.format(pattern, more)


def copy(project: str, files: str = "", more: str = "", **selector: str) -> str:
    chosen = {"inner": "", **(selector or NEWEST)}
    return COPY.format(project=project, filter=files, more=more, **chosen)


def trigger(projects: str, parameters: str, condition: str = "SUCCESS", more: str = "") -> str:
    return (
        "<hudson.plugins.parameterizedtrigger.BuildTrigger><configs>"
        "<hudson.plugins.parameterizedtrigger.BuildTriggerConfig>"
        f"<configs>{parameters}</configs><projects>{projects}</projects>"
        f"<condition>{condition}</condition>{more}"
        "</hudson.plugins.parameterizedtrigger.BuildTriggerConfig></configs>"
        "</hudson.plugins.parameterizedtrigger.BuildTrigger>"
    )


def predefined(text: str) -> str:
    return (
        "<hudson.plugins.parameterizedtrigger.PredefinedBuildParameters>"
        f"<properties>{text}</properties>"
        "</hudson.plugins.parameterizedtrigger.PredefinedBuildParameters>"
    )


def run(home: Home, job: str, **parameters: str) -> Result | None:
    """Start a job by hand, run everything to its end and return the job's last result."""
    with make_engine(home) as engine:
        engine.build(job, parameters)
        engine.run()
    return last(home, job)


def last(home: Home, job: str) -> Result | None:
    return Builds(home).of(job)[0].result
