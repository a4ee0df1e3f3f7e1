"""What a plan may touch: jobs that are ours, and no more of them than was meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.mark import description_of
from cfl_jobs.errors import UnsafePlan
from cfl_jobs.planning.observe import observe
from cfl_jobs.planning.plan import Create, Delete, Owner, Update, find_loss
from cfl_jobs.planning.planner import plan_changes
from cfl_jobs.review.effects import weigh_plan
from cfl_jobs.target import Kind
from tests.jenkins_server_configs import save
from tests.memory_target import MemoryTarget
from tests.planned import tell, update
from tests.rendered_jobs import PLUGINS, apply, folder, jenkins, job, plan, view

pytestmark = pytest.mark.usefixtures("a_dialect")


@pytest.fixture
def target() -> MemoryTarget:
    return jenkins()


def test_a_job_that_is_not_ours_needs_adopt(target: MemoryTarget, tmp_path: Path) -> None:
    target.configs[Kind.JOB, "Publish"] = save(job(branch="by hand").config, PLUGINS)
    made = plan(target, job())
    assert made.changes == ()
    assert [note.text for note in made.undone] == [
        "is there without our mark: it isn't ours, or its description was replaced; "
        "with --adopt it becomes ours"
    ]
    (left,) = made.unadopted
    owners = {found.label: found.owner for found in left.differences}
    assert owners == {"parameter BRANCH: default": Owner.ADOPT}
    text = tell(made)
    assert "      - by hand\n      + master\n" in text
    assert text.count("! job Publish") == 1
    made = plan(target, job(), adopt=True)
    assert (made.unadopted, made.undone) == ((), ())
    assert [(type(change), change.name) for change in made.changes] == [(Update, "Publish")]
    update(target, tmp_path, job(), adopt=True)
    assert plan(target, job()).changes == ()


def test_an_edit_that_took_the_mark_with_it_is_shown(target: MemoryTarget, tmp_path: Path) -> None:
    update(target, tmp_path, job())
    config = target.configs[Kind.JOB, "Publish"]
    text = description_of(parse_config(config, name="Publish"))
    target.edit("Publish", text.replace("'", "&apos;"), "Ask Bob.")
    target.edit("Publish", "echo two", "echo BOB")
    made = plan(target, job())
    assert made.changes == ()
    assert "or its description was replaced" in made.undone[0].text
    assert "echo BOB" in tell(made)
    assert "Ask Bob." in tell(made, "markdown")


def test_another_projects_jobs_are_neither_pruned_nor_taken(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Two projects on one server, that define a job of the same name too."""
    update(target, tmp_path, job("Ours", project="one"), job("Gone", project="one"))
    update(target, tmp_path, job("Theirs", project="two"), job("Same", project="two"))
    wanted = (job("Ours", project="one"), job("Same", branch="x", project="one"))
    made = plan(target, *wanted, prune=True)
    assert [change.name for change in made.changes] == ["Gone"]
    assert [(note.name, note.text) for note in made.undone] == [
        (
            "Same",
            "is managed by cfl-jobs from jobs/publish.yaml in two; with --adopt it becomes ours",
        )
    ]
    assert made.managed == 2
    update(target, tmp_path, *wanted, adopt=True)
    assert plan(target, *wanted).changes == ()
    assert plan(target, job("Theirs", project="two")).changes == ()


def test_a_project_that_gets_a_name_keeps_its_jobs(target: MemoryTarget, tmp_path: Path) -> None:
    update(target, tmp_path, job("A"), job("Unnamed"))
    named = job("A", project="one")
    made = plan(target, named, prune=True)
    assert [(type(c), c.name, c.differences) for c in made.changes if isinstance(c, Update)] == [
        (Update, "A", ())
    ]
    assert made.deletions == ()
    assert made.managed == 1
    update(target, tmp_path, named)
    assert "in one. Change it there." in target.configs[Kind.JOB, "A"]
    assert plan(target, named).changes == ()
    assert plan(target, job("A")).undone != ()


@pytest.mark.parametrize(("script", "is_quiet"), [("make\n", True), ("./deploy.sh Prod\n", False)])
def test_a_copy_made_in_jenkins_is_not_ours(
    target: MemoryTarget, tmp_path: Path, script: str, is_quiet: bool
) -> None:
    """It carries its original's mark, but for the name; pruning and updates leave it alone.

    One that deploys is told of without -v.
    """
    original = job("Original", scripts=(script,))
    update(target, tmp_path, original)
    target.configs[Kind.JOB, "Copy"] = target.configs[Kind.JOB, "Original"]
    made = plan(target, original, prune=True)
    assert made.changes == ()
    assert [(note.name, note.quiet) for note in made.notes] == [("Copy", is_quiet)]
    made = plan(target, original, job("Copy", branch="x"))
    assert made.changes == ()
    assert "carries another job's mark" in made.undone[0].text


