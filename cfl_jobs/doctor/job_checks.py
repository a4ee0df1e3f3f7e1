"""Checks of what jobs need: plugins, credentials, nodes, executors; and whose jobs are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cfl_jobs.configs.labels import satisfies
from cfl_jobs.configs.mark import split_description
from cfl_jobs.doctor.facts import (
    Diagnosis,
    Facts,
    InstalledPlugin,
    NodeState,
    State,
    ok,
    renew_inventory,
    untold,
)
from cfl_jobs.doctor.needs import Needs, PluginNeed
from cfl_jobs.errors import count, some
from cfl_jobs.reading.versions import is_older
from cfl_jobs.target import name_command


def check_plugins(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """A step whose plugin isn't at work vanishes from its job, without an error."""
    if facts.plugins is None:
        yield untold(facts, "plugins")
        return
    wrong = [
        found for need in needs.plugins for found in _explain_plugin(need, facts.plugins, facts.url)
    ]
    yield from wrong
    good = len(needs.plugins) - len(wrong)
    newer = [
        f"{need.name} {installed.version}"
        for need in needs.plugins
        if need.version and (installed := facts.plugins.get(need.name))
        if is_older(need.version, installed.version) and installed.is_active
    ]
    for element, job in needs.unknown:
        message = f"no one knows which plugin brings {element} of {job}"
        yield Diagnosis(State.WARNING, message, "Look at the job after an update.", (job,))
    if newer:
        names = some(tuple(newer))
        message = (
            f"newer than what the jobs are rendered for: {count(len(newer), 'plugin')}, {names}"
        )
        yield Diagnosis(State.NOTE, message, renew_inventory(facts))
    if good:
        total = count(len(needs.plugins), "plugin")
        yield ok(f"{good} of the {total} that jobs need are at work")


def _explain_plugin(
    need: PluginNeed, installed: Mapping[str, InstalledPlugin], url: str
) -> Iterator[Diagnosis]:
    """Yield what keeps a plugin from doing what jobs need it for."""
    name, there = need.name, installed.get(need.name)
    what = f"{some(need.elements)} of {some(need.users)}"
    if there is None:
        state = "is missing"
        fix = f"Install {name} {need.version}".rstrip()
        fix += f" or later, or `{name_command('bootstrap', url)}`."
    elif not there.is_enabled:
        state = "is disabled"
        fix = f"Manage Jenkins → Plugins → Installed: enable {name}, and restart."
    elif not there.is_active:
        state = "didn't start"
        fix = "Jenkins' log says why: mostly another plugin is missing, disabled or too old."
    elif need.version and is_older(there.version, need.version):
        message = f"the plugin {name} is {there.version}, and the jobs are rendered for "
        inventory = name_command("inventory", url)
        fix = f"Update {name}, or render for what is there: `{inventory}`."
        yield Diagnosis(State.ERROR, f"{message}{need.version}: {what}", fix, need.users)
        return
    else:
        return
    message = f"the plugin {name} {state}; without it Jenkins drops {what}"
    yield Diagnosis(State.ERROR, message, fix, need.users)


