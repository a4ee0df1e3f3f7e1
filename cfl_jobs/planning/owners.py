"""Differences + the mark → whose each difference is: ours, theirs, both, or Jenkins' own.

Desired is what we render now, live is what the server has. Each is compared, by codes, with what it
was right after our last update:

    desired changed   live changed
    no               no             Jenkins' own: what it made of the job at that update
    yes              no             ours
    no               yes            theirs
    yes              yes            both

That is looked up for each difference, in codes of the fields (see fields.py). A value is as it was
then if its code is one of then, and isn't there more often by now. What was lost since, of which no
difference tells, may be behind any difference of the same field, in whichever section.

Where the fields' codes aren't known, the visible codes of sections tell the same, less finely: all
differences of a section are whose the section is; where a section went that Jenkins had changed,
Jenkins' own differences of others count as that side's; and what a plugin's upgrade took from a
section, or a password that Jenkins encrypted late, makes other changes in that section theirs too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from cfl_jobs.configs.mark import MATRIX, Fingerprint, Mark, code, codes, sections
from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.planning.differences import (
    Change,
    Owner,
    Raw,
    compare,
    compare_passwords,
    find_renamed,
)
from cfl_jobs.planning.fields import (
    Codes,
    code_encrypted,
    code_fields,
    code_of_parts,
    code_parts,
    code_password,
    read_fields,
    secret_paths,
    text_of,
)
from cfl_jobs.planning.upgrades import Habits, Upgrade, is_upgraded

# The codes of what either side has of a difference, or of the section that it is in.
_Part = tuple[Codes, Codes]
_DAMAGED = "ours or theirs: the mark was damaged"
_NEWER = "which is newer than at the last update"
_AGAIN = "or only entered again: it is encrypted"
_AROUND = "or not: it is encrypted, and more changed around it"


class Owned(NamedTuple):
    """A difference, whose it is, and what isn't sure."""

    raw: Raw
    owner: Owner
    remark: str = ""


def attribute(
    desired: Normal, live: Normal, mark: Mark | None, habits: Callable[[], Habits]
) -> tuple[Owned, ...]:
    """Return every difference of a job and whose it is, passwords' last.

    `mark` is the last update's, `habits` what the elements on the server have alike.
    """
    raws, passwords = compare(desired, live), compare_passwords(desired, live)
    if mark is None:
        adopted = [Owned(raw, Owner.ADOPT, "can't be compared") for raw in passwords]
        return (*(Owned(raw, Owner.ADOPT) for raw in raws), *adopted)
    if mark.applied is None or mark.kept is None:
        return tuple(Owned(raw, Owner.UNKNOWN, _DAMAGED) for raw in (*raws, *passwords))
    if not raws and not passwords:
        return ()
    judge = _Judge(raws, desired, live, mark, habits)
    owned = [judge.attribute(raw) for raw in raws]
    told = (judge.attribute_password(raw, owned) for raw in passwords)
    return (*owned, *(one for one in told if one.owner is not Owner.JENKINS))


def _owner(*, ours: bool, theirs: bool) -> Owner | None:
    """Return whose it is, of who changed something; None for nobody's."""
    if ours:
        return Owner.BOTH if theirs else Owner.OURS
    return Owner.THEIRS if theirs else None


class _Past:
    """One side of a job: codes of its parts, now and right after the last update."""

    def __init__(self, now: Iterable[str], then: Iterable[str]) -> None:
        self.now, self.then = Counter(now), Counter(then)
        self.lost, self.new = self.then - self.now, self.now - self.then

    def keeps(self, parts: Codes) -> bool:
        """Tell whether parts were there then, and not all of them more often by now."""
        was_there = all(self.then[part] for part in parts)
        return was_there and (not parts or any(not self.new[part] for part in parts))


class _Lookup:
    """Whose parts are. `key` says what the code of a part is a value of.

    `own` are codes of parts that differed right after the update, of more than one code.
    """

    def __init__(
        self,
        parts: Sequence[_Part],
        ours: _Past,
        theirs: _Past,
        *,
        key: Callable[[str], str],
        own: Collection[str] = (),
    ) -> None:
        self._ours, self._theirs, self._key, self._own = ours, theirs, key, own
        self._only_applied, self._only_saved = ours.then - theirs.then, theirs.then - ours.then
        swapped = [(theirs_, ours_) for ours_, theirs_ in parts]
        self._lost_by_us = _find_unexplained(ours, theirs, parts, key)
        self._lost_by_them = _find_unexplained(theirs, ours, swapped, key)

    def attribute(self, part: _Part) -> Owner | None:
        """Return whose a part is, None where each side has it as it was, but not the same."""
        keys = {self._key(code) for codes_ in part for code in codes_}
        we_lost, they_lost = keys & self._lost_by_us, keys & self._lost_by_them
        if self._is_own(part):
            return _owner(ours=bool(we_lost), theirs=bool(they_lost)) or Owner.JENKINS
        ours = we_lost or _has_changed(self._ours, self._theirs, *part)
        theirs = they_lost or _has_changed(self._theirs, self._ours, *part[::-1])
        return _owner(ours=bool(ours), theirs=bool(theirs))

    def _is_own(self, part: _Part) -> bool:
        """Tell whether each side has it as it was, and they were just as different."""
        ours, theirs = part
        if not (self._ours.keeps(ours) and self._theirs.keeps(theirs)):
            return False
        if max(len(ours), len(theirs)) > 1:
            return code_of_parts(ours, theirs) in self._own
        return all(map(self._only_applied.get, ours)) and all(map(self._only_saved.get, theirs))


