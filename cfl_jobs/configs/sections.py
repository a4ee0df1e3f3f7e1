"""Normal form → sections: the parts of a job that people speak of, and a short code for each.

A section is an element of one of the job's lists (a builder, a publisher, a property…), a field
with fields of its own (`scm`), or all plain fields together (`""`). The description is its own.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Iterator

from cfl_jobs.configs.normalform import LISTS, Normal, digest

CODE_LENGTH = 3
WHOLE_LENGTH = 8

# The class, in whichever package, that says who may do what with a job, or with a folder.
MATRIX = ".AuthorizationMatrixProperty"


def sections(normal: Normal) -> tuple[tuple[str, Normal], ...]:
    """Return the sections of a job with their paths, for example "builders/hudson.tasks.Shell[2]".

    Plain fields come as one element with the path "".
    """
    plain: list[Normal] = []
    found: list[tuple[str, Normal]] = []
    for child in normal.children:
        if is_plain_list(child):
            found += number_children(child)
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
    """Yield children with their paths: numbered where siblings have the same tag."""
    counts = Counter(child.tag for child in parent.children)
    numbers: Counter[str] = Counter()
    for child in parent.children:
        numbers[child.tag] += 1
        number = f"[{numbers[child.tag]}]" if counts[child.tag] > 1 else ""
        yield f"{parent.tag}/{child.tag}{number}", child


def codes(normal: Normal) -> tuple[str, tuple[str, ...]]:
    """Return a code (48 bits) of a whole job, and one (18 bits) of each of its sections.

    That is enough to tell that a job changed, and to find which of its sections did.
    """
    found = [(path.partition("[")[0], digest(section)) for path, section in sections(normal)]
    text = "\n".join(f"{path} {its_digest}" for path, its_digest in found)
    whole = hashlib.sha256(text.encode()).hexdigest()
    parts = tuple(_shorten(its_digest, CODE_LENGTH) for _, its_digest in found)
    return _shorten(whole, WHOLE_LENGTH), parts


def code(section: Normal) -> str:
    """Return the code of one section."""
    return _shorten(digest(section), CODE_LENGTH)


def code_of_version(plugin: str) -> str:
    """Return a code (18 bits) of a plugin's version, given as Jenkins writes it: "git@5.2.1"."""
    return code_of_text(plugin)


def code_of_text(text: str) -> str:
    return _shorten(hashlib.sha256(text.encode()).hexdigest(), CODE_LENGTH)


def codes_of_versions(plugins: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({code_of_version(plugin) for plugin in plugins}))


def find_plugins(normal: Normal) -> frozenset[str]:
    """Return the plugins that saved a job's elements, each with its version."""
    return frozenset(element.plugin for element in normal.walk() if "@" in element.plugin)


def _shorten(hexadecimal: str, length: int) -> str:
    return urlsafe_b64encode(bytes.fromhex(hexadecimal)).decode()[:length]
