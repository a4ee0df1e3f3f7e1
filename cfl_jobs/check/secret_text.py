"""Text → the secrets that stand in it, by shape, by name and by chance of being random.

Nothing here returns a secret's text but `secrets_of`, to compare it with another.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from cfl_jobs.configs.fields import ENCRYPTED


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """Where a secret stands in a line (from 0) and what it looks like, never what it is."""

    start: int
    end: int
    kind: str


# Shapes as the services document them
_SHAPES = {
    "an AWS access key id": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Slack webhook": r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    "a Google API key": r"\bAIza[A-Za-z0-9_-]{35}",
    "a Stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "a PyPI token": r"\bpypi-[A-Za-z0-9_-]{40,}",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a secret that Jenkins encrypted": ENCRYPTED,
}
_SHAPE = {kind: re.compile(shape) for kind, shape in _SHAPES.items()}
_URL = re.compile(r"://[^/\s:@$\"']+:(?P<value>[^/\s:@${}\"']{2,})@")
_NAMES = r"pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
_NAMED = re.compile(
    rf"""(?:{_NAMES})[A-Za-z0-9_-]*(?<!id)["']?(?:\s*[:=]\s*|\s+(?<=--password\s))["']?
         (?P<value>(?<=')[^'$`<>{{}}]{{4,}}|(?<=")[^"$`<>{{}}]{{4,}}|[^\s"'$`<>{{}}()\[\];|&,]{{4,}})""",
    re.IGNORECASE | re.VERBOSE,
)
_OPTION = re.compile(
    rf"--(?:[a-z]+-)*(?:{_NAMES})\s+[\"']?(?P<value>[^\s\"'$`<>{{}}();|&-][^\s\"']{{3,}})"
)
# Options of programs that take a password, as their manuals have them
_GIVEN = re.compile(
    r"""(?: \b(?:curl|http|https)\b [^|;]* \s (?:-[A-Za-z]*[uU]|--(?:proxy-)?user|-a|--auth) [ =]?
            ["']? [^\s:"'$]+ :
          | \b(?:mysql\w*|mariadb[\w-]*|mongo\w*) \b [^|;]* \s -p
          | \bsshpass \s+ -p \s*
          | \b(?:docker|podman|buildah|skopeo|helm|oras|az) \b [^|;]* \blogin\b [^|;]* \s -p [ =]?
          | \bredis-cli \b [^|;]* \s -a \s+
          | \b(?:zip|unzip|7za?) \b [^|;]* \s -[pP] \s*
          | \bldap\w+ \b [^|;]* \s -w \s+
          | \bsmbclient \b [^|;]* \s -U [ ]? ["']? [^\s%"'$]+ %
          | \bsqlplus \s+ (?:-\w+\s+)* ["']? \w+ /
          | \s -(?:store|key)pass \s+ (?:pass:)?
          | \s -pass(?:in|out)? \s+ pass:
          | \bAuthorization: \s* (?:Basic|Bearer|Token) \s+
          | \becho \s+ (?=\S+ \s* \| \s* sudo \s+ -\w*S)
        ) ["']? (?P<value>(?<=')[^'$]{2,}|(?<=")[^"$`]{2,}|[^\s"'$`<>{}()|;&]{2,})""",
    re.IGNORECASE | re.VERBOSE,
)
_HARMLESS = re.compile(
    r"(?i)true|false|none|null|yes|no|read|write|string|text|file|example|placeholder|[x*.]+"
    r"|\d+(?:\.[\w-]+)+|.*[-_](?:key|token|secret|password)s?"
)
_PATH = re.compile(r"[\w.~@+-]*(?:/[\w.@+-]*)+")
_WORD = re.compile(r"(?<![A-Za-z0-9+_=-])(?P<value>[A-Za-z0-9+_=-]{24,})(?![A-Za-z0-9+_=-])")
_HEX = re.compile(r"(?<![A-Za-z0-9])(?P<value>[0-9a-fA-F]{32,})(?![A-Za-z0-9])")
_LOGIN = re.compile(r"(?<=://)[^/@:\s]+:[^/@\s]+(?=@)")
_SECRET_FIELD = re.compile(
    r"password|passwd|passphrase|secret|token$|api_?key|private_?key", re.IGNORECASE
)
_HARMLESS_FIELD = re.compile(r"(credentials?id|variable|credentials)$", re.IGNORECASE)
# A variable, or a flag.
_HARMLESS_TEXT = re.compile(r"\s*(\$\w+|\$\{\w+\}|true|false)?\s*")
# Entropy: random base64 of 24 characters has 4.2 bits in each, English words with digits about 3.5
_RANDOM_BITS = 4.0


def find_secrets(line: str) -> tuple[FoundSecret, ...]:
    """Return the secrets in a line, in order, none inside another."""
    kept: list[FoundSecret] = []
    for secret in sorted(_find(line), key=lambda secret: (secret.start, -secret.end)):
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
    return tuple(kept)


def hide_secrets(text: str, mark: str = "•••") -> str:
    """Return the text with a mark in place of each secret, and of each login in a URL."""
    return "\n".join(_hide(line, mark)[0] for line in text.split("\n"))


def secrets_of(text: str) -> tuple[str, ...]:
    """Return what `hide_secrets` leaves out of a text; not to be shown, only to be compared."""
    return tuple(secret for line in text.split("\n") for secret in _hide(line, "•••")[1])


@lru_cache(maxsize=8192)  # the same lines of scripts stand in many jobs
def _hide(line: str, mark: str) -> tuple[str, tuple[str, ...]]:
    hidden = _LOGIN.findall(line)
    line = _LOGIN.sub(mark, line)
    for secret in reversed(find_secrets(line)):
        hidden.append(line[secret.start : secret.end])
        line = f"{line[: secret.start]}{mark}{line[secret.end :]}"
    return line, tuple(hidden)


def is_secret(tag: str, text: str) -> bool:
    """Tell whether a field of a config holds, by its name and with this text, a secret."""
    named_so = _SECRET_FIELD.search(tag) and not _HARMLESS_FIELD.search(tag)
    return bool(named_so) and not _HARMLESS_TEXT.fullmatch(text)


def _find(line: str) -> Iterator[FoundSecret]:
    for kind, shape in _SHAPE.items():
        for match in shape.finditer(line):
            yield FoundSecret(match.start(), match.end(), kind)
    for kind, where, pattern, is_one in _VALUES:
        if where.search(line):
            for match in pattern.finditer(line):
                if is_one(match["value"]):
                    yield FoundSecret(*match.span("value"), kind)


def is_harmless(value: str) -> bool:
    """Tell whether a value is none of a secret, though its name is: a path, a credential's id."""
    if _HARMLESS.fullmatch(value) or "$" in value:
        return True
    # A key in base64 may hold slashes too; Amazon's have 40 characters.
    is_key = re.fullmatch(r"(?=.*[0-9])(?=.*[A-Z])[A-Za-z0-9+/]{40}", value) or _is_random(value)
    return _PATH.fullmatch(value) is not None and not is_key


def is_named_like_secret(name: str) -> bool:
    """Tell whether a variable or parameter of this name holds a password, a token or a key."""
    return re.search(rf"(?i)(?:^|[_-]|(?<=[a-z])(?=[A-Z]))(?:{_NAMES}|pwd)$", name) is not None


def _is_random(word: str) -> bool:
    mixed = all(sum(map(kind, word)) >= 2 for kind in (str.isdigit, str.islower, str.isupper))
    scattered = len(re.findall(r"[0-9]+", word)) > 1  # a year at a name's end isn't random
    if not mixed or not scattered:
        return False
    shares = [number / len(word) for number in Counter(word).values()]
    return -sum(share * math.log2(share) for share in shares) >= _RANDOM_BITS


_ANYWHERE = re.compile("")
_MAY_GIVE = re.compile(" -|sqlplus|uthorization:")  # elsewhere _GIVEN would only be slow
_NO_DIGEST = re.compile(r"(?i)^(?!.*(?:sha\d|md5|commit|digest|checksum|revision|\brev\b))")
_Tell: TypeAlias = Callable[[str], bool]
# What it is, the lines that may hold it, how it stands there, and whether a value is one.
_VALUES: tuple[tuple[str, re.Pattern[str], re.Pattern[str], _Tell], ...] = (
    ("a password in a URL", _ANYWHERE, _URL, bool),
    ("a password or token, by its name", _ANYWHERE, _NAMED, lambda text: not is_harmless(text)),
    ("a password or token, by its name", _ANYWHERE, _OPTION, lambda text: not is_harmless(text)),
    (
        "a password that a program is given",
        _MAY_GIVE,
        _GIVEN,
        lambda text: not _HARMLESS.fullmatch(text),
    ),
    ("text that looks random", _ANYWHERE, _WORD, _is_random),
    ("a random hexadecimal number", _NO_DIGEST, _HEX, lambda text: len({*text.lower()}) >= 8),
)