def _has_changed(here: _Past, there: _Past, part: Codes, other: Codes) -> bool:
    """Tell whether one side changed what it has, `part`, or had, where the other has `other`."""
    if not here.keeps(part) or _has_lost(here, there, other):
        return True
    return not part and bool(other) and there.keeps(other)


def _has_lost(here: _Past, there: _Past, other: Codes) -> bool:
    """Tell whether one side had what the other side has, as it was then, and lost it."""
    was_there = all(there.then[code] and (here.lost[code] or not here.then[code]) for code in other)
    return was_there and any(here.lost[code] for code in other)


def _find_unexplained(
    here: _Past, there: _Past, parts: Iterable[_Part], key: Callable[[str], str]
) -> frozenset[str]:
    """Return of what one side lost values, though no part tells that it did."""
    lost = Counter(map(key, here.lost.elements()))
    lost -= Counter(map(key, (here.new & there.new).elements()))  # changed alike on both sides
    for part, other in parts:
        if not here.keeps(part):
            lost.subtract({key(code) for code in part})
        elif _has_lost(here, there, other):
            lost.subtract(key(code) for code in other if here.lost[code])
    return frozenset(+lost)


class _Sections:
    """What the visible codes tell: who changed which section, which list's order, and anything."""

    def __init__(
        self, desired: Normal, live: Normal, applied: Fingerprint, kept: Fingerprint
    ) -> None:
        our_whole, our_parts = codes(desired)
        their_whole, their_parts = codes(live)
        self.ours, self.theirs = _Past(our_parts, applied.parts), _Past(their_parts, kept.parts)
        self.whole = _owner(ours=our_whole != applied.whole, theirs=their_whole != kept.whole)
        self.is_known = bool(applied.parts and kept.parts)
        self._our_order = _find_reordered(desired, our_parts, applied.parts)
        self._their_order = _find_reordered(live, their_parts, kept.parts)

    def who_changed(self, section: _Part) -> Owner | None:
        if not self.is_known:
            return self.whole
        ours, theirs = section
        return _owner(ours=not self.ours.keeps(ours), theirs=not self.theirs.keeps(theirs))

    def who_reordered(self, tag: str) -> Owner | None:
        return _owner(ours=tag in self._our_order, theirs=tag in self._their_order)


