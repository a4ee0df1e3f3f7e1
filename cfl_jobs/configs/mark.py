"""The parts of a job and their codes, and the mark that ends a description: what was applied last.

A section is an element of one of the job's lists (a builder, a publisher, a property…), a field
with fields of its own (`scm`), or all plain fields together (`""`). The description is its own.

A new server shows descriptions as plain text, so the mark is a sentence for people; the code in
brackets after it is for cfl-jobs. It holds short digests of the job as we rendered it and of what
Jenkins made of that right after, so that any admin, on any machine, can tell what was changed
since, and by whom: in the definitions, or on the server.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import child_of, number_tags
from cfl_jobs.configs.normalform import LISTS, Normal

CODE_LENGTH = 3
WHOLE_LENGTH = 8

# The class, in whichever package, that says who may do what with a job, or with a folder.
MATRIX = ".AuthorizationMatrixProperty"
_CODE = r"[A-Za-z0-9_-]"
_MARK = re.compile(
    r"\s*Managed by cfl-jobs from (?P<file>[^\n]*?)(?:(?<=\.yaml) in (?P<project>\S+))?"
    r"\. Change it there\."
    rf"(?:\s*\[cfl-jobs (?:1(?P<open>[?]?) (?P<applied>{_CODE}*) (?P<kept>=|{_CODE}*)"
    rf"(?: v(?P<versions>{_CODE}*))?(?: n(?P<name>{_CODE}*))?(?: (?P<said>[de]))?|[^\]\n]*)\])?"
    r"(?P<blank>[ \t]*)[ \t\r\n]*"
)
# What jenkins-job-builder's own update leaves in each description.
_FOREIGN_MARK = re.compile(r"\s*<!-- Managed by Jenkins Job Builder -->\s*\Z")
_MAX_SECTIONS = 80
Codes = tuple[str, ...]


def sections(normal: Normal) -> tuple[tuple[str, Normal], ...]:
    """Return the sections of a job with their paths, for example "builders/hudson.tasks.Shell[2]".

    Plain fields come as one element with the path "".
    """
    plain: list[Normal] = []
    found: list[tuple[str, Normal]] = []
    for child in normal.children:
        if is_plain_list(child):
            found += [(f"{child.tag}/{step}", inner) for step, inner in number_children(child)]
        elif child.children or child.tag == "description":
            found.append((child.tag, child))
        else:
            plain.append(child)
    root = Normal(normal.tag, normal.attributes, normal.text, tuple(plain))
    return (("", root), *found)


def is_plain_list(normal: Normal) -> bool:
    """Tell whether an element is a list whose elements are sections."""
    return normal.tag in LISTS and bool(normal.children) and not normal.attributes


def number_children(parent: Normal) -> Iterator[tuple[str, Normal]]:
    """Yield children with their steps of a path."""
    tags = [child.tag for child in parent.children]
    yield from zip(number_tags(tags), parent.children, strict=True)


def codes(normal: Normal) -> tuple[str, tuple[str, ...]]:
    """Return a code (48 bits) of a whole job, and one (18 bits) of each of its sections.

    That is enough to tell that a job changed, and to find which of its sections did.
    """
    found = [(path.partition("[")[0], section.digest) for path, section in sections(normal)]
    text = "\n".join(f"{path} {its_digest}" for path, its_digest in found)
    parts = tuple(_shorten(its_digest) for _, its_digest in found)
    return code_of_text(text, WHOLE_LENGTH), parts


def code(section: Normal) -> str:
    """Return the code of one section."""
    return _shorten(section.digest)


def code_of_text(text: str, length: int = CODE_LENGTH) -> str:
    """Return a code (18 bits): of a job's full name, or of a plugin's version, "git@5.2.1"."""
    return _shorten(hashlib.sha256(text.encode()).hexdigest(), length)


def find_plugins(normal: Normal) -> frozenset[str]:
    """Return the plugins that saved a job's elements, each with its version."""
    return frozenset(element.plugin for element in normal.walk() if "@" in element.plugin)


def codes_of_versions(plugins: Iterable[str]) -> Codes:
    return tuple(sorted({code_of_text(plugin) for plugin in plugins}))