def test_a_job_renamed_by_hand_is_told_of(target: MemoryTarget, tmp_path: Path) -> None:
    update(target, tmp_path, job("Deploy"))
    target.rename("Deploy", "By hand")
    made = plan(target, job("Deploy"), prune=True)
    assert [(type(change), change.name) for change in made.changes] == [(Create, "Deploy")]
    (note,) = made.notes
    assert (note.name, note.quiet) == ("By hand", False)
    assert "'Deploy', or that one renamed by hand" in note.text


def test_only_a_whole_mark_lets_a_job_be_deleted(target: MemoryTarget, tmp_path: Path) -> None:
    update(target, tmp_path, job("A"), job("Damaged"))
    quoting = job("Quoting", description="Managed by cfl-jobs from a file. Change it there.")
    target.configs[Kind.JOB, "Quoting"] = quoting.config
    text = description_of(parse_config(target.configs[Kind.JOB, "Damaged"], name="x"))
    target.edit("Damaged", text, text.partition(" [cfl-jobs")[0])
    made = plan(target, job("A"), prune=True)
    assert made.changes == ()
    assert sorted(note.name for note in made.notes) == ["Damaged", "Quoting"]


def test_a_job_that_was_to_be_renamed_is_never_deleted(
    target: MemoryTarget, tmp_path: Path
) -> None:
    update(target, tmp_path, job("Old"), job("New"))
    target.builds["Old"] = 80
    made = plan(target, job("New", moved_from=("Old",)), prune=True)
    assert made.changes == ()
    assert [note.text for note in made.notes] == [
        "was to become 'New', which is there too: it is left alone"
    ]


def test_a_name_that_is_there_in_another_case_is_neither_made_nor_deleted(
    target: MemoryTarget, tmp_path: Path
) -> None:
    update(target, tmp_path, job("deploy"))
    made = plan(target, job("Deploy"), prune=True)
    assert made.changes == ()
    assert "'deploy', which is there; to rename that, give it another" in made.undone[0].text


def test_jobs_come_along_with_their_folder(target: MemoryTarget, tmp_path: Path) -> None:
    update(target, tmp_path, folder("F"), job("F/a"), job("F/b"))
    wanted = (
        replace(folder("G"), moved_from=("F",)),
        job("G/a", branch="x"),
        job("G/c", moved_from=("G/b",)),
    )
    made = plan(target, *wanted, prune=True)
    assert [(c.old_name, c.name) for c in made.changes if isinstance(c, Update)] == [
        ("F", "G"),
        ("F/a", "G/a"),
        ("F/b", "G/c"),
    ]
    assert len(made.changes) == 3


def test_adopting_many_jobs_counts_as_changing_them(target: MemoryTarget) -> None:
    for number in range(20):
        name = f"Job {number}"
        target.configs[Kind.JOB, name] = save(job(name, branch="by hand").config, PLUGINS)
    made = plan(target, *(job(f"Job {number}") for number in range(20)), adopt=True)
    assert "20 replaced that others made or changed; together 20 of the 20" in find_loss(made, ())


def test_what_is_no_longer_defined_is_named_and_deleted_only_with_prune(
    target: MemoryTarget, tmp_path: Path
) -> None:
    update(target, tmp_path, job("Keep"), job("Old"))
    target.configs[Kind.JOB, "Theirs"] = job("Theirs").config
    target.builds["Old"] = 12
    made = plan(target, job("Keep"))
    assert made.changes == ()
    assert [note.name for note in made.notes] == ["Old"]
    made = plan(target, job("Keep"), prune=True)
    assert [(type(c), c.name, c.builds) for c in made.deletions] == [(Delete, "Old", 12)]


def test_a_filter_never_deletes(target: MemoryTarget, tmp_path: Path) -> None:
    """With names, what isn't named is not spoken of; together with --prune it is an error."""
    update(target, tmp_path, job("Keep"), job("Old"))
    assert plan(target, job("Keep"), defined=()).changes == ()
    with pytest.raises(UnsafePlan, match="a filter never deletes"):
        plan(target, job("Keep"), prune=True, defined=())


def test_a_folder_that_holds_jobs_of_others_is_not_deleted(
    target: MemoryTarget, tmp_path: Path
) -> None:
    update(target, tmp_path, folder("team"), job("team/Ours"))
    target.configs[Kind.JOB, "team/Theirs"] = job().config
    made = plan(target, job("Publish"), prune=True)
    assert [change.name for change in made.deletions] == ["team/Ours"]
    assert any("holds 'team/Theirs'" in note.text for note in made.notes)
    del target.configs[Kind.JOB, "team/Theirs"]
    made = plan(target, job("Publish"), prune=True)
    assert [change.name for change in made.deletions] == ["team/Ours", "team"]


