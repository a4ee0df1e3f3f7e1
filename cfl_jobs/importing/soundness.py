"""A component found by trial → whether its YAML renders without any finding."""

from __future__ import annotations

from cfl_jobs.configs.requirements import find_missing_plugins
from cfl_jobs.importing.writing import write_template
from cfl_jobs.reading.inventory import Inventory
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.rendering.generator import Generator
from cfl_jobs.rendering.strictness import find_losses

_KEYS = {
    "builder": "builders",
    "parameter": "parameters",
    "property": "properties",
    "publisher": "publishers",
    "reporter": "reporters",
    "scm": "scm",
    "trigger": "triggers",
    "wrapper": "wrappers",
}


def is_sound(
    generator: Generator, kind: str, component: object, inventory: Inventory | None
) -> bool:
    """Tell whether a job with this component alone renders, and nothing of it is lost."""
    text = write_template({"name": "job", _KEYS[kind]: [component]})
    loaded = load_yaml(text, "job.yaml")
    if loaded.findings or not isinstance(loaded.value, TrackedDict):
        return "{{" in text  # Jinja2's escapes are taken out only in a project
    made = generator.generate(loaded.value, is_view=False)
    if made.problems or (inventory and find_missing_plugins(made.root, inventory)):
        return False
    return not any(find_losses(loaded.value, made, word="job"))
