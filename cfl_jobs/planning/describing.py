"""Differences → what people read of them: words, lines, the place that made each, and groups."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest

from cfl_jobs.check.secret_text import hide_secrets, is_secret, secrets_of
from cfl_jobs.configs.config import Blame, Config
from cfl_jobs.configs.fields import BUILT_IN_NODE
from cfl_jobs.configs.mark import MATRIX
from cfl_jobs.configs.normalform import NOTHING, SECRET, Normal, absent_value
from cfl_jobs.errors import Position, count
from cfl_jobs.planning.differences import Raw, split_words, without_numbers
from cfl_jobs.planning.plan import Change, Difference, Owner
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.reading import JOBS
from cfl_jobs.reading.tracking import NOWHERE, Pieces
from cfl_jobs.reading.versions import NEWEST

_CONTEXT = 2
# Where one text ends in a newline and the other doesn't. It is in no line, so it is like none.
_NO_END = "\n"
_NO_END_SHOWN = "\\ no newline at the end"
_LONG = 300  # characters of a line that is shown
_AROUND = 80  # of them before and after what changed in a longer line
_NUMBER = re.compile(r" \d+(?=:|$)")


def describe_disabled(
    desired: Config, live: Config, owner: Owner, place: Position | None = None
) -> Iterator[Difference]:
    """Yield the difference in whether the job is disabled, if there is one."""
    if desired.disabled != live.disabled:
        before, after = (str(config.disabled).lower() for config in (live, desired))
        change = Change.CHANGED
        yield Difference("disabled", "disabled", change, before, after, owner, place)


def describe(
    raw: Raw,
    owner: Owner,
    position: Position | None = None,
    remark: str = "",
    *,
    hidden: Collection[str] = (),
    versions: Mapping[str, str] = NEWEST,
) -> Difference:
    """Put a difference into words; secrets are left out. `remark`: what else is to be said.

    `hidden` are the paths, without numbers, where either side has a password: Jenkins may have
    encrypted what the other has in plain text. `versions` are the server's, by plugin or
    versions.CORE.
    """
    path = without_numbers(raw.path)
    desired, live = raw.desired, raw.live
    before, after = (show_value(side, path, hidden) for side in (live, desired))
    change = (Change.CHANGED, Change.MOVED)[raw.is_moved]
    if not desired or not live:
        change = (Change.ADDED, Change.REMOVED)[live is not None]
        if absent := _meaning_of_absence(raw, versions):
            before, after, change = before or absent, after or absent, Change.CHANGED
    elif desired.kind != live.kind:
        before = "; ".join(filter(None, (f"class: {live.kind}", before)))
        after = "; ".join(filter(None, (f"class: {desired.kind}", after)))
    elif desired.text == live.text == SECRET:
        after = f"{SECRET} (another)"
    elif (
        before == after
        and not raw.is_moved
        and [part.text for part in desired.walk()] != [part.text for part in live.walk()]
    ):
        # All that differs is hidden.
        if before != SECRET:
            before = f"text with {SECRET}"
        after = f"{before} (another)"
    else:
        # As many secrets, and not the same: that can't be seen otherwise.
        secrets, others = secrets_of(desired.text), secrets_of(live.text)
        if len(secrets) == len(others) and secrets != others:
            remark = "; ".join(filter(None, (remark, "a secret in it changed too")))
    return Difference(raw.path, raw.label, change, before, after, owner, position, remark)


def show_value(normal: Normal | None, path: str = "", hidden: Collection[str] = ()) -> str:
    """Return the content of an element at `path` as text for people, secrets left out.

    "" for none. At paths in `hidden`, without numbers, stand passwords, whatever they are called.
    """
    if normal is None:
        return ""
    if not normal.children:
        is_hidden = bool(normal.text) and path in hidden
        if is_hidden or normal.text == SECRET or is_secret(normal.tag, normal.text):
            return SECRET
        return hide_secrets(normal.text, SECRET)
    if normal.tag.endswith(MATRIX):  # a line for each permission, and for what else is granted
        granted = []
        for child in normal.children:
            what = child.text
            if child.tag != "permission":
                what = f"{split_words(child.tag)}: {what or split_words(child.kind)}"
            granted.append(what)
        return "\n".join(granted)
    inside = []
    for child in normal.children:
        text = show_value(child, f"{path}/{child.tag}".lstrip("/"), hidden)
        inside.append(": ".join(filter(None, (split_words(child.tag), text))))
    return "; ".join(inside)


def _meaning_of_absence(raw: Raw, versions: Mapping[str, str]) -> str:
    """Return what a flag or a node's label that one side doesn't have means there, else ""."""
    if raw.is_item:
        return ""
    if raw.path == "assignedNode":
        around = raw.live_section if raw.desired else raw.desired_section
        roams = around and around.find("canRoam")
        return "any node" if roams and roams.text == "true" else BUILT_IN_NODE
    opposite = {"true": "false", "false": "true"}.get(raw.element.text, "")
    if absent_value(raw.parent, raw.element.tag, versions) != opposite:
        return ""
    return opposite


def place_of(rendered: Config, raw: Raw, before: Config) -> Position:
    """Return the place that made a part, or that it would stand in: its list, its element.

    Where a value only decided that the part is there, that is to blame, if all of the part is new
    with it. `before` knows places only where it was rendered too.
    """
    path, text = raw.path, raw.element.text
    if path == "canRoam":  # says the opposite of what an option makes of assignedNode
        node = Normal("assignedNode")
        opposite = replace(raw, desired=raw.live and node, live=raw.desired and node)
        return place_of(rendered, replace(opposite, path=node.tag), before)
    if raw.desired is None:
        return _place_of_gone(rendered, raw, before)
    place = rendered.place_of(path)
    if raw.live is None:
        if raw.is_item:
            place = _place_of_item(rendered, path, text)
    elif text and (pieces := rendered.pieces_of(path)):
        return _place_in_text(rendered, raw, before, pieces)
    else:
        text = ""
        if before.blame and all(blame.path != path for blame in rendered.blame):
            gone = before.place_of(path)  # what made it isn't there any more
            if _is_value(gone) and gone != before.definition:
                return _nearest(rendered, gone)
            return _place_of_flip(rendered, gone) or place
    # Was nothing let in but this, what is around it, and what is in its line?
    by = rendered.steered(place) or before.steered(place)
    outside = _split_blame(rendered.blame, (path,))[1]
    others = (part for part in outside if not path.startswith(f"{part.path}/"))
    lines = (of for of in _places(others) if (of.file, of.line) != (place.file, place.line))
    is_new = by is not None and not any(map(by.holds, lines))
    return _steered(rendered, place, text, before, is_new=is_new)


def _place_of_gone(rendered: Config, raw: Raw, before: Config) -> Position:
    path, text = raw.path, raw.element.text
    if before.blame:
        gone = _place_of_item(before, path, text) if raw.is_item else before.place_of(path)
        if flipped := _place_of_flip(rendered, gone):
            return flipped
        if raw.is_item and _is_value(gone := _find_deciding(before, gone)):
            return _nearest(rendered, gone)
    if not raw.is_item:
        return rendered.place_of(path)
    # A number in the path counts the server's elements, not ours.
    beside = path.rpartition("[")[0]
    made = [of.position for of in rendered.blame if of.path.startswith(f"{beside}[")]
    values = (of for of in made if text and _is_value(of))
    return max(values, default=rendered.place_of(path.rpartition("/")[0]))


def _place_in_text(rendered: Config, raw: Raw, before: Config, pieces: Pieces) -> Position:
    live, text = ((side or NOTHING).text for side in (raw.live, raw.desired))
    change = _find_change(text, live, pieces)
    within = _find_changed_value(text, live, pieces) or change
    place, piece = _place_of_change(text, within, pieces, rendered.place_of(raw.path))
    was, now = (sum(s.file == s.position.file for s in of.steering) for of in (before, rendered))
    if not _is_value(place) and now < was and (old := before.pieces_of(raw.path)):
        # Was an entry picked by a value that the text named, and isn't any more?
        gone, _ = _place_of_change(live, _find_change(live, text, old), old, NOWHERE)
        by_value = _find_deciding(before, gone)
        if _is_value(gone) and by_value != gone:
            return _nearest(rendered, by_value)
    new = text[max(change.start, piece.start) : min(change.stop, piece.stop)]
    by, is_new = rendered.steered(place), False
    if here := [number for number, (_, of) in enumerate(pieces) if by and by.holds(of)]:
        # Did most of what was let in change?
        size = _ends(pieces, text)[here[-1]] - pieces[here[0]][0]
        changed = change.stop - change.start
        is_new = 0 < size < 2 * max(changed, changed + len(live) - len(text))
    return _steered(rendered, place, new, before, is_new=is_new)


def _steered(
    rendered: Config, place: Position, text: str, before: Config, *, is_new: bool
) -> Position:
    """Return the value that let in what a place made; the place itself, if that is what is new.

    A value is none where its text was elsewhere. `is_new`: all that was let in with it is new.
    """
    by, was = rendered.steered(place), before.steered(place)
    is_ours = by is not None and _is_own(rendered, by.position)
    if was and is_new and not is_ours and not _is_value(place) and _is_own(before, was.position):
        return rendered.definition  # it was taken out of the entry
    if by is None:
        return place
    if _is_value(place):
        bare = re.sub(r"^(?:\W|and\b)+|\W+$", "", text)
        word = re.compile(rf"(?<!\w){re.escape(bare)}(?!\w)")
        is_new = bool(bare) and any(word.search(part.text) for part in before.normal.walk())
    return _find_deciding(rendered, by.position) if is_new else place


def _is_own(rendered: Config, place: Position) -> bool:
    own = rendered.definition
    return place.file == own.file and place.line >= own.line


def _find_deciding(rendered: Config, place: Position) -> Position:
    """Return the value that decided that something is made at a place, else the place itself."""
    by = rendered.steered(place)
    if by is None or by.position == place:
        return place
    return by.position if _is_value(place) else _find_deciding(rendered, by.position)


def _place_of_flip(rendered: Config, gone: Position) -> Position | None:
    """Return the value that lets nothing in any more where something was made, if it is there."""
    by = rendered.steered(gone)
    if by is None or any(map(by.holds, _places(rendered.blame))):
        return None
    return by.position


def _ends(pieces: Pieces, text: str) -> list[int]:
    return [*(at for at, _ in pieces[1:]), len(text)]


def _place_of_item(rendered: Config, path: str, text: str) -> Position:
    """Return the place that made an item of a list, or of the value in jobs/ that it is there for.

    Where a template's line made several items, a value makes the difference. So does one of the
    job's own that nothing else is made of: no template read it before, and it had to be read.
    """
    place = rendered.place_of_item(path, text)
    if text or _is_value(place):
        return place
    inside, others = _split_blame(rendered.blame, (path,))
    values = sorted(of for of in _places(inside) if _is_value(of))
    if alike := [blame.path for blame in others if blame.position == place]:
        others = _split_blame(others, alike)[0]
    else:
        own = rendered.definition
        values = [of for of in values if of.file == own.file and of.line > own.line]
    elsewhere = set(_places(others))
    return next((value for value in values if value not in elsewhere), place)


def _split_blame(blame: Iterable[Blame], paths: Sequence[str]) -> tuple[list[Blame], list[Blame]]:
    found: tuple[list[Blame], list[Blame]] = ([], [])
    starts = tuple(f"{path}/" for path in paths)
    for part in blame:
        found[not f"{part.path}/".startswith(starts)].append(part)
    return found


def _places(blame: Iterable[Blame]) -> Iterator[Position]:
    for part in blame:
        yield part.position
        yield from (of for _, of in part.pieces)


def _nearest(rendered: Config, gone: Position) -> Position:
    """Return the place of what stood before something that is gone from a file of jobs/."""
    if gone.file == rendered.definition.file and gone.line > rendered.definition.line:
        return rendered.definition
    made = _places(rendered.blame)
    before = [of for of in made if of.file == gone.file and of.line <= gone.line]
    return max(before, default=rendered.definition)


def _is_value(place: Position) -> bool:
    return place.file.startswith(f"{JOBS}/")


def _find_changed_value(desired: str, live: str, pieces: Pieces) -> slice | None:
    """Return where in a text the first value that changed differs, if all that a template wrote
    is in the other one too, in that order."""
    ends = _ends(pieces, desired)
    found: slice | None = None
    first = last = start = 0  # of the values since the last of a template's pieces, in both texts
    for (at, place), end in zip((*pieces, (len(desired), NOWHERE)), (*ends, -1), strict=True):
        if _is_value(place):
            last = end
            continue
        text = desired[at:end] if end >= 0 else ""
        here = live.find(text, start) if end >= 0 else len(live)
        if here < 0 or (here > start and first == last):
            return None
        if found is None and desired[first:last] != live[start:here]:
            at = _pass_gap(
                desired, first + count_common(desired[first:last], live[start:here]), last, pieces
            )
            found = slice(at, min(at + 1, last))
        start, first, last = here + len(text), end, end
    return found


def _find_change(desired: str, live: str, pieces: Pieces) -> slice:
    """Return the part of a text that the other one doesn't have, without what they begin and end
    with alike."""
    start = count_common(desired, live)
    end = len(desired) - count_common(desired[start:][::-1], live[start:][::-1])
    return slice(_pass_gap(desired, start, end, pieces), end)


def _pass_gap(text: str, start: int, end: int, pieces: Pieces) -> int:
    """Return where what begins in a text says something: what stands between two values of a list,
    a blank or a comma, comes with the second one."""
    line_end = start + len(text[start:end].partition("\n")[0])
    new = next((at for at, _ in pieces if start < at < line_end), start)
    return start if re.search(r"\w", text[start:new]) else new


def _place_of_change(
    desired: str, change: slice, pieces: Pieces, whole: Position
) -> tuple[Position, slice]:
    """Return the place of the first piece of a text that changed, and where the piece is.

    A value that was put into the text is to blame where nothing around it, in its line, changed.
    """
    start = change.start
    end = start + len(desired[change].partition("\n")[0])
    ends = _ends(pieces, desired)
    found = [(at, place) for at, place in pieces if at <= start] or [(0, whole)]
    at, place = found[-1]
    if start == end and start == at and len(found) > 1:
        # Only the other one has something here: it stood at the end of what is before.
        at, place = found[-2]
    elif end > ends[len(found) - 1]:
        others = {of.file for here, of in pieces[len(found) :] if here < end} - {place.file}
        written = [(start, whole), *(piece for piece in found if not _is_value(piece[1]))]
        if others:
            at, place = written[-1]
    if lines := desired.count("\n", at, start):
        place = place._replace(line=place.line + lines, column=1)
    return place, slice(at, ends[len(found) - 1])


@dataclass(frozen=True, slots=True)
class Grouping:
    """Changes that the same jobs have. `jobs` are their numbers.

    `changes` holds for each change the difference of each of these jobs, in their order: what
    stands around the changed lines of a script may differ, and so may its place in the job.
    """

    jobs: tuple[int, ...]
    changes: tuple[tuple[Difference, ...], ...]


def group_differences(differences: Sequence[Sequence[Difference]]) -> tuple[Grouping, ...]:
    """Group each job's differences by the jobs that have them; each stands in one group only."""
    found: dict[tuple[object, ...], dict[int, Difference]] = {}
    for number, of_job in enumerate(differences):
        for difference in of_job:
            key = _key(difference)
            while number in found.get(key, ()):  # a job may have the same twice
                key = (*key, "again")
            found.setdefault(key, {})[number] = difference
    groups: dict[tuple[int, ...], list[tuple[Difference, ...]]] = {}
    for by_job in found.values():
        groups.setdefault(tuple(by_job), []).append(tuple(by_job.values()))
    return tuple(Grouping(jobs, tuple(changes)) for jobs, changes in groups.items())


