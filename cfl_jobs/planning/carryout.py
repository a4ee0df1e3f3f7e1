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

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from cfl_jobs.configs.config import BuildWritten, Config, digest_of, keep_build_written
from cfl_jobs.configs.mark import (
    Mark,
    code_of_text,
    codes_of_versions,
    description_of,
    find_plugins,
)
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.requirements import used_plugins
from cfl_jobs.errors import Refused
from cfl_jobs.planning.differences import Raw, advise_on_loss, compare, find_losses, without_numbers
from cfl_jobs.planning.fields import find_granted
from cfl_jobs.planning.journal import Journal
from cfl_jobs.planning.observe import is_same_job
from cfl_jobs.planning.owners import record
from cfl_jobs.planning.plan import Create, Update
from cfl_jobs.reading.versions import CORE
from cfl_jobs.target import Kind, Target, name_command

# What differs, whichever job it is in: around it, where, how, our element and the server's.
_Signature = tuple[str, str, bool, Normal | None, Normal | None]


@dataclass(frozen=True, slots=True)
class _Posting:
    """What is posted of a change: the config desired, a mark, and what stays of what is there.

    `mark` is the one it has if Jenkins keeps it as it is posted, `kept` what others wrote and is to
    stay. Where it `opens`, a mark that says "not verified yet" is posted, and another one follows.
    """

    change: Create | Update
    desired: Config
    mark: Mark
    opens: bool
    kept: tuple[BuildWritten, ...] = ()

    @property
    def stays_disabled(self) -> bool:
        return isinstance(self.change, Update) and self.change.keep_disabled

    def write(self, mark: Mark | None = None) -> str:
        """Return its text with a mark, by default the one that it is posted with."""
        mark = mark or replace(self.mark, is_verified=not self.opens)
        return self.desired.write(mark, disabled=self.stays_disabled, written=self.kept)

    def differing(self, live: Config, but: Collection[str] = ()) -> set[_Signature]:
        found = compare(self.desired.normal, live.normal)
        return {_sign(raw) for raw in found if raw.path not in but}


