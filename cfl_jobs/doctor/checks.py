"""Needs and a server → what is right and wrong there and what fixes it, as text or JSON."""

from __future__ import annotations

import ipaddress
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import Enum
from functools import partial
from itertools import groupby
from urllib.parse import urlsplit

from cfl_jobs.configs.graph import name_repository
from cfl_jobs.configs.mark import split_description
from cfl_jobs.configs.references import satisfies
from cfl_jobs.doctor.facts import Disk, Facts, NodeState, examine
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import TargetError, count, some
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.reading.versions import is_older
from cfl_jobs.target import name_command
from cfl_jobs.targets.server import JenkinsTarget

_SKEW = 30.0  # seconds; git, make and GitHub's tokens go by the clock
_PRIVATE = (".local", ".internal", ".localhost", ".lan")
_STALE = 7.0  # days; Jenkins asks its update centre each day


class State(Enum):
    """How bad it is; only an ERROR keeps the chain from running."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that a check says, and how to fix it. `jobs` are those that it is about.

    `check` is the check's name, once they are put together.
    """

    state: State
    message: str
    fix: str = ""
    jobs: tuple[str, ...] = ()
    check: str = ""


ok, note, warning, error = (partial(Diagnosis, state) for state in State)
Check = Callable[[Needs, Facts], Iterator[Diagnosis]]
# By name, in the order in which they are told.
CHECKS: dict[str, Check] = {}


