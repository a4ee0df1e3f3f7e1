"""A made-up kind of builder: packs a file and keeps the pack as an artifact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from cfl_jobs.configs import fields
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.artifacts import ArchiveArtifacts
from cfl_jobs.configs.steps.step import Build, Step, Waiting


@dataclass(frozen=True, slots=True)
class Pack(Step):
    TAG: ClassVar[str] = "org.example.PackBuilder"
    LABEL: ClassVar[str] = "pack a file"
    TITLE: ClassVar[str] = "Pack"
    source: str = fields.text("source")
    target: str = fields.text("target")

    @property
    def archived(self) -> tuple[str, ...]:
        return (self.target,)

    @property
    def variables(self) -> tuple[str, ...]:
        return ("PACKED",)

    def expanded(self) -> Iterator[tuple[str, str]]:
        yield f"{self.path}/source", self.source

    def run(self, build: Build) -> Waiting[bool]:
        source = expand(self.source, build.variables())
        if build.read_file(source) is None:
            build.log(f"There is no {source} to pack.")
            return False
        code = yield from build.run_script(f"gzip -nc {source} >{self.target}")
        build.set_variable("PACKED", self.target)
        return code == 0 and build.archive(ArchiveArtifacts(self.target), self.target)
