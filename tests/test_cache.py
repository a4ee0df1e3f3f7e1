"""What is kept of a project is the same as rendering and checking it again, never anything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cfl_jobs.check.project import check_project
from cfl_jobs.check.rule import Report
from cfl_jobs.errors import CflJobsError, DefinitionError
from cfl_jobs.rendering import cache
from cfl_jobs.rendering.cache import render_cached, render_whole
from cfl_jobs.rendering.render import render
from tests.case_files import write_project
from tests.projects import ROOT

DEFINITIONS = "template: a.yaml.j2\njobs:\n  - name: One\n  - name: Two\n"
TEMPLATE = "name: {{ name }}\nbuilders:\n  - shell: {{ script('a.sh') }}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    script = "#!/usr/bin/env bash\necho one\n"
    return write_project(
        tmp_path / "project", definitions=DEFINITIONS, template=TEMPLATE, script=script
    )


def kept(project: Path, kind: str = "rendered") -> list[Path]:
    return sorted((project.parent / "cache").glob(f"cfl-jobs/{kind}/*"))


@pytest.fixture
def shellcheck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a shellcheck in place of the real one; its lines are sh, its output JSON."""
    program = tmp_path / "bin/shellcheck"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))

    def install(lines: str) -> None:
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)

    return install


def test_what_is_kept_equals_what_is_rendered_with_all_its_places() -> None:
    root = Path(__file__).parent.parent
    rendered = render(root)
    assert render_cached(root) == rendered
    assert render_cached(root) == rendered


def test_an_equal_project_is_not_rendered_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = render_cached(project)
    project.rename(project.with_name("elsewhere"))
    monkeypatch.setitem(sys.modules, "cfl_jobs.rendering.render", None)  # can't be imported
    assert render_cached(project.with_name("elsewhere")) == first
    assert [job.name for job in render_cached(project.with_name("elsewhere"), only=["T*"])] == [
        "Two"
    ]
    with pytest.raises(CflJobsError, match="no job or view is called 'Three'"):
        render_cached(project.with_name("elsewhere"), only=["Three"])


@pytest.mark.parametrize("file", ["jobs/a.yaml", "templates/a.yaml.j2", "templates/scripts/a.sh"])
def test_a_change_of_any_file_is_rendered(project: Path, file: str) -> None:
    render_cached(project)
    text = (project / file).read_text().replace("One", "Other").replace("one", "other")
    (project / file).write_text(text + "# more\n")
    assert render_cached(project) == render(project)
    assert len(kept(project)) == 2


def test_a_new_file_is_rendered(project: Path) -> None:
    render_cached(project)
    (project / "jobs/b.yaml").write_text(DEFINITIONS.replace("One", "A").replace("Two", "B"))
    assert [job.name for job in render_cached(project)] == ["One", "Two", "A", "B"]


