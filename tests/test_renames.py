"""Jobs that get another name on the server: builds and what names them come along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Refused
from cfl_jobs.planning.plan import Create, Status, Update, find_loss
from cfl_jobs.planning.renames import Renames
from cfl_jobs.review.comparing import plan_revision
from cfl_jobs.review.formats import write_text
from cfl_jobs.review.review import Review, Revision
from cfl_jobs.target import Kind
from tests.planned import tell
from tests.rendered_jobs import Server, folder, job, view

pytestmark = pytest.mark.usefixtures("a_dialect")


def test_a_renamed_job_keeps_its_builds(server: Server) -> None:
    server.bring(job("Old"))
    server.builds["Old"] = 7
    wanted = job("New", moved_from=("Older", "Old"))
    (change,) = server.plan(wanted, prune=True).changes
    assert isinstance(change, Update)
    assert (change.old_name, change.name, change.differences) == ("Old", "New", ())
    both = server.plan(job("Old"), job("New", moved_from=("Older",)))
    assert [type(change) for change in both.changes] == [Create]
    server.bring(wanted)
    assert server.builds == {"New": 7}
    assert (Kind.JOB, "Old") not in server.configs
    assert server.plan(wanted, prune=True).changes == ()


COPY = """
    <hudson.plugins.copyartifact.CopyArtifact>
      <project>{}</project><filter>a</filter>
    </hudson.plugins.copyartifact.CopyArtifact>"""


def test_jobs_and_views_that_jenkins_rewrote_at_a_rename_are_no_edits(server: Server) -> None:
    """Copy Artifact and list views follow a rename by themselves."""
    server.bring(
        job("Old", scripts=("make old",)),
        job("Copies", builders=COPY.format("Old")),
        view("Chain", ("Old", "Copies")),
    )
    server.follows_renames = True
    wanted = (
        job("New", scripts=("make old",), moved_from=("Old",)),
        job("Copies", builders=COPY.format("New")),
        view("Chain", ("New", "Copies")),
    )
    assert len(server.bring(*wanted).steps) == 3
    assert server.plan(*wanted).changes == ()


def test_a_rename_is_told_in_one_line(server: Server) -> None:
    names = ("Old", "Copies", "Copies more")
    builders = COPY.format("Old")
    there = (job("Copies", builders=builders), job("Copies more", builders=builders))
    server.bring(job("Old"), *there, view("Chain", names))
    wanted = (
        job("New", moved_from=("Old",)),
        job("Copies", builders=COPY.format("New"), scripts=("make New",)),
        job("Copies more", builders=COPY.format("New")),
        view("Chain", ("New", "Copies", "Copies more")),
    )
    made = server.plan(*wanted)
    text = tell(made)
    follows = "job Copies, job Copies more, view Chain"
    assert f"> rename job Old to New  (and its name in {follows})\n" in text
    assert "1 to change, 1 to rename, 2 to follow" in text
    assert "~ change job Copies\n    shell step" in text
    assert text.count("New") == 2
    assert find_loss(replace(made, managed=10), deploys=names) == ""
    server.bring(*wanted)
    assert server.plan(*wanted).changes == ()


SCRIPT = "\n".join(f"make {number}" for number in range(10))


@pytest.mark.parametrize("prune", [False, True])
@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        (job("Old", scripts=(SCRIPT,)), job("New", scripts=(SCRIPT,)), "[Old]"),
        (job("Old", scripts=(SCRIPT,)), job("New", scripts=(f"{SCRIPT}\nmake 10",)), "[Old]"),
        (job("No", scripts=(SCRIPT,)), job("New", scripts=(SCRIPT,)), '["No"]'),
        (job("a: b", scripts=(SCRIPT,)), job("New", scripts=(SCRIPT,)), '["a: b"]'),
        (job("Old", scripts=(SCRIPT,)), job("New", scripts=("make it",)), ""),
        (folder("Old"), job("New"), ""),
    ],
)
def test_a_job_that_goes_while_one_like_it_comes_is_probably_renamed(
    server: Server, old: Config, new: Config, written: str, *, prune: bool
) -> None:
    """The line to write is told first, then what else differs; `moved:` makes it so."""
    server.bring(old, job("Other", scripts=("make other",) * 9))
    wanted = (new, job("Other", scripts=("make other",) * 9))
    made = server.plan(*wanted, prune=prune)
    text = tell(made)
    told = f"> job {old.name} seems to be called New now: to rename it, with its builds, write "
    assert (f"{told}`moved: {written}` at jobs/publish.yaml:3:5\n" in text) is bool(written)
    assert ("+ create job New" in text) is not bool(written)
    assert ("make 10" in text) is ("make 10" in new.config)
    assert text.index("New") < text.index(f"delete job {old.name}" if prune else "--prune")
    assert find_loss(replace(made, managed=10), ()) == ""
    for defined, is_told in ((wanted, bool(written)), ((*wanted, old), False), ((), False)):
        part = server.plan(new, defined=defined)
        assert (told in tell(part)) is is_told
        assert "--prune" not in tell(part)


def test_a_review_tells_a_probable_rename_in_one_line() -> None:
    before, after = [job("Old", scripts=(SCRIPT,))], [job("New", scripts=(SCRIPT,))]
    made = plan_revision(before, after)
    text = write_text(Review(made, (Revision("main"), Revision("change"))))
    assert "What changes on the server: 1 probable rename\n> job Old seems to be" in text
    assert "--prune" not in text
    assert "make 1" not in text


def test_renames_without_moved_are_what_may_be_lost(server: Server) -> None:
    some = [job(f"Job {n}", scripts=(f"make {n}\n" * 20,)) for n in range(10)]
    server.bring(*some)
    wanted = [replace(one, name=f"New {one.name}") for one in some[:4]] + some[4:]
    for prune in (False, True):
        made = server.plan(*wanted, prune=prune)
        assert [(u.old_name, u.name) for u in made.probable_renames] == [
            (f"Job {n}", f"New Job {n}") for n in range(4)
        ]
        said = ": 4 made anew, without builds, instead of renamed; together 4 of the 10 jobs"
        assert said in find_loss(made, ())
    moved = [replace(one, moved_from=(f"Job {n}",)) for n, one in enumerate(wanted[:4])]
    assert find_loss(server.plan(*moved, *some[4:], prune=True), ()) == ""


def test_an_edit_before_a_rename_is_still_an_edit(server: Server) -> None:
    server.bring(job("Old"), job("Copies", builders=COPY.format("Old")))
    wanted = (job("New", moved_from=("Old",)), job("Copies", builders=COPY.format("New")))
    made = server.plan(*wanted)
    server.edit("Copies", "<filter>a<", "<filter>b<")
    server.follows_renames = True
    result = server.apply(made)
    failed = [o.change.name for o in result.outcomes if o.status is Status.FAILED]
    assert failed == ["Copies"]
    assert "<filter>b<" in server.configs[Kind.JOB, "Copies"]


def test_a_renamed_folder_takes_its_jobs_along(server: Server) -> None:
    """Those are not renamed again, unless their own name changed too."""
    server.bring(folder("F"), job("F/a"), job("F/b", scripts=("make b",)))
    wanted = (
        replace(folder("G"), moved_from=("F",)),
        job("G/a", branch="new"),
        job("G/c", scripts=("make b",), moved_from=("G/b",)),
    )
    made = server.plan(*wanted, prune=True)
    told = [(change.name_there, change.name) for change in made.changes]
    assert told == [("F", "G"), ("F/a", "G/a"), ("F/b", "G/c")]
    server.requests.clear()
    server.bring(*wanted)
    assert [name for verb, name in server.requests if verb == "rename"] == ["F", "G/b"]
    assert server.plan(*wanted, prune=True).changes == ()
    steps = {step.name: (step.action, step.old_name) for step in server.last_run.steps}
    assert steps == {"G": ("rename", "F"), "G/a": ("update", ""), "G/c": ("rename", "G/b")}


def test_a_job_is_deleted_from_a_folder_that_was_just_renamed(server: Server) -> None:
    """It has gone along with the folder; its backup says where it was."""
    server.bring(folder("F"), folder("F/inner"), job("F/inner/gone"), job("F/stays"))
    wanted = (replace(folder("G"), moved_from=("F",)), job("G/stays"))
    made = server.plan(*wanted, prune=True)
    result = server.apply(made)
    assert result.is_complete, [outcome.message for outcome in result.outcomes]
    assert sorted(name for _, name in server.configs) == ["G", "G/stays"]
    steps = {step.name: step.before for step in server.last_run.steps}
    assert steps["G/inner/gone"] == "job G%2Finner%2Fgone.xml"
    assert server.plan(*wanted, prune=True).changes == ()


def test_a_failed_rename_is_told_once_and_its_job_left_alone(server: Server) -> None:
    server.bring(job("Old"), job("Gone"))
    server.fail(Refused("no"), "rename")
    result = server.attempt(job("New", moved_from=("Old",)), prune=True)
    states = {outcome.change.name: outcome.status for outcome in result.outcomes}
    assert states == {"New": Status.FAILED, "Gone": Status.NOT_DONE}
    assert set(server.configs) == {(Kind.JOB, "Old"), (Kind.JOB, "Gone")}


def test_a_name_that_differs_in_case_only_is_refused_with_the_way(server: Server) -> None:
    """Jenkins answers 400: the job itself is in the way. So for what is in such a folder."""
    server.bring(folder("team"), job("team/build"), job("Deploy"))
    wanted = (
        replace(folder("Team"), moved_from=("team",)),
        job("Team/build", branch="new"),
        job("deploy", moved_from=("Deploy",)),
    )
    made = server.plan(*wanted)
    assert made.changes == ()
    assert [note.name for note in made.undone] == ["team", "team/build", "Deploy"]
    assert all("give it another name first" in note.text for note in made.undone)
    server.bring(job("deploy-now", moved_from=("Deploy",)))
    server.bring(job("deploy", moved_from=("deploy-now",)))
    assert (Kind.JOB, "deploy") in server.configs


@pytest.mark.parametrize("names", ["Old, Other", "Other ,Old", "Old"])
def test_blanks_in_a_list_of_jobs_are_no_difference_after_a_rename(
    server: Server, names: str
) -> None:
    """Jenkins writes such a list anew, without them (hudson.model.Items)."""
    tag = "hudson.tasks.BuildTrigger"
    trigger = f"<{tag}><childProjects>{{}}</childProjects></{tag}>"
    starts = job("Starts", publishers=trigger.format(names))
    server.bring(job("Old"), job("Other"), starts)

    def follow(verb: str, name: str) -> None:
        if (Kind.JOB, "New") in server.configs and verb != "rename":
            config = server.configs[Kind.JOB, "Starts"]
            new = ",".join(map(str.strip, names.replace("Old", "New").split(",")))
            server.configs[Kind.JOB, "Starts"] = config.replace(f">{names}<", f">{new}<")

    server.before_request = follow
    wanted = (
        job("New", moved_from=("Old",)),
        job("Other"),
        job("Starts", publishers=trigger.format(names.replace("Old", "New"))),
    )
    server.bring(*wanted)
    assert server.plan(*wanted).changes == ()


@pytest.mark.parametrize(
    ("old", "new", "folder", "text", "now"),
    [
        ("Old", "New", "", "Old, then Old/a, Older and a-Old", "New, then New/a, Older and a-New"),
        ("F/build", "F/built", "", "make build; F/build", "make build; F/built"),
        ("F/build", "F/built", "F", "copies build of G/build", "copies built of G/build"),
        ("F/build", "G/built", "F", "copies build", "copies build"),
        ("F", "G", "F", "F/build of H/F", "G/build of H/F"),
        ("F/My job", "F/Job", "", "$NUMBER_MY_JOB", "$NUMBER_JOB"),
    ],
)  # fmt: skip
def test_only_what_names_a_renamed_job_follows_it(
    old: str, new: str, folder: str, text: str, now: str
) -> None:
    """In a job beside it its own name is enough; elsewhere that may be any word."""
    text, now = (each.replace("$", "$COPYARTIFACT_BUILD_") for each in (text, now))
    assert Renames(((old, new),)).in_text(text, folder) == now
