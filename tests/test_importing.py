"""Import: what it writes renders to an equal config, of every recorded job in all its forms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cfl_jobs.importing.solving import ComponentSolver
from cfl_jobs.importing.taken import Imported, import_config
from cfl_jobs.planning.observe import normal_of
from cfl_jobs.rendering.render import render

CONFIGS = Path(__file__).parent / "data" / "jenkins" / "2.440.3" / "config"
FORMS = sorted(path.name.removesuffix(".xml") for path in CONFIGS.glob("*.xml"))
PLUGINS = "plugins: {git: 5.2.1}\n"
_SECRETS = re.compile(
    r"(?s)(?<=<authToken>)[^<]*|(?<=<remoteBuildToken>)[^<]*"
    r"|(?<=<defaultValue>)\{AQAAA[^<]*|(?<=<defaultValue>)hush[^<]*"
)
_PASSWORD = re.compile(
    r"(?s)(<hudson.model.PasswordParameterDefinition>.*?<defaultValue>)[^<]*(?=<)"
)
SOLVER = ComponentSolver(None)


def recorded(form: str) -> str:
    """Return a recorded config without its secrets, which no import takes."""
    text = (CONFIGS / f"{form}.xml").read_text(encoding="utf-8")
    return _SECRETS.sub("", _PASSWORD.sub(r"\1", text))


def import_(config: str, name: str = "A job") -> Imported:
    return import_config(config, name=name, solver=SOLVER, inventory=None)


def put(root: Path, imported: Imported) -> None:
    for name, text in imported.files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="\n")


@pytest.mark.parametrize("form", FORMS)
def test_every_recorded_config_renders_equal_after_its_import(form: str, tmp_path: Path) -> None:
    """As plan compares it: in normal form, without mark."""
    config = recorded(form)
    put(tmp_path, import_(config))
    (rendered,) = render(tmp_path)
    assert normal_of(rendered.config, name=form) == normal_of(config, name=form)
