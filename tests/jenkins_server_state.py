"""The stand-in's jobs, folders, views and builds, and what the remote API says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from tests.jenkins_server_configs import recorded_body
from tests.jenkins_server_xml import Node, parse, store

_JOB_CLASSES = {
    "project": "hudson.model.FreeStyleProject",
    "matrix-project": "hudson.matrix.MatrixProject",
    "flow-definition": "org.jenkinsci.plugins.workflow.job.WorkflowJob",
    "com.cloudbees.hudson.plugins.folder.Folder": "com.cloudbees.hudson.plugins.folder.Folder",
}
_VIEW_CLASSES = ("hudson.model.ListView", "hudson.model.AllView")
_UNSAFE = "?*/\\%!@#$^&|<>[]:;"
# What the remote API tells of a folder as of any job.
_FOLDER_FIELDS = (
    *("_class", "actions", "description", "displayName", "displayNameOrNull", "fullDisplayName"),
    *("fullName", "name", "url", "healthReport"),
)


def is_job(root: Node) -> bool:
    return root.tag in _JOB_CLASSES


def is_view(root: Node) -> bool:
    return root.tag in _VIEW_CLASSES


def refuse_name(name: str) -> str | None:
    """Return why Jenkins doesn't take this name for a job or view, None where it does."""
    if not name.strip():
        return "No name is specified"
    if name.strip() in (".", ".."):
        return f"“{name.strip()}” is not an allowed name"
    for character in name:
        if ord(character) < 32 or ord(character) == 127:
            return "No control code is allowed"
        if character in _UNSAFE:
            return f"\u2018{character}\u2019 is an unsafe character"
    return None


@dataclass(eq=False)
class Group:
    """What holds jobs and views: the server itself or a folder."""

    jobs: dict[str, Job] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Job | None:
        """Return a job by its own name; Jenkins doesn't tell upper from lower case here."""
        return self.jobs.get(name.lower())

    def add(self, job: Job) -> None:
        self.jobs[job.name.lower()] = job

    def in_order(self) -> tuple[Job, ...]:
        return tuple(job for _, job in sorted(self.jobs.items()))

    def remove(self, job: Job) -> None:
        del self.jobs[job.name.lower()]


@dataclass(eq=False)
class Job(Group):
    """A job or folder: its config.xml on the disk and, where GET doesn't read that, in memory."""

    name: str = ""
    parent: Job | None = None
    memory: str | None = None
    posted: str = ""  # what the file is made of, where it wasn't looked at since
    saved: str = ""
    builds: list[dict[str, Any]] = field(default_factory=list)

    @property
    def file(self) -> str:
        if self.posted:
            self.file = store(self.posted)
        return self.saved

    @file.setter
    def file(self, text: str) -> None:
        self.saved, self.posted = text, ""

    @property
    def config(self) -> str:
        """The text that GET config.xml gives at this moment."""
        if self.memory is None:
            return self.file
        return self.memory.replace("'1.1' encoding='UTF-8'", '"1.1" encoding="UTF-8"', 1)

    @property
    def full_name(self) -> str:
        return f"{self.parent.full_name}/{self.name}" if self.parent else self.name

    @property
    def path(self) -> str:
        above = self.parent.path if self.parent else ""
        return f"{above}job/{quote(self.name, safe='')}/"

    @property
    def is_folder(self) -> bool:
        return read_facts(self.config).tag.endswith(".Folder")

    def walk(self) -> Iterator[Job]:
        yield self
        for job in self.in_order():
            yield from job.walk()


@dataclass(frozen=True)
class Facts:
    """What the remote API needs of a config."""

    tag: str
    description: str | None
    disabled: bool
    concurrent: bool


@lru_cache(maxsize=8192)
def read_facts(config: str) -> Facts:
    root = parse(config)
    description = root.find("description")
    return Facts(
        root.tag,
        (description.text or "") if description else None,
        _is_true(root, "disabled"),
        _is_true(root, "concurrentBuild"),
    )


