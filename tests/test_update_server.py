"""Updates of a server, over HTTP: quiet in every state, few requests, through bad weather."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

import tests.jenkins_server_configs as configs
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.mark import set_description
from cfl_jobs.errors import Position
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.basis import Basis, PlanRequest
from cfl_jobs.planning.journal import Journal, list_runs
from cfl_jobs.planning.observe import observe
from cfl_jobs.planning.plan import Owner, Plan, RunResult, Status, Update
from cfl_jobs.planning.planner import plan_changes
from cfl_jobs.planning.renames import names_to_look_at
from cfl_jobs.planning.rollback import plan_rollback
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.rendering.render import render
from cfl_jobs.target import Kind
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.home import HomeTarget
from cfl_jobs.targets.server import JenkinsTarget
from tests.jenkins_server import Fault, JenkinsServer
from tests.jenkins_server_routes import Request
from tests.planned import told
from tests.projects import ROOT, copy_project, edit
from tests.rendered_jobs import folder, job, roll_back, view
from tests.server_targets import retry_policy
from tests.test_server import PASSING_FAULTS

# The recorded jobs that lose something for good, with what an update says of it.
_MISSING = ("ant", "sonar", "rbenv", "slack", "cobertura", "throttle-concurrents")
_ON_BOTH = {
    "wide-copyartifact": ("'copy artifacts 1: exclude' has no effect on this server",),
    "wide-missing-plugins": ("Install the plugins", *_MISSING),
}
_LONG_STDIO = dict.fromkeys(
    (
        "wide-publishers",
        *(
            f"{chain}Run {suite} Tests"
            for chain in ("", "chain ")
            for suite in ("Ocargo", "Portal")
        ),
    ),
    ("For 'JUnit results: keep long stdio', run `cfl-jobs inventory`: newer versions",),
)
LOSSES = {
    configs.OLD: _ON_BOTH,
    configs.NEW: {
        **_ON_BOTH,
        **_LONG_STDIO,
        "wide-properties": ("Install the plugin lockable-resources",),
        "wide-wrappers": ("Install the plugin ansicolor",),
    },
}
WANTED = (
    folder("team"),
    job("Publish", scripts=("echo one", "echo two")),
    job("team/Inner", scripts=("make",)),
    view("Code for Life", ("Publish",)),
)
CHANGED = (
    folder("team"),
    job("Publish", scripts=("echo one", "echo 2"), branch="main"),
    job("team/Inner", scripts=("make all",)),
    job("New"),
    view("Code for Life", ("Publish", "New")),
)


def recorded(name: str) -> Config:
    config = configs.recorded(name, "posted")
    return Config(Kind.JOB, name, config, Position("jobs/recorded.yaml", 1))


def all_recorded(version: str) -> tuple[Config, ...]:
    """Return what was posted to a Jenkins of this version, and kept."""
    names = configs.recorded_names("stored", version)
    return tuple(recorded(name) for name in names if name not in LOSSES[version])


@cache
def chain() -> tuple[Config, ...]:
    """Return the project's own jobs."""
    return render(ROOT)


def look(target: JenkinsTarget, wanted: tuple[Config, ...], *, prune: bool = False) -> Basis:
    names, project = names_to_look_at(wanted), wanted[0].project
    observed = observe(target, names, with_orphans=prune, project=project)
    return Basis(wanted, observed, PlanRequest(prune=prune))


def make_plan(target: JenkinsTarget, wanted: tuple[Config, ...], *, prune: bool = False) -> Plan:
    return look(target, wanted, prune=prune).plan()


def update(target: JenkinsTarget, place: Path, wanted: tuple[Config, ...]) -> RunResult:
    """Look, plan and apply, as `update --yes` does."""
    basis = look(target, wanted)
    journal = Journal(place, target=target.label, verb="update")
    return apply_plan(basis.plan(), target, journal, versions=basis.observed.versions)


