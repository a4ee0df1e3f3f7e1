"""Copies of the real definitions, to be edited by tests."""

from __future__ import annotations

import shutil
from pathlib import Path

from cfl_jobs.reading.inventory import INVENTORY, Inventory, dump_inventory
from tests.jenkins_server_configs import recorded_plugins

ROOT = Path(__file__).parent.parent


def copy_project(target: Path, version: str = "") -> Path:
    """Copy jobs/ and templates/ into `target`, which may be there.

    `version` is the recorded Jenkins whose inventory it gets, instead of its own.
    """
    for folder in ("jobs", "templates"):
        shutil.copytree(ROOT / folder, target / folder)
    if version:
        inventory = dump_inventory(Inventory(recorded_plugins(version), version))
        (target / INVENTORY).write_text(inventory, encoding="utf-8")
    return target


def edit(root: Path, file: str, old: str, new: str) -> None:
    """Replace the first `old` in a file; it must be there."""
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def add(root: Path, file: str, text: str) -> None:
    """Append text to a file."""
    with (root / file).open("a", encoding="utf-8") as opened:
        opened.write(text)
