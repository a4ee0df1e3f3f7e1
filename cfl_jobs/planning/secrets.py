"""Two normal forms + the mark → whose each difference of passwords is, of which no value is shown.

Jenkins encrypts a password that we post, so the two sides' texts can't be compared. But their
sections' codes count them: ours of the text that we posted, Jenkins' of its encrypted one. That one
stays as it is when Jenkins saves a job (hudson.util.Secret keeps its initialisation vector since
2.44), and is another one as soon as someone enters a password, be it the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cfl_jobs.configs.mark import Mark
from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.configs.sections import code, number_children, sections
from cfl_jobs.planning.differences import Raw, Side
from cfl_jobs.planning.fields import find_ours, find_theirs, section_path
from cfl_jobs.planning.history import History
from cfl_jobs.planning.words import is_silent, word_for


@dataclass(frozen=True, slots=True)
class SecretDifference:
    """A password that isn't, or may not be, the same on both sides. `remark`: what isn't sure."""

    path: str
    label: str
    side: Side
    remark: str = ""


def compare_secrets(
    wanted: Normal, live: Normal, mark: Mark | None, raws: Sequence[Raw]
) -> tuple[SecretDifference, ...]:
    """Return the passwords that may differ. `raws` are all other differences of the two."""
    if not any(element.text == SECRET for element in wanted.walk()):
        return ()
    there = dict(sections(live))
    found: list[SecretDifference] = []
    for path, section in sections(wanted):
        if path in there:
            differing = tuple(_differing(path, section, there[path]))
            if differing:
                inside = [raw for raw in raws if _is_inside(raw, path)]
                side, remark = _attribute(wanted, live, mark, (section, there[path]), inside)
                if side is not Side.JENKINS:
                    found += [SecretDifference(*names, side, remark) for names in differing]
    return tuple(found)


def find_other_secrets(one: Normal, other: Normal) -> Iterator[tuple[str, str]]:
    """Yield the path and the label of each password that both have, and not the same text of."""
    there = dict(sections(other))
    for path, section in sections(one):
        if path in there:
            yield from _differing(path, section, there[path])


def _is_inside(raw: Raw, path: str) -> bool:
    both = raw.place.wanted_section is not None and raw.place.live_section is not None
    return both and section_path(raw) == path


def _attribute(
    wanted: Normal,
    live: Normal,
    mark: Mark | None,
    pair: tuple[Normal, Normal],
    raws: Sequence[Raw],
) -> tuple[Side, str]:
    if mark is None:
        return Side.ADOPT, "can't be compared"
    if mark.applied is None or mark.kept is None:
        return Side.UNKNOWN, "ours or theirs: the mark was damaged"
    history = History(wanted, live, mark.applied, mark.kept)
    ours, theirs = history.ours.is_changed, history.theirs.is_changed
    if history.is_known:
        our_codes, their_codes = history.lost_codes(history.slots)
        ours = ours and not history.ours.keeps(pair[0])
        ours = ours and not (raws and find_ours(raws, our_codes))
        theirs = theirs and not history.theirs.keeps(pair[1])
        theirs = theirs and not _was_plain(pair, history)
        theirs = theirs and not (raws and find_theirs(raws, their_codes))
    if raws or not history.is_known:
        remark = "or not: it is encrypted, and more changed around it"
    else:
        remark = "or only entered again: it is encrypted" if theirs else ""
    if ours:
        return (Side.BOTH if theirs else Side.OURS), remark
    return (Side.THEIRS if theirs else Side.JENKINS), remark


def _was_plain(pair: tuple[Normal, Normal], history: History) -> bool:
    """Tell whether the mark counts a plain password, which Jenkins encrypts at its next save.

    So it does after an update of a directory, where no Jenkins answered.
    """
    return pair[0] == pair[1] and code(pair[0]) in history.theirs.then


def _differing(path: str, wanted: Normal, live: Normal) -> Iterator[tuple[str, str]]:
    """Yield the path and the label of each password whose text isn't the same."""
    there: Mapping[str, tuple[str, ...]] = {
        label: secrets for _, label, secrets in _find_secrets(path, live, "")
    }
    for inner, label, secrets in _find_secrets(path, wanted, ""):
        if label in there and secrets != there[label]:
            yield inner, label


def _find_secrets(
    path: str, element: Normal, label: str
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if path and not is_silent(element.tag):  # all plain fields of a job have no label of their own
        label = f"{label}: {word_for(element)}" if label else word_for(element)
    if element.text == SECRET:  # an empty one has no secrets
        yield path, label, element.secrets
    for step, child in number_children(element):
        inner = step.partition("/")[2]
        yield from _find_secrets(f"{path}/{inner}" if path else inner, child, label)
