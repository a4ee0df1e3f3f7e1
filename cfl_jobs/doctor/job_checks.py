"""Checks of what jobs need: plugins, credentials, nodes, executors; and whose jobs are there."""

from __future__ import annotations

from collections.abc import Iterator

from cfl_jobs.configs.labels import satisfies
from cfl_jobs.doctor.diagnosis import Diagnosis, State, number, ok, some, untold
from cfl_jobs.doctor.facts import Facts
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.planning.mark import split_description
from cfl_jobs.reading.versions import is_older


def check_plugins(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """A step whose plugin isn't at work vanishes from its job, without an error."""
    if facts.plugins is None:
        yield untold(facts, "plugins")
        return
    good = 0
    newer: list[str] = []
    for need in needs.plugins:
        name, jobs = need.name, need.users
        what = f"{some(need.elements)} of {some(jobs)}"
        installed = facts.plugins.get(name)
        if installed is None:
            message = f"the plugin {name} is missing; without it Jenkins drops {what}"
            fix = f"Install {name} {need.version}".rstrip() + " or later, or `bootstrap --url`."
            yield Diagnosis(State.ERROR, message, fix, jobs)
        elif not installed.is_enabled:
            message = f"the plugin {name} is disabled; without it Jenkins drops {what}"
            fix = f"Manage Jenkins → Plugins → Installed: enable {name}, and restart."
            yield Diagnosis(State.ERROR, message, fix, jobs)
        elif not installed.is_active:
            message = f"the plugin {name} didn't start; without it Jenkins drops {what}"
            fix = "Jenkins' log says why: mostly another plugin is missing, disabled or too old."
            yield Diagnosis(State.ERROR, message, fix, jobs)
        elif need.version and is_older(installed.version, need.version):
            message = (
                f"the plugin {name} is {installed.version}, and the jobs are rendered for "
                f"{need.version}: {what}"
            )
            fix = f"Update {name}, or render for what is there: `cfl-jobs inventory`."
            yield Diagnosis(State.ERROR, message, fix, jobs)
        else:
            good += 1
            if need.version and is_older(need.version, installed.version):
                newer.append(f"{name} {installed.version}")
    for element, job in needs.unknown:
        message = f"no one knows which plugin brings {element} of {job}"
        yield Diagnosis(State.WARNING, message, "Look at the job after an update.", (job,))
    if newer:
        names = some(tuple(newer))
        message = (
            f"newer than what the jobs are rendered for: {number(len(newer), 'plugin')}, {names}"
        )
        yield Diagnosis(
            State.NOTE, message, "Run `cfl-jobs inventory` and look at `cfl-jobs plan`."
        )
    if good:
        yield ok(f"{good} of the {len(needs.plugins)} plugins that jobs need are at work")


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
        yield ok(f"{there} of the {len(needs.credentials)} credentials that jobs bind are there")


def check_labels(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    if facts.nodes is None:
        yield untold(facts, "nodes")
        return
    wrong = False
    for expression, jobs in needs.labels:
        fitting = [node for node in facts.nodes if satisfies(expression, node.labels)]
        if not fitting:
            wrong = True
            message = f"no node has the label {expression}: {some(jobs)} would wait for ever"
            fix = f"Give a node the label in Manage Jenkins → Nodes: {facts.url}computer/"
            yield Diagnosis(State.ERROR, message, fix, jobs)
        elif all(node.is_offline for node in fitting):
            wrong = True
            names = some(tuple(node.name for node in fitting))
            message = f"only {names} has the label {expression}, and it is offline: {some(jobs)}"
            yield Diagnosis(State.ERROR, message, f"Bring it up: {facts.url}computer/", jobs)
    if not needs.labels:
        yield ok("the jobs run on any node")
    elif not wrong:
        yield ok("each label that a job asks for has a node")


def check_executors(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Each blocking job keeps an executor; one more must be left for what it waits for."""
    if facts.nodes is None:
        yield untold(facts, "nodes")
        return
    online = [node for node in facts.nodes if not node.is_offline]
    total = sum(node.executors for node in online)
    fix = "Manage Jenkins → Nodes → Built-In Node: more executors; or add a node."
    blocking = needs.blocking
    if not total:
        yield Diagnosis(State.ERROR, "there is no executor, so no build ever starts", fix)
    elif total <= len(blocking):
        message = (
            f"{number(total, 'executor')}, and {number(len(blocking), 'job')} may hold one while "
            f"waiting for others: {some(blocking)} may wait for ever"
        )
        yield Diagnosis(State.ERROR, message, fix, blocking)
    else:
        nodes = number(len(online), "node")
        yield ok(f"{total} executors on {nodes}; waiting jobs may hold {len(blocking)} of them")


def check_jobs(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Jobs of ours that aren't there, that nobody defines any more, and jobs of nobody."""
    ours, marked, strangers = set(needs.names), list[str](), list[str]()
    for job in facts.jobs:
        is_marked = split_description(job.description)[1] is not None
        if job.name not in ours:
            (marked if is_marked else strangers).append(job.name)
        elif not is_marked:
            message = f"{job.name} is there, but wasn't made by cfl-jobs"
            fix = "Look at it with `cfl-jobs plan --adopt`."
            yield Diagnosis(State.WARNING, message, fix, (job.name,))
    there = {job.name for job in facts.jobs}
    missing = tuple(name for name in needs.names if name not in there)
    if missing:
        message = f"not there yet: {number(len(missing), 'job')}, {some(missing)}"
        yield Diagnosis(State.NOTE, message, "`cfl-jobs update` makes them.", missing)
    if marked:
        names = tuple(marked)
        message = f"ours, but not defined any more: {number(len(names), 'job')}, {some(names)}"
        fix = "`cfl-jobs update --prune` deletes them, after asking."
        yield Diagnosis(State.NOTE, message, fix, names)
    if strangers:
        names = tuple(strangers)
        message = f"managed by nobody: {number(len(names), 'job')}, {some(names)}"
        fix = "Take them over as definitions (`cfl-jobs import`), delete them, or leave them."
        yield Diagnosis(State.NOTE, message, fix, names)
    if not missing and not marked and not strangers:
        yield ok(f"all {len(facts.jobs)} jobs are ours")
