"""The stand-in's answers to a user who is logged in: which path does what, for whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import tests.jenkins_server_configs as configs
import tests.jenkins_server_pages as pages
from tests.jenkins_server_configs import rename_references
from tests.jenkins_server_pages import Answer
from tests.jenkins_server_state import (
    Group,
    Job,
    default_form,
    is_job,
    is_view,
    job_data,
    own_views,
    read_facts,
    refuse_name,
    rename_in_views,
    views_data,
)
from tests.jenkins_server_xml import MalformedConfig, Node, parse, write

if TYPE_CHECKING:
    from tests.jenkins_server import JenkinsServer


@dataclass(frozen=True)
class Request:
    """One request as it came in. `path` is without the query, as sent (percent-encoded)."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        text = self.query
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            text += "&" + self.body.decode()
        return {name: values[0] for name, values in parse_qs(text, True).items()}


class NotAllowed(Exception):
    """Carries the id of the missing permission."""


class Visit:
    """One request of a user who is logged in."""

    def __init__(
        self, server: JenkinsServer, request: Request, user: str, *, by_token: bool
    ) -> None:
        self.server = server
        self.pages = server.dialect
        self.request = request
        self.user = user
        self.by_token = by_token

    def answer(self) -> Answer:
        path = self.request.path.removeprefix(self.server.prefix)
        group: Group = self.server.top
        job: Job | None = None
        rest = [unquote(part) for part in path.strip("/").split("/")]
        while rest[0] == "job" and len(rest) > 1:
            job = group.find(rest[1])
            if job is None or not self._sees(job):
                return self.pages.not_found()
            group, rest = job, rest[2:] or [""]
        if rest[0] == "view" and len(rest) > 2:
            return self._answer_view(group, rest[1], rest[2:])
        verb = "/".join(rest)
        if verb in ("createItem", "createView"):
            return self._create(verb, group, job)
        if job is not None:
            return self._answer_job(job, verb)
        return self._answer_top(verb)

    def _need(self, permission: str, job: Job | None = None) -> None:
        if not self.server.may(self.user, permission, job):
            raise NotAllowed(permission)

    def _sees(self, job: Job) -> bool:
        return self.server.may(self.user, pages.READ, job) or self.user == "anonymous"

    def _job_data(self, job: Job) -> dict[str, Any]:
        return job_data(job, self.server.url, self.server.version, self._sees)

    def _recorded(self, name: str) -> dict[str, Any]:
        return configs.recorded_body(name, self.server.version)

    def _render(self, data: dict[str, Any]) -> Answer:
        tree = self.request.parameters.get("tree")
        if tree is not None:
            return self.pages.json(pages.prune(data, pages.parse_tree(tree)))
        deep = self.request.parameters.get("depth", "0") != "0"
        return self.pages.json(data if deep else default_form(data))

    def _answer_top(self, verb: str) -> Answer:
        server = self.server
        if self.request.method == "POST" and verb in ("quietDown", "cancelQuietDown"):
            self._need("hudson.model.Hudson.Administer")
            server.quieting_down = verb == "quietDown"
            reason = self.request.parameters.get("message")
            server.quiet_down_reason = reason if server.quieting_down else None
            return self.pages.redirect(server.url)
        if self.request.method == "POST" and verb == "safeRestart":
            self._need("hudson.model.Hudson.Administer")
            server.quieting_down = True
            if not server.is_busy:
                server.restart(starting_for=2)
            return self.pages.redirect(server.url)
        if self.request.method == "POST" and verb == "pluginManager/installNecessaryPlugins":
            self._need("hudson.model.Hudson.Administer")
            return self._install()
        if self.request.method != "GET":
            return self.pages.not_found()
        if verb == "":
            return self.pages.page("Dashboard", "<h1>Dashboard</h1>", status=200)
        if verb == "crumbIssuer/api/json":
            return self._issue_crumb()
        if verb.startswith(("pluginManager/", "updateCenter/", "manage")):
            self._need("hudson.model.Hudson.Administer")
        if verb == "manage":
            messages = f'<section class="manage-messages">{server.monitors}</section>'
            return self.pages.page("Manage Jenkins", messages, status=200)
        if found := re.fullmatch(r"computer/([^/]+)/config.xml", verb):
            self._need("hudson.model.Hudson.Administer")
            mode = server.node_modes.get(unquote(found[1]), "NORMAL")
            return pages.text_answer(f"<slave><mode>{mode}</mode></slave>", "application/xml")
        if verb.startswith("credentials/") and self.user != server.user:
            return self.pages.not_found()
        data = self._top_data().get(verb)
        return self._render(data()) if data else self.pages.not_found()

    def _install(self) -> Answer:
        server = self.server
        for name, _ in re.findall(r'plugin="([^"@]+)@([^"]+)"', self._text()):
            offered = server.update_centre.get(name)
            if offered is None:
                continue
            is_new = name not in server.plugins
            (server.plugins if is_new else server.waiting_plugins)[name] = offered
            state = "Success" if is_new else "SuccessButRequiresRestart"
            server.installations.append({"name": name, "status": {"type": state}})
        return self.pages.redirect(server.url + "pluginManager/updates/")

    def _installations(self) -> dict[str, Any]:
        jobs = [dict(job) for job in self.server.installations]
        asked = self.server.update_centre_asked or 0
        for job in self.server.installations:  # the next question finds it done
            if job["status"]["type"] == "Pending":
                job["status"] = {"type": "Success"}
        return {
            "_class": "hudson.model.UpdateCenter",
            "jobs": jobs,
            "restartRequiredForCompletion": bool(self.server.waiting_plugins),
            "sites": [{"id": "default", "dataTimestamp": int(asked * 1000)}],
        }

    def _issue_crumb(self) -> Answer:
        crumb, cookie = self.server.issue_crumb(self.request)
        data = {
            "_class": "hudson.security.csrf.DefaultCrumbIssuer",
            "crumb": crumb,
            "crumbRequestField": "Jenkins-Crumb",
        }
        answer = self.pages.json(data)
        return answer.with_headers(Set_Cookie=cookie) if cookie and not self.by_token else answer

    def _top_data(self) -> dict[str, Callable[[], dict[str, Any]]]:
        return {
            "api/json": self._listing,
            "whoAmI/api/json": self._who,
            "me/api/json": lambda: {
                **self._recorded("python-jenkins get_whoami"),
                "absoluteUrl": f"{self.server.url}user/{self.user}",
                "fullName": self.user,
                "id": self.user,
            },
            "pluginManager/api/json": self._plugins,
            "updateCenter/api/json": self._installations,
            "computer/api/json": self._computers,
            "queue/api/json": lambda: self._recorded("python-jenkins get_queue_info"),
            "credentials/store/system/domain/_/api/json": self._credentials,
        }

    def _listing(self) -> dict[str, Any]:
        server = self.server
        url = server.url
        views = views_data(server.top, url)
        return {
            **self._recorded("list, empty server"),
            "numExecutors": server.executors,
            "jobs": [self._job_data(job) for job in server.top.in_order() if self._sees(job)],
            "primaryView": next(view for view in views if view["name"] == "all"),
            "quietDownReason": server.quiet_down_reason,
            "quietingDown": server.quieting_down,
            "url": url,
            "views": views,
            **server.state_changes,
        }

    def _who(self) -> dict[str, Any]:
        who = {**self._recorded("who am I"), "name": self.user}
        return who | {"anonymous": True} if self.user == "anonymous" else who

    def _plugins(self) -> dict[str, Any]:
        common = {"active": True, "enabled": True, "hasUpdate": False}
        found = [
            {
                **common,
                "shortName": name,
                "version": version,
                "longName": f"{name} (lab build)",
                "active": name not in self.server.disabled_plugins,
                "enabled": name not in self.server.disabled_plugins,
            }
            for name, version in self.server.plugins.items()
        ]
        return {"_class": "hudson.LocalPluginManager", "plugins": found}

    def _computers(self) -> dict[str, Any]:
        data = self._recorded("python-jenkins get_nodes")
        count = self.server.executors
        computers = [
            {
                **computer,
                "numExecutors": count,
                "executors": [{}] * count,
                **self.server.node_changes,
            }
            for computer in data["computer"]
        ] + [
            {**data["computer"][0], "_class": "hudson.slaves.SlaveComputer", **node}
            for node in self.server.more_nodes
        ]
        return {**data, "computer": computers, "totalExecutors": count}

    def _credentials(self) -> dict[str, Any]:
        store = "com.cloudbees.plugins.credentials.CredentialsStoreAction$DomainWrapper"
        return {"_class": store, "credentials": self.server.credentials}

    def _create(self, verb: str, group: Group, job: Job | None) -> Answer:
        """Make a job, folder or view of the posted config."""
        if self.request.method != "POST" or (job is not None and not job.is_folder):
            return self.pages.not_found()
        makes_job = verb == "createItem"
        self._need(f"hudson.model.{'Item' if makes_job else 'View'}.Create", job)
        name = self.request.parameters.get("name", "")
        reason = refuse_name(name)
        if reason:
            return self.pages.refused(reason)
        there = group.find(name) if makes_job else None
        if there and not self._sees(there):
            return self.pages.refused("")
        if there:
            return self.pages.refused(f"A job already exists with the name \u2018{name}\u2019")
        if not makes_job and name in (*group.views, "all"):
            return self.pages.refused(f'A view already exists with the name "{name}"')
        kind = self.request.headers.get("content-type")
        if kind is None:
            return self.pages.refused("No Content-Type header set")
        root = self._read_body(makes_job=makes_job)
        if root is None:
            return self.pages.oops()
        if not makes_job:
            group.views[name] = self._save_view(root, name)
            return Answer()
        made = Job(name=name, parent=job)
        self.server.create(made, self._text(), root)
        group.add(made)
        if self.server.uses_project_matrix:
            self.server.grant_creator(made, self.user)
        return Answer()

    def _text(self) -> str:
        return self.request.body.decode("utf-8", "replace")

    def _read_body(self, *, makes_job: bool) -> Node | None:
        """Return the posted config, None where Jenkins can't make an object of it."""
        try:
            root = parse(self._text())
        except MalformedConfig:
            return None
        return root if (is_job if makes_job else is_view)(root) else None

    def _save_view(self, root: Node, name: str) -> str:
        """A view is saved as it comes; what Jenkins writes has double quotes here."""
        rules = configs.learnt_rules(self.server.version)
        saved = configs.save_node(root, self.server.plugins, rules)
        named = saved.find("name")
        if named is not None:
            named.text = name
        return write(saved, quote='"')

    def _answer_view(self, group: Group, name: str, rest: list[str]) -> Answer:
        config = group.views.get(name)
        post = self.request.method == "POST"
        if config is None and post and rest == ["doDelete"] and name in own_views(group):
            return self.pages.oops()
        if config is None:
            return self.pages.not_found()
        if rest == ["config.xml"] and not post:
            return _config_answer(config)
        if rest == ["config.xml"]:
            self._need("hudson.model.View.Configure")
            root = self._read_body(makes_job=False)
            if root is None:
                return self.pages.oops()
            group.views[name] = self._save_view(root, name)
            return Answer()
        if rest == ["doDelete"] and post:
            self._need("hudson.model.View.Delete")
            del group.views[name]
            return self.pages.redirect(
                self.server.url + (group.path if isinstance(group, Job) else "")
            )
        if rest == ["api", "json"]:
            found = views_data(group, self.server.url)
            return self._render(next(view for view in found if view["name"] == name))
        return self.pages.not_found()

    def _answer_job(self, job: Job, verb: str) -> Answer:
        post = self.request.method == "POST"
        if not post:
            return self._read_job(job, verb)
        actions: dict[str, tuple[str, Callable[[Job], Answer]]] = {
            "config.xml": ("Configure", self._update),
            "submitDescription": ("Configure", self._describe),
            "disable": ("Configure", lambda job: self._switch(job, disabled=True)),
            "enable": ("Configure", lambda job: self._switch(job, disabled=False)),
            "doRename": ("Configure", self._rename),
            "doDelete": ("Delete", self._delete),
            "build": ("Build", self._build_plain),
            "buildWithParameters": ("Build", lambda job: self._build_with(job)),
        }
        permission, act = actions.get(verb, ("", None))
        if act is None:
            return self.pages.not_found()
        self._need(f"hudson.model.Item.{permission}", job)
        return act(job)

    def _read_job(self, job: Job, verb: str) -> Answer:
        if verb == "config.xml":
            self._need("hudson.model.Item.Configure", job)
            return _config_answer(job.config)
        if verb == "api/json":
            return self._render(self._job_data(job))
        number = re.fullmatch(r"(\d+)/api/json", verb)
        for build in job.builds if number else ():
            if number and build["number"] == int(number[1]):
                return self._render(build)
        return self.pages.not_found()

    def _update(self, job: Job) -> Answer:
        root = self._read_body(makes_job=True)
        if root is None or root.tag != read_facts(job.config).tag:
            return self.pages.oops()
        self.server.update(job, self._text(), root)
        return Answer()

    def _save(self, job: Job, **changes: Any) -> Answer:
        self.server.save(job, **changes)
        return self.pages.redirect(self.server.url + job.path)

    def _describe(self, job: Job) -> Answer:
        return self._save(job, description=self.request.parameters.get("description", ""))

    def _switch(self, job: Job, *, disabled: bool) -> Answer:
        return self.pages.not_found() if job.is_folder else self._save(job, disabled=disabled)

    def _group_of(self, job: Job) -> Group:
        return job.parent or self.server.top

    def _rename(self, job: Job) -> Answer:
        group = self._group_of(job)
        new = self.request.parameters.get("newName", "")
        reason = refuse_name(new)
        if reason is None and new == job.name:
            reason = "The new name is the same as the current name."
        if reason is None and group.find(new):
            reason = f"The name “{new}” is already in use."
        if reason:
            return self.pages.refused(reason)
        group.remove(job)
        rename_in_views(group, job.name, new)
        old, job.name = job.full_name, new
        group.add(job)
        for other in self.server.jobs.values():
            context = other.parent.full_name if other.parent else ""
            changed = rename_references(other.config, context, old, job.full_name)
            if changed is not None:
                self.server.update(other, changed)
                self.server.save(other)
        return self.pages.redirect((self.server.url + job.path).rstrip("/"))

    def _delete(self, job: Job) -> Answer:
        group = self._group_of(job)
        group.remove(job)
        rename_in_views(group, job.name, None)
        return self.pages.redirect(self.server.url + (job.parent.path if job.parent else ""))

    def _refuse_build(self, why: str) -> Answer:
        status = self.pages.wrong_build
        if status == 500:
            return self.pages.oops()
        return self.pages.jetty_page(status, why, self.request.path)

    def _build_plain(self, job: Job) -> Answer:
        if _has_parameters(job):
            return self._refuse_build("This page expects a form submission")
        return self._build(job)

    def _build(self, job: Job) -> Answer:
        self.server.build(job, self.user)
        location = f"{self.server.url}queue/item/{len(job.builds)}/"
        return Answer(201, b"", {"Location": location})

    def _build_with(self, job: Job) -> Answer:
        if not _has_parameters(job):
            return self._refuse_build(f"{job.name} is not parameterized")
        values = [
            {"_class": "hudson.model.StringParameterValue", "name": name, "value": value}
            for name, value in self.request.parameters.items()
        ]
        parameters = {"_class": "hudson.model.ParametersAction", "parameters": values}
        if self.server.is_busy and job.builds and job.builds[-1]["actions"][0] == parameters:
            number = job.builds[-1]["number"]  # it waits already: the same queue item
            return Answer(303, b"", {"Location": f"{self.server.url}queue/item/{number}/"})
        answer = self._build(job)
        job.builds[-1]["actions"].insert(0, parameters)
        return answer


def _has_parameters(job: Job) -> bool:
    properties = "properties/hudson.model.ParametersDefinitionProperty"
    return parse(job.config).find(properties) is not None


def _config_answer(config: str) -> Answer:
    return Answer(200, config.encode(), {"Content-Type": "application/xml"})