@dataclass(frozen=True)
class Site:
    """A server, as one sees it who may do everything, and where runs are kept."""

    server: JenkinsServer
    target: JenkinsTarget
    place: Path

    def plan(self, wanted: tuple[Config, ...], *, prune: bool = False) -> Plan:
        return make_plan(self.target, wanted, prune=prune)

    def update(self, wanted: tuple[Config, ...]) -> RunResult:
        return update(self.target, self.place, wanted)

    def assert_quiet(self, wanted: tuple[Config, ...], *states: Callable[[], None]) -> None:
        """Nothing is to be done, and nothing told, after any of these."""
        for number, bring_about in enumerate(states):
            bring_about()
            made = self.plan(wanted)
            assert (made.changes, made.undone) == ((), ()), number
            assert [note for note in made.notes if not note.quiet] == [], number


@pytest.fixture
def site(jenkins_server: JenkinsServer, target: JenkinsTarget, tmp_path: Path) -> Site:
    return Site(jenkins_server, target, tmp_path)


def newer(server: JenkinsServer, plugin: str) -> Callable[[], None]:
    """Return what installs the next version of a plugin."""
    return lambda: server.upgrade_plugin(plugin, f"{server.plugins[plugin]}.1")


def test_every_recorded_job_is_quiet_in_every_state(site: Site) -> None:
    """After an update, a re-save, a restart and a plugin's upgrade the plan is empty."""
    wanted = all_recorded(site.server.version)
    result = site.update(wanted)
    assert [(o.change.name, o.message) for o in result.outcomes if o.status.value != "done"] == []
    upgrades = [newer(site.server, plugin) for plugin in ("git", "copyartifact")]
    site.assert_quiet(wanted, lambda: None, site.server.resave, site.server.restart, *upgrades)
    assert_each_edit_is_told(site, wanted)


# What someone changes on a job's page.
EDITED = (
    ("<command>", "<command>by hand {} "),
    ("<concurrentBuild>false", "<concurrentBuild>true"),
    ("<canRoam>true", "<canRoam>false"),
    ("<description>", "<description>by hand {} "),
)


def assert_each_edit_is_told(site: Site, wanted: tuple[Config, ...]) -> None:
    """Edit each job in its own way: after an upgrade, what is new in all alike is the plugin's."""
    for number, rendered in enumerate(wanted):
        config = site.server.config(rendered.name)
        fitting = [edit for edit in EDITED if edit[0] in config]
        old, new = fitting[number % len(fitting)]
        site.server.edit_job(rendered.name, config.replace(old, new.format(number), 1))
    made = site.plan(wanted)
    sides = {
        change.name: {found.owner for found in change.differences}
        for change in made.changes
        if isinstance(change, Update)
    }
    assert sides == {rendered.name: {Owner.THEIRS} for rendered in wanted}


def test_a_server_that_starts_on_an_updated_directory_is_quiet(site: Site) -> None:
    """What it adds and encrypts at its start is its own, though no Jenkins was there before."""
    home = HomeTarget(site.place / "home")
    wanted = all_recorded(site.server.version)
    observed = observe(home, [], with_orphans=False)
    journal = Journal(site.place, target=home.label, verb="update")
    assert apply_plan(plan_changes(wanted, observed), home, journal).is_complete
    for rendered in wanted:
        site.server.add_job(rendered.name, home.read(Kind.JOB, rendered.name))
    site.assert_quiet(wanted, site.server.restart, site.server.resave, site.server.restart)


@pytest.mark.parametrize("jenkins_server", [configs.OLD], indirect=True)
def test_every_recorded_job_is_quiet_after_an_upgrade_of_jenkins(site: Site) -> None:
    """Before and after Jenkins saves them; what loses something is others' subject."""
    lost = LOSSES[configs.NEW]
    wanted = tuple(one for one in all_recorded(configs.OLD) if one.name not in lost)
    assert site.update(wanted).is_complete
    site.server.upgrade(configs.NEW)
    site.assert_quiet(wanted, lambda: None, site.server.restart, site.server.resave)
    assert_each_edit_is_told(site, wanted)


