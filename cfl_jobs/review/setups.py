"""One revision's files → all that a review compares: renderings, models, the chain, problems.

A revision that doesn't render is one too; it says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cfl_jobs.check.run import Problem, check_rendered, read_files
from cfl_jobs.check.secret_text import hide_secrets
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.graph import Chain, build_chain
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.errors import CflJobsError, DefinitionError, Finding, sort_findings
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.reading.definition import Definition
from cfl_jobs.reading.definitions import load_definitions
from cfl_jobs.rendering.cache import render_cached
from cfl_jobs.review.patience import PATIENCE, Overdue, limited
from cfl_jobs.target import Kind

_NO_CHAIN = Chain((), (), ())


@dataclass(frozen=True, slots=True)
class Setup:
    """What a revision defines. `environments` are the ones that jobs deploy to, by job: their
    definitions' variable `environment`. `problems` are what the checks find; `findings` are why it
    doesn't render."""

    rendered: tuple[Config, ...] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    chain: Chain = _NO_CHAIN
    environments: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def renders(self) -> bool:
        return not self.findings

    def steps(self) -> Mapping[str, Normal | None]:
        """Return what each job runs, in normal form."""
        return {
            job.name: job.normal.find("builders") for job in self.rendered if job.kind is Kind.JOB
        }


def read_setup(
    root: Path, findings: Iterable[Finding] = (), *, patience: float = PATIENCE
) -> Setup:
    """Render a revision's files. `findings` are those already made about them.

    What takes longer than `patience` seconds doesn't render.
    """
    found = tuple(findings)
    try:
        with limited(patience):
            definitions = () if _is_empty(root) else load_definitions(root).entries
            rendered = () if _is_empty(root) else render_cached(root)
    except Overdue as error:
        advice = "Look for a loop that never ends in the templates."
        return Setup(findings=(*found, Finding(str(error), advice=advice)))
    except DefinitionError as error:
        return Setup(findings=tuple(map(_hide, sort_findings((*found, *error.findings)))))
    except CflJobsError as error:
        return Setup(findings=(*found, _hide(Finding(error.message, advice=error.advice))))
    if found:
        return Setup(findings=found)
    jobs = {job.name: read_job(job.name, job.config) for job in rendered if job.kind is Kind.JOB}
    problems = check_rendered(rendered, read_files(root)).problems if rendered else ()
    return Setup(
        rendered,
        jobs,
        build_chain(jobs.values()),
        _environments(definitions),
        tuple(replace(problem, finding=_hide(problem.finding)) for problem in problems),
    )


def _is_empty(root: Path) -> bool:
    """Tell whether a revision has no definitions at all, as before there were any."""
    return not any((root / "jobs").iterdir()) if (root / "jobs").is_dir() else True


def _environments(entries: Iterable[Definition]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        value = dict.get(entry.variables, "environment")
        if entry.kind is Kind.JOB and isinstance(value, str):
            found[entry.name] = str(value)
    return found


def _hide(finding: Finding) -> Finding:
    return replace(
        finding,
        message=make_visible(hide_secrets(finding.message)),
        source=make_visible(hide_secrets(finding.source)),
        advice=make_visible(hide_secrets(finding.advice)),
    )
