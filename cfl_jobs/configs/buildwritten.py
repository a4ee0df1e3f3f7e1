"""A job's config: what of it its own builds wrote. Taken out to compare, put back to post.

Builds write `<actions>`, and those of a pipeline the properties, triggers and parameters that its
Jenkinsfile declares, with a list of them: DeclarativeJobPropertyTrackerAction (pipeline-model-
definition) and JobPropertyTrackerAction (workflow-multibranch). A job without those stops its timer
until a person starts it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import child_of, class_of_tag, format_config, parse_config

PIPELINE = "flow-definition"
TRIGGERS = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
_PARAMETERS = "hudson.model.ParametersDefinitionProperty"
# Properties that are lists of what may be a build's, each by itself.
_LISTS = {TRIGGERS: "triggers", _PARAMETERS: "parameterDefinitions"}
# A config that sets nothing.
NOTHING = ET.Element("project")


@dataclass(frozen=True, slots=True)
class BuildWritten:
    """An element that a build wrote, and the tags that lead from the root to where it stands.

    `is_listed` is False where no build says so.
    """

    parents: tuple[str, ...]
    element: ET.Element
    is_listed: bool = True


def take_build_written(
    root: ET.Element, beside: ET.Element = NOTHING, *, unlisted: bool = False
) -> tuple[BuildWritten, ...]:
    """Take what builds wrote out of a job's config and return it.

    What `beside`, a config as its definition makes it, sets itself stays. `unlisted` also takes a
    pipeline's triggers where no build left a list of what it wrote.
    """
    actions = root.find("actions")
    written = _Written(root, unlisted=unlisted)
    taken: list[BuildWritten] = []
    if actions is not None and beside.find("actions/*") is None:
        taken += [BuildWritten(("actions",), action) for action in actions]
        root.remove(actions)
    properties = root.find("properties")
    if root.tag == PIPELINE and properties is not None:
        for element in list(properties):
            path = f"properties/{element.tag}"
            if element.tag in _LISTS:
                entries = tuple(_take_entries(element, beside, written))
                taken += entries
                is_empty = not element.findall(f"{_LISTS[element.tag]}/*")
                if entries and is_empty and beside.find(path) is None:
                    properties.remove(element)
            elif class_of_tag(element.tag) in written.properties and beside.find(path) is None:
                properties.remove(element)
                taken.append(BuildWritten(("properties",), element))
    return tuple(taken)


def put_build_written(root: ET.Element, written: tuple[BuildWritten, ...]) -> None:
    """Put what builds wrote into a config that doesn't have it."""
    for each in written:
        place = root
        for tag in each.parents:
            place = child_of(place, tag)
        place.append(each.element)


def keep_build_written(config: str, live: str, *, name: str) -> str:
    """Return an earlier config of a job with what its builds have written by now."""
    root, there = (parse_config(text, name=name) for text in (config, live))
    then = take_build_written(root)
    now = take_build_written(there, root)
    put_build_written(root, now)
    return format_config(root) if then or now else config


class _Written:
    """What the builds of a job say that they wrote: properties, and entries of their lists."""

    def __init__(self, root: ET.Element, *, unlisted: bool) -> None:
        self.properties: set[str] = set()
        self.entries: set[str | None] = set()
        trackers = [a for a in root.findall("actions/*") if a.tag.endswith("PropertyTrackerAction")]
        for field in (field for tracker in trackers for field in tracker):
            texts = {inner.text or "" for inner in field}
            if field.tag in ("triggers", "parameters"):
                self.entries |= texts
            else:
                self.properties |= texts
        self.is_told = bool(trackers)
        if unlisted and not trackers:
            self.properties.add(TRIGGERS)


def _take_entries(
    element: ET.Element, beside: ET.Element, written: _Written
) -> Iterator[BuildWritten]:
    parents = ("properties", element.tag, _LISTS[element.tag])
    is_all = class_of_tag(element.tag) in written.properties
    there = beside.findall(f"{'/'.join(parents)}/*")
    set_here = {entry.findtext("name") or entry.tag for entry in there}
    for entries in element.findall(parents[-1])[:1]:
        for entry in list(entries):
            name = entry.findtext("name")
            is_told = not written.entries.isdisjoint((class_of_tag(entry.tag), name))
            if (name or entry.tag) not in set_here and (is_all or is_told):
                entries.remove(entry)
                yield BuildWritten(parents, entry, written.is_told)
