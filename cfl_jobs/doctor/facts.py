"""A live server → facts, by asking only: nothing on the server is changed.

The one POST is sent for users who aren't administrators: a create without a name, which Jenkins
refuses, with status 403 for those who may not create jobs and with 400 for those who may
(recorded, core 2.440.3). Repositories' hosts are asked without any login.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import (
    LoginRefused,
    Missing,
    PermissionDenied,
    Refused,
    TargetError,
    Unavailable,
    Unreachable,
)
from cfl_jobs.target import Kind, Listed
from cfl_jobs.targets.answers import find_group
from cfl_jobs.targets.client import parse_json
from cfl_jobs.targets.server import JenkinsTarget, Login

# hudson.node_monitors.DiskSpaceMonitorDescriptor: what a server without its own bounds has.
_STOPS_AT, _WARNS_AT = 2**30, 2 * 2**30
_TIME_LIMIT = 5.0  # seconds for a repository's host
# Where git asks for a repository's branches first (gitprotocol-http).
_REFS = "/info/refs"
_NOT_ALLOWED = (PermissionDenied, LoginRefused)
_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """`is_active` is False where it failed to load, `is_enabled` where someone switched it off."""

    version: str
    is_active: bool = True
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Disk:
    """Free bytes at a path of a node, and the bounds where Jenkins warns and stops using it."""

    path: str
    free: int
    stops_at: int
    warns_at: int


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node. `clock_difference` is in seconds, to the controller's clock; None: not measured.

    One that `is_reserved` takes only jobs that ask for its labels; None: that isn't known.
    """

    name: str
    executors: int
    labels: tuple[str, ...]
    is_offline: bool = False
    is_controller: bool = False
    is_reserved: bool | None = None
    disks: tuple[Disk, ...] = ()
    clock_difference: float | None = None


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a server knows from its update centre, and how many days ago it asked; None: never.

    `offered` is the Jenkins that it would update to, "" where it says nothing of one. `warnings`
    are published faults of what it runs: what they say, and the address of the advisory.
    """

    age: float | None = None
    offered: str = ""
    warnings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server told of itself; `untold` says by field name why it didn't tell something.

    `own_url` is the one it believes it has. `clock_difference` is how many seconds its clock is
    ahead of ours. `unreadable` are jobs of ours whose config this user may not read or change.
    `anonymous_reads` tells whether someone who isn't logged in gets a list of jobs. `repositories`
    are, by URL, the one that its host redirects to, "" for none, and why that can't be told.
    """

    url: str
    version: str
    own_url: str
    uses_security: bool
    uses_crumbs: bool
    is_quieting_down: bool
    login: Login
    jobs: tuple[Listed, ...]
    clock_difference: float | None
    is_administrator: bool
    may_create: bool
    unreadable: tuple[str, ...]
    anonymous_reads: bool
    plugins: Mapping[str, InstalledPlugin]
    credential_ids: tuple[str, ...]
    nodes: tuple[NodeState, ...]
    upkeep: Upkeep
    repositories: Mapping[str, tuple[str, str]]
    untold: Mapping[str, str]


