"""Options known to have no effect on the server are reported, each with what to do instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.rendering.noeffect import NO_EFFECTS
from cfl_jobs.rendering.render import render
from cfl_jobs.rendering.values import check_job
from tests.case_files import write_project

CONFIGS = Path(__file__).parent / "data" / "jenkins" / "2.440.3" / "config"


def test_the_same_options_are_fine_where_they_work() -> None:
    data = {
        "node": "linux",
        "logrotate": {},
        "builders": [{"copyartifact": {"exclude": ""}}, {"shell": "true"}, "timestamps"],
        "publishers": [{"archive": {"latest-only": False}}],
        "properties": [{"lockable-resources": {"groovy-sandbox": True, "match-script": "x"}}],
        "wrappers": [
            {"timeout": {"timeout": 2, "type": "elastic", "abort": False, "fail": True}},
            {"timeout": {"timeout": "$LIMIT"}},
        ],
    }
    assert check_job(data) == ()
    assert check_job({"project-type": "pipeline", "dsl": "", "sandbox": True}) == ()
    assert check_job({"view-type": "list", "node": "x"}) == ()


def test_every_entry_says_how_it_is_known() -> None:
    assert all(entry.why and entry.instead and entry.evidence for entry in NO_EFFECTS)


@pytest.mark.parametrize(
    ("job", "tag", "after"),
    [
        ("wide-copyartifact", "exclude", "saved"),
        ("wide-pipeline-scm", "sandbox", "saved"),
        ("wide-properties", "resourceMatchScript", "saved"),
        ("wide-folder", "concurrentBuild", "saved"),
        ("wide-folder", "scm", "saved"),
        ("wide-publishers", "latestOnly", "restarted"),
    ],
)
def test_a_recorded_server_dropped_the_element(job: str, tag: str, after: str) -> None:
    """What was posted is gone, or was renamed, in the server's own text."""
    posted = (CONFIGS / f"{job}.posted.xml").read_text(encoding="utf-8")
    later = (CONFIGS / f"{job}.{after}.xml").read_text(encoding="utf-8")
    assert re.search(rf"<{tag}\b", posted)
    assert not re.search(rf"<{tag}\b", later)


@pytest.mark.parametrize(
    ("option", "junit", "written"),
    [
        ("keep-long-stdio: true", "1424.vc64a_edde7777", {"stdioRetention": "ALL"}),
        ("keep-long-stdio: true", "1252.vfc2e5efa_294f", {"keepLongStdio": "true"}),
        ("keep-long-stdio: false", "1424.vc64a_edde7777", {}),
        # jenkins-job-builder's own default stays: nobody asked for it.
        ("results: a.xml", "1424.vc64a_edde7777", {"keepLongStdio": "true"}),
    ],
)
def test_what_has_a_successor_is_rendered_as_that_for_newer_plugins(
    tmp_path: Path, option: str, junit: str, written: dict[str, str]
) -> None:
    """With the place that asked for it."""
    definitions = "template: a.yaml.j2\njobs:\n  - name: A\n"
    template = f"name: {{{{ name }}}}\npublishers:\n  - junit: {{results: a.xml, {option}}}\n"
    template = template.replace("{results: a.xml, results: a.xml}", "{results: a.xml}")
    plugins = f"plugins: {{junit: '{junit}'}}\n"
    write_project(tmp_path, definitions=definitions, template=template, plugins=plugins)
    (rendered,) = render(tmp_path)
    path = "publishers/hudson.tasks.junit.JUnitResultArchiver"
    element = parse_config(rendered.config, name="A").find(path)
    assert element is not None
    tags = ("keepLongStdio", "stdioRetention")
    found = {tag: element.findtext(tag) for tag in tags if element.findtext(tag)}
    assert found == {key: value for key, value in written.items() if value != "false"}
    places = {blame.path for blame in rendered.blame}
    asked = {f"{path}/{tag}" for tag in written} if "stdio" in option else set()
    assert asked <= places
    assert not asked & rendered.own