def test_what_jenkins_has_as_stored_only_is_quiet_too(site: Site) -> None:
    """A job whose config was posted again, as another tool does, and never saved."""
    wanted = all_recorded(site.server.version)
    site.update(wanted)
    marks = {entry.name: entry.description for entry in site.target.list(Kind.JOB)}
    for rendered in wanted:
        config = with_description(rendered.config, marks[rendered.name])
        site.target.update(Kind.JOB, rendered.name, config)
    # 2.568.2 encrypts a password anew whenever it is posted, as if another had been entered.
    entered = [] if site.server.dialect.reads_file else ["wide-parameters"]
    assert [change.name for change in site.plan(wanted).changes] == entered


def with_description(config: str, description: str) -> str:
    root = parse_config(config, name="a")
    set_description(root, description)
    return format_config(root)


@pytest.mark.parametrize(
    ("jenkins_server", "name"),
    [(version, name) for version, names in LOSSES.items() for name in names],
    indirect=["jenkins_server"],
)
def test_a_loss_is_an_error_now_and_in_the_next_run(site: Site, name: str) -> None:
    """It names the plugins to install, or what has no effect."""
    wanted = (recorded(name),)
    for _ in range(2):
        (outcome,) = site.update(wanted).outcomes
        assert outcome.status is Status.FAILED
        for words in LOSSES[site.server.version][name]:
            assert words in outcome.message


def test_requests_a_job_takes_to_create_to_leave_and_to_change(site: Site) -> None:
    """Beside those for all: two listings and the plugins.

    A changed one is read for the plan, read again, posted and read back; a Jenkins that rewrites
    it late is made to save it before.
    """
    late = 1 if site.server.dialect.reads_file else 0
    path = "/job/Publish/|createItem"

    def count(wanted: tuple[Config, ...]) -> tuple[int, int]:
        site.server.requests.clear()
        site.update(wanted)
        own = site.server.count(path=path)
        return own, site.server.count() - own

    assert count((job(),)) == (2 + late, 3)
    assert count((job(),)) == (1, 3)
    assert count((job(branch="main"),)) == (4 + late, 3)


@pytest.fixture
def creator(jenkins_server: JenkinsServer) -> Iterator[JenkinsTarget]:
    """Someone who may make jobs, and sees only those whose matrix says so."""
    jenkins_server.uses_project_matrix = True
    token = jenkins_server.add_user("creator", "hudson.model.Item.Create")
    with JenkinsTarget(jenkins_server.url, Credentials("creator", token)) as made:
        yield made


MATRIX = """
    <hudson.security.AuthorizationMatrixProperty>
      <permission>USER:hudson.model.Item.Build:alice</permission>
    </hudson.security.AuthorizationMatrixProperty>"""


def letting_build(name: str, branch: str = "master") -> tuple[Config, ...]:
    """Return a folder, and a job with a matrix that lets someone build it; "" is no matrix."""
    matrix = MATRIX.replace("alice", name) * bool(name)
    made = job(branch=branch)
    config = made.config.replace("<properties>", f"<properties>{matrix}")
    return folder("team"), replace(made, config=config)