def _shorten(hexadecimal: str, length: int = CODE_LENGTH) -> str:
    return urlsafe_b64encode(bytes.fromhex(hexadecimal)).decode()[:length]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Short digests of a job: of the whole, and of each section in order.

    A job with very many sections has only the first.
    """

    whole: str
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.whole + "".join(self.parts)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a job comes from (a file of a project), what was applied and what Jenkins kept of it.

    `is_verified` is False from the moment a config is posted until it was read back and compared.
    `versions` are codes of the versions of the plugins that the job had to do with then, `name` is
    one of the job's full name (a copy made in Jenkins carries its original's), `said_disabled` what
    the definition said of that, None for nothing. An unreadable code leaves `applied` None.
    """

    file: str
    applied: Fingerprint | None = None
    kept: Fingerprint | None = None
    is_verified: bool = True
    versions: tuple[str, ...] = ()
    project: str = ""
    name: str = ""
    said_disabled: bool | None = None
    blank: str = field(default="", compare=False, repr=False)

    def is_for(self, names: Iterable[str]) -> bool:
        """Tell whether it was set for a job of any of these names, as far as it says."""
        return not self.name or self.name in {code_of_text(name) for name in names}

    def is_surely_for(self, name: str, project: str) -> bool:
        """Tell whether it says beyond doubt that the job of this name is ours and may go."""
        return self.applied is not None and self.project == project and self.is_for((name,))

    def is_older_than(self, plugin: str) -> bool:
        """Tell whether the last update didn't meet this version of a plugin, "git@5.2.1"."""
        return bool(plugin and self.versions) and code_of_text(plugin) not in self.versions

    def __str__(self) -> str:
        kept = "=" if self.kept == self.applied else str(self.kept)
        told = {"v": "".join(self.versions), "n": self.name}
        more = "".join(f" {sign}{codes_}" for sign, codes_ in told.items() if codes_)
        said = {None: "", True: " d", False: " e"}[self.said_disabled]
        status = "" if self.is_verified else "?"
        code_ = f"[cfl-jobs 1{status} {self.applied} {kept}{more}{said}]"
        source = " in ".join(filter(None, (self.file, self.project)))
        return f"Managed by cfl-jobs from {source}. Change it there. {code_}"


def fingerprint(normal: Normal) -> Fingerprint:
    """Return the fingerprint of a job in normal form, its description without the mark."""
    whole, parts = codes(normal)
    return Fingerprint(whole, parts if len(parts) <= _MAX_SECTIONS else ())


def split_description(description: str) -> tuple[str, Mark | None]:
    """Return the description without any mark, and our mark."""
    found = _MARK.search(description)
    if found is None:
        return _FOREIGN_MARK.sub("", description), None
    around = description[: found.start()], description[found.end() :]
    said = found.groupdict("")
    applied, kept = map(_read_fingerprint, (said["applied"], said["kept"]))
    mark = Mark(
        said["file"],
        applied,
        applied if said["kept"] == "=" else kept,
        is_verified=not said["open"] and applied is not None,
        versions=_read_codes(said["versions"]),
        project=said["project"],
        name=said["name"],
        said_disabled={"d": True, "e": False}.get(said["said"]),
        blank=said["blank"],
    )
    return "\n".join(filter(None, around)), mark


def join_description(description: str, mark: Mark) -> str:
    """Return a description that ends with the mark."""
    above = f"{description}\n\n" if description.strip() else ""
    return f"{above}{mark}{mark.blank}"


def description_of(root: ET.Element) -> str:
    return root.findtext("description") or ""


def set_description(root: ET.Element, description: str) -> None:
    if root.find("description") is None:
        root.insert(0, ET.Element("description"))
    child_of(root, "description").text = description


def _read_fingerprint(text: str) -> Fingerprint | None:
    parts = text[WHOLE_LENGTH:]
    if len(text) < WHOLE_LENGTH or len(parts) % CODE_LENGTH:
        return None
    return Fingerprint(text[:WHOLE_LENGTH], _read_codes(parts))


def _read_codes(text: str) -> tuple[str, ...]:
    if len(text) % CODE_LENGTH:
        return ()
    return tuple(text[i : i + CODE_LENGTH] for i in range(0, len(text), CODE_LENGTH))
