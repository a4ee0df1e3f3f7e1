"""Three sides: whose each difference is, and what a plan will and won't do."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import PermissionDenied, PlanError, UnsafePlan
from cfl_jobs.planning.alike import group_alike
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.differences import Change, Side
from cfl_jobs.planning.former import names_to_look_at
from cfl_jobs.planning.journal import Journal
from cfl_jobs.planning.mark import description_of, split_description
from cfl_jobs.planning.markdown import write_markdown
from cfl_jobs.planning.observe import observe
from cfl_jobs.planning.plan import Create, Delete, Plan, Update, check_safety
from cfl_jobs.planning.planfile import load_plan, save_plan
from cfl_jobs.planning.planner import Basis, plan_changes
from cfl_jobs.planning.report import write_text
from cfl_jobs.rendering.render import Rendered
from cfl_jobs.target import Kind, full_label
from tests.jenkins_server_configs import restart, save
from tests.memory_target import MemoryTarget
from tests.rendered_jobs import PLUGINS, folder, jenkins, job, plan, view


@pytest.fixture
def target() -> MemoryTarget:
    return jenkins()


def update(target: MemoryTarget, place: Path, *wanted: Rendered, adopt: bool = False) -> None:
    names = [(rendered.kind, rendered.name) for rendered in wanted]
    observed = observe(target, names, with_orphans=False, project=wanted[0].project)
    made = plan_changes(wanted, observed, adopt=adopt)
    journal = Journal(place, target="memory", verb="update")
    result = apply_plan(
        made,
        target,
        journal,
        versions=target.installed,
    )
    assert result.is_complete, [outcome.message for outcome in result.outcomes]


def sides(made: Plan) -> dict[str, Side]:
    """Return whose each difference of a plan's only update is, by its words."""
    updates = [change for change in made.changes if isinstance(change, Update)]
    assert len(updates) == 1
    return {found.label: found.side for found in updates[0].differences}


def test_a_changed_definition_is_ours(target: MemoryTarget, tmp_path: Path) -> None:
    """Only we changed something since the last update."""
    update(target, tmp_path, job())
    made = plan(target, job(branch="main"))
    assert sides(made) == {"parameter BRANCH: default": Side.OURS}
    found = made.changes[0].differences[0]  # type: ignore[union-attr]
    assert (found.before, found.after, found.change) == ("master", "main", Change.CHANGED)


def test_an_edit_on_the_server_is_theirs(target: MemoryTarget, tmp_path: Path) -> None:
    """Only the server's job changed since the last update."""
    update(target, tmp_path, job())
    target.edit("Publish", "echo two", "echo 2")
    assert sides(plan(target, job())) == {"shell step: script": Side.THEIRS}


