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
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cfl_jobs.configs.mark import Fingerprint, Mark
from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.configs.sections import MATRIX, code, codes, number_children, sections
from cfl_jobs.planning.differences import Change, Owner, Raw, find_renamed
from cfl_jobs.planning.fields import (
    Fields,
    code_encrypted,
    code_fields,
    code_of_parts,
    code_parts,
    code_password,
    read_fields,
    secret_paths,
    text_of,
)
from cfl_jobs.planning.upgrades import Habits, Upgrade
from cfl_jobs.planning.words import is_silent, word_for

Codes = tuple[str, ...]
_NONE = Fingerprint("")
# The codes of what either side has of a difference, or of the section that it is in.
_Part = tuple[Codes, Codes]


def attribute(
    found: Iterable[Raw],
    *,
    desired: Normal,
    live: Normal,
    mark: Mark | None,
    habits: Callable[[], Habits],
) -> tuple[tuple[Raw, Owner], ...]:
    """Say whose each difference of `desired` and `live` is.

    `habits`: what the elements on the server have alike (see `learn_habits`).
    """
    raws = tuple(found)
    if not raws:
        return ()
    if mark is None:
        return tuple((raw, Owner.ADOPT) for raw in raws)
    if mark.applied is None or mark.kept is None:
        return tuple((raw, Owner.UNKNOWN) for raw in raws)
    fields = read_fields(mark)
    upgrade = Upgrade(desired, live, mark, habits, fields.saved if fields else ())
    judge = _Judge(raws, desired, live, mark, upgrade)
    return tuple((raw, judge.attribute(raw)) for raw in raws)


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
        self._reordered = (
            _find_reordered(desired, our_parts, applied.parts),
            _find_reordered(live, their_parts, kept.parts),
        )

    def who_changed(self, part: _Part) -> Owner | None:
        ours, theirs = part
        return _owner(ours=not self.ours.keeps(ours), theirs=not self.theirs.keeps(theirs))

    def who_reordered(self, tag: str) -> Owner | None:
        ours, theirs = self._reordered
        return _owner(ours=tag in ours, theirs=tag in theirs)


def section_path(raw: Raw) -> str:
    """Return the path of the section that a difference is in, "" for the plain fields."""
    steps, section = raw.path.split("/"), raw.desired_section or raw.live_section
    for number, step in enumerate(steps[:2], start=1):
        if section is not None and step.partition("[")[0] == section.tag:
            return "/".join(steps[:number])
    return ""


class _Judge:
    """Says whose each difference is: by its fields, else its section, its list, or the job."""

    def __init__(
        self, raws: Sequence[Raw], desired: Normal, live: Normal, mark: Mark, upgrade: Upgrade
    ) -> None:
        before = upgrade.undo(live, "", "")
        self._live, self._upgrade, self._renamed = live, upgrade, find_renamed(raws)
        self._sections = _Sections(desired, before, mark.applied or _NONE, mark.kept or _NONE)
        self._fields = read_fields(mark)
        self._hidden = secret_paths(live)
        # The lists of which a new order is told by a difference of its own.
        self._moved = {_list_of(raw) for raw in raws if _is_moved_section(raw)}
        stayed = [raw for raw in raws if not _is_moved_section(raw)]
        if self._fields is None:
            self._lookup = self._look_up_sections(stayed)
        else:
            self._lookup = self._look_up_fields(stayed, desired, before, self._fields)

    def _look_up_fields(
        self, raws: Sequence[Raw], desired: Normal, live: Normal, fields: Fields
    ) -> _Lookup:
        return _Lookup(
            [self._part(raw) for raw in raws],
            _Past(code_fields(desired, hidden=self._hidden), fields.applied),
            _Past(code_fields(live), fields.saved),
            key=lambda code: code[0],
            own=fields.own,
        )

    def _look_up_sections(self, raws: Sequence[Raw]) -> _Lookup:
        parts = {
            (id(raw.desired_section), id(raw.live_section)): self._section(raw) for raw in raws
        }
        return _Lookup(
            tuple(parts.values()), self._sections.ours, self._sections.theirs, key=lambda code: ""
        )

    def attribute(self, raw: Raw) -> Owner:
        whole = self._sections.whole
        if whole is None:
            return Owner.JENKINS
        owner = (self._find(raw) if self._sections.is_known else None) or whole
        if owner is Owner.JENKINS or (
            owner is not Owner.OURS and self._upgrade.has_made(raw, self._renamed)
        ):
            return Owner.JENKINS
        # Who changed nothing has no part in any difference.
        return owner if whole is Owner.BOTH else whole

    def _find(self, raw: Raw) -> Owner | None:
        tag = _list_of(raw)
        changed = self._sections.who_changed(self._section(raw))
        reordered = self._sections.who_reordered(tag)
        if _is_moved_section(raw):
            return reordered or changed
        found = self._find_encrypted(raw) or self._lookup.attribute(self._part(raw))
        if found is None:
            return changed or reordered
        if not _is_section(raw):
            return found
        # One that was moved and changed is told as one gone and one new.
        moved = None if tag in self._moved else reordered
        return _join(found, changed, moved)

    def _part(self, raw: Raw) -> _Part:
        """Return the codes of what differs."""
        if self._fields is None:
            ours, theirs = self._section(raw)
            # Jenkins may have made a matrix by itself, for who made the job.
            is_granted = raw.desired is None and raw.parent.endswith(MATRIX)
            return () if is_granted and not self._sections.ours.lost else ours, theirs
        live = raw.live and self._upgrade.undo(raw.live, raw.path, raw.plugin)
        return code_parts(replace(raw, live=live), hidden=self._hidden)

    def _section(self, raw: Raw) -> _Part:
        """Return the codes of the section that a difference is in."""
        ours, theirs = raw.desired_section, raw.live_section
        before = theirs and self._upgrade.undo(theirs, section_path(raw), self._live.plugin)
        return (code(ours),) if ours else (), (code(before),) if before else ()

    def _find_encrypted(self, raw: Raw) -> Owner | None:
        """Return whose it is that the server has a field encrypted that we give in plain text."""
        if not (raw.desired and raw.live and self._fields and raw.live.text == SECRET):
            return None
        encrypted, plain = text_of(raw.live), text_of(raw.desired)
        if code_encrypted(encrypted) in self._fields.secrets:
            is_known = code_password(encrypted, plain) in self._fields.secrets
            return Owner.JENKINS if is_known else Owner.OURS
        # A directory has it as we wrote it, until a Jenkins starts with that.
        was_plain = set(code_fields(raw.desired, raw.path)) <= set(self._fields.saved)
        keeps = self._sections.ours.keeps(self._section(raw)[0])
        return Owner.JENKINS if was_plain and keeps else None


