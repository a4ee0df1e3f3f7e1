"""What was last seen of each job and view → whether a change whose answer was lost is made again.

Between a try and the next, minutes may pass, in which someone else edits the job. So what is there
is looked at before, and the change is made again only where it is still as it was.
"""

from __future__ import annotations

from collections.abc import Callable

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.mark import description_of, split_description
from cfl_jobs.configs.normalform import normalise
from cfl_jobs.errors import ConfigError, Missing, Refused
from cfl_jobs.target import Kind

Read = Callable[[Kind, str], str]


class Seen:
    """The configs that were read or posted last. `read` asks the server; raises Missing."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._configs: dict[tuple[Kind, str], str] = {}

    def note(self, kind: Kind, name: str, config: str | None) -> None:
        """Note a config, or with None that it isn't known any more."""
        if config is None:
            self._configs.pop((kind, name), None)
        else:
            self._configs[kind, name] = config

    def find(self, kind: Kind, name: str) -> str | None:
        """Return the config that was seen last, if it still is known."""
        return self._configs.get((kind, name))

    def move(self, name: str, new_name: str) -> None:
        """Note that a job was renamed."""
        self.note(Kind.JOB, new_name, self._configs.pop((Kind.JOB, name), None))

    def has(self, kind: Kind, name: str, config: str) -> bool:
        """Say whether there is such a job with this config."""
        try:
            there = self._read(kind, name)
        except Missing:
            return False
        return _is_same(there, config) or _is_marked(there, config)

    def check_update(self, kind: Kind, name: str, config: str) -> bool:
        """Say whether an update was made. Raises Refused where someone else made another."""
        before = self._configs.get((kind, name))
        there = self._read(kind, name)
        if _is_same(there, config) or (before and _is_marked(there, config, before)):
            return True
        _check(name, before is not None and _is_same(there, before))
        return False

    def check_deletion(self, kind: Kind, name: str) -> bool:
        """Say whether a deletion was made. Raises Refused where it would hit something else."""
        before = self._configs.get((kind, name))
        try:
            there = self._read(kind, name)
        except Missing:
            return True
        _check(name, before is not None and _is_same(there, before))
        return False

    def check_save(self, name: str, description: str) -> bool:
        """Return False: to set the same description once more makes sure that it was saved.

        Raises Refused where someone else set another.
        """
        before = self._configs.get((Kind.JOB, name))
        there = _description(self._read(Kind.JOB, name))
        known = [_words(description)] + ([_description(before)] if before is not None else [])
        _check(name, there in known)
        return False


def _check(name: str, is_as_before: bool) -> None:
    if not is_as_before:
        raise Refused(
            f"an answer was lost, and {name!r} isn't as it was before: someone else may be at work",
            advice="Run `cfl-jobs plan` to see how it is now.",
        )


def _is_same(one: str, other: str) -> bool:
    try:
        return one == other or normalise(one, name="one") == normalise(other, name="other")
    except ConfigError:
        return False


def _is_marked(there: str, config: str, before: str = "") -> bool:
    """Tell whether a job has the mark that this config brings, whatever Jenkins made of the rest.

    It tells nothing where the job had that `before`.
    """
    marks = [
        split_description(description_of(parse_config(text, name="config")))[1]
        for text in (there, config, before)
        if text
    ]
    return marks[0] is not None and marks[0] == marks[1] and marks[0] not in marks[2:]


def _description(config: str) -> tuple[str, ...]:
    return _words(description_of(parse_config(config, name="config")))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())