@pytest.mark.parametrize(
    ("jenkins_server", "before", "after"),
    [
        (configs.OLD, "", ""),
        (configs.NEW, "", "bob"),
        (configs.NEW, "alice", "alice"),
        (configs.OLD, "alice", "bob"),
        (configs.NEW, "alice", ""),
    ],
    indirect=["jenkins_server"],
)
def test_a_creator_keeps_what_jenkins_lets_them_do_with_the_job(
    jenkins_server: JenkinsServer, creator: JenkinsTarget, tmp_path: Path, before: str, after: str
) -> None:
    """Jenkins gave it to them when they made it; without it they could see the job no more.

    The plan tells of others alone, and is empty afterwards.
    """
    assert update(creator, tmp_path, letting_build(before, "one")).is_complete
    assert make_plan(creator, letting_build(before, "one")).changes == ()
    made = make_plan(creator, letting_build(after, "two"))
    assert not any("creator" in d.before + d.after for d in told(made))
    assert {d.owner for d in told(made)} == {Owner.OURS}
    for branch in ("two", "three"):
        assert update(creator, tmp_path, letting_build(after, branch)).is_complete
        assert make_plan(creator, letting_build(after, branch)).changes == ()
    config = jenkins_server.config("Publish")
    assert "USER:hudson.model.Item.Read:creator" in config
    assert re.findall("USER:hudson.model.Item.Build:(\\w+)", config) == after.split()


@pytest.mark.parametrize(
    ("jenkins_server", "maker", "before", "granted", "is_cut"),
    [
        (configs.OLD, "target", "alice", "bob", False),
        (configs.NEW, "target", "alice", "bob", True),
        (configs.OLD, "creator", "alice", "bob", False),
        (configs.NEW, "creator", "alice", "alice", False),
        (configs.OLD, "creator", "alice", "", True),
        (configs.NEW, "creator", "", "bob", False),
    ],
    indirect=["jenkins_server"],
)
def test_a_grant_on_the_server_is_not_taken_for_the_creators(
    jenkins_server: JenkinsServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    maker: str,
    before: str,
    granted: str,
    is_cut: bool,
) -> None:
    """The plan shows it and it goes, with the definition's matrix; the creator's entries stay.

    A mark may have lost the blanks at its end.
    """
    by = request.getfixturevalue(maker)
    assert update(by, tmp_path, letting_build(before)).is_complete
    config = jenkins_server.config("Publish")
    if granted:
        entry = f"<permission>USER:hudson.model.Item.Cancel:{granted}</permission>"
        end = "</hudson.security.AuthorizationMatrixProperty>"
        config = config.replace(end, entry + end)
    if is_cut:
        config, cuts = re.subn(r"[ \t]+</description>", "</description>", config)
        assert cuts == 1
    jenkins_server.edit_job("Publish", config)

    made = make_plan(by, letting_build(""))
    shown = "".join(found.before for found in told(made))
    assert ("Item.Cancel" in shown) is bool(granted)
    assert "creator" not in shown
    assert update(by, tmp_path, letting_build("")).is_complete
    config = jenkins_server.config("Publish")
    users = set(re.findall(r"USER:[\w.]+:(\w+)", config))
    assert users == {maker} - {"target"}
    assert make_plan(by, letting_build("")).changes == ()


def test_a_job_that_one_may_not_see_is_said_to_be_in_the_way(
    target: JenkinsTarget, creator: JenkinsTarget, tmp_path: Path
) -> None:
    """Jenkins refuses a second job of the name, and gives no reason."""
    update(target, tmp_path, (job(),))
    (outcome,) = update(creator, tmp_path, (job(),)).outcomes
    assert "there is one already that creator may not see" in outcome.message


def test_what_create_item_leaves_out_of_a_matrix_job_is_posted_again(site: Site) -> None:
    """It has the default execution strategy until its config comes again."""
    wanted = (recorded("wide-matrix"), replace(recorded("wide-matrix"), name="another"))
    result = site.update(wanted)
    assert [outcome.message for outcome in result.outcomes] == ["", ""]
    assert "touchStoneCombinationFilter" in site.server.config("another")
    site.assert_quiet(wanted, site.server.restart, site.server.resave)


