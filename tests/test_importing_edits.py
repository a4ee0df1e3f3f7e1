"""Import of recorded configs after random real edits: equal, or an error; never something else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.errors import ConfigError
from cfl_jobs.rendering.render import render
from tests.config_edits import EDITS
from tests.jenkins_server_configs import OLD
from tests.rendered_jobs import normal_of
from tests.test_importing import FORMS, import_, put, recorded

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
        put(place, made)
        (rendered,) = render(place)
        assert normal_of(rendered.config, name=form) == normal_of(config, name=form), number
        imported += 1
    assert imported, form
