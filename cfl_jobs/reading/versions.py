"""Versions of Jenkins and its plugins, as text → an order, to tell which is older."""

from __future__ import annotations

import re
from itertools import zip_longest


def is_older(version: str, than: str) -> bool:
    """Tell whether a version comes before another; False where they are as good as equal.

    Only the numbers at the beginning count: "642.v737c34dea_6c2" is 642, "4.5.14-208.v43" is
    4.5.14.208. What follows them in Jenkins' versions is a commit.
    """
    pairs = zip_longest(_numbers(version), _numbers(than), fillvalue=0)
    return next((own < other for own, other in pairs if own != other), False)


def _numbers(version: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in re.split(r"[.-]", version):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