def test_a_password_of_a_new_job_is_not_left_plain_on_the_disk(site: Site) -> None:
    """createItem keeps its text as it came until Jenkins saves the job."""
    made = recorded("wide-parameters")
    secret = "secret</description>\n          <defaultValue"
    config = made.config.replace(f"{secret}/>", f"{secret}>sesame</defaultValue>")
    assert config != made.config
    wanted = (replace(made, config=config),)
    assert site.update(wanted).is_complete
    assert "sesame" not in site.server.jobs["wide-parameters"].file
    assert site.plan(wanted).changes == ()


def test_a_change_whose_answer_was_lost_is_known_by_its_mark(site: Site) -> None:
    """Also where Jenkins made something else of the rest at once, as if someone were at work."""
    results = "<testResults>*.xml</testResults><keepLongStdio>true</keepLongStdio>"
    tag = "hudson.tasks.junit.JUnitResultArchiver"
    site.update((job(),))
    site.server.fail(Fault.DROP_AFTER, method="POST", path="config.xml")
    wanted = job(publishers=f"<{tag}>{results}</{tag}>")
    (outcome,) = site.update((wanted,)).outcomes
    assert "an answer was lost" not in outcome.message
    assert ("dropped" in outcome.message) is not site.server.dialect.reads_file


def test_a_folder_goes_once_nothing_of_others_is_in_it(site: Site) -> None:
    """The view that Jenkins itself makes in each folder doesn't hold it."""
    site.update(WANTED)
    made = site.plan((job(),), prune=True)
    assert [change.name for change in made.deletions] == ["Code for Life", "team/Inner", "team"]
    journal = Journal(site.place, target=site.target.label, verb="update")
    assert apply_plan(made, site.target, journal).is_complete
    assert set(site.server.jobs) == {"Publish"}


def test_an_edit_made_while_an_update_runs_is_left_alone(site: Site) -> None:
    """Not replaced by what was planned before it; the other jobs are done."""
    names = [f"Job {number:02}" for number in range(20)]
    site.update(tuple(job(name) for name in names))
    edits: list[str] = []

    def edit_once(request: Request) -> None:
        if request.method == "POST" and not edits:
            edits.append(names[-1])
            config = site.server.config(names[-1])
            site.server.edit_job(names[-1], config.replace("echo two", "echo COLLEAGUE"))

    site.server.hook = edit_once
    result = site.update(tuple(job(name, branch="main") for name in names))
    site.server.hook = None
    failed = [o for o in result.outcomes if o.status is Status.FAILED]
    assert [outcome.change.name for outcome in failed] == edits
    assert "was changed on the server since the plan was made" in failed[0].message
    assert "COLLEAGUE" in site.server.config(names[-1])
    assert len(result.outcomes) == len(names)


def test_what_is_kept_is_what_was_replaced(site: Site) -> None:
    """Also where Jenkins wrote the job in other words since the plan."""
    site.update((job(),))
    made = site.plan((job(branch="main"),))
    site.server.upgrade_plugin("timestamper", "9.27")
    replaced = site.server.config("Publish")
    journal = Journal(site.place, target=site.target.label, verb="update")
    assert apply_plan(made, site.target, journal).is_complete
    (kept,) = (journal.directory / "before").iterdir()
    assert kept.read_text(encoding="utf-8") == replaced
    assert "timestamper@9.27" in replaced


def test_a_run_against_a_server_is_rolled_back(site: Site) -> None:
    """Changed jobs as they were, new ones gone, renamed ones back, the view too."""
    before = (*WANTED, job("Old", scripts=("old",)))
    site.update(before)
    configs = {name: site.server.config(name) for name in site.server.jobs}
    site.update((*CHANGED, job("Moved", scripts=("old",), moved_from=("Old",))))
    assert "Moved" in site.server.jobs
    assert "Old" not in site.server.jobs
    run = list_runs(site.place, site.target.label)[0]
    assert roll_back(plan_rollback(run, site.target), site.target, site.place) == []
    now = {name: site.server.config(name) for name in site.server.jobs}
    assert now == configs
    assert site.plan(before).changes == ()


