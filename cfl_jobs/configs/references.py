"""Text in configs → what it refers to: $VARIABLES, Java properties, names of jobs.

A job's name in a config is relative to the folder of the job that holds it; a leading "/" makes it
absolute (jenkins.model.Jenkins.getItem(String, ItemGroup), core 2.440).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from posixpath import join, normpath

# hudson.Util.VARIABLE
_VARIABLE = re.compile(r"\$([A-Za-z0-9_]+|\{[A-Za-z0-9_.]+\}|\$)")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace $NAME and ${NAME}; a name that isn't set stays as it is, `$$` is one dollar.

    As hudson.EnvVars.expand does, names that differ only in case are the same name.
    """

    def replace(match: re.Match[str]) -> str:
        name = match[1].strip("{}")
        if name == "$":
            return "$"
        if name in variables:
            return variables[name]
        folded = name.casefold()
        found = (value for key, value in variables.items() if key.casefold() == folded)
        return next(found, match[0])

    return _VARIABLE.sub(replace, text)


def read_properties(text: str) -> dict[str, str]:
    """Parse java.util.Properties text: `=`, `:` or blanks separate, `\\` escapes and continues."""
    values: dict[str, str] = {}
    for line in _logical_lines(text):
        match = re.match(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", line, re.DOTALL)
        if match:
            values[_unescape(match[1])] = _unescape(match[2])
    return values


def _logical_lines(text: str) -> list[str]:
    lines: list[str] = []
    continued = False
    for natural in re.split(r"\r\n|\n|\r", text):
        line = natural.lstrip(" \t\f")
        if not continued and (not line or line[0] in "#!"):
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        if continued:
            lines[-1] += line
        else:
            lines.append(line)
        continued = backslashes % 2 == 1
        if continued:
            lines[-1] = lines[-1][:-1]
    return lines


def _unescape(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", replace, text, flags=re.DOTALL)


def resolve_job(name: str, holder: str, jobs: Container[str]) -> str:
    """Return the full name of the job that `name` in the config of job `holder` means.

    A name found in no folder on the way is taken as absolute, as Jenkins does last of all.
    """
    if name.startswith("/"):
        return name.strip("/")
    folder = holder.rpartition("/")[0]
    near = normpath(join(folder, name))
    return near if near in jobs else name