def _check(name: str, *, asks: str = "") -> Callable[[Check], Check]:
    """Register a check, which is left out where the server didn't tell the fact that it asks."""

    def register(check: Check) -> Check:
        def run(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
            found = _untold(facts.untold[asks]) if asks in facts.untold else check(needs, facts)
            return (replace(row, check=name) for row in found)

        CHECKS[name] = run
        return check

    return register


def _untold(why: str) -> Iterator[Diagnosis]:
    yield warning(f"can't be told: {why}", "Ask as a user with Overall/Administer.")


@_check("version")
def _check_version(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    wanted, there = needs.inventory.jenkins, facts.version
    than = f"than {wanted}, which the jobs are rendered for"
    if not there:
        yield warning("the server doesn't say its version", "Is it Jenkins?")
    elif wanted and is_older(there, wanted):
        fix = f"Update Jenkins, or render for {there}: `{name_command('inventory', facts.url)}`."
        yield error(f"Jenkins {there} is older {than}", fix)
    elif wanted and there != wanted:
        yield note(f"Jenkins {there} is newer {than}", _renew_inventory(facts))
    else:
        yield ok(f"Jenkins {there}")
    if facts.is_quieting_down:
        fix = "Cancel it on the server's front page, or wait for the restart."
        yield warning("it prepares to shut down and starts no builds", fix)


def _renew_inventory(facts: Facts) -> str:
    """Return what to do where the jobs are rendered for older versions."""
    inventory, plan = (name_command(verb, facts.url) for verb in ("inventory", "plan"))
    return f"Run `{inventory}` and look at `{plan}`."


@_check("support")
def _check_support(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Whether what runs is out of support or has published faults, as the server itself knows."""
    age, offered = facts.upkeep.age, facts.upkeep.offered
    if age is None:
        why = "the server has not heard of its update centre since it started"
        why = facts.untold.get("upkeep", why)
        message = f"whether it is out of support or has published faults can't be told: {why}"
        fix = "As an administrator: Manage Jenkins → Plugins → Updates → Check now, and ask again."
        yield note(message, fix)
        return
    if age > _STALE:
        message = f"its update centre was asked {age:.0f} days ago; what is newer it can't know"
        yield warning(message, "Let Jenkins reach its update centre, or look yourself.")
    # A long-term release's line gets fixes together; weekly ones are each a line of their own.
    line, newer = (".".join(version.split(".")[:2]) for version in (facts.version, offered))
    if offered and newer != line:
        message = f"Jenkins {facts.version} is out of support: fixes go into {newer}"
        fix = "Update Jenkins; before, look for what that changes."
        yield warning(f"{message}, and {offered} is offered", fix)
    elif offered:
        fix = "Update Jenkins: such a release has fixes only."
        yield note(f"Jenkins {offered} is offered", fix)
    for fault, advisory in facts.upkeep.warnings:
        yield warning(f"a fault is published: {fault}", f"Read {advisory}")
    if not offered and not facts.upkeep.warnings and age <= _STALE:
        yield ok("no newer Jenkins and no published fault, says its update centre")


@_check("login")
def _check_login(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    if facts.login.is_anonymous:
        fix = "Set JENKINS_USER_ID and JENKINS_API_TOKEN, or name a jenkins_jobs.ini with --conf."
        yield error("we are not logged in", fix)
    else:
        groups = ", ".join(facts.login.authorities)
        yield ok(f"logged in as {facts.login.name}" + (groups and f", in {groups}"))


@_check("permissions")
def _check_permissions(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    name = facts.login.name
    if facts.is_administrator:
        yield ok(f"{name} has Overall/Administer, so may do everything")
        return
    there = {job.name for job in facts.jobs}
    lacking = tuple(job for job in needs.names if job not in there)
    fix = f"Give {name} Job/Create on the server."
    if facts.may_create:
        yield ok(f"{name} may create jobs")
    elif lacking:
        yield error(f"{name} may not create jobs: {some(lacking)}", fix, lacking)
    else:
        yield warning(f"{name} may not create jobs: new jobs", fix)
    if facts.unreadable:
        message = f"{name} may not see or change the configs of {some(facts.unreadable)}"
        yield error(message, f"Give {name} Job/Configure on them.", facts.unreadable)
    elif there & set(needs.names):
        yield ok(f"{name} may change the jobs that are there")
    if "plugins" in facts.untold:
        message = f"{name} lacks Overall/Administer, so what Jenkins would drop can't be told"
        fix = f"Give {name} Overall/Administer, or let an administrator run this."
        yield note(message, fix)
    message = f"whether {name} may start builds can't be told without starting one"
    yield note(message, "It needs Job/Build.")


@_check("security")
def _check_security(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    bootstrap = name_command("bootstrap --home DIR")
    fix = f"Manage Jenkins → Security; `{bootstrap}` writes a jenkins.yaml for it."
    if not facts.uses_security:
        message = "security is switched off: everyone may do everything and read every secret"
        yield error(message, fix)
    elif facts.anonymous_reads:
        yield warning("people who aren't logged in can list the jobs", fix)
    else:
        yield ok("nobody gets in without a login")
    if facts.uses_crumbs:
        yield ok("crumbs are on")
    else:
        yield warning(
            "crumbs are off: another site can make a logged in person's browser start builds",
            "Take -Dhudson.security.csrf.GlobalCrumbIssuerConfiguration."
            "DISABLE_CSRF_PROTECTION=true out of Jenkins' start, or add a crumb issuer.",
        )


@_check("URL")
def _check_url(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    fix = f"Manage Jenkins → System → Jenkins URL: {needs.server or facts.url}"
    if not facts.own_url:
        yield error("Jenkins doesn't know its own URL", fix)
    elif facts.own_url.rstrip("/") in (needs.server.rstrip("/"), facts.url.rstrip("/")):
        yield ok(f"Jenkins believes it is {facts.own_url}")
    else:
        yield warning(f"Jenkins believes it is {facts.own_url}; mails and webhooks name that", fix)


@_check("GitHub hook")
def _check_hook(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """GitHub must be able to tell of a push: by the URL, the plugin, a working GitHub trigger."""
    url = f"{(facts.own_url or needs.server or facts.url).rstrip('/')}/github-webhook/"
    plugin = facts.plugins.get("github")
    host = urlsplit(url).hostname or ""
    try:
        is_private = not ipaddress.ip_address(host).is_global
    except ValueError:
        is_private = "." not in host or host.endswith(_PRIVATE)
    if not needs.hooked:
        yield ok("no job is started by a push to GitHub")
    elif is_private:
        message = f"GitHub can't reach {url}, so a push starts nothing: {some(needs.hooked)}"
        fix = "Give Jenkins a URL that GitHub reaches (Manage Jenkins → System → Jenkins URL)."
        yield warning(message, fix, needs.hooked)
    elif "plugins" in facts.untold or (plugin and plugin.is_active):
        yield ok(f"GitHub's webhooks go to {url}")
    else:
        message = f"the plugin github isn't at work, so a push starts nothing: {some(needs.hooked)}"
        yield error(message, "Install or enable it.", needs.hooked)


@_check("repositories")
def _check_repositories(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """git follows a repository that was renamed; the events of its pushes name the new one."""
    silent = defaultdict[str, list[str]](list)
    good = 0
    for url, jobs in needs.watched:
        moved_to, untold = facts.repositories[url]
        name, new = name_repository(url), name_repository(moved_to)
        if untold:
            silent[untold].append(name)
        elif moved_to and new != name:
            message = f"{name} redirects to {new}; a push is announced by that name, so it starts"
            fix = f"Write {new} in jobs/ and update."
            yield warning(f"{message} nothing: {some(jobs)}", fix, jobs)
        else:
            good += 1
    for reason, names in silent.items():
        yield note(f"whether it has another name can't be told of {some(names)}: {reason}")
    if good or not needs.watched:
        yield ok(f"jobs watch {count(good, 'repository')} by the right name")


@_check("plugins", asks="plugins")
def _check_plugins(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """A step whose plugin isn't at work vanishes from its job, without an error."""
    good, newer = 0, list[str]()
    bootstrap, inventory = (name_command(v, facts.url) for v in ("bootstrap", "inventory"))
    for need in needs.plugins:
        name, there = need.name, facts.plugins.get(need.name)
        what = f"{some(need.elements)} of {some(need.users)}"
        without = f"; without it Jenkins drops {what}"
        if there is None:
            state = f"is missing{without}"
            fix = f"{f'Install {name} {need.version}'.rstrip()} or later, or `{bootstrap}`."
        elif not there.is_enabled:
            state = f"is disabled{without}"
            fix = f"Manage Jenkins → Plugins → Installed: enable {name}, and restart."
        elif not there.is_active:
            state = f"didn't start{without}"
            fix = "Jenkins' log says why: mostly another plugin is missing, disabled or too old."
        elif need.version and is_older(there.version, need.version):
            state = f"is {there.version}, and the jobs are rendered for {need.version}: {what}"
            fix = f"Update {name}, or render for what is there: `{inventory}`."
        else:
            good += 1
            if need.version and is_older(need.version, there.version):
                newer.append(f"{name} {there.version}")
            continue
        yield error(f"the plugin {name} {state}", fix, need.users)
    for element, job in needs.unknown:
        message = f"no one knows which plugin brings {element} of {job}"
        yield warning(message, "Look at the job after an update.", (job,))
    if newer:
        what = f"{count(len(newer), 'plugin')}, {some(newer)}"
        message = f"newer than what the jobs are rendered for: {what}"
        yield note(message, _renew_inventory(facts))
    if good:
        yield ok(f"{good} of the {count(len(needs.plugins), 'plugin')} that jobs need are at work")


@_check("credentials")
def _check_credentials(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    if not needs.credentials:
        yield ok("no job needs credentials")
        return
    if "credential_ids" in facts.untold:
        yield from _untold(facts.untold["credential_ids"])
        return
    lacking = [need for need in needs.credentials if need.id not in facts.credential_ids]
    for need in lacking:
        message = f"the credentials {need.id} are missing; they are bound by {some(need.jobs)}"
        fix = f"Add them: {facts.url}manage/credentials/store/system/domain/_/newCredentials"
        yield error(message, fix, need.jobs)
    total = len(needs.credentials)
    if there := total - len(lacking):
        yield ok(f"there: {there} of {count(total, 'credential')} that jobs bind")


@_check("labels", asks="nodes")
def _check_labels(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Each job must have a node that takes it, is there and has an executor."""
    is_good = True
    for expression, jobs in _by_label(needs):
        fitting = _nodes_for(expression, facts.nodes)
        if not all(node.is_offline for node in fitting):
            continue
        is_good = False
        label = f"the label {expression}" if expression else "room for jobs without a label"
        if fitting:
            names = some([node.name for node in fitting])
            message = f"only {names} has {label}, and it is offline: {some(jobs)}"
            fix = f"Bring it up: {facts.url}computer/"
        else:
            message = f"no node with an executor has {label}: {some(jobs)} would wait for ever"
            fix = f"Give one the label in Manage Jenkins → Nodes: {facts.url}computer/"
        yield error(message, fix, jobs)
    if not needs.labels:
        yield ok("the jobs run on any node")
    elif is_good:
        yield ok("each label that a job asks for has a node with an executor")


@_check("executors", asks="nodes")
def _check_executors(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Each blocking job keeps an executor; one more must be left for each that it waits for."""
    online = [node for node in facts.nodes if not node.is_offline]
    total = sum(node.executors for node in online)
    fix = f"More executors there, or one more node: {facts.url}computer/"
    if not total:
        yield error("there is no executor, so no build ever starts", fix)
        return
    labels = {job: label for label, jobs in needs.labels for job in jobs}
    nodes = {
        job: _nodes_for(labels.get(job, ""), online) for job in (*needs.awaited, *needs.blocking)
    }
    for job in needs.awaited:
        room = sum(node.executors for node in nodes[job])
        held = tuple(name for name in needs.blocking if any(n in nodes[job] for n in nodes[name]))
        if room and room <= len(held):
            message = f"{count(room, 'executor')} for {job}, and {count(len(held), 'job')} may hold"
            what = f"{some(held)} may wait for ever"
            yield error(f"{message} one while waiting for others: {what}", fix, held)
            return
    where = count(sum(1 for node in online if node.executors), "node")
    waiting = f"waiting jobs may hold {len(needs.blocking)} of them"
    yield ok(f"{count(total, 'executor')} on {where}; {waiting}")


@_check("secrets", asks="nodes")
def _check_isolation(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Builds on one node run as one user: they can read what the others are given."""
    runs: dict[str, set[str]] = {node.name: set() for node in facts.nodes}
    for label, jobs in _by_label(needs):
        for node in _nodes_for(label, facts.nodes):
            runs[node.name].update(jobs)
    seen = set[str]().union(*(jobs for jobs in runs.values() if jobs - needs.keepers))
    exposed = tuple(sorted(seen & needs.keepers))
    on_controller = any(node.is_controller and runs[node.name] for node in facts.nodes)
    if on_controller:
        message = "builds run on the controller, where they can read its files and every secret"
        advice = "Set its executors to 0 once agents are there: Manage Jenkins → Nodes."
        yield note(message, advice)
    if exposed:
        message = f"builds of other jobs can read the secrets of {some(exposed)}: they share a node"
        bootstrap = name_command("bootstrap --home DIR")
        fix = f"Give it a node of its own by its label, as `{bootstrap}` writes it."
        yield note(message, fix, exposed)
    if not exposed and not on_controller:
        yield ok("no build can read the secrets of a job that binds credentials")


def _by_label(needs: Needs) -> list[tuple[str, tuple[str, ...]]]:
    """Return (label expression, jobs), "" for the jobs that run on any node."""
    labelled = {job for _, jobs in needs.labels for job in jobs}
    others = tuple(job for job in needs.names if job not in labelled)
    return [(label, jobs) for label, jobs in (*needs.labels, ("", others)) if jobs]


def _nodes_for(expression: str, nodes: Iterable[NodeState]) -> list[NodeState]:
    """Return the nodes with executors that take jobs of a label.

    One without a label isn't for reserved nodes.
    """
    return [
        node
        for node in nodes
        if node.executors
        and (satisfies(expression, node.labels) if expression else not node.is_reserved)
    ]


@_check("jobs")
def _check_jobs(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Jobs of ours that aren't there or not defined any more, jobs of others and of nobody."""
    marks = {job.name: split_description(job.description)[1] for job in facts.jobs}
    marked, others, strangers = list[str](), list[str](), list[str]()
    for name, mark in marks.items():
        is_others = mark is not None and mark.project != needs.project
        if name in needs.names:
            if mark is None:
                fix = f"Look at it with `{name_command('plan --adopt', facts.url)}`."
                yield warning(f"{name} is there, but wasn't made by cfl-jobs", fix, (name,))
            elif is_others:
                message = (
                    f"{name} is there, but is the project {mark.project or 'without a name'}'s"
                )
                yield warning(message, "Name one of the two jobs otherwise.", (name,))
        elif is_others:
            others.append(name)
        elif mark is not None and mark.is_surely_for(name, needs.project):
            marked.append(name)
        else:  # without a mark, or a copy of a job that has one
            strangers.append(name)
    update, prune, take = (
        f"`{name_command(verb, facts.url)}`" for verb in ("update", "update --prune", "import JOB")
    )
    told = (
        (
            [name for name in needs.names if name not in marks],
            "not there yet",
            f"{update} makes them.",
        ),
        (marked, "ours, but not defined any more", f"{prune} deletes them, after asking."),
        (others, "another project's, left alone", ""),
        (strangers, "managed by nobody", f"Take them over ({take}), delete or leave them."),
    )
    for names, what, fix in told:
        if names:
            yield note(f"{what}: {count(len(names), 'job')}, {some(names)}", fix, tuple(names))
    if not any(names for names, *_ in told):
        yield ok(f"all ours: {count(len(facts.jobs), 'job')}")


@_check("clock")
def _check_clock(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    fix = "Switch time synchronisation (NTP) on: there, or here."
    ahead = facts.clock_difference
    if ahead is None:
        yield note("the server's answers don't tell its time")
    elif abs(ahead) > _SKEW:
        word = "ahead of" if ahead > 0 else "behind"
        yield warning(f"the server's clock is {abs(ahead):.0f} s {word} this machine's", fix)
    else:
        yield ok("the server's clock is right, as far as this machine's is")
    for node in facts.nodes:
        away = abs(node.clock_difference or 0)
        if away > _SKEW:
            message = f"the clock of {node.name} is {away:.0f} s away from the controller's"
            yield warning(message, fix)


@_check("disk", asks="nodes")
def _check_disk(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    fix = "Delete what isn't needed there, or keep builds for fewer days (retention_days)."
    measured = [(disk.free, node.name, disk) for node in facts.nodes for disk in node.disks]
    if not measured:
        message = "no node has measured its disk yet"
        yield note(message, "Ask again in an hour; Jenkins measures by itself.")
        return
    full = [(node, disk) for free, node, disk in measured if free < disk.warns_at]
    for node, disk in full:
        say = error if disk.free < disk.stops_at else warning
        yield say(f"{node} has {_size(disk)} left at {disk.path}", fix)
    if not full:
        _, node, disk = min(measured, key=lambda row: row[0])
        yield ok(f"{_size(disk)} left at {disk.path} of {node}, the fullest")


def _size(disk: Disk) -> str:
    if disk.free < 2**30:
        return f"{disk.free / 2**20:.0f} MiB"
    return f"{disk.free / 2**30:.1f} GiB"


def diagnose(target: JenkinsTarget, needs: Needs) -> tuple[Diagnosis, ...]:
    """Ask the server and the repositories' hosts, apply every check.

    A server that can't be asked is one row.
    """
    try:
        facts = examine(target, needs)
    except TargetError as failure:
        return (error(failure.message, failure.advice, check="server"),)
    return tuple(found for check in CHECKS.values() for found in check(needs, facts))


def of_state(rows: tuple[Diagnosis, ...], state: State) -> list[Diagnosis]:
    return [row for row in rows if row.state is state]


_COLUMN = max(map(len, CHECKS)) + 2
# How a line of the text begins, and its colour: diagnoses, the summary.
COLOURS = (
    (rf".{{{_COLUMN}}}ok |.* is ready for the chain", "green"),
    (rf".{{{_COLUMN}}}note ", "cyan"),
    (rf".{{{_COLUMN}}}warning |.*; the chain can run there", "yellow"),
    (rf".{{{_COLUMN}}}error |.*; the chain can't run there", "red"),
)


def write_text(rows: tuple[Diagnosis, ...], url: str) -> str:
    """Return a line for each diagnosis, below it what fixes it, and a summary."""
    lines = []
    for name, found in groupby(rows, key=lambda row: row.check):
        for row in found:
            lines.append(f"{name:<{_COLUMN}}{row.state.value:<7}  {row.message}")
            if row.fix:
                lines.append(f"{'':<{_COLUMN}}{'':<7}  → {row.fix}")
            name = ""
    errors, warnings = (len(of_state(rows, state)) for state in (State.ERROR, State.WARNING))
    words = f"{url}: {count(errors, 'error')}, {count(warnings, 'warning')}; the chain"
    if errors:
        end = f"{words} can't run there as it should."
    elif warnings:
        end = f"{words} can run there."
    else:
        end = f"{url} is ready for the chain."
    return make_visible("\n".join([*lines, "", end]))


def write_json(rows: tuple[Diagnosis, ...], url: str) -> str:
    """Return an object with the server, `checks` and counts."""
    data = {
        "server": url,
        "checks": [{"check": row.check, **asdict(row), "state": row.state.value} for row in rows],
        "errors": len(of_state(rows, State.ERROR)),
        "warnings": len(of_state(rows, State.WARNING)),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
