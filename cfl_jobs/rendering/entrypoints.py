"""What is installed → entry points, in the one word of pkg_resources that the generator's use.

jenkins-job-builder 6.5 imports pkg_resources, which setuptools deprecated, then dropped (82). It
is slow, too: half of it parses requirements of versions, and it checks them anew for each of 400
entry points. importlib.metadata tells the same of what is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec
from types import ModuleType

# Reads the lists of everything that is installed: once is enough.
_installed = cache(entry_points)


@cache
def iter_entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return the installed entry points of a group, those of one distribution as it lists them."""
    return tuple(_installed().select(group=group))


@contextmanager
def light_imports() -> Iterator[None]:
    """Let what is imported meanwhile get this module for pkg_resources, and keep it.

    python-jenkins' package is found but not run: the registry takes one class of jenkins.plugins,
    and the package around it would import requests, a fifth of what rendering the chain took.
    """
    stand_ins = {"pkg_resources": sys.modules[__name__], "jenkins": _find_package("jenkins")}
    earlier = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in earlier.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _find_package(name: str) -> ModuleType:
    """Return a package as it is before it runs. Raises ImportError where there is none."""
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None:
        raise ImportError(f"{name} is not installed", name=name)
    return module_from_spec(spec)
