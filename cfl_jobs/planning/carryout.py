"""One change + target → done, and verified by reading it back.

What is done to one job, and what a run that is killed at any moment leaves:

1. the new config is posted, whole or not at all, with the mark that is right if Jenkins makes of it
   what the normal form says;
2. it is read back and compared: what Jenkins dropped is an error, what it made otherwise is
   written into the mark.

A Jenkins that keeps a posted config as it is until it saves the job (see `Target.rewrites_late`)
first gets a mark that says "not verified yet", and then the right one as the job's description,
which makes it save. Killed between the two, the next run sees the open mark and goes on from there,
without posting again.

What differs after 2 may also be someone's edit of this very moment. Where nothing tells that
Jenkins makes it so, the config is posted once more: what comes back the same is Jenkins' own, and
what doesn't was an edit, which is put back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.mark import Mark, fingerprint, set_description
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.sections import codes_of_versions, find_plugins
from cfl_jobs.errors import Refused
from cfl_jobs.planning.differences import Change, Raw, compare, find_losses
from cfl_jobs.planning.journal import Journal
from cfl_jobs.planning.losses import advise_on_loss
from cfl_jobs.planning.observe import Live, read_live
from cfl_jobs.planning.plan import Create, Update
from cfl_jobs.planning.wanted import Wanted, read_wanted
from cfl_jobs.reading.versions import CORE
from cfl_jobs.target import Kind, Listed, Target

_NUMBER = re.compile(r"\[\d+\]")
# What differs, whichever job it is in: around it, where, how, our element and the server's.
_Signature = tuple[str, str, Change, Normal | None, Normal | None]


@dataclass(frozen=True, slots=True)
class Made:
    """A job as a change left it. `message` says what people should know."""

    live: Live
    message: str = ""


class Maker:
    """Makes jobs and views what they should be. Used by several threads at once.

    `versions` are the server's (see observe.list_versions); {} where they aren't known.
    """

    def __init__(self, target: Target, journal: Journal, versions: Mapping[str, str]) -> None:
        self._target = target
        self._journal = journal
        self._versions = versions
        # What was found, in this run, to be Jenkins' own.
        self._own: set[_Signature] = set()
        self._saves = target.rewrites_late(versions.get(CORE, ""))

    def make(self, change: Create | Update, before: str, begin: Callable[[str], None]) -> Made:
        """Create a job, or make the one there what it should be; `before` is its config.

        `begin` is called before anything is written, with the digest that the job is to have then,
        "" where a mark tells that it isn't verified yet.
        Raises Refused where Jenkins dropped some of it, or someone else changed it meanwhile.
        """
        wanted = read_wanted(change, before, self._versions)
        if wanted.there and isinstance(change, Update):
            wanted = wanted.leave_granted(wanted.there, shown=change.differences)
        mark = wanted.mark_for(self._versions)
        begin("" if self._saves else wanted.digest)
        if isinstance(change, Create):
            self._target.create(change.kind, change.name, wanted.write(self._first(change, mark)))
        elif change.differences or change.kind is Kind.VIEW:
            self._post(wanted, mark)
        elif not self._saves:
            self._target.save(change.name, wanted.describe(mark))
        live = self._read_back(wanted, mark)
        if isinstance(change, Create):
            wanted = wanted.leave_granted(live)
        found = _signatures(wanted, live)
        if not (found <= self._own or found <= self._own | _known_before(wanted)):
            live = self._post_again(wanted, mark, live)
            self._own |= _signatures(wanted, live)
        return self._finish(wanted, mark, live)

    def _post(self, wanted: Wanted, mark: Mark) -> None:
        change = wanted.change
        config = wanted.write(self._first(change, mark))
        self._target.update(change.kind, change.name, config)

    def _first(self, change: Create | Update, mark: Mark) -> Mark:
        """Return the mark that a config is posted with: open where another one follows."""
        return _opened(mark) if self._saves and change.kind is Kind.JOB else mark

    def _read_back(self, wanted: Wanted, mark: Mark) -> Live:
        """Have it saved and read it. Raises Refused where our mark isn't there any more."""
        kind, name = wanted.change.kind, wanted.change.name
        if kind is Kind.JOB and self._saves:
            self._target.save(name, wanted.describe(mark))
        config = self._target.read(kind, name)
        live = wanted.beside(read_live(Listed(name), config, versions=self._versions))
        if live.mark is None or str(live.mark) != str(mark):
            raise _meddled(name)
        return live

    def _post_again(self, wanted: Wanted, mark: Mark, first: Live) -> Live:
        """Post it once more. Raises Refused where another comes back, and lets the edited one be.

        All that was read is kept, so that no edit is lost whichever it was.
        """
        kind, name = wanted.change.kind, wanted.change.name
        self._journal.keep(kind, name, first.config)
        self._post(wanted, mark)
        live = self._read_back(wanted, mark)
        if (live.normal, live.disabled) == (first.normal, first.disabled):
            return live
        if isinstance(wanted.change, Create) and _came_late(first, live):
            return live
        self._journal.keep(kind, name, live.config)
        if not _signatures(wanted, first) <= _signatures(wanted, live):
            root = parse_config(first.config, name=name)
            set_description(root, wanted.describe(replace(mark, kept=fingerprint(live.normal))))
            self._target.update(kind, name, format_config(root))
        kept = f"What was read meanwhile is kept in {self._journal.directory / 'before'}."
        raise _meddled(name, kept)

    def _finish(self, wanted: Wanted, mark: Mark, live: Live) -> Made:
        """Write down what Jenkins made of it. Raises Refused where that is less than we posted."""
        kept = fingerprint(live.normal)
        seen = codes_of_versions(find_plugins(live.normal))
        versions = mark.versions if set(seen) <= set(mark.versions) else seen
        final = replace(mark, kept=kept, versions=versions)
        found = compare(wanted.normal, live.normal)
        losses = find_losses(found, wanted.change.own)
        if losses:
            # The open mark makes the next run post it again, whoever's that is.
            self._set_mark(wanted, _opened(final))
            names = ", ".join(dict.fromkeys(loss.label for loss in losses))
            raise Refused(
                f"Jenkins took {wanted.change.name!r}, but dropped: {names}",
                advice=advise_on_loss(wanted.change.config, losses, self._versions),
            )
        if final != live.mark:
            self._set_mark(wanted, final)
        is_otherwise = any(raw.place.path not in wanted.change.own for raw in found)
        return Made(live, _OTHERWISE if is_otherwise and kept != mark.kept else "")

    def _set_mark(self, wanted: Wanted, mark: Mark) -> None:
        change = wanted.change
        if change.kind is Kind.JOB:
            self._target.save(change.name, wanted.describe(mark))
        else:
            self._target.update(change.kind, change.name, wanted.write(mark))