def check_credentials(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    if not needs.credentials:
        yield ok("no job needs credentials")
        return
    if facts.credential_ids is None:
        yield untold(facts, "credential_ids")
        return
    lacking = [need for need in needs.credentials if need.id not in facts.credential_ids]
    for need in lacking:
        message = f"the credentials {need.id} are missing; they are bound by {some(need.jobs)}"
        fix = f"Add them: {facts.url}manage/credentials/store/system/domain/_/newCredentials"
        yield Diagnosis(State.ERROR, message, fix, need.jobs)
    if len(lacking) < len(needs.credentials):
        there = len(needs.credentials) - len(lacking)
        yield ok(f"there: {there} of {count(len(needs.credentials), 'credential')} that jobs bind")


def check_labels(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Each job must have a node that takes it, is there and has an executor."""
    if facts.nodes is None:
        yield untold(facts, "nodes")
        return
    wrong = False
    usable = [node for node in facts.nodes if node.executors]
    for expression, jobs in _by_label(needs):
        fitting = _nodes_for(expression, usable)
        if not all(node.is_offline for node in fitting):
            continue
        wrong = True
        label = f"the label {expression}" if expression else "room for jobs without a label"
        if fitting:
            names = some(tuple(node.name for node in fitting))
            message = f"only {names} has {label}, and it is offline: {some(jobs)}"
            fix = f"Bring it up: {facts.url}computer/"
        else:
            message = f"no node with an executor has {label}: {some(jobs)} would wait for ever"
            fix = f"Give one the label in Manage Jenkins → Nodes: {facts.url}computer/"
        yield Diagnosis(State.ERROR, message, fix, jobs)
    if not needs.labels:
        yield ok("the jobs run on any node")
    elif not wrong:
        yield ok("each label that a job asks for has a node with an executor")


def check_executors(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Each blocking job keeps an executor; one more must be left for each that it waits for."""
    if facts.nodes is None:
        yield untold(facts, "nodes")
        return
    online = [node for node in facts.nodes if not node.is_offline]
    total = sum(node.executors for node in online)
    fix = f"More executors there, or one more node: {facts.url}computer/"
    labels = {job: expression for expression, jobs in _by_label(needs) for job in jobs}
    stuck = False
    for job in needs.awaited:
        nodes = _nodes_for(labels.get(job, ""), online)
        blocking = tuple(
            name
            for name in needs.blocking
            if any(node in nodes for node in _nodes_for(labels.get(name, ""), online))
        )
        room = sum(node.executors for node in nodes)
        if room and room <= len(blocking) and not stuck:
            stuck = True
            message = (
                f"{count(room, 'executor')} for {job}, and {count(len(blocking), 'job')} may "
                f"hold one while waiting for others: {some(blocking)} may wait for ever"
            )
            yield Diagnosis(State.ERROR, message, fix, blocking)
    if not total:
        yield Diagnosis(State.ERROR, "there is no executor, so no build ever starts", fix)
    elif not stuck:
        nodes_there = count(sum(1 for node in online if node.executors), "node")
        held = len(needs.blocking)
        there = count(total, "executor")
        yield ok(f"{there} on {nodes_there}; waiting jobs may hold {held} of them")


def check_isolation(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Builds on one node run as one user: they can read what the others are given."""
    if facts.nodes is None:
        yield untold(facts, "nodes")
        return
    keepers = needs.keepers
    usable = [node for node in facts.nodes if node.executors]
    runs = {
        node.name: {
            job
            for label, jobs in _by_label(needs)
            if node in _nodes_for(label, usable)
            for job in jobs
        }
        for node in usable
    }
    exposed = tuple(
        job
        for job in sorted(keepers)
        if any(job in jobs and jobs - keepers for jobs in runs.values())
    )
    bootstrap = name_command("bootstrap --home DIR")
    fix = f"Give it a node of its own by its label, as `{bootstrap}` writes it."
    on_controller = [node.name for node in usable if node.is_controller and runs[node.name]]
    if on_controller:
        message = "builds run on the controller, where they can read its files and every secret"
        advice = "Set its executors to 0 once agents are there: Manage Jenkins → Nodes."
        yield Diagnosis(State.NOTE, message, advice)
    if exposed:
        message = f"builds of other jobs can read the secrets of {some(exposed)}: they share a node"
        yield Diagnosis(State.NOTE, message, fix, exposed)
    if not exposed and not on_controller:
        yield ok("no build can read the secrets of a job that binds credentials")


def _by_label(needs: Needs) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (label expression, jobs), "" for the jobs that run on any node."""
    labelled = {job for _, jobs in needs.labels for job in jobs}
    others = tuple(job for job in needs.names if job not in labelled)
    return (*needs.labels, *([("", others)] if others else []))


def _nodes_for(expression: str, nodes: Iterable[NodeState]) -> list[NodeState]:
    """Return the nodes that take jobs of a label; one without a label isn't for reserved nodes."""
    if not expression:
        return [node for node in nodes if not node.is_reserved]
    return [node for node in nodes if satisfies(expression, node.labels)]


def check_jobs(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Jobs of ours that aren't there or not defined any more, jobs of others and of nobody."""
    ours = set(needs.names)
    marked, others, strangers = list[str](), list[str](), list[str]()
    for job in facts.jobs:
        mark = split_description(job.description)[1]
        if job.name not in ours:
            if mark is not None and mark.project != needs.project:
                others.append(job.name)
            elif mark is not None and mark.is_surely_for(job.name, needs.project):
                marked.append(job.name)
            else:  # without a mark, or a copy of a job that has one
                strangers.append(job.name)
        elif mark is not None and mark.project != needs.project:
            message = (
                f"{job.name} is there, but is the project {mark.project or 'without a name'}'s"
            )
            fix = "Name one of the two jobs otherwise."
            yield Diagnosis(State.WARNING, message, fix, (job.name,))
        elif mark is None:
            message = f"{job.name} is there, but wasn't made by cfl-jobs"
            fix = f"Look at it with `{name_command('plan --adopt', facts.url)}`."
            yield Diagnosis(State.WARNING, message, fix, (job.name,))
    there = {job.name for job in facts.jobs}
    missing = tuple(name for name in needs.names if name not in there)
    told = (
        (missing, "not there yet", f"`{name_command('update', facts.url)}` makes them."),
        (
            tuple(marked),
            "ours, but not defined any more",
            f"`{name_command('update --prune', facts.url)}` deletes them, after asking.",
        ),
        (tuple(others), "another project's, left alone", ""),
        (
            tuple(strangers),
            "managed by nobody",
            f"Take them over (`{name_command('import JOB', facts.url)}`), delete or leave them.",
        ),
    )
    for names, what, fix in told:
        if names:
            message = f"{what}: {count(len(names), 'job')}, {some(names)}"
            yield Diagnosis(State.NOTE, message, fix, names)
    if not any(names for names, *_ in told):
        yield ok(f"all ours: {count(len(facts.jobs), 'job')}")
