"""Config XML → the secrets in it that must not get into a repository, by place, never by text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import element_paths
from cfl_jobs.planning.words import is_secret

_ENCRYPTED = re.compile(r"\{AQAAA[A-Za-z0-9+/=]+\}")
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


def _is_password_default(config: ET.Element, path: str, element: ET.Element) -> bool:
    around = path.rpartition("/")[0].rpartition("/")[2].partition("[")[0]
    return element.tag == "defaultValue" and around in _PASSWORDS and bool(element.text)
