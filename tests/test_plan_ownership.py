"""What a plan may touch: jobs that are ours, and no more of them than was meant."""

from __future__ import annotations

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
from tests.planned import tell
from tests.rendered_jobs import PLUGINS, Server, folder, job, plan, view

pytestmark = pytest.mark.usefixtures("a_dialect")


def test_a_job_that_is_not_ours_needs_adopt(server: Server) -> None:
    server.configs[Kind.JOB, "Publish"] = save(job(branch="by hand").config, PLUGINS)
    made = server.plan(job())
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
    made = server.plan(job(), adopt=True)
    assert (made.unadopted, made.undone) == ((), ())
    assert [(type(change), change.name) for change in made.changes] == [(Update, "Publish")]
    server.bring(job(), adopt=True)
    assert server.plan(job()).changes == ()


def test_an_edit_that_took_the_mark_with_it_is_shown(server: Server) -> None:
    server.bring(job())
    config = server.configs[Kind.JOB, "Publish"]
    text = description_of(parse_config(config, name="Publish"))
    server.edit("Publish", text.replace("'", "&apos;"), "Ask Bob.")
    server.edit("Publish", "echo two", "echo BOB")
    made = server.plan(job())
    assert made.changes == ()
    assert "or its description was replaced" in made.undone[0].text
    assert "echo BOB" in tell(made)
    assert "Ask Bob." in tell(made, "markdown")


def test_another_projects_jobs_are_neither_pruned_nor_taken(server: Server) -> None:
    """Two projects on one server, that define a job of the same name too."""
    server.bring(job("Ours", project="one"), job("Gone", project="one"))
    server.bring(job("Theirs", project="two"), job("Same", project="two"))
    wanted = (job("Ours", project="one"), job("Same", branch="x", project="one"))
    made = server.plan(*wanted, prune=True)
    assert [change.name for change in made.changes] == ["Gone"]
    assert [(note.name, note.text) for note in made.undone] == [
        (
            "Same",
            "is managed by cfl-jobs from jobs/publish.yaml in two; with --adopt it becomes ours",
        )
    ]
    assert made.managed == 2
    server.bring(*wanted, adopt=True)
    assert server.plan(*wanted).changes == ()
    assert server.plan(job("Theirs", project="two")).changes == ()


def test_a_project_that_gets_a_name_keeps_its_jobs(server: Server) -> None:
    server.bring(job("A"), job("Unnamed"))
    named = job("A", project="one")
    made = server.plan(named, prune=True)
    assert [(type(c), c.name, c.differences) for c in made.changes if isinstance(c, Update)] == [
        (Update, "A", ())
    ]
    assert made.deletions == ()
    assert made.managed == 1
    server.bring(named)
    assert "in one. Change it there." in server.configs[Kind.JOB, "A"]
    assert server.plan(named).changes == ()
    assert server.plan(job("A")).undone != ()


@pytest.mark.parametrize(("script", "is_quiet"), [("make\n", True), ("./deploy.sh Prod\n", False)])
def test_a_copy_made_in_jenkins_is_not_ours(server: Server, script: str, is_quiet: bool) -> None:
    """It carries its original's mark, but for the name; pruning and updates leave it alone.

    One that deploys is told of without -v.
    """
    original = job("Original", scripts=(script,))
    server.bring(original)
    server.configs[Kind.JOB, "Copy"] = server.configs[Kind.JOB, "Original"]
    made = server.plan(original, prune=True)
    assert made.changes == ()
    assert [(note.name, note.quiet) for note in made.notes] == [("Copy", is_quiet)]
    made = server.plan(original, job("Copy", branch="x"))
    assert made.changes == ()
    assert "carries another job's mark" in made.undone[0].text


def test_a_job_renamed_by_hand_is_told_of(server: Server) -> None:
    server.bring(job("Deploy"))
    server.rename("Deploy", "By hand")
    made = server.plan(job("Deploy"), prune=True)
    assert [(type(change), change.name) for change in made.changes] == [(Create, "Deploy")]
    (note,) = made.notes
    assert (note.name, note.quiet) == ("By hand", False)
    assert "'Deploy', or that one renamed by hand" in note.text


def test_only_a_whole_mark_lets_a_job_be_deleted(server: Server) -> None:
    server.bring(job("A"), job("Damaged"))
    quoting = job("Quoting", description="Managed by cfl-jobs from a file. Change it there.")
    server.configs[Kind.JOB, "Quoting"] = quoting.config
    text = description_of(parse_config(server.configs[Kind.JOB, "Damaged"], name="x"))
    server.edit("Damaged", text, text.partition(" [cfl-jobs")[0])
    made = server.plan(job("A"), prune=True)
    assert made.changes == ()
    assert sorted(note.name for note in made.notes) == ["Damaged", "Quoting"]


def test_a_job_that_was_to_be_renamed_is_never_deleted(server: Server) -> None:
    server.bring(job("Old"), job("New"))
    server.builds["Old"] = 80
    made = server.plan(job("New", moved_from=("Old",)), prune=True)
    assert made.changes == ()
    assert [note.text for note in made.notes] == [
        "was to become 'New', which is there too: it is left alone"
    ]


def test_a_name_that_is_there_in_another_case_is_neither_made_nor_deleted(server: Server) -> None:
    server.bring(job("deploy"))
    made = server.plan(job("Deploy"), prune=True)
    assert made.changes == ()
    assert "'deploy', which is there; to rename that, give it another" in made.undone[0].text


