"""An element of a config ↔ the XML text that stands for it in a template."""

from __future__ import annotations

import re
from copy import deepcopy
from xml.etree import ElementTree as ET

from cfl_jobs.importing.writing import Raw

_ODD = re.compile(r"[^\n\t -~\u00a1-\u167f\u1681-\u1fff\u2030-\ud7ff]")


def keep_raw(element: ET.Element) -> Raw:
    """Return an element as raw XML: indented, and with plugins' names without their versions."""
    copied = deepcopy(element)
    copied.tail = None
    for inner in copied.iter():
        if "plugin" in inner.attrib:
            inner.set("plugin", inner.attrib["plugin"].partition("@")[0])
    ET.indent(copied)
    text = ET.tostring(copied, encoding="unicode")
    # A character that YAML or XML would read otherwise is written by its number.
    text = _ODD.sub(lambda found: f"&#{ord(found[0])};", text)
    return Raw(text + "\n", describe(element))


def describe(element: ET.Element) -> str:
    """Return what an element is, in a few words."""
    declared = element.get("class")
    return f"{element.tag} of class {declared}" if declared else element.tag