def job_data(job: Job, url: str, version: str, sees: Callable[[Job], bool]) -> dict[str, Any]:
    """Return all that the remote API tells of a job to someone who sees some jobs."""
    facts = read_facts(job.config)
    own_url = url + job.path
    data = {
        **recorded_body("python-jenkins get_job_info", version),
        "_class": _JOB_CLASSES[facts.tag],
        "description": facts.description,
        "displayName": job.name,
        "fullDisplayName": job.full_name.replace("/", " » "),
        "fullName": job.full_name,
        "name": job.name,
        "url": own_url,
    }
    if job.is_folder:
        inner = [job_data(one, url, version, sees) for one in job.in_order() if sees(one)]
        of_all = {name: data[name] for name in _FOLDER_FIELDS}
        return {**of_all, "jobs": inner, "views": views_data(job, own_url)}
    newest = list(reversed(job.builds))
    last = newest[0] if newest else None
    return data | {
        "buildable": not facts.disabled,
        "disabled": facts.disabled,
        "color": "disabled" if facts.disabled else "blue" if newest else "notbuilt",
        "builds": newest[:100],
        "allBuilds": newest,
        "firstBuild": newest[-1] if newest else None,
        "lastBuild": last,
        "lastCompletedBuild": last,
        "nextBuildNumber": len(newest) + 1,
        "concurrentBuild": facts.concurrent,
    }


def _is_true(root: Node, tag: str) -> bool:
    found = root.find(tag)
    return bool(found and found.text == "true")


def own_views(group: Group) -> tuple[str, ...]:
    """Return the primary view, which nobody made and nobody can delete."""
    return ("All",) if isinstance(group, Job) else ("all",)


def views_data(group: Group, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"_class": "hudson.model.AllView", "name": name, "url": url} for name in own_views(group)
    ]
    for name, config in group.views.items():
        facts = read_facts(config)
        found.append(
            {
                "_class": facts.tag,
                "name": name,
                "description": facts.description,
                "url": f"{url}view/{quote(name, safe='')}/",
            }
        )
    return sorted(found, key=lambda view: str(view["name"]))


def default_form(data: dict[str, Any]) -> dict[str, Any]:
    """Return what the remote API tells without a `tree`: things inside only by name and URL."""
    hidden = ("allBuilds",)
    return {
        name: _summary(value) if name not in ("actions", "scm") else value
        for name, value in data.items()
        if name not in hidden
    }


def _summary(value: Any) -> Any:
    if isinstance(value, list):
        return [_summary(item) for item in value]
    if isinstance(value, dict) and "url" in value:
        shown = ("_class", "name", "number", "url", "color")
        return {name: value[name] for name in shown if name in value}
    return value


def build_data(job: Job, number: int, url: str, user: str, version: str) -> dict[str, Any]:
    """Return a finished, successful build. The stand-in runs nothing."""
    recorded = recorded_body("build info", version)
    cause = {
        "_class": "hudson.model.Cause$UserIdCause",
        "shortDescription": f"Started by user {user}",
        "userId": user,
        "userName": user,
    }
    caused = {"_class": "hudson.model.CauseAction", "causes": [cause]}
    return {
        **recorded,
        "actions": [caused, *recorded["actions"][1:]],
        "artifacts": [],
        "displayName": f"#{number}",
        "fullDisplayName": f"{job.name} #{number}",
        "id": str(number),
        "number": number,
        "queueId": number,
        "url": f"{url}{job.path}{number}/",
    }


def rename_in_views(group: Group, old: str, new: str | None) -> None:
    """Follow a rename or deletion in the list views, as ListView's listener does."""
    for name, config in list(group.views.items()):
        before = f"    <string>{old}</string>\n"
        after = f"    <string>{new}</string>\n" if new is not None else ""
        group.views[name] = config.replace(before, after)
