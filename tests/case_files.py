"""Test cases as single text files: several files of a small project, and what is expected of it.

A line `==> PATH` begins a file; the part `==> expected` is what the test compares with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

CASES = Path(__file__).parent / "cases"
_HEAD = re.compile(r"^==> (.+)\n", re.MULTILINE)


def find_cases(kind: str) -> list[Path]:
    """Return the case files of a kind; there must be some."""
    found = sorted((CASES / kind).glob("*.txt"))
    assert found, f"no cases in {CASES / kind}"
    return found


def read_case(case: Path) -> dict[str, str]:
    """Return a case's files by name."""
    parts = _HEAD.split(case.read_text(encoding="utf-8"))[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below `root`, which is returned."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def lay_out(case: Path, root: Path, *, expected: str = "expected") -> str:
    """Write a case's files below `root` and return its `expected` part."""
    files = read_case(case)
    wanted = files.pop(expected)
    write_files(root, files)
    return wanted


def write_project(root: Path, **files: str) -> Path:
    """Write a project's files; `jobs__a_yaml` would be ugly, so names map through PLACES below."""
    for folder in ("jobs", "templates"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return write_files(root, {PLACES[name]: text for name, text in files.items()})


PLACES = {
    "settings": "jobs/settings.yaml",
    "plugins": "jobs/plugins.yaml",
    "definitions": "jobs/a.yaml",
    "template": "templates/a.yaml.j2",
    "script": "templates/scripts/a.sh",
}