class Maker:
    """Makes jobs and views what they should be. Used by several threads at once.

    `versions` are the server's (see observe.list_versions); {} where they aren't known.
    """

    def __init__(self, target: Target, journal: Journal, versions: Mapping[str, str]) -> None:
        self._target, self._journal, self._versions = target, journal, versions
        self._own: set[_Signature] = set()  # what was found, in this run, to be Jenkins' own
        self._saves = target.rewrites_late(versions.get(CORE, ""))

    def make(
        self, change: Create | Update, there: Config | None, begin: Callable[[str], None]
    ) -> tuple[str, str]:
        """Create a job, or make the one `there` what it should be.

        Returns the digest of what the job is then, and what people should know.
        `begin` is called before anything is written, with the digest that the job is to have then,
        "" where a mark tells that it isn't verified yet.
        Raises Refused where Jenkins dropped some of it, or someone else changed it meanwhile.
        """
        desired, posted = change.desired.on(self._versions), ""
        there = there and there.on(self._versions).beside(desired)
        posting = self._prepare(change, desired, there)
        is_disabled = posting.stays_disabled or desired.disabled
        begin("" if self._saves else digest_of(desired.normal, is_disabled=is_disabled))
        if isinstance(change, Create):
            posted = posting.write()
            self._target.create(*desired.key, posted)
        elif change.differences or change.kind is Kind.VIEW:
            posted = self._post(posting)
        elif not self._saves:
            self._target.save(change.name, desired.describe(posting.mark))
        live = self._read_back(posting, posted)
        known = self._own
        if isinstance(change, Create):
            kept = (*posting.kept, *find_granted(desired, live))
            posting = replace(posting, kept=kept)
        raws = compare(desired.normal, live.normal)
        found = set(map(_sign, raws))
        if there and isinstance(change, Update) and not found <= known:
            # What differed before, and wasn't shown as a difference, is Jenkins' own.
            shown = {difference.path for difference in change.differences}
            known = known | posting.differing(there, shown)
        if not found <= known:
            live = self._post_again(posting, live)
            raws = compare(desired.normal, live.normal)
            self._own.update(map(_sign, raws))
        return self._finish(posting, live, raws)

    def _prepare(self, change: Create | Update, desired: Config, there: Config | None) -> _Posting:
        kept: list[BuildWritten] = []
        saved_by: frozenset[str] = frozenset()  # the plugins' versions that it will say
        if there:
            saved_by = find_plugins(there.normal)
            kept += there.build_written
            if isinstance(change, Update):
                kept += find_granted(desired, there, change.found_there)
        if self._versions:
            before = (text.partition("@")[0] for text in saved_by)
            names = {CORE, *used_plugins(desired.parse()), *before}
            known = self._versions.keys() & names
            saved_by = frozenset(f"{name}@{self._versions[name]}" for name in known)
        print_ = desired.fingerprint
        mark = Mark(
            desired.definition.file,
            print_,
            print_,
            versions=codes_of_versions(saved_by),
            project=desired.project,
            name=code_of_text(desired.name),
            said_disabled=desired.says_disabled,
        )
        mark = record(mark, desired.normal, desired.normal)
        opens = self._saves and desired.kind is Kind.JOB
        return _Posting(change, desired, mark, opens, tuple(kept))

    def _post(self, posting: _Posting) -> str:
        config = posting.write()
        self._target.update(*posting.desired.key, config)
        return config

    def _read_back(self, posting: _Posting, posted: str) -> Config:
        """Have it saved and read it. Raises Refused where our mark isn't there any more."""
        desired, mark = posting.desired, posting.mark
        if posting.opens:
            self._target.save(desired.name, desired.describe(mark))
        config = self._target.read(*desired.key)
        is_plain = not posting.kept and not posting.stays_disabled and not posting.opens
        if config == posted and is_plain:  # nothing but a mark was added to what is desired
            return desired.as_written(config, mark)
        live = Config(*desired.key, config, versions=self._versions).beside(desired)
        if str(live.mark) != str(mark):
            raise _meddled(desired.name, self._target)
        return live

    def _post_again(self, posting: _Posting, first: Config) -> Config:
        """Post it once more. Raises Refused where another comes back, and lets the edited one be.

        All that was read is kept, so that no edit is lost whichever it was.
        """
        kind, name = posting.desired.key
        self._journal.keep(kind, name, first.config)
        live = self._read_back(posting, self._post(posting))
        if (live.normal, live.disabled) == (first.normal, first.disabled):
            return live
        late = {raw.path.partition("/")[0] for raw in compare(live.normal, first.normal)}
        is_like = late == {"executionStrategy"} and live.disabled == first.disabled
        if is_like and isinstance(posting.change, Create):
            # Jenkins takes that of a config only when it comes again: a new matrix project has
            # the default execution strategy until then (matrix-project 917).
            return live
        self._journal.keep(kind, name, live.config)
        if not posting.differing(first) <= posting.differing(live):
            mark = replace(posting.mark, kept=live.fingerprint)
            self._target.update(kind, name, first.write(mark))
        kept = f"What was read meanwhile is kept in {self._journal.directory / 'before'}."
        raise _meddled(name, self._target, kept)

    def _finish(self, posting: _Posting, live: Config, found: Sequence[Raw]) -> tuple[str, str]:
        """Write down what Jenkins made of it. Raises Refused where that is less than we posted."""
        mark, desired = posting.mark, posting.desired
        seen = codes_of_versions(find_plugins(live.normal))
        versions = mark.versions if set(seen) <= set(mark.versions) else seen
        final = replace(mark, versions=versions)
        if found or any(part.secrets for part in live.normal.walk()):
            final = replace(final, kept=live.fingerprint)
            final = record(final, desired.normal, live.normal)
        losses = find_losses(found, desired.own)
        if losses:
            # The open mark makes the next run post it again, whoever's that is.
            self._set_mark(posting, replace(final, is_verified=False))
            names = ", ".join(dict.fromkeys(loss.label for loss in losses))
            raise Refused(
                f"Jenkins took {desired.name!r}, but dropped: {names}",
                advice=advise_on_loss(desired, losses, self._versions),
            )
        if final != live.mark:
            self._set_mark(posting, final)
        is_otherwise = final.kept != mark.kept and any(raw.path not in desired.own for raw in found)
        return live.digest, "Jenkins made some of it otherwise; see plan -v" * is_otherwise

    def _set_mark(self, posting: _Posting, mark: Mark) -> None:
        kind, name = posting.desired.key
        if kind is Kind.JOB:
            self._target.save(name, posting.desired.describe(mark))
        else:
            self._target.update(kind, name, posting.write(mark))


def restore(
    change: Create | Update, there: Config | None, target: Target, begin: Callable[[str], None]
) -> tuple[str, str]:
    """Put a kept config back as it is, mark included, with what builds have written since.

    Returns what Maker.make does. Raises Refused where Jenkins made something else of it.
    """
    kept = change.desired
    kind, name = kept.key
    begin(kept.digest)
    if there is None:
        target.create(kind, name, kept.config)
    else:
        target.update(kind, name, keep_build_written(kept.config, there.config, name=name))
    if kind is Kind.JOB:
        target.save(name, description_of(kept.parse()))
    now = replace(kept, config=target.read(kind, name), build_written=())
    if not is_same_job(now, kept):
        raise Refused(f"{name!r} was put back, but Jenkins made something else of it")
    return now.digest, ""


def _sign(raw: Raw) -> _Signature:
    return raw.parent, without_numbers(raw.path), raw.is_moved, raw.desired, raw.live


def _meddled(name: str, target: Target, kept: str = "") -> Refused:
    return Refused(
        f"{name!r} was changed by someone else at the same time",
        advice=f"Run `{name_command('plan', target.label)}` to see how it is now. {kept}".rstrip(),
    )
