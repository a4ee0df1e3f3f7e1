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

After a plugin, or Jenkins itself, was upgraded, Jenkins' next save may add fields to its elements,
or leave some out, which looks like an edit. Each element says which plugin's version saved it (the
others: the Jenkins that answers), and the mark has a code of each version of the last update. So in
an element of a newer version a field that we don't set is Jenkins' own, if all elements of its
class that this version saved, in two jobs or more, have it alike; and so is that a flag of ours is
gone, if none of them says anything of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from enum import Flag
from functools import cache, cached_property
from typing import NamedTuple

from cfl_jobs.configs.mark import (
    MATRIX,
    Codes,
    Fingerprint,
    Mark,
    code,
    code_of_text,
    codes,
    find_plugins,
    sections,
)
from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.planning import fields
from cfl_jobs.planning.differences import (
    Raw,
    compare,
    compare_passwords,
    find_renamed,
    without_numbers,
)
from cfl_jobs.planning.plan import Owner

# The codes of what each side, we and they, has of a difference, or of the section it is in.
_Part = tuple[Codes, Codes]
_NONE = Fingerprint("")
_DAMAGED = "ours or theirs: the mark was damaged"
_NEWER = "or set by {}, which is newer than at the last update"
_AGAIN = "or only entered again: it is encrypted"
_AROUND = "or not: it is encrypted, and more changed around it"
# Fields of a job that only people fill: AbstractItem's, AbstractProject's (core 2.568).
_PEOPLES = frozenset(
    """
    assignedNode customWorkspace description displayName jdk quietPeriod scmCheckoutRetryCount
    """.split()  # noqa: SIM905 - longer as a list
)


class Habits:
    """What the elements of a class have alike in a server's jobs, by the plugin that saved them."""

    def __init__(self, jobs: Iterable[Normal] = ()) -> None:
        self._elements: dict[tuple[str, str], list[tuple[int, Normal]]] = {}
        for number, job in enumerate(jobs):
            waiting = [("", job)]
            while waiting:
                plugin, element = waiting.pop()
                plugin = element.plugin or plugin  # Jenkins names it on the outermost only
                self._elements.setdefault((plugin, element.kind), []).append((number, element))
                waiting += [(plugin, child) for child in element.children]
        self.adds, self.takes = cache(self._adds), cache(self._takes)

    def _adds(self, plugin: str, kind: str, child: Normal) -> bool:
        """Tell whether a plugin's version writes a field with this value into a class.

        All elements have it then, in two jobs or more.
        """
        found = self._elements.get((plugin, kind), ())
        return (
            child.tag not in _PEOPLES
            and len({number for number, _ in found}) > 1
            and all([c for c in it.children if c.tag == child.tag] == [child] for _, it in found)
        )

    def _takes(self, plugin: str, kind: str, child: Normal) -> bool:
        """Tell whether a plugin's version has no such flag in a class any more.

        A flag that a class has is always written; any other field may have been emptied.
        """
        found = [element for _, element in self._elements.get((plugin, kind), ())]
        is_said = any(child.tag in element.defaults or element.find(child.tag) for element in found)
        return bool(found) and not is_said and child.text in ("true", "false")


class Owned(NamedTuple):
    """A difference, whose it is, and what isn't sure."""

    raw: Raw
    owner: Owner
    remark: str = ""


class _By(Flag):
    """Who changed something since the last update."""

    NOBODY = 0
    US = 1
    THEM = 2

    @property
    def owner(self) -> Owner:
        return (Owner.JENKINS, Owner.OURS, Owner.THEIRS, Owner.BOTH)[self.value]


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
    owned = judge.attribute(raws)
    told = (judge.attribute_password(raw, owned) for raw in passwords)
    return (*owned, *(one for one in told if one.owner is not Owner.JENKINS))


def record(mark: Mark, desired: Normal, live: Normal) -> Mark:
    """Return a mark with codes of a job's fields, as it was applied and as Jenkins saved it."""
    hidden = fields.secret_paths(live)
    parts = [_code_parts(raw, raw.live, hidden) for raw in compare(desired, live)]
    own = [_code_of_part(part) for part in parts if max(map(len, part)) > 1]
    return fields.write_fields(mark, desired, live, own)