def test_adopting_many_jobs_counts_as_changing_them(server: Server) -> None:
    for number in range(20):
        name = f"Job {number}"
        server.configs[Kind.JOB, name] = save(job(name, branch="by hand").config, PLUGINS)
    made = server.plan(*(job(f"Job {number}") for number in range(20)), adopt=True)
    assert "20 replaced that others made or changed; together 20 of the 20" in find_loss(made, ())


def test_what_is_no_longer_defined_is_named_and_deleted_only_with_prune(server: Server) -> None:
    server.bring(job("Keep"), job("Old"))
    server.configs[Kind.JOB, "Theirs"] = job("Theirs").config
    server.builds["Old"] = 12
    made = server.plan(job("Keep"))
    assert made.changes == ()
    assert [note.name for note in made.notes] == ["Old"]
    made = server.plan(job("Keep"), prune=True)
    assert [(type(c), c.name, c.builds) for c in made.deletions] == [(Delete, "Old", 12)]
    # With names, what isn't named is not spoken of.
    assert server.plan(job("Keep"), defined=()).changes == ()
    with pytest.raises(UnsafePlan, match="a filter never deletes"):
        server.plan(job("Keep"), prune=True, defined=())


def test_a_folder_that_holds_jobs_of_others_is_not_deleted(server: Server) -> None:
    server.bring(folder("team"), job("team/Ours"))
    server.configs[Kind.JOB, "team/Theirs"] = job().config
    made = server.plan(job("Publish"), prune=True)
    assert [change.name for change in made.deletions] == ["team/Ours"]
    assert any("holds 'team/Theirs'" in note.text for note in made.notes)
    del server.configs[Kind.JOB, "team/Theirs"]
    made = server.plan(job("Publish"), prune=True)
    assert [change.name for change in made.deletions] == ["team/Ours", "team"]


def test_a_plan_knows_that_a_folder_is_missing_or_is_a_job(server: Server) -> None:
    server.configs[Kind.JOB, "Theirs"] = folder("Theirs").config
    server.configs[Kind.JOB, "Build"] = job("Build").config
    wanted = (
        *(job(f"{above}/New") for above in ("Theirs", "Ours", "Build", "Gone", "Gone/Deep")),
        folder("Ours"),
        job("Test"),
        job("Test/New"),
        view("Gone/View", ()),
    )
    made = server.plan(*wanted)
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
    assert server.apply(made).is_complete


@pytest.mark.parametrize("lost", [3, 4])
@pytest.mark.parametrize("there", [9, 10])
def test_what_may_be_lost_is_weighed(server: Server, lost: int, there: int) -> None:
    """More than 30 % of at least ten jobs, counting those that go, others' edits and deploys."""
    jobs = [job(f"Job {number}") for number in range(there)]
    server.bring(*jobs)
    changed = [*(job(f"Job {n}", branch="new") for n in range(lost)), *jobs[lost:]]
    assert find_loss(server.plan(*changed), ()) == ""
    too_much = there > 9 and lost > 3
    deploys = [f"Job {number}" for number in range(there)]
    together = f"; together {lost} of the {there} jobs and views of ours on memory"
    words = f"{lost} of those that deploy changed{together}"
    assert (words in find_loss(server.plan(*changed), deploys)) is too_much
    words = f"lost at once: {lost} deleted{together}"
    assert (words in find_loss(server.plan(*jobs[lost:], prune=True), ())) is too_much
    for number in range(lost):
        edited = server.configs[Kind.JOB, f"Job {number}"].replace("echo two", "echo theirs")
        server.configs[Kind.JOB, f"Job {number}"] = edited
    words = f"{lost} replaced that others made or changed{together}"
    assert (words in find_loss(server.plan(*jobs), ())) is too_much


def test_a_job_of_another_kind_is_left_alone(server: Server) -> None:
    """Jenkins takes no other root class for a job."""
    server.bring(job("team"))
    made = server.plan(folder("team"))
    assert made.changes == ()
    assert "Jenkins can't make one of the other" in made.undone[0].text


def test_a_config_that_cannot_be_read_stops_only_its_job(server: Server) -> None:
    server.bring(job("A"), job("B"))
    observed = observe(Broken(server), [(Kind.JOB, "A"), (Kind.JOB, "B")], with_orphans=False)
    made = plan_changes((job("A"), job("B", branch="new")), observed)
    assert [change.name for change in made.changes] == ["B"]
    assert "can't be read: config.xml line" in made.undone[0].text
    assert "Open it in Jenkins and save it" in made.undone[0].text


class Broken(MemoryTarget):
    """Reads job A with what is no XML in it."""

    def __init__(self, server: Server) -> None:
        super().__init__(plugins=server.installed)
        self.configs = server.configs

    def read(self, kind: Kind, name: str) -> str:
        text = super().read(kind, name)
        return text.replace("echo one", "echo &one;") if name == "A" else text


def test_what_a_plan_means_is_told_for_whose_change_it_is(server: Server) -> None:
    name = "Deploy to Prod"
    server.bring(job(name), job("Publish"))
    server.edit(name, "echo two", "echo theirs")
    server.edit("Publish", "false</concurrentBuild>", "true</concurrentBuild>")
    wanted = (job(name), job("Publish", branch="main"))
    review = weigh_plan(server.plan(*wanted), wanted)
    put_back = "(changed on the server, will be put back)"
    assert {effect.text: effect.weight.word for effect in review.effects} == {
        f"changes what {name} runs {put_back}": "high",
        "changes the parameter BRANCH of Publish: its default is main, not master": "medium",
        f"lets several builds of Publish run at once no longer {put_back}": "low",
    }
    assert str(review.risk) == f"Risk: high: changes what {name} runs {put_back}"
    assert weigh_plan(plan(server), ()).effects == ()