def examine(target: JenkinsTarget, needs: Needs, *, now: Callable[[], float] = time.time) -> Facts:
    """Ask a server, and the repositories' hosts, for all that the checks need.

    Raises TargetError where the server can't be asked at all.
    """
    login = target.whoami()
    state, version, difference = _ask_state(target, now)
    untold: dict[str, str] = {}

    def ask(field: str, question: Callable[[], _Told], otherwise: _Told) -> _Told:
        try:
            return question()
        except (Unavailable, Unreachable):
            raise
        except TargetError as error:  # the other questions may be answered
            untold[field] = error.message
            return otherwise

    jobs = target.list(Kind.JOB)
    plugins: Mapping[str, InstalledPlugin] = ask("plugins", lambda: ask_plugins(target), {})
    # Jenkins lists its plugins for administrators, and for those who have the permission
    # Overall/SystemRead, which only this plugin brings.
    is_administrator = not untold and "extended-read-permission" not in plugins
    ours = {job.name for job in jobs}.intersection(() if is_administrator else needs.names)
    return Facts(
        url=target.label,
        version=version,
        own_url=str(state.get("url") or ""),
        uses_security=bool(state.get("useSecurity", True)),
        uses_crumbs=bool(state.get("useCrumbs", True)),
        is_quieting_down=bool(state["quietingDown"]),
        login=login,
        jobs=jobs,
        clock_difference=difference,
        is_administrator=is_administrator,
        may_create=is_administrator
        or _may(target.client.post, "createItem?name=", "create jobs", "<project/>"),
        # Jenkins shows a job's config to those who may change it.
        unreadable=tuple(
            name for name in needs.names if name in ours and not _may(target.read, Kind.JOB, name)
        ),
        anonymous_reads=_anonymous_reads(target),
        plugins=plugins,
        credential_ids=ask("credential_ids", target.credential_ids, ()),
        nodes=ask("nodes", lambda: tuple(_ask_nodes(target, str(state.get("mode") or ""))), ()),
        upkeep=ask("upkeep", lambda: _ask_upkeep(target, now), Upkeep()),
        repositories=_ask_repositories(url for url, _ in needs.watched),
        untold=untold,
    )


def _ask_state(
    target: JenkinsTarget, now: Callable[[], float]
) -> tuple[dict[str, Any], str, float | None]:
    """Return the server's state, its version, and how far its clock is ahead, in seconds."""
    path, doing = "api/json?tree=mode,quietingDown,useCrumbs,useSecurity,url", "ask for its state"
    before = now()
    answer = target.client.ask(path, doing)
    after = now()
    state = parse_json(answer, target.client.asked(path, doing), "quietingDown")
    try:
        theirs = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except ValueError:  # no such header, or no date in it
        difference = None
    else:  # the header has whole seconds, and was written at some moment in between
        difference = max(theirs - after, 0.0) + min(theirs + 1 - before, 0.0)
    return state, answer.headers.get("X-Jenkins", ""), difference


def ask_plugins(target: JenkinsTarget) -> dict[str, InstalledPlugin]:
    """Return all plugins by short name. Raises PermissionDenied for all but administrators."""
    path = "pluginManager/api/json?tree=plugins[shortName,version,active,enabled]"
    found = target.client.ask_json(path, "list plugins", "plugins")["plugins"]
    return {
        plugin["shortName"]: InstalledPlugin(
            plugin["version"], bool(plugin["active"]), bool(plugin["enabled"])
        )
        for plugin in found
    }


def _ask_nodes(target: JenkinsTarget, mode: str) -> Iterator[NodeState]:
    """Yield the nodes; `mode` is the controller's."""
    found = target.client.ask_json("computer/api/json?depth=0", "list nodes", "computer")
    for node in found["computer"]:
        monitors = node.get("monitorData") or {}
        disks = []
        for monitor in ("DiskSpaceMonitor", "TemporarySpaceMonitor"):
            data = monitors.get(f"hudson.node_monitors.{monitor}") or {}
            if data.get("size") is not None:
                stops, warns = data.get("threshold"), data.get("warningThreshold")
                bounds = stops or _STOPS_AT, warns or _WARNS_AT
                disks.append(Disk(data.get("path", ""), int(data["size"]), *bounds))
        clock = monitors.get("hudson.node_monitors.ClockMonitor") or {}
        name, own_mode = node["displayName"], mode
        is_controller = str(node.get("_class", "")).endswith("MasterComputer")
        if not is_controller:  # an agent's mode stands in its config only
            try:
                page = f"computer/{quote(name, safe='')}/config.xml"
                config = _ask_page(target, page, "look at a node")
                own_mode = find_group(r"<mode>(\w+)</mode>", config)
            except (*_NOT_ALLOWED, Missing, Refused):
                own_mode = ""
        yield NodeState(
            name,
            int(node["numExecutors"]),
            tuple(label["name"] for label in node.get("assignedLabels", ()) if label),
            bool(node["offline"]),
            is_controller,
            own_mode == "EXCLUSIVE" if own_mode else None,
            tuple(disks),
            clock["diff"] / 1000 if "diff" in clock else None,
        )