def _code_parts(raw: Raw, live: Normal | None, hidden: Collection[str]) -> _Part:
    ours = fields.code_fields(raw.desired, raw.path, hidden=hidden)
    return tuple(ours), tuple(fields.code_fields(live, raw.path))


def _code_of_part(part: _Part) -> str:
    return code_of_text(" ".join("".join(codes_) for codes_ in part))


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
    """Who changed which part. `key` says what the code of a part is a value of.

    `own` are codes of parts that differed right after the update, of more than one code.
    """

    def __init__(
        self,
        past: tuple[_Past, _Past],
        parts: Sequence[_Part],
        *,
        key: Callable[[str], str],
        own: Collection[str] = (),
    ) -> None:
        self._past, self._key, self._own = past, key, own
        ours, theirs = past
        self._only = ours.then - theirs.then, theirs.then - ours.then
        swapped = [(theirs_, ours_) for ours_, theirs_ in parts]
        self._unexplained = (
            _find_unexplained(ours, theirs, parts, key),
            _find_unexplained(theirs, ours, swapped, key),
        )

    def who_changed(self, part: _Part) -> _By | None:
        """Return who did, None where each side has it as it was, but not the same."""
        keys = {self._key(code) for codes_ in part for code in codes_}
        lost = _by(*(keys & unexplained for unexplained in self._unexplained))
        if self._is_own(part):
            return lost
        ours, theirs = self._past
        changed = _by(_has_changed(ours, theirs, *part), _has_changed(theirs, ours, *part[::-1]))
        return (lost | changed) or None

    def has_agreed(self) -> bool:
        """Tell whether both sides changed anything alike, or one what the other had before."""
        ours, theirs = self._past
        new = [code for past in self._past for code in past.new if not past.then[code]]
        return bool(ours.lost & theirs.lost) or any(
            ours.now[code] and theirs.now[code] for code in new
        )

    def _is_own(self, part: _Part) -> bool:
        """Tell whether each side has it as it was, and they were just as different."""
        if not all(past.keeps(codes_) for past, codes_ in zip(self._past, part, strict=True)):
            return False
        if max(map(len, part)) > 1:
            return _code_of_part(part) in self._own
        if not all(
            only[code] for only, side in zip(self._only, part, strict=True) for code in side
        ):
            return False
        if all(part):
            return True
        # What one side has alone: there were more of its kind on that side.
        ours, theirs = (Counter(map(self._key, only.elements())) for only in self._only)
        kinds = (ours - theirs, theirs - ours)
        return any(
            kind[self._key(code)] for kind, side in zip(kinds, part, strict=True) for code in side
        )


