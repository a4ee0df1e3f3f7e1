"""Shell steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cfl_jobs.configs import fields
from cfl_jobs.configs.steps.step import Build, Result, Step, Waiting


@dataclass(frozen=True, slots=True)
class Shell(Step):
    """A shell step. `script` as in the config; without a #! line Jenkins runs /bin/sh -xe.

    An exit code equal to `unstable_return` makes the build unstable.
    """

    TAG: ClassVar[str] = "hudson.tasks.Shell"
    LABEL: ClassVar[str] = "shell step"
    TITLE: ClassVar[str] = "Execute shell"
    script: str = fields.text("command")
    unstable_return: int | None = fields.number("unstableReturn")

    def run(self, build: Build) -> Waiting[bool]:
        code = yield from build.run_script(self.script)
        if code and code == self.unstable_return:
            build.log(f"Build step '{self.TITLE}' changed build result to UNSTABLE")
            build.worsen(Result.UNSTABLE)
            return True
        return code == 0