_OTHERWISE = "Jenkins made some of it otherwise; see plan -v"


def _opened(mark: Mark) -> Mark:
    return replace(mark, is_verified=False)


def _came_late(first: Live, live: Live) -> bool:
    """Tell whether all that differs is what Jenkins takes of a config only when that comes again.

    A new matrix project has the default execution strategy until then (matrix-project 917).
    """
    found = compare(live.normal, first.normal)
    places = {raw.place.path.partition("/")[0] for raw in found}
    return places == {"executionStrategy"} and live.disabled == first.disabled


def _sign(raw: Raw) -> _Signature:
    return raw.parent, _NUMBER.sub("", raw.place.path), raw.change, raw.wanted, raw.live


def _signatures(wanted: Wanted, live: Live) -> set[_Signature]:
    return {_sign(raw) for raw in compare(wanted.normal, live.normal)}


def _known_before(wanted: Wanted) -> set[_Signature]:
    """Return what differed before, and wasn't shown as a difference: that is Jenkins' own."""
    if wanted.there is None or isinstance(wanted.change, Create):
        return set()
    shown = {difference.path for difference in wanted.change.differences}
    found = compare(wanted.normal, wanted.there.normal)
    return {_sign(raw) for raw in found if raw.place.path not in shown}


def _meddled(name: str, kept: str = "") -> Refused:
    return Refused(
        f"{name!r} was changed by someone else at the same time",
        advice=f"Run `cfl-jobs plan` to see how it is now. {kept}".rstrip(),
    )