def label_of(change: Sequence[Difference]) -> str:
    """Return what a change is called in all of its jobs: "shell step" for steps 1 and 2."""
    first, *others = dict.fromkeys(difference.label for difference in change)
    return _NUMBER.sub("", first) if others else first


def is_long(difference: Difference) -> bool:
    """Tell whether a difference is one of several lines."""
    return "\n" in difference.before or "\n" in difference.after


def is_never_cut(difference: Difference) -> bool:
    """Tell whether all of it is to be seen, however long it is: permissions are."""
    return MATRIX in difference.path


def _key(difference: Difference) -> tuple[object, ...]:
    """Return what makes two differences the same to a reader."""
    label = _NUMBER.sub("", difference.label)
    if not is_long(difference):
        return (replace(difference, path="", position=None, label=label),)
    changed = tuple(
        line for line in diff_lines(difference.before, difference.after) if line[0] in "+-"
    )
    return (label, difference.change, difference.owner, difference.remark, changed)


def diff_lines(before: str, after: str) -> Iterator[str]:
    """Yield the lines that changed, with some around them, whole and as they are."""
    from difflib import unified_diff

    old, new = (text.removesuffix("\n").split("\n") * bool(text) for text in (before, after))
    if before and after and before.endswith("\n") is not after.endswith("\n"):
        (old, new)[before.endswith("\n")].append(_NO_END)
    for number, line in enumerate(unified_diff(old, new, n=_CONTEXT, lineterm="")):
        if number < 2:
            continue
        if not line.startswith("@@"):
            yield f"{line[:1]} {line[1:].replace(_NO_END, _NO_END_SHOWN)}"
        elif number > 2:
            yield "  …"


