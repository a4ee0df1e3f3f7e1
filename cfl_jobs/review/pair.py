"""A plan → the jobs before it and after it, side by side: which deploy, and which feed a deploy.

The plan may be of two revisions, of a server or of a rollback: what it changes and what it leaves
is all that is asked of it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from cfl_jobs.check.deploys import find_unguarded, is_deploy
from cfl_jobs.check.rule import Scope
from cfl_jobs.check.shell import deploys
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.graph import Chain, build_chain, follow
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.normalform import NOTHING, Normal
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.planning.fields import find_granted
from cfl_jobs.planning.plan import Create, Delete, Plan, PlannedChange, Update
from cfl_jobs.planning.renames import Renames
from cfl_jobs.reading.names import folders_of
from cfl_jobs.review.review import Weight
from cfl_jobs.target import Kind

_ENVIRONMENT = re.compile(r"^environment=(.+)$", re.MULTILINE)
# What a template gives a script stands before it (rendering/templates.py).
BEGIN = "\n# From here on: "
COMMAND = re.compile(r"""^command=((?:'[^']*'|"'"|[^\s'"])+)$""", re.MULTILINE)
_BUILDERS = "builders"
# The controller's own labels: any job may name them.
_CONTROLLER = frozenset({"built-in", "master"})
_ON_CONTROLLER = re.compile(rf"(?<![!\w-])(?:{'|'.join(_CONTROLLER)})(?![\w-])")
_OPERATORS = re.compile(r'&&|\|\||<->|->|[!()\s"]+')


@dataclass(frozen=True)
class Side:
    """The jobs before or after a plan, by the names that they have after it."""

    jobs: Mapping[str, Job]
    chain: Chain

    @cached_property
    def environments(self) -> Mapping[str, str]:
        """The environment that each deploying job deploys to; "" where its script doesn't say."""
        return {name: _environment_of(job) for name, job in self.jobs.items() if is_deploy(job)}

    @cached_property
    def unguarded(self) -> frozenset[str]:
        """The deploying jobs that don't look whether what they deploy was tested."""
        jobs = (replace(job, name=name) for name, job in self.jobs.items())
        return frozenset(found.name for found in find_unguarded(Scope(tuple(jobs), (), self.chain)))


def _environment_of(job: Job) -> str:
    """Return what the deploying script's input `environment` says."""
    found = (_ENVIRONMENT.search(step.script) for step in job.shells if deploys(step.script))
    for match in filter(None, found):
        with suppress(ValueError):
            return " ".join(shlex.split(match[1]))
    return ""


