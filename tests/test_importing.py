"""Import: what it writes renders to an equal config, of recorded jobs, edited ones and any text."""

from __future__ import annotations

import random
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.config import normalise, take_build_written
from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.errors import ConfigError
from cfl_jobs.importing.solving import ComponentSolver
from cfl_jobs.importing.takeover import Imported, import_config
from cfl_jobs.rendering.render import render
from tests.case_files import CASES, find_cases, lay_out, write_files
from tests.config_edits import EDITS
from tests.jenkins_server_configs import DIALECTS, OLD
from tests.rendered_jobs import normal_of

DATA = Path(__file__).parent / "data" / "jenkins"
CONFIGS = DATA / "2.440.3" / "config"
FORMS = [
    (path.stem, version)
    for version in DIALECTS
    for path in sorted((DATA / version / "config").glob("*.xml"))
    # What was posted a server has as "stored", and that all but equal as "upgraded".
    if not path.stem.endswith((".posted", ".upgraded"))
]
_SECRETS = re.compile(
    r"(?s)<authToken>[^<]*</authToken>|(?<=<remoteBuildToken>)[^<]*"
    r"|(?<=<defaultValue>)\{AQAAA[^<]*|(?<=<defaultValue>)hush[^<]*"
)
_PASSWORD = re.compile(
    r"(?s)(<hudson.model.PasswordParameterDefinition>.*?<defaultValue>)[^<]*(?=<)"
)
SOLVER = ComponentSolver(None)


def recorded(form: str, version: str = OLD) -> str:
    """Return a recorded config without its secrets, which no import takes."""
    text = (DATA / version / "config" / f"{form}.xml").read_text(encoding="utf-8")
    return _SECRETS.sub("", _PASSWORD.sub(r"\1", text))


def import_(config: str, name: str = "A job") -> Imported:
    return import_config(config, name=name, solver=SOLVER, inventory=None)


@pytest.mark.parametrize("version", DIALECTS)
def test_every_recorded_config_renders_equal_after_its_import(version: str, tmp_path: Path) -> None:
    """As plan compares it: in normal form, without mark."""
    found = {form: recorded(form, version) for form, its_version in FORMS if its_version == version}
    for form, config in found.items():
        write_files(tmp_path, dict(import_(config, form).files))
    rendered = {job.name: job.config for job in render(tmp_path)}
    assert rendered.keys() == found.keys()
    for form, config in found.items():
        assert normal_of(rendered[form], name=form) == normal_of(config, name=form), form


@pytest.mark.parametrize("case", find_cases("import"), ids=lambda case: case.stem)
def test_what_servers_save_becomes_modules(case: Path, tmp_path: Path) -> None:
    """It renders equal, what builds wrote aside; the template has each part between dots."""
    parts = lay_out(case, tmp_path / "case").split("...\n")
    config, kept = (tmp_path / "case" / name for name in ("config.xml", "kept"))
    made = import_(config.read_text(encoding="utf-8"))
    template = dict(made.files)["templates/imported/a-job.yaml.j2"]
    assert [part for part in parts if part not in template] == []
    assert list(made.kept) == (kept.read_text().splitlines() if kept.exists() else [])
    write_files(tmp_path / "made", dict(made.files))
    (rendered,) = render(tmp_path / "made")
    root = parse_config(config.read_text(encoding="utf-8"), name="live")
    take_build_written(root)
    assert normal_of(rendered.config, name="made") == normal_of(format_config(root), name="live")


def test_what_builds_wrote_is_named_and_left_to_them(tmp_path: Path) -> None:
    """An update keeps it, so it needn't be in the definition."""
    lay_out(CASES / "import/a-pipeline-that-was-built.txt", tmp_path)
    made = import_((tmp_path / "config.xml").read_text(encoding="utf-8"))
    assert [tag.rpartition(".")[2] for tag in made.left] == [
        "DeclarativeJobPropertyTrackerAction",
        "TimerTrigger",
    ]
    assert "@daily" not in str(made.files)