class _Judge:
    """Says whose each difference is: by its fields, else its section, its list, or the job."""

    def __init__(
        self,
        raws: Sequence[Raw],
        desired: Normal,
        live: Normal,
        mark: Mark,
        habits: Callable[[], Habits],
    ) -> None:
        fields = read_fields(mark)
        self._fields, self._mark, self._plugin = fields, mark, live.plugin
        self._upgrade = Upgrade(desired, live, mark, habits, fields.saved if fields else ())
        before = self._upgrade.undo(live, "", "")
        none = Fingerprint("")
        self._sections = _Sections(desired, before, mark.applied or none, mark.kept or none)
        self._renamed, self._hidden = find_renamed(raws), secret_paths(live)
        # The lists of which a new order is told by a difference of its own.
        self._moved = {_list_of(raw) for raw in raws if _is_moved_section(raw)}
        stayed = [raw for raw in raws if not _is_moved_section(raw)]
        if fields:
            self._lookup = _Lookup(
                [self._part(raw) for raw in stayed],
                _Past(code_fields(desired, hidden=self._hidden), fields.applied),
                _Past(code_fields(before), fields.saved),
                key=lambda code: code[0],
                own=fields.own,
            )
        else:
            past = self._sections.ours, self._sections.theirs
            parts = {(id(r.desired_section), id(r.live_section)): self._section(r) for r in stayed}
            self._lookup = _Lookup(tuple(parts.values()), *past, key=lambda code: "")

    def attribute(self, raw: Raw) -> Owned:
        whole = self._sections.whole
        owner = (self._find(raw) if whole and self._sections.is_known else whole) or whole
        is_own = owner in (None, Owner.JENKINS)
        if is_own or (owner is not Owner.OURS and self._upgrade.has_made(raw, self._renamed)):
            return Owned(raw, Owner.JENKINS)
        if whole is not None and whole is not Owner.BOTH:
            owner = whole  # who changed nothing has no part in any difference
        if owner is Owner.THEIRS and raw.is_new_field and is_upgraded(raw, self._mark):
            return Owned(raw, owner, f"or set by {raw.plugin}, {_NEWER}")
        return Owned(raw, owner or Owner.JENKINS)

    def attribute_password(self, raw: Raw, owned: Iterable[Owned]) -> Owned:
        """Return whose another password is. `owned` are all other differences."""
        known = self._know_password(raw)
        if known or self._sections.whole is None:
            return Owned(raw, known or Owner.JENKINS)
        around = {
            one.owner
            for one in owned
            if (one.raw.desired_section, one.raw.live_section)
            == (raw.desired_section, raw.live_section)
        }
        section = self._section(raw)
        changed = self._sections.who_changed(section)
        # A directory has it as we wrote it, until a Jenkins starts with that.
        was_plain = raw.desired_section == raw.live_section and all(
            self._sections.theirs.then[code] for code in section[0]
        )
        is_known = bool(self._fields and self._fields.secrets)
        theirs = not was_plain and (is_known or changed in (Owner.THEIRS, Owner.BOTH))
        is_explained = is_known and around & {Owner.OURS, Owner.BOTH}
        ours = changed in (Owner.OURS, Owner.BOTH) and not is_explained
        remark = _AGAIN if theirs else ""
        if not is_known and (around or not self._sections.is_known):
            remark = _AROUND
        return Owned(raw, _owner(ours=ours, theirs=theirs) or Owner.JENKINS, remark)

    def _know_password(self, raw: Raw) -> Owner | None:
        """Return whose a password is that the server has as it encrypted it at the update."""
        if not (self._fields and raw.live and raw.desired):
            return None
        encrypted, plain = text_of(raw.live), text_of(raw.desired)
        if code_encrypted(encrypted) not in self._fields.secrets:
            return None
        is_same = code_password(encrypted, plain) in self._fields.secrets
        return Owner.JENKINS if is_same else Owner.OURS

    def _find(self, raw: Raw) -> Owner | None:
        tag, section = _list_of(raw), self._section(raw)
        changed = self._sections.who_changed(section)
        reordered = self._sections.who_reordered(tag)
        if _is_moved_section(raw):
            return reordered or changed
        found = self._find_encrypted(raw) or self._lookup.attribute(self._part(raw))
        if found is None:
            return changed or reordered
        if not _is_section(raw):
            return found
        # One that was moved and changed is told as one gone and one new.
        return _join(found, changed, None if tag in self._moved else reordered)

    def _find_encrypted(self, raw: Raw) -> Owner | None:
        """Return whose it is that the server has a field encrypted that we give in plain text."""
        if not (self._fields and raw.desired and raw.live and raw.live.text == SECRET):
            return None
        was_plain = set(code_fields(raw.desired, raw.path)) <= set(self._fields.saved)
        if was_plain and self._sections.ours.keeps(self._section(raw)[0]):
            return Owner.JENKINS
        return self._know_password(raw)

    def _part(self, raw: Raw) -> _Part:
        """Return the codes of what differs."""
        if self._fields:
            live = raw.live and self._upgrade.undo(raw.live, raw.path, raw.plugin)
            return code_parts(replace(raw, live=live), hidden=self._hidden)
        ours, theirs = self._section(raw)
        # Jenkins may have made a matrix by itself, for who made the job.
        is_granted = raw.desired is None and raw.parent.endswith(MATRIX)
        return () if is_granted and not self._sections.ours.lost else ours, theirs

    def _section(self, raw: Raw) -> _Part:
        """Return the codes of the section that a difference is in."""
        ours, theirs = raw.desired_section, raw.live_section
        before = theirs and self._upgrade.undo(theirs, _section_path(raw, theirs), self._plugin)
        return (code(ours),) if ours else (), (code(before),) if before else ()


def _join(*sides: Owner | None) -> Owner:
    """Return whose some changes are together, that are told as one."""
    of_both = Owner.BOTH in sides
    whose = _owner(ours=of_both or Owner.OURS in sides, theirs=of_both or Owner.THEIRS in sides)
    return whose or Owner.JENKINS


def _section_path(raw: Raw, section: Normal) -> str:
    steps = raw.path.split("/")[:2]
    tags = [step.partition("[")[0] for step in steps]
    return "/".join(tags[: tags.index(section.tag) + 1]) if section.tag in tags else ""


def _is_section(raw: Raw) -> bool:
    """Tell whether what differs is a whole section."""
    return raw.desired is raw.desired_section and raw.live is raw.live_section


def _is_moved_section(raw: Raw) -> bool:
    return raw.change is Change.MOVED and _is_section(raw)


def _list_of(raw: Raw) -> str:
    return raw.path.partition("/")[0]


def _find_reordered(now: Normal, parts: Codes, then: Codes) -> frozenset[str]:
    """Return the lists whose sections, those that are as they were, have another order."""
    lists: dict[str, list[str]] = {}
    for part, (path, _) in zip(parts, sections(now), strict=True):
        lists.setdefault(path.partition("/")[0], []).append(part)
    return frozenset(tag for tag, own in lists.items() if _common(own, then) != _common(then, own))


def _common(parts: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the parts that others have too, in order."""
    left = Counter(others)
    found = []
    for part in parts:
        if left[part]:
            left[part] -= 1
            found.append(part)
    return found