def _ask_page(target: JenkinsTarget, path: str, doing: str) -> str:
    return target.client.ask(path, doing).text


def _ask_upkeep(target: JenkinsTarget, now: Callable[[], float]) -> Upkeep:
    """Look what the update centre told the server.

    The remote API has only when that was; which Jenkins is offered (CoreUpdateMonitor) and the
    published faults (UpdateSiteWarningsMonitor) stand on the page Manage Jenkins alone, in core
    2.440 and 2.568: links to a jenkins.war and to advisories, in any language.
    """
    tree = "updateCenter/api/json?tree=sites[id,dataTimestamp]"
    sites = target.client.ask_json(tree, "look at the update centre", "sites")["sites"]
    asked = [site["dataTimestamp"] / 1000 for site in sites if site.get("dataTimestamp")]
    page = _ask_page(target, "manage/", "look at Manage Jenkins")
    section = '<section class="manage-messages">'
    if section not in page:
        raise TargetError("this Jenkins shows its messages otherwise than 2.440 and 2.568 do")
    text = find_group(rf"{section}(.*?)</section>", page)
    return Upkeep(
        (now() - max(asked)) / 86400 if asked else None,
        find_group(r'href="[^"]*/(\d+(?:\.\d+)+)/jenkins\.war"', text),
        tuple(
            (html.unescape(found[2]).strip(), html.unescape(found[1]))
            for found in re.finditer(r'href="([^"]*/security/advisory/[^"]*)"[^>]*>([^<]*)<', text)
        ),
    )


def _may(do: Callable[..., object], *arguments: object) -> bool:
    try:
        do(*arguments)
    except _NOT_ALLOWED:
        return False
    except Refused:  # for want of a name
        pass
    return True


def _anonymous_reads(target: JenkinsTarget) -> bool:
    with target.without_login() as anyone:
        try:
            anyone.list(Kind.JOB)
        except TargetError:  # a login is wanted, by Jenkins or by a proxy before it
            return False
    return True


class _Stays(HTTPRedirectHandler):
    """Tells of a redirect instead of following it."""

    def redirect_request(self, *arguments: Any) -> Request | None:
        return None


def _ask_repositories(urls: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Ask each repository's host whether the repository has moved. A silent host is asked once."""
    told: dict[str, tuple[str, str]] = {}
    silent: dict[str, str] = {}
    for url in urls:
        moved_to = host = untold = ""
        try:
            scheme, host, *_ = urlsplit(url)
            if scheme not in ("http", "https") or "@" in host or "$" in url:
                untold = "only a plain http(s) URL is asked"
            elif host in silent:
                untold = silent[host]
            else:
                moved_to = _ask_repository(url)
        except HTTPError as answer:
            untold = f"its host answers with status {answer.code} without a login"
        except (HTTPException, ValueError) as error:  # of this URL alone
            untold = f"it can't be asked ({str(error) or type(error).__name__})"
        except OSError as error:
            untold = f"{host} doesn't answer ({getattr(error, 'reason', None) or error})"
            silent[host] = untold
        told[url] = moved_to, untold
    return told


def _ask_repository(url: str) -> str:
    """Return the URL that a host redirects to, "" for none; another answer is an HTTPError."""
    asked = f"{url}{_REFS}?service=git-upload-pack"
    try:
        build_opener(_Stays).open(asked, timeout=_TIME_LIMIT).close()
    except HTTPError as answer:
        answer.close()
        place = urlsplit(urljoin(asked, answer.headers.get("Location", "")))
        if answer.code not in (301, 302, 307, 308) or not place.path.endswith(_REFS):
            raise
        return place._replace(path=place.path.removesuffix(_REFS), query="").geturl()
    return ""
