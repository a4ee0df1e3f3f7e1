"""The kinds of builders, publishers and wrappers that are known: one line each."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import Paths
from cfl_jobs.configs.steps.artifacts import ArchiveArtifacts, CopyArtifact
from cfl_jobs.configs.steps.results import JUnitResults, Mail, SetDescription
from cfl_jobs.configs.steps.shell import Shell
from cfl_jobs.configs.steps.step import Step, keep_unknown
from cfl_jobs.configs.steps.triggering import BuildOther, TriggerBuilds, TriggerStep
from cfl_jobs.configs.steps.wrappers import (
    AnsiColor,
    BindCredentials,
    BuildName,
    CleanAfter,
    CleanBefore,
    TimeLimit,
    Timestamps,
)

# By the list of a job's config that they stand in.
STEPS: dict[str, list[type[Step]]] = {
    "builders": [Shell, CopyArtifact, TriggerStep],
    "publishers": [
        ArchiveArtifacts,
        BuildOther,
        CleanAfter,
        JUnitResults,
        Mail,
        SetDescription,
        TriggerBuilds,
    ],
    "buildWrappers": [AnsiColor, BindCredentials, BuildName, CleanBefore, TimeLimit, Timestamps],
}


def read_steps(section: str, root: ET.Element, paths: Paths) -> Iterator[Step]:
    """Yield the steps in a list of a job's config, in order; what is of no kind, as `Unknown`."""
    kinds = {kind.TAG: kind for kind in STEPS[section]}
    for element in root.findall(f"{section}/*"):
        kind = kinds.get(element.tag)
        if kind is None:
            yield keep_unknown(section, element, paths)
        else:
            yield from kind.read(element, paths)


def label_of(tag: str) -> str:
    """Return what people call a step of this tag; "" where it is of no kind known here."""
    kinds = (kind for section in STEPS.values() for kind in section)
    return next((kind.LABEL for kind in kinds if tag == kind.TAG), "")
