"""Copy Artifact's build selectors: config XML or a parameter's XML text ↔ model.

In a config a selector is an element with a class; as the value of a BuildSelectorParameter it is
text of XML whose tag is the simple class name (copyartifact 722, BuildSelectorParameter.XSTREAM2).
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.fields import read_flag, read_text, short_class
from cfl_jobs.configs.model import BuildSelector, Selector
from cfl_jobs.errors import ConfigError

_ARGUMENTS = {
    Selector.SPECIFIC: "buildNumber",
    Selector.PARAMETER: "parameterName",
    Selector.PERMALINK: "id",
}


def read_selector(element: ET.Element) -> BuildSelector | None:
    """Return the selector, or None for one of a kind that has no type here."""
    try:
        kind = Selector(short_class(element.get("class") or element.tag))
    except ValueError:
        return None
    return BuildSelector(
        kind,
        argument=read_text(element, _ARGUMENTS[kind]).strip() if kind in _ARGUMENTS else "",
        stable_only=kind is Selector.LAST_SUCCESSFUL and read_flag(element, "stable"),
        fall_back_to_last_successful=kind is Selector.UPSTREAM
        and read_flag(element, "fallbackToLastSuccessful"),
    )


def parse_selector(text: str) -> BuildSelector | None:
    """Return the selector in a build selector parameter's value, or None where there is none."""
    try:
        return read_selector(parse_config(text, name="build selector"))
    except ConfigError:
        return None


def format_selector(selector: BuildSelector) -> str:
    """Return the XML text that stands for a selector in a build selector parameter."""
    root = ET.Element(selector.kind.value)
    if selector.kind in _ARGUMENTS:
        ET.SubElement(root, _ARGUMENTS[selector.kind]).text = selector.argument
    if selector.stable_only:
        ET.SubElement(root, "stable").text = "true"
    if selector.fall_back_to_last_successful:
        ET.SubElement(root, "fallbackToLastSuccessful").text = "true"
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)


def read_default_selector(parameter: ET.Element) -> str:
    """Return a BuildSelectorParameter's default as XML text.

    jenkins-job-builder posts it as `defaultSelector`; Jenkins saves it as `defaultSelectorXml`.
    """
    element = parameter.find("defaultSelector")
    text = read_text(parameter, "defaultSelectorXml")
    found = read_selector(element) if element is not None else parse_selector(text)
    if found is not None:
        return format_selector(found)
    if element is None:
        return text
    root = ET.Element(short_class(element.get("class") or element.tag))
    root.extend(list(element))
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)