def _join(*sides: Owner | None) -> Owner:
    """Return whose some changes are together, that are told as one."""
    of_both = Owner.BOTH in sides
    whose = _owner(ours=of_both or Owner.OURS in sides, theirs=of_both or Owner.THEIRS in sides)
    return whose or Owner.JENKINS


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


@dataclass(frozen=True, slots=True)
class SecretDifference:
    """A password that isn't, or may not be, the same on both sides. `remark`: what isn't sure."""

    path: str
    label: str
    owner: Owner
    remark: str = ""


@dataclass(frozen=True, slots=True)
class SecretPair:
    """A password of both sides, with its section on either side, and each side's text of it.

    Of an empty one there is no text.
    """

    section: str
    path: str
    label: str
    sections: tuple[Normal, Normal]
    desired: str
    live: str


_AGAIN = "or only entered again: it is encrypted"
_AROUND = "or not: it is encrypted, and more changed around it"


def compare_secrets(
    desired: Normal, live: Normal, mark: Mark | None, sided: Iterable[tuple[Raw, Owner]]
) -> Iterator[SecretDifference]:
    """Yield the passwords that may differ. `sided` are all other differences, and whose they are.

    Jenkins encrypts a password that we post, so the texts of the two sides can't be compared.
    """
    inside: dict[str, set[Owner]] = {}
    for raw, owner in sided:
        if raw.desired_section and raw.live_section:
            inside.setdefault(section_path(raw), set()).add(owner)
    for pair in find_other_secrets(desired, live):
        owner, remark = Owner.ADOPT, "can't be compared"
        if mark is not None:
            around = inside.get(pair.section, set())
            owner, remark = _attribute_secret(pair, desired, live, mark, around)
        if owner is not Owner.JENKINS:
            yield SecretDifference(pair.path, pair.label, owner, remark)


def _attribute_secret(
    pair: SecretPair, desired: Normal, live: Normal, mark: Mark, around: set[Owner]
) -> tuple[Owner, str]:
    if mark.applied is None or mark.kept is None:
        return Owner.UNKNOWN, "ours or theirs: the mark was damaged"
    fields = read_fields(mark)
    known = fields.secrets if fields else frozenset()
    if code_encrypted(pair.live) in known:
        is_same = code_password(pair.live, pair.desired) in known
        return (Owner.JENKINS if is_same else Owner.OURS), ""
    past = _Sections(desired, live, mark.applied, mark.kept)
    parts = [(code(section),) for section in pair.sections]
    changed = past.who_changed((parts[0], parts[1])) if past.is_known else past.whole
    # A directory has it as we wrote it, until a Jenkins starts with that.
    was_plain = pair.sections[0] == pair.sections[1] and past.theirs.then[parts[0][0]]
    theirs = bool(known or changed in (Owner.THEIRS, Owner.BOTH)) and not was_plain
    explained = known and around & {Owner.OURS, Owner.BOTH}
    ours = changed in (Owner.OURS, Owner.BOTH) and not explained
    remark = _AGAIN if theirs else ""
    if not known and (around or not past.is_known):
        remark = _AROUND
    return _owner(ours=ours, theirs=theirs) or Owner.JENKINS, remark


def find_other_secrets(desired: Normal, live: Normal) -> Iterator[SecretPair]:
    """Yield the passwords that both have, and not the same text of."""
    if not any(element.text == SECRET for element in desired.walk()):
        return
    there = dict(sections(live))
    for path, section in sections(desired):
        theirs = {label: text for _, label, text in _find_secrets(path, there.get(path, section))}
        for inner, label, text in _find_secrets(path, section):
            if theirs.get(label, text) != text:
                yield SecretPair(path, inner, label, (section, there[path]), text, theirs[label])


def _find_secrets(path: str, element: Normal, label: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the path, the label and the text of each password."""
    if path and not is_silent(element.tag):  # all plain fields of a job have no label of their own
        label = f"{label}: {word_for(element)}" if label else word_for(element)
    if element.text == SECRET:
        yield path, label, text_of(element)
    for step, child in number_children(element):
        inner = step.partition("/")[2]
        yield from _find_secrets(f"{path}/{inner}" if path else inner, child, label)
