"""Plans that are kept: the same plan again, or none; applied where all is as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cfl_jobs.check.rule import Problem, Severity
from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Finding, Origin, PlanError, Position
from cfl_jobs.planning.basis import Asked, Basis, Setup, load_plan, save_plan
from cfl_jobs.planning.observe import observe
from cfl_jobs.planning.plan import Create, Delete, Update
from cfl_jobs.planning.renames import names_to_look_at
from cfl_jobs.planning.unchanged import check_unchanged
from cfl_jobs.target import Kind, full_label
from tests.jenkins_server_configs import save
from tests.memory_target import MemoryTarget
from tests.planned import tell, update
from tests.rendered_jobs import PLUGINS, jenkins, job, plan

pytestmark = pytest.mark.usefixtures("each_dialect")


@pytest.fixture
def target() -> MemoryTarget:
    return jenkins()


def basis_of(target: MemoryTarget, *wanted: Config) -> Basis:
    names = names_to_look_at(wanted)
    return Basis(wanted, observe(target, names, with_orphans=True), Asked(adopt=True, prune=True))


def test_a_kept_plan_is_the_same_plan(target: MemoryTarget, tmp_path: Path) -> None:
    """Written to a file and read again, for its owner only."""
    update(target, tmp_path, job("A"), job("Old"), job("Gone"))
    target.configs[Kind.JOB, "C"] = save(job("C").config, PLUGINS)
    target.builds["Gone"] = 7
    basis = basis_of(target, job("A", branch="x"), job("New", moved_from=("Old",)), job("B"))
    made = basis.plan()
    assert {type(change) for change in made.changes} == {Create, Update, Delete}
    path = tmp_path / "plan.json"
    origin = Origin("for the job 'A' at", Position("jobs/a.yaml", 3))
    finding = Finding("odd", Position("templates/a.yaml.j2", 2, 5), "  - shell", (origin,), "Fix")
    problems = (Problem("some-rule", Severity.ERROR, finding, ("A", "Other")),)
    setup = Setup((job("First"), *basis.desired, job("Other")), problems)
    save_plan(replace(basis, setup=setup), path)
    kept = load_plan(path)
    assert kept.plan() == replace(made, target=full_label("memory"))
    assert kept.setup == setup
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("old", ["echo two", '"prune": true', "Publishes.", '"plan.json"'])
def test_an_altered_plan_is_refused(target: MemoryTarget, tmp_path: Path, old: str) -> None:
    update(target, tmp_path, job("A"))
    path = tmp_path / "plan.json"
    save_plan(basis_of(target, job("A", branch="x"), job("plan.json")), path)
    text = path.read_text(encoding="utf-8")
    altered = text.replace(old, old.replace("e", "E").replace("p", "q"), 1)
    assert altered != text
    path.write_text(altered, encoding="utf-8")
    with pytest.raises(PlanError, match=r"altered after it was made|is not a plan"):
        load_plan(path)


def test_a_plan_whose_digest_was_forged_shows_what_it_would_do(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """The differences are found again from what would be sent."""
    update(target, tmp_path, job("A"))
    path = tmp_path / "plan.json"
    forged = basis_of(target, job("A", branch="x", scripts=("echo EVIL",)))
    save_plan(forged, path)
    assert "echo EVIL" in tell(load_plan(path).plan())
    assert "differences" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": 1}', '{"format": "cfl-jobs 0.0.1 plan 1"}', "[" * 9999]
)
def test_another_file_is_no_plan(tmp_path: Path, text: str) -> None:
    """Nor is one of another version, which might understand it otherwise."""
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlanError) as caught:
        load_plan(path)
    assert "cfl-jobs plan --out FILE" in caught.value.advice


def test_a_plan_replaces_no_more_than_a_file(target: MemoryTarget, tmp_path: Path) -> None:
    """Not a directory or a device that was named by mistake."""
    (tmp_path / "here").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("here", "pipe"):
        with pytest.raises(PlanError, match="is not a file"):
            save_plan(basis_of(target, job("A")), tmp_path / name)
        assert (tmp_path / name).exists()


# Before it is applied, what no longer is as it was stops all of it.
WANTED = (job("A", branch="new"), job("Fresh"), job("New", moved_from=("Old",)))


@pytest.fixture
def updated(tmp_path: Path) -> MemoryTarget:
    updated = jenkins()
    update(updated, tmp_path, job("A"), job("Old"), job("Gone"))
    updated.builds["Gone"] = 3
    return updated


def test_a_plan_whose_jobs_are_as_they_were_is_good(updated: MemoryTarget) -> None:
    """A renamed job is looked for under its old name; fewer builds do no harm."""
    made = plan(updated, *WANTED, prune=True)
    assert len(made.changes) == 4
    updated.builds["Gone"] = 2
    check_unchanged(made, updated)


def make(name: str) -> Callable[[MemoryTarget], None]:
    def change(updated: MemoryTarget) -> None:
        updated.configs[Kind.JOB, name] = job(name).config

    return change


def build_gone(updated: MemoryTarget) -> None:
    updated.builds["Gone"] = 4


def edit_old(updated: MemoryTarget) -> None:
    updated.edit("Old", "out/*", "all/*")


def delete_a(updated: MemoryTarget) -> None:
    del updated.configs[Kind.JOB, "A"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (make("Fresh"), "job Fresh is there already"),
        (make("FRESH"), "job Fresh is there already"),
        (make("New"), "job New is there already"),
        (make("new"), "job New is there already"),
        (build_gone, "job Gone has 4 builds by now, not 3"),
        (edit_old, "job Old was changed"),
        (delete_a, "job A was deleted"),
    ],
)
def test_what_changed_since_is_told(
    updated: MemoryTarget, change: Callable[[MemoryTarget], None], told: str
) -> None:
    """Names that differ only in case are one to Jenkins."""
    made = plan(updated, *WANTED, prune=True)
    change(updated)
    with pytest.raises(PlanError) as refused:
        check_unchanged(made, updated)
    assert told in refused.value.message
    assert refused.value.message.count("; ") == 0