def test_another_version_of_what_is_installed_renders_again(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render_cached(project)
    (tmp_path / "packages/jinja2-99.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    cache._program.cache_clear()
    render_cached(project)
    assert len(kept(project)) == 2
    cache._program.cache_clear()


def test_what_is_named_is_kept_for_those_names_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = render_cached(project, only=["One"])
    assert [job.name for job in render_cached(project, only=["Two"])] == ["Two"]
    assert [job.name for job in render_cached(project)] == ["One", "Two"]
    monkeypatch.setitem(sys.modules, "cfl_jobs.rendering.render", None)
    assert render_cached(project, only=["One"]) == one


def test_a_project_with_a_mistake_is_not_kept(project: Path) -> None:
    (project / "jobs/a.yaml").write_text(DEFINITIONS + "    nobody_reads: this\n")
    for _ in range(2):
        with pytest.raises(DefinitionError, match="nobody_reads"):
            render_cached(project)
    assert kept(project) == []


def test_an_equal_project_is_not_checked_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = check_project(project, sizes={"One": 500.0})
    assert first.problems
    assert first.disk
    monkeypatch.setitem(sys.modules, "cfl_jobs.check.run", None)  # can't be imported
    monkeypatch.setitem(sys.modules, "cfl_jobs.configs.read_model", None)
    assert check_project(project, sizes={"One": 500.0}) == first


def test_what_is_kept_is_told_without_what_makes_it(project: Path) -> None:
    """By a process of its own: check, and a plan without changes, import nothing heavy then."""
    program = (
        "import sys; from cfl_jobs.__main__ import run; codes = {run(a.split()) for a in %r};"
        "heavy = {'yaml', 'jinja2', 'jenkins_jobs', 'requests', 'rich', 'difflib', 'ssl'};"
        "print(codes, sorted((heavy | {'logging'}) & set(sys.modules)), file=sys.stderr)"
    )
    lines = [["update --home home --yes", "check"], ["check", "plan --home home"]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(project / "state")}
    for line in lines:
        done = subprocess.run(
            [sys.executable, "-c", program % line],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
        )
    assert done.stderr == "{0} []\n"


def _edit(name: str, old: str, new: str) -> Callable[[Path], Report]:
    def check(project: Path) -> Report:
        path = project / name
        path.write_text(path.read_text().replace(old, new))
        return check_project(project)

    return check


@pytest.mark.parametrize(
    "check",
    [
        _edit("jobs/a.yaml", "Two", "Three"),
        _edit("templates/a.yaml.j2", "name:", "description: a job\nname:"),
        _edit("templates/scripts/a.sh", "echo one", "# shellcheck disable=SC2086\necho $one"),
        lambda project: check_project(project, executors=1),
        lambda project: check_project(project, sizes={"One": 600.0}),
        lambda project: check_project(project, builds_a_day=20),
    ],
)
def test_what_a_report_depends_on_is_checked_again(
    project: Path, check: Callable[[Path], Report]
) -> None:
    check_project(project)
    check(project)
    assert len(kept(project, "checked")) == 2


@pytest.mark.parametrize("kept_before", [True, False])
def test_what_was_rendered_before_a_save_is_no_report_of_what_was_saved(
    project: Path, *, kept_before: bool
) -> None:
    old = render_whole(project)
    definitions = project / "jobs/a.yaml"
    definitions.write_text(DEFINITIONS.replace("Two", "Three"))
    if kept_before:
        check_project(project)
    for rendered, name in ((old, "Two"), (None, "Three"), (render_whole(project), "Three")):
        problems = check_project(project, rendered).problems
        assert {each for p in problems for each in p.names} == {"One", name}
    definitions.write_text(DEFINITIONS)
    assert check_project(project, old) == check_project(project)
    assert len(kept(project, "checked")) == 2


def test_another_shellcheck_checks_again(project: Path, shellcheck: Callable[[str], None]) -> None:
    remark = {"file": "0.sh", "code": 1, "level": "error", "message": "x", "line": 1, "column": 1}
    for comments in ([], [remark], []):
        shellcheck(f"echo '{json.dumps({'comments': comments})}'")
        found = [p for p in check_project(project).problems if p.rule == "shellcheck"]
        assert len(found) == len(comments)


def test_that_shellcheck_takes_too_long_is_not_kept(
    project: Path, shellcheck: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cfl_jobs.check import shellcheck as module

    monkeypatch.setattr(module, "_TIME_LIMIT", 0.1)
    shellcheck("sleep 5")
    problems = check_project(project).problems
    assert "takes more than a minute" in "".join(p.finding.message for p in problems)
    assert kept(project, "checked") == []


def test_a_file_saved_meanwhile_keeps_nothing(
    project: Path, shellcheck: Callable[[str], None]
) -> None:
    shellcheck(f"echo '# more' >> {project}/jobs/a.yaml; echo '{{\"comments\": []}}'")
    check_project(project)
    assert kept(project, "checked") == []


@pytest.mark.parametrize("damage", ["", "1", "1\n{}", "1\n1", "[1]", "{", '{"kind": 1}', "\udcff"])
def test_a_damaged_file_is_made_again(project: Path, damage: str) -> None:
    first, report = render_cached(project), check_project(project)
    for file in (*kept(project), *kept(project, "checked")):
        file.write_text(damage, errors="surrogateescape")
    assert (render_cached(project), check_project(project)) == (first, report)
    (file,) = kept(project)
    assert len(file.read_text().splitlines()) == 3


def test_a_link_is_left_to_rendering_to_judge(project: Path, tmp_path: Path) -> None:
    render_cached(project)
    script = project / "templates/scripts/a.sh"
    script.rename(tmp_path / "outside.sh")
    script.symlink_to(tmp_path / "outside.sh")
    with pytest.raises(DefinitionError, match="leads out of the project"):
        render_cached(project)


def test_it_is_for_its_owner_alone_and_does_not_grow_for_ever(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_KEPT", 2)
    for number in range(4):
        (project / "templates/scripts/a.sh").write_text(f"#!/usr/bin/env bash\necho {number}\n")
        render_cached(project)
    assert len(kept(project)) == 2
    assert {file.stat().st_mode & 0o777 for file in kept(project)} == {0o600}
    assert kept(project)[0].parent.stat().st_mode & 0o777 == 0o700


def test_a_place_that_can_not_be_written_costs_only_the_time(project: Path) -> None:
    (project.parent / "cache").write_text("a file")
    assert render_cached(project) == render(project)
