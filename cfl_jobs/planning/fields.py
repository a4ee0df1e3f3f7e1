"""Desired job + what Jenkins made of it ↔ a code of each field, kept behind the mark in blanks.

The mark that people see has a code of each section. Which field of a section was changed since is
looked up in codes of the fields, those that were applied and those that Jenkins saved. They stand
where nobody sees them: in tabs and single spaces behind the visible mark, at a description's end.

That place is sound, by the sources of Jenkins 2.568 (2026-08) and the recordings:

- Nothing trims a description: AbstractItem.doSubmitDescription, Job.doConfigSubmit and
  View.doSubmitDescription keep the form's text, XStream writes tabs and spaces of an element's text
  as they are (a script with tabs is recorded before and after a save, a restart and an upgrade).
  No plugin's upgrade touches a description.
- Nobody sees it: browsers collapse it. The plain-text formatter turns a run of spaces into
  `&nbsp;` and a line end into `<br>` (Util.escape), but leaves tabs and single spaces alone, so no
  two spaces stand beside each other. The safe-HTML formatter keeps blanks as they are.
- Other places don't hold: comments and unknown elements go at the next save, an HTML comment is
  shown by the plain-text formatter, a property or an action needs a plugin that knows it.

Where someone cut it off, or a mark is older, the visible codes tell what they can (see owners.py).

A code is three characters: the first tells the field, the others its value. None tells of the
value of a password (the visible code of its section counts it, with all else there). Whether that
changed is told by two codes of what Jenkins encrypted: of that alone, and of that with our plain
text, which tells nothing to who can't read the former. An encrypted text has an initialisation
vector of its own (hudson.util.Secret, since 2.44).

They also tell which of a job's permissions Jenkins gave whoever made it (matrix-auth). No
definition has them, and they stay: without them the creator could see the job no more.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cfl_jobs.check.secret_text import is_secret
from cfl_jobs.configs.config import BuildWritten, Config
from cfl_jobs.configs.fields import is_encrypted
from cfl_jobs.configs.mark import CODE_LENGTH, MATRIX, Mark, code, code_of_text, number_children
from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.planning.differences import Raw, compare, without_numbers

_DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_MOST_FIELDS = 250
Codes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Codes of the fields as they were applied last and as Jenkins saved them then.

    `own` are codes of all that differed between the two and was more than one field, `secrets` of
    passwords.
    """

    applied: Codes = ()
    saved: Codes = ()
    own: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()

    def has_password(self, desired: Normal, live: Normal) -> bool | None:
        """Tell whether ours is what Jenkins encrypted then; None where it has another by now."""
        encrypted, plain = _text_of(live), _text_of(desired)
        if _code_password(encrypted) not in self.secrets:
            return None
        return _code_password(encrypted, plain) in self.secrets