def show_diff(before: str, after: str, *, whole: bool = False) -> Iterator[str]:
    """Yield the same for people's eyes: what is hidden is spelled out, and long lines are cut,
    unless all is to be shown `whole`."""
    lines = diff_lines(before, after)
    for is_changed, run in groupby(lines, key=lambda line: line[0] != " "):
        if whole:
            yield from map(make_visible, run)
            continue
        if not is_changed:
            yield from (_cut(make_visible(line)) for line in run)
            continue
        # Lines that went, then those that came in their place, each pair so that they differ.
        changed = list(run)
        old, new = ([line for line in changed if line[0] == sign] for sign in "-+")
        shown = [_show_pair(*pair) for pair in zip_longest(old, new, fillvalue="")]
        yield from (left for left, _ in shown[: len(old)])
        yield from (right for _, right in shown[: len(new)])


def _show_pair(old: str, new: str) -> tuple[str, str]:
    if old[2:].split() == new[2:].split():  # nothing but blanks changed
        old, new = _spell_blanks(old), _spell_blanks(new)
    old, new = make_visible(old), make_visible(new)
    if not old or not new or max(len(old), len(new)) <= _LONG:
        return _cut(old), _cut(new)
    start = count_common(old[2:], new[2:])
    end = count_common(old[: start + 1 : -1], new[: start + 1 : -1])
    return _cut_around(old, start, end), _cut_around(new, start, end)


def _spell_blanks(line: str) -> str:
    text = line[2:].replace("\t", "\\t")
    return line[:2] + re.sub(" +$", lambda found: "\\x20" * len(found[0]), text)


def count_common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cut(line: str) -> str:
    if len(line) <= _LONG:
        return line
    return f"{line[:_LONG]}… ({count(len(line) - _LONG, 'more character')})"


def _cut_around(line: str, start: int, end: int) -> str:
    sign, text = line[:2], line[2:]
    first = max(start - _AROUND, 0)
    last = min(len(text) - end + _AROUND, len(text), first + _LONG)
    return f"{sign}{'…' * (first > 0)}{text[first:last]}{'…' * (last < len(text))}"
