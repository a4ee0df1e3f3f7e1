"""Shell steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import Paths, read_number, read_text
from cfl_jobs.configs.steps.step import Build, Result, Step, Waiting


@dataclass(frozen=True, slots=True)
class Shell(Step):
    """A shell step. `script` as in the config; without a #! line Jenkins runs /bin/sh -xe.

    An exit code equal to `unstable_return` makes the build unstable.
    """

    TAG: ClassVar[str] = "hudson.tasks.Shell"
    LABEL: ClassVar[str] = "shell step"
    TITLE: ClassVar[str] = "Execute shell"
    script: str
    unstable_return: int | None = None

    @classmethod
    def read(cls, element: ET.Element, paths: Paths) -> Iterator[Step]:
        script = read_text(element, "command")
        yield cls(script, read_number(element, "unstableReturn"), path=paths[element])

    def run(self, build: Build) -> Waiting[bool]:
        code = yield from build.run_script(self.script)
        if code and code == self.unstable_return:
            build.log(f"Build step '{self.TITLE}' changed build result to UNSTABLE")
            build.worsen(Result.UNSTABLE)
            return True
        return code == 0