def _by(ours: object, theirs: object) -> _By:
    return _By(bool(ours) + 2 * bool(theirs))


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
        applied, saved, known = mark.applied or _NONE, mark.kept or _NONE, fields.read_fields(mark)
        self._fields, self._mark, self._desired, self._live = known, mark, desired, live
        self._saved = frozenset(known.saved)
        self._is_upgraded = any(map(mark.is_older_than, find_plugins(live)))
        self._habits = habits() if self._is_upgraded else Habits()
        before = self._undo(live, "", "")
        (our_whole, our_parts), (their_whole, their_parts) = codes(desired), codes(before)
        self._whole = _by(our_whole != applied.whole, their_whole != saved.whole)
        self._past = _Past(our_parts, applied.parts), _Past(their_parts, saved.parts)
        self._has_sections = bool(applied.parts and saved.parts)
        self._reordered = (
            _find_reordered(desired, our_parts, applied.parts),
            _find_reordered(before, their_parts, saved.parts),
        )
        # The lists of which a new order is told by a difference of its own.
        self._moved = {_list_of(raw) for raw in raws if _is_moved_section(raw)}
        self._renamed, self._hidden = find_renamed(raws), fields.secret_paths(live)
        stayed = [raw for raw in raws if not _is_moved_section(raw)]
        if known.applied:
            ours = _Past(fields.code_fields(desired, hidden=self._hidden), known.applied)
            past = ours, _Past(fields.code_fields(before), known.saved)
            parts = [self._part(raw) for raw in stayed]
            self._lookup = _Lookup(past, parts, key=lambda code: code[0], own=known.own)
        else:
            found = {_pair(raw): self._section(raw) for raw in stayed}
            self._lookup = _Lookup(self._past, tuple(found.values()), key=lambda code: "")

    def attribute(self, raws: Sequence[Raw]) -> list[Owned]:
        found = self._tell_growth(raws, [self._find(raw) for raw in raws])
        told: dict[tuple[int, int], _By] = {}
        for raw, by in zip(raws, found, strict=True):
            told[_pair(raw)] = told.get(_pair(raw), _By.NOBODY) | by
        return [self._judge(raw, by, told[_pair(raw)]) for raw, by in zip(raws, found, strict=True)]

    def _tell_growth(self, raws: Sequence[Raw], found: list[_By]) -> list[_By]:
        """Return who made each difference, also who has more sections now, if none tells that.

        Such a side may have made what it has alone, though there was one like it: it repeated that,
        then both changed the first alike.
        """
        ours, theirs = (past.now.total() - past.then.total() for past in self._past)
        by = _by(ours > max(theirs, 0), theirs > max(ours, 0))
        alone = [
            _is_section(raw) and _by(raw.live is None, raw.desired is None) is by for raw in raws
        ]
        told = any(is_alone and by in its for is_alone, its in zip(alone, found, strict=True))
        if told or not by or not self._has_sections:
            return found
        more = (_By.NOBODY, by)
        return [its | more[is_alone] for is_alone, its in zip(alone, found, strict=True)]

    def _judge(self, raw: Raw, by: _By, told: _By) -> Owned:
        """Return whose a difference is that was found `by`; all of its section's are `told` by."""
        is_on_both_sides = raw.desired and raw.live
        if by and self._fields.applied and raw.desired_section and raw.live_section:
            # Who changed the section too, though no field that differs tells it: it may be a copy
            # of another, or lack some of what it had; or both changed a field alike.
            is_field = not any(side and side.children for side in (raw.desired, raw.live))
            if not (is_field and self._lookup.has_agreed()):
                by |= self._who_changed(self._section(raw)) & ~told
        is_newer = raw.is_upgraded(self._mark) and not raw.is_item
        if by & _By.THEM and is_newer and not is_on_both_sides:
            # What a newer version of a plugin does to all alike is nobody's.
            does = (self._adds, self._habits.takes)[raw.desired is not None]
            if raw.path in self._renamed or does(raw.plugin, raw.parent, raw.element):
                by = _By.NOBODY
        by &= self._whole  # who changed nothing has no part in any difference
        is_unsure = by is _By.THEM and is_newer and raw.desired is None
        return Owned(raw, by.owner, _NEWER.format(raw.plugin) * is_unsure)

    def attribute_password(self, raw: Raw, owned: Iterable[Owned]) -> Owned:
        """Return whose another password is. `owned` are all other differences."""
        known = self._know_password(raw)
        if known is not None or not self._whole:
            return Owned(raw, (known or _By.NOBODY).owner)
        place = raw.desired_section, raw.live_section
        around = {
            one.owner for one in owned if (one.raw.desired_section, one.raw.live_section) == place
        }
        section = self._section(raw)
        by = self._who_changed(section)
        has_codes = bool(self._fields.secrets)
        if has_codes:
            by |= _By.THEM
            if around & {Owner.OURS, Owner.BOTH}:
                by &= ~_By.US  # that explains what changed on our side
        if raw.desired_section == raw.live_section and self._past[1].then[section[0][0]]:
            by &= ~_By.THEM  # a directory has it as we wrote it, until a Jenkins starts with that
        remark = _AGAIN if by & _By.THEM else ""
        if not has_codes and (around or not self._has_sections):
            remark = _AROUND
        return Owned(raw, by.owner, remark)

    def _know_password(self, raw: Raw) -> _By | None:
        """Return who changed a password that the server has as it encrypted it at the update."""
        if not (raw.live and raw.desired):
            return None
        is_same = self._fields.has_password(raw.desired, raw.live)
        if is_same is None:
            return None
        return _by(not is_same, None)

    def _find(self, raw: Raw) -> _By:
        if not self._whole or not self._has_sections:
            return self._whole
        tag, changed = _list_of(raw), self._who_changed(self._section(raw))
        reordered = _by(*(tag in lists for lists in self._reordered))
        if _is_moved_section(raw):
            return reordered or changed or self._whole
        found = self._find_encrypted(raw)
        if found is None:
            found = self._lookup.who_changed(self._part(raw))
        if found is None:
            return changed or reordered or self._whole
        if _is_section(raw):
            found |= changed
            if tag not in self._moved:  # one moved and changed is told as one gone and one new
                found |= reordered
        return found

    def _find_encrypted(self, raw: Raw) -> _By | None:
        """Return who changed a field that we give in plain text and the server has encrypted."""
        if not (raw.desired and raw.live and raw.live.text == SECRET):
            return None
        was_plain = self._saved.issuperset(fields.code_fields(raw.desired, raw.path))
        if was_plain and self._past[0].keeps(self._section(raw)[0]):
            return _By.NOBODY
        return self._know_password(raw)

    def _who_changed(self, section: _Part) -> _By:
        if not self._has_sections:
            return self._whole
        ours, theirs = self._past
        return _by(not ours.keeps(section[0]), not theirs.keeps(section[1]))

    def _part(self, raw: Raw) -> _Part:
        if self._fields.applied:
            live = raw.live and self._undo(raw.live, raw.path, raw.plugin)
            return _code_parts(raw, live, self._hidden)
        ours, theirs = self._section(raw)
        # Jenkins may have made a matrix by itself, for who made the job.
        if raw.desired is None and raw.parent.endswith(MATRIX) and not self._past[0].lost:
            ours = ()
        return ours, theirs

    def _section(self, raw: Raw) -> _Part:
        ours, theirs = raw.desired_section, raw.live_section
        if theirs and self._is_upgraded:
            tags = without_numbers(raw.path).split("/")[:2]
            path = tags[: tags.index(theirs.tag) + 1] if theirs.tag in tags else []
            theirs = self._undo(theirs, "/".join(path), self._live.plugin)
        return (code(ours),) if ours else (), (code(theirs),) if theirs else ()

    def _undo(self, element: Normal, path: str, plugin: str) -> Normal:
        """Return an element of the server's without the fields that newer versions added to it.

        `plugin` saved what is around it.
        """
        if not self._is_upgraded:
            return element
        plugin = element.plugin or plugin
        children: list[Normal] = []
        for child in element.children:
            inner = f"{path}/{child.tag}".lstrip("/")
            is_added = self._adds(plugin, element.kind, child)
            if not is_added or self._saved.issuperset(fields.code_fields(child, inner)):
                children.append(self._undo(child, inner, plugin))
        return replace(element, children=tuple(children))

    def _adds(self, plugin: str, kind: str, child: Normal) -> bool:
        """Tell whether a plugin's version, newer than at the last update, gave a class a field."""
        is_new = (kind, child.tag) not in self._known and self._mark.is_older_than(plugin)
        return is_new and self._habits.adds(plugin, kind, child)

    @cached_property
    def _known(self) -> frozenset[tuple[str, str]]:
        """Fields, by class, that our elements have: no upgrade brings those."""
        return frozenset(
            (element.kind, tag)
            for element in self._desired.walk()
            for tag in (*element.defaults, *(child.tag for child in element.children))
        )


def _pair(raw: Raw) -> tuple[int, int]:
    """Return what tells the sections of a difference from others."""
    return id(raw.desired_section), id(raw.live_section)


def _is_section(raw: Raw) -> bool:
    return raw.desired is raw.desired_section and raw.live is raw.live_section


def _is_moved_section(raw: Raw) -> bool:
    return raw.is_moved and _is_section(raw)


def _list_of(raw: Raw) -> str:
    return raw.path.partition("/")[0]


def _find_reordered(now: Normal, parts: Codes, then: Codes) -> frozenset[str]:
    """Return the lists whose sections, those that are as they were, have another order."""
    if parts == then:
        return frozenset()
    lists: dict[str, list[str]] = {}
    for part, (path, _) in zip(parts, sections(now), strict=True):
        lists.setdefault(path.partition("/")[0], []).append(part)
    return frozenset(tag for tag, own in lists.items() if _common(own, then) != _common(then, own))


def _common(parts: Iterable[str], others: Iterable[str]) -> list[str]:
    left = Counter(others)
    found = []
    for part in parts:
        if left[part]:
            left[part] -= 1
            found.append(part)
    return found
