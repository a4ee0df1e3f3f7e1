"""Real edits of a config, to be made at random: none of them may be lost."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from xml.etree import ElementTree as ET

from cfl_jobs.configs.normalform import LISTS, SETS

# What has no meaning of its own: derived from other fields (hudson.model.Result), moved elsewhere
# at a restart (the archiver's), no field of a folder, a copy of the folder's description.
MEANINGLESS = ("completeBuild", "latestOnly", "recordBuildArtifacts")
MEANINGLESS_IN_FOLDERS = ("canRoam", "scm", "viewsTabBar", "views", "folderViews", "primaryView")

GIT = "hudson.plugins.git.GitSCM"
ABORT = "hudson.plugins.build__timeout.operations.AbortOperation"
OLD_GIT_FIELDS = ("remotePoll", "reference", "disableSubmodules", "recursiveSubmodules")


def drop_meaningless(root: ET.Element) -> None:
    is_folder = root.tag.endswith(".Folder")
    tags = MEANINGLESS + (MEANINGLESS_IN_FOLDERS if is_folder else ())
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in tags]:
            parent.remove(child)
    # A git checkout's old fields, of which an extension that is there says what holds.
    for scm in (element for element in root.iter() if element.get("class") == GIT):
        for child in [child for child in scm if child.tag in OLD_GIT_FIELDS]:
            scm.remove(child)
    # A build is aborted where no operation is named.
    for operations in root.iter("operationList"):
        if [child.tag for child in operations] == [ABORT]:
            del operations[0]


def flags(root: ET.Element) -> list[ET.Element]:
    return [e for e in root.iter() if not len(e) and e.text in ("true", "false")]


def texts(root: ET.Element) -> list[ET.Element]:
    return [e for e in root.iter() if not len(e) and (e.text or "").strip() not in ("", "false")]


def ordered_lists(root: ET.Element) -> list[ET.Element]:
    # The order of most of git's extensions says nothing.
    found = [e for e in root.iter() if e.tag in LISTS - SETS - {"extensions"} and len(e) > 1]
    return [e for e in found if ET.tostring(e[0]).strip() != ET.tostring(e[1]).strip()]


def list_elements(root: ET.Element) -> list[tuple[ET.Element, ET.Element]]:
    return [(e, child) for e in root.iter() if e.tag in LISTS for child in e]


def toggle(root: ET.Element, pick: Callable[[int], int]) -> bool:
    found = flags(root)
    if not found:
        return False
    chosen = found[pick(len(found))]
    chosen.text = "false" if chosen.text == "true" else "true"
    return True


def change_text(root: ET.Element, pick: Callable[[int], int]) -> bool:
    found = texts(root)
    if not found:
        return False
    chosen = found[pick(len(found))]
    chosen.text = f"{chosen.text} changed"
    return True


def change_space(root: ET.Element, pick: Callable[[int], int]) -> bool:
    found = list(root.iter("command"))
    if not found:
        return False
    chosen = found[pick(len(found))]
    chosen.text = f"{chosen.text}\n"
    return True


def remove_element(root: ET.Element, pick: Callable[[int], int]) -> bool:
    found = list_elements(root)
    if not found:
        return False
    parent, child = found[pick(len(found))]
    parent.remove(child)
    return True


def repeat_element(root: ET.Element, pick: Callable[[int], int]) -> bool:
    found = list_elements(root)
    if not found:
        return False
    parent, child = found[pick(len(found))]
    parent.append(deepcopy(child))
    return True


def swap_elements(root: ET.Element, pick: Callable[[int], int]) -> bool:
    found = ordered_lists(root)
    if not found:
        return False
    parent = found[pick(len(found))]
    first, second = parent[0], parent[1]
    parent[0], parent[1] = second, first
    return True


def empty_text(root: ET.Element, pick: Callable[[int], int]) -> bool:
    found = texts(root)
    if not found:
        return False
    found[pick(len(found))].text = ""
    return True


EDITS = (
    toggle,
    change_text,
    change_space,
    remove_element,
    repeat_element,
    swap_elements,
    empty_text,
)
