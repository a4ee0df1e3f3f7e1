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
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cfl_jobs.check.secret_text import is_secret
from cfl_jobs.configs.fields import is_encrypted
from cfl_jobs.configs.mark import CODE_LENGTH, Mark, code_of_text, number_children
from cfl_jobs.configs.normalform import SECRET, Normal

_DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_MOST_FIELDS = 250
Codes = tuple[str, ...]
_NUMBER = re.compile(r"\[\d+\]")


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


def write_fields(mark: Mark, desired: Normal, live: Normal, own: Sequence[str]) -> Mark:
    """Return a mark with the codes of a job as it was applied, and as Jenkins saved it."""
    applied = code_fields(desired, hidden=secret_paths(live))
    saved = applied if live == desired else code_fields(live)
    if max(len(applied), len(saved)) > _MOST_FIELDS:
        return replace(mark, blank="")
    gone, new = Counter(applied) - Counter(saved), Counter(saved) - Counter(applied)
    secrets = list(_code_secrets(desired, live))
    lists = (applied, list(gone.elements()), list(new.elements()), own, secrets)
    numbers = [divmod(len(codes), 64) for codes in lists]
    text = "".join(
        _DIGITS[high] + _DIGITS[low] + "".join(codes)
        for (high, low), codes in zip(numbers, lists, strict=True)
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


def without_numbers(path: str) -> str:
    """Return "builders/hudson.tasks.Shell" for "builders/hudson.tasks.Shell[2]"."""
    return _NUMBER.sub("", path)


def secret_paths(normal: Normal) -> frozenset[str]:
    """Return the paths, without numbers, of passwords."""
    found = (path for path, child in _walk(normal) if child.text == SECRET)
    return frozenset(map(without_numbers, found)) if _has_secrets(normal) else frozenset()


def code_encrypted(encrypted: str) -> str:
    """Return a code of a password as Jenkins encrypted it."""
    return code_of_text(f"encrypted {encrypted}")


def code_password(encrypted: str, plain: str) -> str:
    """Return a code of a password that we gave in plain text and Jenkins encrypted as told."""
    return code_of_text(f"plain {len(encrypted)} {encrypted} {plain}")


def text_of(normal: Normal) -> str:
    """Return a field's text, also of a password; not to be shown."""
    return "".join(normal.secrets) if normal.text == SECRET else normal.text


def _has_secrets(normal: Normal) -> bool:
    return any(element.text == SECRET for element in normal.walk())


def _code_secrets(desired: Normal, live: Normal) -> Iterator[str]:
    if not _has_secrets(live):
        return
    ours = dict(_walk(desired))
    for path, child in _walk(live):
        for encrypted in filter(is_encrypted, child.secrets):
            yield code_encrypted(encrypted)
            if path in ours:
                yield code_password(encrypted, text_of(ours[path]))


def _walk(element: Normal, path: str = "") -> Iterator[tuple[str, Normal]]:
    for step, child in number_children(element):
        here = f"{path}/{step}".lstrip("/")
        yield here, child
        yield from _walk(child, here)


@lru_cache(maxsize=4096)
def _code_path(path: str) -> str:
    return code_of_text(path)[0]


@lru_cache(maxsize=8192)  # most fields say the same in many jobs
def _code_field(path: str, attributes: tuple[tuple[str, str], ...], text: str) -> str:
    shown = SECRET if is_secret(path.rpartition("/")[2], text) else text
    return _code_path(path) + code_of_text(f"{path}\n{attributes}\n{shown}")[: CODE_LENGTH - 1]


def _check(mark: Mark, text: str) -> str:
    return code_of_text(f"{mark.applied} {mark.kept} {text}")