def write_fields(mark: Mark, desired: Normal, live: Normal, own: Sequence[str]) -> Mark:
    """Return a mark with the codes of a job as it was applied, and as Jenkins saved it."""
    hidden = secret_paths(live)
    applied = code_fields(desired, hidden=hidden)
    saved = applied if live == desired else code_fields(live)
    if max(len(applied), len(saved)) > _MOST_FIELDS:
        return replace(mark, blank="")
    gone, new = Counter(applied) - Counter(saved), Counter(saved) - Counter(applied)
    secrets: list[str] = []
    if hidden:
        ours = dict(_walk(desired))
        for path, child in _walk(live):
            for encrypted in filter(is_encrypted, child.secrets):
                secrets.append(_code_password(encrypted))
                if path in ours:
                    secrets.append(_code_password(encrypted, _text_of(ours[path])))
    lists = (applied, list(gone.elements()), list(new.elements()), own, secrets)
    text = "".join(
        _DIGITS[len(codes) // 64] + _DIGITS[len(codes) % 64] + "".join(codes) for codes in lists
    )
    # In blanks a tab is 0, a space and a tab 1, of six bits for each of base64's digits.
    bits = "".join(f"{_DIGITS.index(digit):06b}" for digit in _check(mark, text) + text)
    return replace(mark, blank=bits.replace("1", " \t").replace("0", "\t"))


def read_fields(mark: Mark) -> Fields:
    """Return what stands behind a mark: nothing where that isn't what was written with it."""
    bits = mark.blank.replace(" \t", "1").replace("\t", "0")
    if bits.strip("01") or len(bits) % 6:
        return Fields()
    text = "".join(_DIGITS[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))
    check, text = text[:CODE_LENGTH], text[CODE_LENGTH:]
    if not text or check != _check(mark, text):
        return Fields()
    lists: list[tuple[str, ...]] = []
    while text:
        high, low = map(_DIGITS.index, text[:2])
        end = 2 + CODE_LENGTH * (64 * high + low)
        lists.append(tuple(text[i : i + CODE_LENGTH] for i in range(2, end, CODE_LENGTH)))
        text = text[end:]
    applied, gone, new, own, secrets = lists
    saved = tuple((Counter(applied) - Counter(gone) + Counter(new)).elements())
    return Fields(applied, saved, frozenset(own), frozenset(secrets))


def code_fields(
    element: Normal | None, path: str = "", *, hidden: Collection[str] = ()
) -> list[str]:
    """Return a code of each field in a job, or in an element of it that stands at `path`.

    Numbers in the path say nothing. At paths in `hidden` stands what is a password elsewhere.
    """
    found: list[str] = []
    waiting = [(without_numbers(path), element)]
    while waiting:
        path, part = waiting.pop()
        if part is None:
            continue
        if path and (part.attributes or part.text or not part.children):
            text = SECRET if path in hidden else part.text
            found.append(_code_field(path, part.attributes, text))
        waiting += [(f"{path}/{child.tag}".lstrip("/"), child) for child in reversed(part.children)]
    return found


def secret_paths(normal: Normal) -> frozenset[str]:
    """Return the paths, without numbers, of passwords."""
    if not any(element.text == SECRET for element in normal.walk()):
        return frozenset()
    return frozenset(without_numbers(path) for path, it in _walk(normal) if it.text == SECRET)


def _code_password(encrypted: str, plain: str | None = None) -> str:
    """Return a code of a password as Jenkins encrypted it, or of that and what we gave."""
    if plain is None:
        return code_of_text(f"encrypted {encrypted}")
    return code_of_text(f"plain {len(encrypted)} {encrypted} {plain}")


def _text_of(normal: Normal) -> str:
    return "".join(normal.secrets) if normal.text == SECRET else normal.text


def _walk(element: Normal, path: str = "") -> Iterator[tuple[str, Normal]]:
    for step, child in number_children(element):
        here = f"{path}/{step}".lstrip("/")
        yield here, child
        yield from _walk(child, here)


@lru_cache(maxsize=8192)  # most fields say the same in many jobs
def _code_field(path: str, attributes: tuple[tuple[str, str], ...], text: str) -> str:
    shown = SECRET if is_secret(path.rpartition("/")[2], text) else text
    value = code_of_text(f"{path}\n{attributes}\n{shown}")
    return _code_path(path) + value[: CODE_LENGTH - 1]


@lru_cache(maxsize=4096)
def _code_path(path: str) -> str:
    return code_of_text(path)[0]


def _check(mark: Mark, text: str) -> str:
    return code_of_text(f"{mark.applied} {mark.kept} {text}")


def find_granted(desired: Config, live: Config, shown: Collection[str] = ()) -> list[BuildWritten]:
    """Return what stays of a job's permissions though its definition doesn't set it.

    That is all that isn't at one of the `shown` paths, and the creator's of a property that goes.
    """
    if MATRIX not in live.config:
        return []
    extra = [raw for raw in compare(desired.normal, live.normal) if raw.desired is None]
    found: list[BuildWritten] = []
    for matrix in live.parse().findall("properties/*"):
        if not matrix.tag.endswith(MATRIX):
            continue
        whole = next((raw for raw in extra if raw.element.tag == matrix.tag), None)
        if whole is None:
            inside = [raw for raw in extra if raw.parent == matrix.tag and raw.path not in shown]
            texts = {raw.element.text for raw in inside}
            parents = ("properties", matrix.tag)
            found += [BuildWritten(parents, entry) for entry in matrix if entry.text in texts]
            continue
        if whole.path in shown:
            creators = _find_creators_entries(whole.element, live.mark)
            for entry in matrix.findall("permission"):
                if entry.text not in creators:
                    matrix.remove(entry)
        if matrix.find("permission") is not None:
            found.append(BuildWritten(("properties",), matrix))
    return found


def hide_granted(raw: Raw, mark: Mark | None) -> Raw:
    """Return a difference that a property of permissions goes, without what stays of it."""
    if raw.desired or raw.live is None or not raw.live.tag.endswith(MATRIX):
        return raw
    return replace(raw, live=_without(raw.live, _find_creators_entries(raw.live, mark)))


def _find_creators_entries(matrix: Normal, mark: Mark | None) -> frozenset[str]:
    """Return the entries that Jenkins had added when the job was last saved by an update.

    Without codes of the fields, those of the one user without whom it is what was last applied.
    """
    if not (mark and mark.applied and mark.kept):
        return frozenset()
    # By whom they are for: the user of "USER:hudson.model.Item.Read:alice".
    by_user: dict[str, set[str]] = {}
    for entry in matrix.children:
        kind, _, rest = entry.text.partition(":")
        if kind == "USER" and (user := rest.partition(":")[2]):
            by_user.setdefault(user, set()).add(entry.text)
    if (fields := read_fields(mark)).saved:
        path = f"properties/{matrix.tag}/permission"
        added = (Counter(fields.saved) - Counter(fields.applied)).keys()
        users = frozenset().union(*by_user.values())
        entries = (entry for entry in matrix.children if entry.text in users)
        return frozenset(e.text for e in entries if not added.isdisjoint(code_fields(e, path)))
    if code(matrix) not in mark.kept.parts:
        return frozenset()
    found = (one for one in by_user.values() if code(_without(matrix, one)) in mark.applied.parts)
    return frozenset().union(*found)


def _without(matrix: Normal, entries: Collection[str]) -> Normal:
    rest = tuple(child for child in matrix.children if child.text not in entries)
    return replace(matrix, children=rest)
