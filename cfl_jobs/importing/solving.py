"""An element of a config → the component of jenkins-job-builder that makes it, if there is one.

For each component that makes elements of that class, options are found by trial: a marker shows
which field an option sets, the element says which value belongs there. An option stays if it
brings the result nearer; what counts in the end is that the result is equal in normal form.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from xml.etree import ElementTree as ET

from cfl_jobs.configs.config import normalise_element
from cfl_jobs.configs.requirements import find_missing_plugins
from cfl_jobs.importing.options import SHAPES, Descent, complete
from cfl_jobs.importing.trial import PARENTS, ROOT, Trials, normal_of_element, tag_of
from cfl_jobs.importing.writing import write_template
from cfl_jobs.reading.inventory import Inventory
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.rendering.generator import Generator
from cfl_jobs.rendering.losses import find_losses
from cfl_jobs.rendering.options import COMPONENT_LISTS

_MOST_CANDIDATES = 4
# The key of a job below which each type of component stands: the first that the table has.
_KEYS = {kind: key for key, kind in reversed(COMPONENT_LISTS.items())}


class ComponentSolver:
    """Finds components by trial; one serves many jobs. `inventory` is the project's."""

    def __init__(self, inventory: Inventory | None) -> None:
        self._inventory = inventory
        self._generator = Generator((inventory or Inventory()).as_plugins_list())
        self._trials = Trials(self._generator)
        self._makers: dict[str, dict[str, list[str]]] = {}
        self._solved: dict[tuple[str, str], object | None] = {}

    def solve(self, kind: str, element: ET.Element) -> object | None:
        """Return a component of a type that renders to an equal element, or None."""
        key = (kind, ET.tostring(element, encoding="unicode").strip())
        if key not in self._solved:
            self._solved[key] = next(self._solutions(kind, element), None)
        return self._solved[key]

    def solve_root(self, kind: str, root: ET.Element) -> dict[str, object]:
        """Return the options of a kind of job that bring it nearest to a config."""
        wanted = self._trials.own_fields(normalise_element(deepcopy(root)))
        return Descent(self._trials, ROOT, kind, root, wanted).find_nearest()

    def _solutions(self, kind: str, element: ET.Element) -> Iterator[object]:
        if kind not in PARENTS:
            return
        wanted = normal_of_element(kind, element)
        names = self.makers_of(kind).get(tag_of(kind, element), [])
        for name in names[:_MOST_CANDIDATES]:
            for component in Descent(self._trials, kind, name, element, wanted).solve():
                if _is_sound(self._generator, kind, component, self._inventory):
                    yield component

    def makers_of(self, kind: str) -> dict[str, list[str]]:
        """Return the names of the components that make elements of each class."""
        if kind not in self._makers:
            makers: dict[str, list[str]] = {}
            for name in self._generator.component_names(kind):
                if name != "raw":
                    for tag in self._tags_of(kind, name):
                        makers.setdefault(tag, []).append(name)
            self._makers[kind] = makers
        return self._makers[kind]

    def _tags_of(self, kind: str, name: str) -> frozenset[str]:
        """Return the classes of elements that a component makes without much told."""
        tags = {self._trials.make(kind, name, shape).tag for shape in (None, "x")}
        tags |= {complete(self._trials, kind, name, shape)[1].tag for shape in SHAPES}
        return frozenset(tags - {""})


def _is_sound(
    generator: Generator, kind: str, component: object, inventory: Inventory | None
) -> bool:
    """Tell whether a job with this component alone renders, and nothing of it is lost."""
    text = write_template({"name": "job", _KEYS[kind]: [component]})
    loaded = load_yaml(text, "job.yaml")
    if loaded.findings or not isinstance(loaded.value, TrackedDict):
        return "{{" in text  # Jinja2's escapes are taken out only in a project
    made = generator.generate(loaded.value, is_view=False)
    if made.problems or (inventory and find_missing_plugins(made.root, inventory.plugins.keys())):
        return False
    return not any(find_losses(loaded.value, made, word="job"))