@pytest.mark.parametrize(
    ("jenkins_server", "seed"),
    [(configs.DIALECTS[seed // 2 % 2], seed) for seed in range(8)],
    indirect=["jenkins_server"],
)
def test_an_update_comes_through_bad_weather(
    jenkins_server: JenkinsServer, tmp_path: Path, seed: int
) -> None:
    """Every seventh request or so fails in some way; in the end all is as it should be.

    With a token, or with a password, which needs a session and its crumb.
    """
    dice = random.Random(seed)
    secret = jenkins_server.token if seed % 2 else jenkins_server.password
    # Without waits all threads are back at once, so that one thread's accident is everyone's.
    policy = retry_policy(attempts=12)
    target = JenkinsTarget(
        jenkins_server.url, Credentials(jenkins_server.user, secret), policy=policy
    )
    update(target, tmp_path, WANTED)
    # What a server asks us to wait for adds up for all threads, to longer than anyone waits.
    known = [fault for fault in PASSING_FAULTS if fault is not Fault.TOO_MANY]
    faults = [dice.choice(known) if dice.random() < 0.15 else None for _ in range(200)]
    jenkins_server.hook = lambda request: faults.pop() if faults else None
    result = update(target, tmp_path, CHANGED)
    jenkins_server.hook = None
    jenkins_server.starting_for = 0
    assert [o.message for o in result.outcomes if o.status is not Status.DONE] == []
    assert make_plan(target, CHANGED).changes == ()
    target.close()


def test_the_chain_itself_is_quiet_in_every_state(site: Site) -> None:
    """The definitions of this repository: nothing is lost, and every plan after it is empty."""
    wanted = chain()
    result = site.update(wanted)
    assert [o.message for o in result.outcomes if o.message] == []
    assert result.is_complete
    upgrade = newer(site.server, "parameterized-trigger")
    site.assert_quiet(wanted, lambda: None, site.server.resave, site.server.restart, upgrade)


@pytest.mark.parametrize("jenkins_server", [configs.OLD], indirect=True)
def test_a_server_that_was_upgraded_with_the_chain_on_it_is_quiet(site: Site) -> None:
    """What the newer plugins added, left out and renamed is Jenkins' own; an edit is told."""
    wanted = chain()
    assert site.update(wanted).is_complete
    site.server.upgrade(configs.NEW)
    site.assert_quiet(wanted, lambda: None, site.server.resave)
    names = {note.name for note in site.plan(wanted).notes if "keep long stdio" in note.text}
    assert names == {"Run Portal Tests", "Run Ocargo Tests"}


@pytest.mark.parametrize("jenkins_server", [configs.OLD], indirect=True)
def test_what_was_asked_for_and_an_upgrade_took_is_told_and_its_successor_is_ours(
    site: Site,
) -> None:
    """Told once for both jobs; rendered for the new inventory it is a change of ours."""
    root = copy_project(site.place / "project", configs.OLD)
    edit(root, "templates/tests.yaml.j2", "- junit:\n", "- junit:\n      keep-long-stdio: true\n")
    wanted = render(root)
    assert site.update(wanted).is_complete
    site.server.upgrade(configs.NEW)
    made = site.plan(wanted)
    assert (made.changes, made.undone) == ((), ())
    (note,) = (note for note in made.notes if not note.quiet)
    junit = configs.recorded_plugins(configs.NEW)["junit"]
    assert note.text.startswith("has lost 'JUnit results: keep long stdio' (so have Run ")
    assert f"junit {junit} doesn't know it; run `cfl-jobs inventory`" in note.text
    shutil.copy(ROOT / INVENTORY, root / INVENTORY)
    made = site.plan(render(root))
    assert {change.name for change in made.changes} == {"Run Portal Tests", "Run Ocargo Tests"}
    assert {(d.label, d.after, d.owner) for d in told(made)} == {
        ("JUnit results: stdio retention", "ALL", Owner.OURS)
    }
