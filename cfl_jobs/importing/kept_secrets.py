"""Config XML → the secrets in it that must not get into a repository, by place, never by text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from cfl_jobs.check.secret_text import find_secrets
from cfl_jobs.configs.configxml import element_paths
from cfl_jobs.planning.words import is_secret

_ENCRYPTED = re.compile(r"\{AQAAA[A-Za-z0-9+/=]+\}")
# Digests look random too; such text is left for `check` to tell.
_RANDOM = re.compile(r"random")
_PASSWORDS = ("hudson.model.PasswordParameterDefinition",)


def find_kept_secrets(config: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield (path, what it is) of each secret."""
    for path, element in element_paths(config):
        texts = (element.text or "", *element.attrib.values())
        if any(map(_ENCRYPTED.search, texts)):
            yield path, "a secret that Jenkins encrypted"
        elif _is_password_default(config, path, element):
            yield path, "the default of a password parameter"
        elif not len(element) and is_secret(element.tag, element.text or ""):
            yield path, "a password or token, by its name"
        elif not len(element):
            yield from ((path, what) for what in _secrets_in_text(element.text or ""))


def _secrets_in_text(text: str) -> Iterator[str]:
    """Yield what stands in a script and the like, at most one secret of each line."""
    for number, line in enumerate(text.split("\n"), 1):
        kinds = [found.kind for found in find_secrets(line) if not _RANDOM.search(found.kind)]
        if kinds:
            yield f"line {number}: {kinds[0]}"


def _is_password_default(config: ET.Element, path: str, element: ET.Element) -> bool:
    around = path.rpartition("/")[0].rpartition("/")[2].partition("[")[0]
    return element.tag == "defaultValue" and around in _PASSWORDS and bool(element.text)
