"""Wheels of what is installed here, so that the sample site can be installed without a network."""

from __future__ import annotations

import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

# Translations, and parts of Django: most of its files, and no sample needs them.
_LEFT_OUT = (".mo", ".po")
_PARTS = {"admin", "admindocs", "flatpages", "gis", "postgres", "redirects", "sitemaps"}
WANTED = ("Django", "django-compressor", "unittest-xml-reporting")


def make_wheelhouse(directory: Path) -> Path:
    """Pack WANTED and what they require into wheels in `directory`, which is returned."""
    directory.mkdir(parents=True, exist_ok=True)
    for package in _close(WANTED):
        _pack(package, directory)
    return directory


def make_pip_offline(wheels: Path) -> dict[str, str]:
    """Return the environment in which pip installs from `wheels` and nowhere else."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri(), "PIP_CONFIG_FILE": "/dev/null"}


def _close(names: tuple[str, ...]) -> tuple[Distribution, ...]:
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        package = distribution(waiting.pop())
        if package.name not in found:
            found[package.name] = package
            for text in package.requires or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                    waiting.append(needed.name)
    return tuple(found.values())


def _pack(package: Distribution, directory: Path) -> None:
    tags = [
        line.removeprefix("Tag: ")
        for line in (package.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag: ")
    ]
    parts = zip(*(tag.split("-") for tag in tags), strict=True)
    # Several tags are one compressed tag set in a wheel's name: py2.py3-none-any.
    tag = "-".join(".".join(sorted(set(part))) for part in parts)
    target = directory / f"{package.name.replace('-', '_')}-{package.version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as wheel:
        for file in package.files or ():
            is_part = file.parts[:2] == ("django", "contrib") and file.parts[2] in _PARTS
            not_packed = {"..", "__pycache__"} & set(file.parts)
            if not (is_part or not_packed or file.suffix in _LEFT_OUT):
                wheel.write(str(file.locate()), file.as_posix())