def test_an_edit_in_one_step_and_a_change_in_another_are_told_apart(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Theirs and ours in one job, each with its own side."""
    update(target, tmp_path, job(scripts=("one", "two")))
    target.edit("Publish", "<command>one<", "<command>ONE<")
    made = plan(target, job(scripts=("one", "TWO")))
    assert sides(made) == {
        "shell step 1: script": Side.THEIRS,
        "shell step 2: script": Side.OURS,
    }


def test_the_same_step_changed_by_both_is_both(target: MemoryTarget, tmp_path: Path) -> None:
    """Neither the definition nor the server has what was applied."""
    update(target, tmp_path, job(scripts=("one", "two")))
    target.edit("Publish", "<command>one<", "<command>ONE<")
    made = plan(target, job(scripts=("eins", "two")))
    assert sides(made) == {"shell step 1: script": Side.BOTH}


def test_a_step_added_on_the_server_is_theirs(target: MemoryTarget, tmp_path: Path) -> None:
    """It will be removed, and the plan says whose it is."""
    update(target, tmp_path, job(scripts=("one",)))
    new = "<hudson.tasks.Shell><command>extra</command></hudson.tasks.Shell></builders>"
    target.edit("Publish", "</builders>", new)
    made = plan(target, job(scripts=("one",)))
    assert sides(made) == {"shell step 2": Side.THEIRS}


def test_a_step_that_we_removed_is_ours_and_one_that_they_removed_is_theirs(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """What is gone is gone on one side."""
    update(target, tmp_path, job(scripts=("one", "two", "three")))
    made = plan(target, job(scripts=("one", "three")))
    assert sides(made) == {"shell step 2": Side.OURS}
    config = target.configs[Kind.JOB, "Publish"]
    start = config.index("    <hudson.tasks.Shell>")
    end = config.index("</hudson.tasks.Shell>") + len("</hudson.tasks.Shell>")
    target.configs[Kind.JOB, "Publish"] = config[:start] + config[end:]
    made = plan(target, job(scripts=("one", "two", "three")))
    assert list(sides(made).values()) == [Side.THEIRS]


def test_steps_in_another_order_are_a_difference(target: MemoryTarget, tmp_path: Path) -> None:
    """The order of steps counts."""
    update(target, tmp_path, job(scripts=("one", "two")))
    made = plan(target, job(scripts=("two", "one")))
    assert made.changes


def test_a_plan_after_an_update_is_empty_in_every_state(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Saved, re-saved, restarted, with a plugin upgraded: nothing is to be done."""
    wanted = (folder("team"), job("Publish"), job("team/Inner"), view("All of it", ("Publish",)))
    update(target, tmp_path, *wanted)
    for change in ("resave", "restart", "upgrade"):
        if change == "upgrade":
            target.installed["timestamper"] = "1.27"
        for key, config in target.configs.items():
            if key[0] is Kind.JOB:
                function = restart if change == "restart" else save
                target.configs[key] = function(config, target.installed)
        made = plan(target, *wanted)
        assert made.changes == (), change
        assert [note for note in made.notes if not note.quiet] == []


WRAPPER = "hudson.plugins.timestamper.TimestamperBuildWrapper"


def upgrade(target: MemoryTarget) -> None:
    """Upgrade a plugin; Jenkins saves every job."""
    target.installed["timestamper"] = "1.27"
    for key, config in target.configs.items():
        target.configs[key] = save(config, target.installed)


def set_field(target: MemoryTarget, name: str, text: str) -> None:
    """Add a field to the plugin's element in a job."""
    saved_by = target.installed["timestamper"]
    element = f'<{WRAPPER} plugin="timestamper@{saved_by}"'
    target.edit(name, f"{element}/>", f"{element}>{text}</{WRAPPER}>")


def test_what_an_upgraded_plugin_adds_alike_everywhere_is_jenkins_own(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """But one job that differs from the others was edited."""
    wanted = tuple(job(f"Job {number}") for number in range(4))
    update(target, tmp_path, *wanted)
    upgrade(target)
    for rendered in wanted:
        set_field(target, rendered.name, "<pack>zip</pack>")
    made = plan(target, *wanted)
    assert made.changes == ()
    assert len([note for note in made.notes if note.quiet]) == 4
    target.edit("Job 2", "<pack>zip</pack>", "<pack>tar</pack>")
    changed = [change.name for change in plan(target, *wanted).changes]
    assert "Job 2" in changed


def test_a_plan_for_one_job_learns_what_an_upgraded_plugin_adds_from_all(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """They are read, though the plan isn't about them; one that can't be read is no matter."""
    wanted = tuple(job(f"Job {number}") for number in range(4))
    update(target, tmp_path, *wanted)
    target.requests.clear()
    assert plan(target, wanted[0], filtered=True).changes == ()
    assert [name for verb, name in target.requests if verb == "read"] == ["Job 0"]
    upgrade(target)
    for rendered in wanted:
        set_field(target, rendered.name, "<pack>zip</pack>")
    refuse_reading(target, "Job 2")
    made = plan(target, wanted[0], filtered=True)
    assert (made.changes, made.managed) == ((), 4)
    target.edit("Job 0", "<pack>zip</pack>", "<pack>tar</pack>")
    assert [change.name for change in plan(target, wanted[0], filtered=True).changes] == ["Job 0"]


def refuse_reading(target: MemoryTarget, job_name: str) -> None:
    """Let a job be listed, but not read."""

    def refuse(verb: str, name: str) -> None:
        if (verb, name) == ("read", job_name):
            raise PermissionDenied("may not read it")

    target.before_request = refuse


def test_what_only_one_job_has_is_theirs_even_after_an_upgrade(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """One job proves nothing; people are told that the plugin may have set it."""
    update(target, tmp_path, job())
    upgrade(target)
    set_field(target, "Publish", "<pack>zip</pack>")
    (change,) = plan(target, job()).changes
    assert isinstance(change, Update)
    assert [(found.side, found.remark) for found in change.differences] == [
        (Side.THEIRS, "or set by timestamper@1.27, which is newer than at the last update")
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</artifacts>", "</artifacts><excludes>*.o</excludes>"),
        ("<builders>", "<customWorkspace>/tmp/x</customWorkspace><builders>"),
    ],
)
def test_the_upgrade_of_another_plugin_excuses_nothing(
    target: MemoryTarget, tmp_path: Path, old: str, new: str
) -> None:
    """Not even the same edit in every job."""
    wanted = tuple(job(f"Job {number}") for number in range(4))
    update(target, tmp_path, *wanted)
    upgrade(target)
    for rendered in wanted:
        target.edit(rendered.name, old, new)
    made = plan(target, *wanted)
    assert [change.name for change in made.changes] == [rendered.name for rendered in wanted]


def test_who_may_not_list_plugins_learns_of_an_upgrade_all_the_same(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Jenkins writes the version into what it saves."""
    wanted = (job("A"), job("B"))
    names = [(rendered.kind, rendered.name) for rendered in wanted]
    made = plan_changes(wanted, observe(target, names, with_orphans=False))
    journal = Journal(tmp_path, target="memory", verb="update")
    assert apply_plan(made, target, journal, versions={}).is_complete
    upgrade(target)
    for rendered in wanted:
        set_field(target, rendered.name, "<pack>zip</pack>")
    assert plan(target, *wanted).changes == ()


@pytest.mark.parametrize("core", ["2.440.3", "2.462.1"])
def test_what_an_upgraded_jenkins_adds_to_its_own_elements_alike_is_its_own(
    target: MemoryTarget, tmp_path: Path, core: str
) -> None:
    """No plugin's name stands there; the mark has a code of Jenkins' own version."""
    wanted = (job("A"), job("B"))
    target.core = "2.440.3"
    made = plan(target, *wanted)
    versions = {**PLUGINS, "jenkins": target.core}
    journal = Journal(tmp_path, target="memory", verb="update")
    assert apply_plan(made, target, journal, versions=versions).is_complete
    assert plan(target, *wanted).changes == ()
    target.core = core
    for rendered in wanted:
        target.edit(rendered.name, "</artifacts>", "</artifacts><zip>fast</zip>")
    changes = plan(target, *wanted).changes
    assert (changes == ()) is (core == "2.462.1")
    target.edit("A", "<zip>fast<", "<zip>slow<")
    (change, *_) = plan(target, *wanted).changes
    assert change.name == "A"


def test_a_new_field_is_theirs_where_no_plugin_was_upgraded(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Only someone can have set it."""
    wanted = (job("A"), job("B"))
    update(target, tmp_path, *wanted)
    for rendered in wanted:
        set_field(target, rendered.name, "<pack>zip</pack>")
    changes = plan(target, *wanted).changes
    assert [c.differences[0].side for c in changes if isinstance(c, Update)] == [Side.THEIRS] * 2


def test_a_field_that_an_upgrade_renamed_is_jenkins_own(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Its value stands in the same element, under another name."""
    element = f"<{WRAPPER}><pack>zip</pack></{WRAPPER}>"
    named = replace(job(), config=job().config.replace(f"<{WRAPPER}/>", element))
    update(target, tmp_path, named)
    upgrade(target)
    assert plan(target, named).changes == ()
    target.edit("Publish", "<pack>zip</pack>", "<packing>zip</packing>")
    assert plan(target, named).changes == ()


def test_a_value_that_changed_is_theirs_even_after_an_upgrade(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """No upgrade excuses another value than ours."""
    element = f"<{WRAPPER}><pack>zip</pack></{WRAPPER}>"
    named = replace(job(), config=job().config.replace(f"<{WRAPPER}/>", element))
    update(target, tmp_path, named)
    upgrade(target)
    target.edit("Publish", "<pack>zip</pack>", "<pack>tar</pack>")
    assert list(sides(plan(target, named)).values()) == [Side.THEIRS]


def test_a_job_that_is_not_ours_needs_adopt(target: MemoryTarget, tmp_path: Path) -> None:
    """It is left alone, named and compared; with --adopt it is taken over."""
    target.configs[Kind.JOB, "Publish"] = save(job(branch="by hand").config, PLUGINS)
    made = plan(target, job())
    assert made.changes == ()
    assert [note.text for note in made.undone] == [
        "is there without our mark: it isn't ours, or its description was replaced; "
        "with --adopt it becomes ours"
    ]
    (left,) = made.unadopted
    assert {d.label: d.side for d in left.differences} == {"parameter BRANCH: default": Side.ADOPT}
    text = write_text(made)
    assert "      - by hand\n      + master\n" in text
    assert text.count("! job Publish") == 1
    made = plan(target, job(), adopt=True)
    assert (made.unadopted, made.undone) == ((), ())
    assert [(type(change), change.name) for change in made.changes] == [(Update, "Publish")]
    update(target, tmp_path, job(), adopt=True)
    assert plan(target, job()).changes == ()


def test_an_edit_that_took_the_mark_with_it_is_shown(target: MemoryTarget, tmp_path: Path) -> None:
    """Someone replaced the description in the browser, and more."""
    update(target, tmp_path, job())
    config = target.configs[Kind.JOB, "Publish"]
    text = description_of(parse_config(config, name="Publish"))
    target.edit("Publish", text.replace("'", "&apos;"), "Ask Bob.")
    target.edit("Publish", "echo two", "echo BOB")
    made = plan(target, job())
    assert made.changes == ()
    assert "or its description was replaced" in made.undone[0].text
    assert "echo BOB" in write_text(made)
    assert "Ask Bob." in write_markdown(made)


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
    """Their marks say so from the next update on; those of another without a name stay."""
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


def test_a_copy_made_in_jenkins_is_not_ours(target: MemoryTarget, tmp_path: Path) -> None:
    """It carries its original's mark, but for the name; pruning and updates leave it alone."""
    update(target, tmp_path, job("Deploy"))
    target.configs[Kind.JOB, "Copy"] = target.configs[Kind.JOB, "Deploy"]
    made = plan(target, job("Deploy"), prune=True)
    assert made.changes == ()
    assert [(note.name, note.quiet) for note in made.notes] == [("Copy", True)]
    made = plan(target, job("Deploy"), job("Copy", branch="x"))
    assert made.changes == ()
    assert "carries another job's mark" in made.undone[0].text


def test_a_job_renamed_by_hand_is_told_of(target: MemoryTarget, tmp_path: Path) -> None:
    """Where its name is made again, it should not be lost sight of, nor deleted."""
    update(target, tmp_path, job("Deploy"))
    target.rename("Deploy", "By hand")
    made = plan(target, job("Deploy"), prune=True)
    assert [(type(change), change.name) for change in made.changes] == [(Create, "Deploy")]
    (note,) = made.notes
    assert (note.name, note.quiet) == ("By hand", False)
    assert "'Deploy', or that one renamed by hand" in note.text


def test_only_a_whole_mark_lets_a_job_be_deleted(target: MemoryTarget, tmp_path: Path) -> None:
    """Not a description that speaks of the mark, nor a mark that someone damaged."""
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
    """Both names are there; which of them should go is not for us to say."""
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
    """Jenkins takes the two for one."""
    update(target, tmp_path, job("deploy"))
    made = plan(target, job("Deploy"), prune=True)
    assert made.changes == ()
    assert made.undone[0].text.endswith("'deploy', which is there; `moved: deploy` renames that")
    (renamed,) = plan(target, job("Deploy", moved_from=("deploy",)), prune=True).changes
    assert isinstance(renamed, Update)
    assert (renamed.old_name, renamed.name) == ("deploy", "Deploy")


def test_jobs_come_along_with_their_folder(target: MemoryTarget, tmp_path: Path) -> None:
    """They are compared, not made anew; nothing of the old folder is deleted."""
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
    """They are someone's, and would all be replaced."""
    for number in range(20):
        name = f"Job {number}"
        target.configs[Kind.JOB, name] = save(job(name, branch="by hand").config, PLUGINS)
    made = plan(target, *(job(f"Job {number}") for number in range(20)), adopt=True)
    with pytest.raises(UnsafePlan, match="--force"):
        check_safety(made, force=False)


def test_a_job_that_is_no_longer_said_to_be_disabled_is_enabled(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Who disabled it is known: the definition did."""
    off = job(extra="<disabled>true</disabled>")
    update(target, tmp_path, off)
    made = plan(target, job())
    assert sides(made) == {"disabled": Side.OURS}
    update(target, tmp_path, job())
    assert "<disabled>true" not in target.configs[Kind.JOB, "Publish"]
    assert plan(target, job()).changes == ()
    assert sides(plan(target, off)) == {"disabled": Side.OURS}
    update(target, tmp_path, off)
    target.edit("Publish", "<disabled>true", "<disabled>false")
    assert sides(plan(target, off)) == {"disabled": Side.THEIRS}


def test_the_mark_of_jenkins_job_builder_is_no_difference(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """A job that jenkins-job-builder's own update made is adopted without a false difference."""
    text = "Publishes.&lt;!-- Managed by Jenkins Job Builder --&gt;"
    target.configs[Kind.JOB, "Publish"] = save(job(description=text).config, PLUGINS)
    made = plan(target, job(), adopt=True)
    assert [change.differences for change in made.changes if isinstance(change, Update)] == [()]
    update(target, tmp_path, job(), adopt=True)
    root = target.configs[Kind.JOB, "Publish"]
    assert "Job Builder" not in root


def test_text_that_someone_wrote_below_the_mark_is_theirs(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """The mark is found wherever it is; the rest is the description."""
    update(target, tmp_path, job())
    target.edit("Publish", "</description>", " Ask Ann!</description>")
    assert sides(plan(target, job())) == {"description": Side.THEIRS}


def test_what_is_no_longer_defined_is_named_and_deleted_only_with_prune(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Of our jobs only, with their builds counted."""
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
    assert plan(target, job("Keep"), filtered=True).changes == ()
    with pytest.raises(UnsafePlan, match="a filter never deletes"):
        plan(target, job("Keep"), prune=True, filtered=True)


def test_a_folder_that_holds_jobs_of_others_is_not_deleted(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Deleting it would delete what is in it."""
    update(target, tmp_path, folder("team"), job("team/Ours"))
    target.configs[Kind.JOB, "team/Theirs"] = job().config
    made = plan(target, job("Publish"), prune=True)
    assert [change.name for change in made.deletions] == ["team/Ours"]
    assert any("holds 'team/Theirs'" in note.text for note in made.notes)
    del target.configs[Kind.JOB, "team/Theirs"]
    made = plan(target, job("Publish"), prune=True)
    assert [change.name for change in made.deletions] == ["team/Ours", "team"]


def test_many_changes_at_once_need_force(target: MemoryTarget, tmp_path: Path) -> None:
    """More than 30 % of at least ten jobs."""
    jobs = [job(f"Job {number}") for number in range(10)]
    update(target, tmp_path, *jobs)
    three = [job(f"Job {n}", branch="new") for n in range(3)] + jobs[3:]
    check_safety(plan(target, *three), force=False)
    four = [job(f"Job {n}", branch="new") for n in range(4)] + jobs[4:]
    with pytest.raises(UnsafePlan, match="change or delete 4 of the 10"):
        check_safety(plan(target, *four), force=False)
    check_safety(plan(target, *four), force=True)
    gone = plan(target, *jobs[4:], prune=True)
    with pytest.raises(UnsafePlan, match="--force"):
        check_safety(gone, force=False)


def test_few_jobs_may_all_change(target: MemoryTarget, tmp_path: Path) -> None:
    """Nine jobs are looked through by eye."""
    update(target, tmp_path, *(job(f"Job {number}") for number in range(9)))
    made = plan(target, *(job(f"Job {number}", branch="new") for number in range(9)))
    check_safety(made, force=False)


def test_the_same_change_in_many_jobs_is_one_group(target: MemoryTarget, tmp_path: Path) -> None:
    """Also where one of the jobs has a change of its own beside it."""
    update(target, tmp_path, *(job(f"Job {number}") for number in range(3)), job("Other"))
    changed = [job(f"Job {number}", branch="new", line=number + 1) for number in range(2)]
    both = job("Job 2", branch="new", scripts=("make",), line=3)
    made = plan(target, *changed, both, job("Other", branch="newer"))
    updates = [change for change in made.changes if isinstance(change, Update)]
    groups = [
        ([updates[number].name for number in alike.jobs], [c[0].label for c in alike.changes])
        for alike in group_alike([update.differences for update in updates])
    ]
    assert groups == [
        (["Job 0", "Job 1", "Job 2"], ["parameter BRANCH: default"]),
        (["Job 2"], ["shell step: script"]),
        (["Other"], ["parameter BRANCH: default"]),
    ]


def test_a_flag_that_is_not_there_is_shown_as_what_that_means(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """Jenkins leaves out what is false by itself, and so do we."""
    update(target, tmp_path, job())
    (changed,) = plan(target, job(concurrent="true")).changes
    assert isinstance(changed, Update)
    shown = [(d.label, d.change, d.before, d.after) for d in changed.differences]
    assert shown == [("concurrent builds", Change.CHANGED, "false", "true")]
    target.edit(
        "Publish", "<fingerprint>true", "<caseSensitive>false</caseSensitive><fingerprint>true"
    )
    target.edit("Publish", "<caseSensitive>true</caseSensitive>", "")
    (changed,) = plan(target, job()).changes
    assert isinstance(changed, Update)
    shown = [(d.label, d.change, d.before, d.after) for d in changed.differences]
    assert shown == [("archive artifacts: case sensitive", Change.CHANGED, "false", "true")]


def test_a_difference_is_blamed_on_its_template(target: MemoryTarget, tmp_path: Path) -> None:
    """The step's line where it is known, else the definition's."""
    update(target, tmp_path, job())
    made = plan(target, job(scripts=("new",), branch="new"))
    (changed,) = made.changes
    assert isinstance(changed, Update)
    places = {found.label: str(found.position) for found in changed.differences}
    assert places == {
        "shell step: script": "templates/publish.yaml.j2:9:5",
        "parameter BRANCH: default": "jobs/publish.yaml:3:5",
    }


def test_a_moved_definition_renames(target: MemoryTarget, tmp_path: Path) -> None:
    """And the old name isn't taken for a job that nobody defines."""
    update(target, tmp_path, job("Old"))
    made = plan(target, job("New", moved_from=("Older", "Old")), prune=True)
    (change,) = made.changes
    assert isinstance(change, Update)
    assert (change.old_name, change.name, change.differences) == ("Old", "New", ())
    both = plan(target, job("Old"), job("New", moved_from=("Older",)))
    assert [type(change) for change in both.changes] == [Create]


def test_a_view_has_a_mark_and_is_compared_like_a_job(target: MemoryTarget, tmp_path: Path) -> None:
    """Its jobs are a set, which Jenkins sorts."""
    update(target, tmp_path, view("Chain", ("b", "A")))
    config = target.configs[Kind.VIEW, "Chain"]
    assert split_description(config)[1] is not None
    assert plan(target, view("Chain", ("A", "b"))).changes == ()
    assert sides(plan(target, view("Chain", ("A", "b", "c")))) == {"jobs": Side.OURS}


def basis_of(target: MemoryTarget, *wanted: Rendered) -> Basis:
    names = names_to_look_at(wanted)
    return Basis(wanted, observe(target, names, with_orphans=True), adopt=True, prune=True)


def test_a_kept_plan_is_the_same_plan(target: MemoryTarget, tmp_path: Path) -> None:
    """Written to a file and read again, for its owner only."""
    update(target, tmp_path, job("A"), job("Old"), job("Gone"))
    target.configs[Kind.JOB, "C"] = save(job("C").config, PLUGINS)
    target.builds["Gone"] = 7
    basis = basis_of(target, job("A", branch="x"), job("New", moved_from=("Old",)), job("B"))
    made = basis.plan()
    assert {type(change) for change in made.changes} == {Create, Update, Delete}
    path = tmp_path / "plan.json"
    save_plan(basis, path)
    assert load_plan(path).plan() == replace(made, target=full_label("memory"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("old", ["echo two", '"prune": true', "Publishes.", '"plan.json"'])
def test_an_altered_plan_is_refused(target: MemoryTarget, tmp_path: Path, old: str) -> None:
    """Whatever was altered in it."""
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
    assert "echo EVIL" in write_text(load_plan(path).plan())
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


def test_secrets_are_not_shown(target: MemoryTarget, tmp_path: Path) -> None:
    """Neither encrypted ones nor fields that hold one."""
    secret = "{AQAAABAAAAAQxIyRO+G2ncy+IfR2qVKHJ9gE}"
    update(target, tmp_path, job(extra="<authToken>hunter2</authToken>", scripts=(secret,)))
    made = plan(target, job(extra="<authToken>hunter3</authToken>", scripts=("plain",)))
    (change,) = made.changes
    assert isinstance(change, Update)
    assert "hunter" not in repr(change.differences)
    assert "AQAA" not in repr(change.differences)
    assert {found.label for found in change.differences} == {"auth token", "shell step: script"}


def test_a_job_of_another_kind_is_left_alone(target: MemoryTarget, tmp_path: Path) -> None:
    """Jenkins takes no other root class for a job."""
    update(target, tmp_path, job("team"))
    made = plan(target, folder("team"))
    assert made.changes == ()
    assert "Jenkins can't make one of the other" in made.undone[0].text


def test_a_config_that_cannot_be_read_stops_only_its_job(
    target: MemoryTarget, tmp_path: Path
) -> None:
    """XML 1.1 allows characters that no other tool reads."""
    update(target, tmp_path, job("A"), job("B"))
    observed = observe(Broken(target), [(Kind.JOB, "A"), (Kind.JOB, "B")], with_orphans=False)
    made = plan_changes((job("A"), job("B", branch="new")), observed)
    assert [change.name for change in made.changes] == ["B"]
    assert "can't be read: A: config.xml line" in made.undone[0].text


class Broken(MemoryTarget):
    """Reads job A with an escape character in it."""

    def __init__(self, target: MemoryTarget) -> None:
        super().__init__(plugins=target.installed)
        self.configs = target.configs

    def read(self, kind: Kind, name: str) -> str:
        text = super().read(kind, name)
        return text.replace("echo one", "echo &#x1b;") if name == "A" else text