@dataclass(frozen=True)
class Pair:
    """Both sides of a plan. `changes` are those of jobs, by the names they have after it.

    `renamed` are the new names by the old ones. A job that was probably renamed is one that is:
    what else changes in it is what may do harm.
    """

    plan: Plan
    before: Side
    after: Side
    changes: Mapping[str, PlannedChange] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, desired: Iterable[Config]) -> Pair:
        """Return the sides of a plan, `desired` being all that is defined.

        What the plan neither changes nor deletes is taken to be the same before and after.
        """
        probable = {update.key: update for update in plan.probable_renames}
        left = {update.live.key for update in probable.values()}
        changes: dict[str, PlannedChange] = {
            change.name: probable.get(change.key, change)
            for change in plan.changes
            if change.kind is Kind.JOB and not (isinstance(change, Delete) and change.key in left)
        }
        defined = {config.name: config for config in desired if config.kind is Kind.JOB}
        same = {name: each.read(read_job) for name, each in defined.items() if name not in changes}
        before, after, renamed = dict(same), dict(same), dict[str, str]()
        for name, change in changes.items():
            if isinstance(change, Delete | Update):
                before[name] = _read_live(change)
                if change.live.name != name:
                    renamed[change.live.name] = name
            if isinstance(change, Create | Update):
                after[name] = _read_desired(change, defined.get(name))
        order = dict.fromkeys((*defined, *before, *after))
        before, after = ({n: jobs[n] for n in order if n in jobs} for jobs in (before, after))
        old_chain = _rename(build_chain(before.values()), renamed)
        sides = Side(before, old_chain), Side(after, build_chain(after.values()))
        return cls(plan, *sides, changes, renamed)

    @cached_property
    def deploys(self) -> frozenset[str]:
        """The jobs that deploy somewhere, before or after."""
        return frozenset(self.before.environments) | frozenset(self.after.environments)

    @cached_property
    def _folders_of_deploys(self) -> frozenset[str]:
        return frozenset(folder for deploy in self.deploys for folder in folders_of(deploy))

    @cached_property
    def judges(self) -> frozenset[str]:
        """The jobs that record what was tested: deploys look for the record of what they deploy."""
        copies = (*self.before.chain.copies, *self.after.chain.copies)
        return frozenset(
            e.source for e in copies if e.part.parameter_filter and e.target in self.deploys
        )

    @cached_property
    def _nodes_of_deploys(self) -> Mapping[str, tuple[str, ...]]:
        """The deploys that run on nodes of a label that no other kind of job had before."""
        others = {
            label
            for name, job in self.before.jobs.items()
            if name not in self.deploys
            for label in _labels_of(job)
        }
        found: dict[str, tuple[str, ...]] = {}
        for name in filter(self.deploys.__contains__, self.after.jobs):
            for label in _labels_of(self.after.jobs[name]) - others:
                found[label] = (*found.get(label, ()), name)
        return found

    def shares_nodes_with(self, name: str, job: Job) -> dict[str, None]:
        """Return the other jobs whose own nodes, where they deploy, a job may run on."""
        labels = sorted(_labels_of(job))
        found = (deploy for label in labels for deploy in self._nodes_of_deploys.get(label, ()))
        return dict.fromkeys(deploy for deploy in found if deploy != name)

    def is_new(self, name: str) -> bool:
        return name not in self.before.jobs

    def weigh(self, name: str) -> Weight:
        """Return what a change of a job weighs that may do harm: most where it, or what is in it,
        deploys."""
        if name in self.deploys or name in self._folders_of_deploys:
            return Weight.HIGH
        return Weight.MEDIUM

    def weigh_feeding(self, name: str) -> Weight:
        """Return the same where the jobs that are fed count as much as the job itself."""
        if self.fed_by(name):
            return Weight.HIGH
        return self.weigh(name)

    def sides(self) -> Iterator[tuple[str, Job, Job]]:
        """Yield name, job before and job after of what changes, in the chain's order."""
        nodes = (*self.after.chain.nodes, *self.before.chain.nodes)
        for name in dict.fromkeys((*(node.name for node in nodes), *self.changes)):
            if name in self.changes:
                empty = Job(name)
                yield name, self.before.jobs.get(name, empty), self.after.jobs.get(name, empty)

    def find_in_configs(self, name: str, tag: str) -> tuple[Normal | None, Normal | None]:
        """Return a part of a job's config before and after; what a token is isn't told."""
        configs = (getattr(self.changes[name], side, None) for side in ("live", "desired"))
        live, desired = (config and config.normal.find(tag) for config in configs)
        return live, desired

    def steps(self, name: str) -> tuple[tuple[Normal, ...], tuple[Normal, ...]]:
        """Return what a job runs, before and after, in normal form, with the names of after."""
        live, desired = self.find_in_configs(name, _BUILDERS)
        if live is not None and self.renamed:
            live = self._with_new_names(live, name.rpartition("/")[0])
        return (live or NOTHING).children, (desired or NOTHING).children

    def _with_new_names(self, part: Normal, folder: str) -> Normal:
        text = Renames(tuple(self.renamed.items())).in_text(part.text, folder)
        inside = tuple(self._with_new_names(child, folder) for child in part.children)
        return replace(part, text=text, children=inside)

    def fed_by(self, name: str) -> tuple[str, ...]:
        """Return the deploying jobs that get artifacts of a job, however indirectly."""
        copies_of = self.after.chain.copies_of
        reached = follow([name], lambda n: [edge.target for edge in copies_of(n)])
        fed = self.deploys.intersection(reached).intersection(self._places)
        return tuple(sorted(fed, key=self._places.__getitem__))

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Where each job comes in the chain after the plan."""
        return {node.name: place for place, node in enumerate(self.after.chain.nodes)}


def without_inputs(script: str) -> str:
    """Return a script without the inputs that a template gives it."""
    head, mark, rest = script.partition(BEGIN)
    return f"{head.partition(chr(10))[0]}{mark}{rest}" if mark else script


def _labels_of(job: Job) -> frozenset[str]:
    return frozenset(_OPERATORS.split(job.node_label)) - _CONTROLLER - {""}


def runs_on_controller(job: Job) -> bool:
    """Tell whether a job asks for the controller, alone or beside other nodes."""
    return bool(job.builders) and _ON_CONTROLLER.search(job.node_label) is not None


def _read_live(change: Update | Delete) -> Job:
    """Return what the plan finds, without what it leaves as it is."""
    job = read_job(change.live.name, change.live.config)
    if isinstance(change, Delete):
        return job
    stays = [
        text
        for part in find_granted(change.desired, change.live, change.found_there)
        for text in (entry.text for entry in part.element.iter())
    ]
    return replace(job, permissions=tuple(p for p in job.permissions if p not in stays))


def _read_desired(change: Create | Update, defined: Config | None) -> Job:
    if defined is not None and defined.config == change.desired.config:
        job = defined.read(read_job)
    else:
        job = read_job(change.name, change.desired.config)
    stays_disabled = isinstance(change, Update) and change.keep_disabled
    return replace(job, disabled=job.disabled or stays_disabled)


def _rename(chain: Chain, names: Mapping[str, str]) -> Chain:
    """Return a chain with the names that its jobs get."""
    in_text = Renames(tuple(names.items())).in_text
    copies = (
        replace(e, part=replace(e.part, parameter_filter=in_text(e.part.parameter_filter)))
        for e in chain.copies
    )

    def now(name: str) -> str:
        return names.get(name, name)

    return Chain(
        tuple(replace(node, name=now(node.name)) for node in chain.nodes),
        tuple(replace(e, source=now(e.source), target=now(e.target)) for e in chain.triggers),
        tuple(replace(e, source=now(e.source), target=now(e.target)) for e in copies),
    )