def test_a_plan_knows_that_a_folder_is_missing_or_is_a_job(
    target: MemoryTarget, tmp_path: Path
) -> None:
    target.configs[Kind.JOB, "Theirs"] = folder("Theirs").config
    target.configs[Kind.JOB, "Build"] = job("Build").config
    wanted = (
        *(job(f"{above}/New") for above in ("Theirs", "Ours", "Build", "Gone", "Gone/Deep")),
        folder("Ours"),
        job("Test"),
        job("Test/New"),
        view("Gone/View", ()),
    )
    made = plan(target, *wanted)
    assert {note.name: note.text for note in made.undone} == {
        "Build/New": "can't be made: 'Build' is a job there, not a folder",
        "Gone/New": "can't be made: there is no folder 'Gone'; "
        "define it, or make it in Jenkins first",
        "Gone/Deep/New": "can't be made: there is no folder 'Gone'; "
        "define it, or make it in Jenkins first",
        "Test/New": "can't be made: 'Test' is defined as a job, not as a folder",
        "Gone/View": "can't be made: there is no folder 'Gone'; "
        "define it, or make it in Jenkins first",
    }
    assert sorted(change.name for change in made.changes) == [
        "Ours",
        "Ours/New",
        "Test",
        "Theirs/New",
    ]
    assert apply(made, target, tmp_path).is_complete


@pytest.mark.parametrize("lost", [3, 4])
@pytest.mark.parametrize("there", [9, 10])
def test_what_may_be_lost_is_weighed(
    target: MemoryTarget, tmp_path: Path, lost: int, there: int
) -> None:
    """More than 30 % of at least ten jobs, counting those that go, others' edits and deploys."""
    jobs = [job(f"Job {number}") for number in range(there)]
    update(target, tmp_path, *jobs)
    changed = [*(job(f"Job {n}", branch="new") for n in range(lost)), *jobs[lost:]]
    assert find_loss(plan(target, *changed), ()) == ""
    too_much = there > 9 and lost > 3
    deploys = [f"Job {number}" for number in range(there)]
    together = f"; together {lost} of the {there} jobs and views of ours on memory"
    words = f"{lost} of those that deploy changed{together}"
    assert (words in find_loss(plan(target, *changed), deploys)) is too_much
    words = f"lost at once: {lost} deleted{together}"
    assert (words in find_loss(plan(target, *jobs[lost:], prune=True), ())) is too_much
    for number in range(lost):
        edited = target.configs[Kind.JOB, f"Job {number}"].replace("echo two", "echo theirs")
        target.configs[Kind.JOB, f"Job {number}"] = edited
    words = f"{lost} replaced that others made or changed{together}"
    assert (words in find_loss(plan(target, *jobs), ())) is too_much


def test_a_job_of_another_kind_is_left_alone(target: MemoryTarget, tmp_path: Path) -> None:
    """Jenkins takes no other root class for a job."""
    update(target, tmp_path, job("team"))
    made = plan(target, folder("team"))
    assert made.changes == ()
    assert "Jenkins can't make one of the other" in made.undone[0].text


def test_a_config_that_cannot_be_read_stops_only_its_job(
    target: MemoryTarget, tmp_path: Path
) -> None:
    update(target, tmp_path, job("A"), job("B"))
    observed = observe(Broken(target), [(Kind.JOB, "A"), (Kind.JOB, "B")], with_orphans=False)
    made = plan_changes((job("A"), job("B", branch="new")), observed)
    assert [change.name for change in made.changes] == ["B"]
    assert "can't be read: config.xml line" in made.undone[0].text
    assert "Open it in Jenkins and save it" in made.undone[0].text


class Broken(MemoryTarget):
    """Reads job A with what is no XML in it."""

    def __init__(self, target: MemoryTarget) -> None:
        super().__init__(plugins=target.installed)
        self.configs = target.configs

    def read(self, kind: Kind, name: str) -> str:
        text = super().read(kind, name)
        return text.replace("echo one", "echo &one;") if name == "A" else text


def test_what_a_plan_means_is_told_for_whose_change_it_is(
    target: MemoryTarget, tmp_path: Path
) -> None:
    name = "Deploy to Prod"
    update(target, tmp_path, job(name), job("Publish"))
    target.edit(name, "echo two", "echo theirs")
    target.edit("Publish", "false</concurrentBuild>", "true</concurrentBuild>")
    wanted = (job(name), job("Publish", branch="main"))
    review = weigh_plan(plan(target, *wanted), wanted)
    put_back = "(changed on the server, will be put back)"
    assert {effect.text: effect.weight.word for effect in review.effects} == {
        f"changes what {name} runs {put_back}": "high",
        "changes the parameter BRANCH of Publish: its default is main, not master": "medium",
        f"lets several builds of Publish run at once no longer {put_back}": "low",
    }
    assert str(review.risk) == f"Risk: high: changes what {name} runs {put_back}"
    assert weigh_plan(plan(target), ()).effects == ()