def test_names_that_ascii_cannot_say_get_files_of_their_own() -> None:
    names = ("Сборка", "Тест", "Größe", "Job")
    files = [import_("<project><canRoam>true</canRoam></project>", name).files for name in names]
    assert len({path for made in files for path, _ in made}) == 2 * len(names)


SAVED = [form for form, version in FORMS if form.endswith(".saved") and version == OLD]


@pytest.mark.parametrize("form", SAVED)
def test_a_config_with_random_edits_imports_equal_or_is_refused(form: str, tmp_path: Path) -> None:
    """What jenkins-job-builder can't write is named, and most edits it can."""
    imported = 0
    for number in range(2):
        pick = random.Random(f"{form} {number}")
        root = parse_config(recorded(form), name=form)
        for _ in range(pick.randrange(1, 4)):
            pick.choice(EDITS)(root, pick.randrange)
        config = format_config(root)
        place = tmp_path / str(number)
        try:
            made = import_(config)
        except ConfigError:
            continue
        write_files(place, dict(made.files))
        (rendered,) = render(place)
        assert normal_of(rendered.config, name=form) == normal_of(config, name=form), number
        imported += 1
    assert imported, form


TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def shell_job(*scripts: str) -> str:
    root = ET.Element("project")
    ET.SubElement(root, "canRoam").text = "true"
    builders = ET.SubElement(root, "builders")
    for script in scripts:
        ET.SubElement(ET.SubElement(builders, "hudson.tasks.Shell"), "command").text = script
    return format_config(root)


def assert_comes_back(root_of: pytest.TempPathFactory, config: str) -> Imported:
    made = import_(config)
    place = root_of.mktemp("texts")
    write_files(place, dict(made.files))
    (rendered,) = render(place)
    assert normalise(rendered.config, name="made") == normalise(config, name="config")
    return made


TEXTS = st.text(
    st.one_of(
        st.sampled_from(list("{}%#- :'\"\\|>&*!?[],\n\t abcyn019.~$=")),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=15)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_any_text_of_a_script_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    try:
        assert_comes_back(tmp_path_factory, shell_job(*texts))
    except ConfigError as error:
        # Noncharacters are refused by name, and so is what looks like a secret.
        refused = re.search("[\ufdd0-\ufdef\u2028]", "".join(texts)) or "secrets" in error.message
        assert refused, error.message  # noqa: PT017


@pytest.mark.parametrize(
    "text",
    [
        "yes", "1.10", "010", "null", "~", "- x", "a: b", "# c", "*a", "{{ x }}", "{% raw %}",
        "a\n{% endraw %}\n{{ b }}", "{%- endraw -%}", "{# c #}", "${#array[@]}\n", " lead\nx",
        "\n\nx\n\n", "x\n ", "end \nx  ", "\tx\n", "'", '"', "\\", "x\x85y", "😀\n😀",
        "%}", "<<", "=", "a\r\nb", "\ufeffx",
    ],
)  # fmt: skip
def test_text_that_something_else_could_be_made_of(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_comes_back(tmp_path_factory, shell_job(text))


@pytest.mark.parametrize(
    "line", [f"curl -H 'Authorization: token {TOKEN}' x", "mysql --password hunter2zz"]
)
def test_a_secret_in_a_script_stops_the_import_and_is_not_shown(line: str) -> None:
    """It is told by path and line."""
    with pytest.raises(ConfigError) as caught:
        import_(shell_job("echo one", f"#!/bin/sh\n{line}"))
    message = str(caught.value)
    assert "builders/hudson.tasks.Shell[2]/command (line 2: " in message
    assert TOKEN not in message
    assert "hunter2zz" not in message


def test_a_commit_in_a_script_is_no_secret() -> None:
    """A digest looks random, and scripts pin things by it."""
    commit = "9fceb02d0ae598e95dc970b74767f19372d61af8"
    assert import_(shell_job(f"git checkout {commit}")).modules == 1
