"""The chain's own definitions, rendered: every job is there and does what it promises."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from textwrap import dedent, indent
from typing import TypeVar

import pytest

from cfl_jobs.configs.model import BuildDiscarder, Job, ParameterKind
from cfl_jobs.configs.read_model import read_job, read_view
from cfl_jobs.configs.steps.artifacts import ArchiveArtifacts, CopyArtifact
from cfl_jobs.configs.steps.building import (
    BindCredentials,
    CleanBefore,
    Mail,
    SetDescription,
    Shell,
    TimeLimit,
)
from cfl_jobs.configs.steps.triggering import TriggerBuilds
from cfl_jobs.errors import DefinitionError
from cfl_jobs.rendering.render import render
from cfl_jobs.target import Kind
from tests import projects
from tests.case_files import CASES, read_case
from tests.projects import ROOT, copy_project, edit

PUBLISHES = ("Publish Ocargo Files", "Publish Portal Files", "Publish Deploy Files")
SUITES = ("Run Portal Tests", "Run Ocargo Tests")
DEPLOYS = ("Deploy to Dev", "Deploy to Staging", "Deploy to Prod")
CREATE, PROMOTE, AD_HOC = "Create Distribution", "Promote Distribution", "Ad-hoc distribution"
CHECK = "Check Jobs"
JOBS = (*PUBLISHES, CREATE, *SUITES, PROMOTE, *DEPLOYS, AD_HOC, CHECK)
Step = TypeVar("Step")
_SCRIPT = r"templates/scripts/(\S+), line 2"


def read_jobs(root: Path) -> dict[str, Job]:
    return {
        each.name: read_job(each.name, each.config)
        for each in render(root)
        if each.kind is Kind.JOB
    }


@pytest.fixture(scope="module")
def jobs() -> dict[str, Job]:
    return read_jobs(ROOT)


def of(steps: tuple[object, ...], kind: type[Step]) -> list[Step]:
    return [step for step in steps if isinstance(step, kind)]


def only(steps: tuple[object, ...], kind: type[Step]) -> Step:
    (step,) = of(steps, kind)
    return step


def scripts_of(job: Job) -> list[str]:
    return [step.script for step in of(job.builders, Shell)]


def names_of(job: Job) -> list[str]:
    """Return the names of a job's scripts, in order."""
    return re.findall(_SCRIPT, "\n".join(scripts_of(job)))


def assigns(script: str, *lines: str) -> bool:
    """Whether each of these lines gives a script an input."""
    return all(f"\n{line}\n" in script for line in lines)


def parameters_of(job: Job) -> dict[str, tuple[ParameterKind, str]]:
    return {each.name: (each.kind, each.default) for each in job.parameters}


def test_every_job_of_the_chain_is_there_and_nothing_is_unknown(jobs: dict[str, Job]) -> None:
    assert sorted(jobs) == sorted(JOBS)
    for job in jobs.values():
        assert job.unknown == ()
        assert not job.disabled


@pytest.mark.parametrize("name", JOBS)
def test_what_all_jobs_share(name: str, jobs: dict[str, Job]) -> None:
    job = jobs[name]
    assert of(job.wrappers, CleanBefore) or (job.scm and job.scm.clean_before_checkout)
    assert not job.concurrent
    assert "kept as code" in job.description
    assert all(len(each.description) > 20 for each in job.parameters)


@pytest.mark.parametrize("name", JOBS)
def test_every_script_tells_the_builds_description(name: str, jobs: dict[str, Job]) -> None:
    """What a script prints is what description-setter looks for, also in a failed build."""
    setter = only(jobs[name].publishers, SetDescription)
    for regexp in (setter.regexp, setter.regexp_for_failed):
        found = re.search(regexp, "[description] distribution 42 of master")
        assert found
        assert found[1] == "distribution 42 of master"
    assert setter.description == setter.description_for_failed == r"\1"
    assert any("[description] " in script for script in scripts_of(jobs[name]))


@pytest.mark.parametrize("name", JOBS)
def test_a_guard_is_first_and_a_script_that_says_what_is_missing_last(
    name: str, jobs: dict[str, Job]
) -> None:
    """So every copy is optional; whoever may copy is named."""
    job = jobs[name]
    assert isinstance(job.builders[0], Shell)
    assert names_of(job)[0].startswith("check-")
    assert isinstance(job.builders[-1], Shell)
    assert all(script.startswith("#!/usr/bin/env bash\n") for script in scripts_of(job))
    assert all(copy.optional for copy in of(job.builders, CopyArtifact))
    assert "*" not in "".join(job.copy_permissions or ())


def show(part: object) -> str:
    """Return a part of a job in a line, with what isn't as always; of a script its name."""
    if isinstance(part, Shell):
        return f"script {', '.join(re.findall(_SCRIPT, part.script))}"
    if isinstance(part, Enum):
        return str(part.value)
    if isinstance(part, tuple):
        return f"[{', '.join(map(show, part))}]"
    if not is_dataclass(part):
        return repr(part)
    shown = {
        each.name: getattr(part, each.name)
        for each in fields(part)
        if each.compare and not _TOLD_ELSEWHERE.match(each.name)
    }
    said = (f"{name}={show(value)}" for name, value in shown.items() if value not in _AS_ALWAYS)
    return f"{type(part).__name__} {' '.join(said)}".rstrip()


_AS_ALWAYS = (None, "", (), ("", ""), False, -1)
_TOLD_ELSEWHERE = re.compile("description|regexp|default_excludes|case_sensitive|trim|every")
PROMISES = read_case(CASES / "chain/promises.txt")


@pytest.mark.parametrize("name", JOBS)
def test_a_job_does_what_it_promises(name: str, jobs: dict[str, Job]) -> None:
    """tests/cases/chain/promises.txt tells it, a line for each part."""
    job = jobs[name]
    parts = (*job.parameters, job.scm, *job.triggers, job.discarder, *job.wrappers, *job.builders)
    lines = [show(part) for part in (*parts, *job.publishers) if part]
    lines += [f"may be copied from by {', '.join(job.copy_permissions or ('nobody',))}"]
    lines += [f"restricted to {permission}" for permission in job.permissions]
    assert lines == PROMISES[name].splitlines()


@pytest.mark.parametrize("name", DEPLOYS)
def test_only_deploy_to_dev_is_started_by_another_job(name: str, jobs: dict[str, Job]) -> None:
    assert assigns(scripts_of(jobs[name])[-1], f"environment={name.removeprefix('Deploy to ')}")
    steps = {job.name: of((*job.builders, *job.publishers), TriggerBuilds) for job in jobs.values()}
    starters = [job for job, triggers in steps.items() if any(name in t.projects for t in triggers)]
    assert starters == [PROMOTE] * (name == "Deploy to Dev")


def test_create_distribution_knows_where_each_repository_goes(jobs: dict[str, Job]) -> None:
    assert assigns(
        scripts_of(jobs[CREATE])[-1],
        "components=(ocargo portal deploy)",
        "repositories=(ocargo codeforlife-portal codeforlife-deploy)",
        "directories=(submodules/ocargo submodules/portal .)",
    )


def test_records_of_tests_are_kept_as_long_as_distributions(jobs: dict[str, Job]) -> None:
    """Else a distribution that can still be deployed would become an untested one."""
    days = {name: job.discarder.days_to_keep for name, job in jobs.items() if job.discarder}
    assert days[PROMOTE] >= days[CREATE] > 0
    for job in jobs.values():
        assert job.discarder is not None
        assert job.discarder.builds_to_keep == -1


def test_the_view_tells_the_chain_in_order() -> None:
    (view,) = (each for each in render(ROOT) if each.kind is Kind.VIEW)
    assert view.name == "Code for Life"
    assert sorted(read_view(view.name, view.config).jobs) == sorted(JOBS)
    places = [view.description.index(name) for name in JOBS]
    assert places == sorted(places)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's definitions, to be changed."""
    return copy_project(tmp_path)


def add(project: Path, file: str, name: str, lines: str) -> dict[str, Job]:
    """Add an entry with these lines, or lines to the last one."""
    entry = f"\n  - name: {name}\n" if name else ""
    projects.add(project, f"jobs/{file}", entry + indent(dedent(lines).strip(), "    ") + "\n")
    return read_jobs(project)


def set_in(project: Path, file: str, old: str, new: str) -> None:
    assert (project / "jobs" / file).read_text().count(old) == 1
    edit(project, f"jobs/{file}", old, new)


def test_a_fourth_repository_is_four_lines(project: Path) -> None:
    lines = "repository: rapid-router\ncomponent: rapid-router\ndirectory: submodules/rapid-router"
    changed = add(project, "publish.yaml", "Publish Rapid Router Files", lines)
    assert "RAPID_ROUTER" in parameters_of(changed[CREATE])
    copy = of(changed[CREATE].builders, CopyArtifact)[-1]
    assert copy.project == "Publish Rapid Router Files"
    assert copy.selector.argument == "RAPID_ROUTER"
    trigger = only(changed[AD_HOC].builders, TriggerBuilds)
    assert "Publish Rapid Router Files" in trigger.projects
    scripts = scripts_of(changed[AD_HOC])
    assert " rapid-router)" in scripts[1]
    assert " RAPID_ROUTER)" in scripts[2]


def test_a_third_suite_is_three_lines(project: Path) -> None:
    lines = "suite: browser\ncommand: ./browser-tests.sh"
    changed = add(project, "tests.yaml", "Run Browser Tests", lines)
    assert only(changed[CREATE].publishers, TriggerBuilds).projects[-1] == "Run Browser Tests"
    assert "Run Browser Tests" in (changed[CREATE].copy_permissions or ())
    evidence = of(changed[PROMOTE].builders, CopyArtifact)[2]
    assert (evidence.project, evidence.target) == ("Run Browser Tests", "evidence/browser")
    assert assigns(scripts_of(changed[PROMOTE])[-1], "suites=(portal ocargo browser)")


def test_a_deploy_to_demo_is_two_lines(project: Path) -> None:
    changed = add(project, "deploy.yaml", "Deploy to Demo", "environment: Demo")
    assert of(changed["Deploy to Demo"].wrappers, BindCredentials) == []
    for source in (CREATE, PROMOTE):
        assert "Deploy to Demo" in (changed[source].copy_permissions or ())
    (view,) = (each for each in render(project) if each.kind is Kind.VIEW)
    assert "Deploy to Demo" in read_view(view.name, view.config).jobs


def test_a_deploy_may_be_for_everyone_who_is_logged_in(project: Path) -> None:
    """They may read it anyway; whoever is named twice is granted the same once."""
    more = 'restricted_to: ["GROUP:authenticated", "USER:bob", "USER:bob"]'
    permissions = add(project, "deploy.yaml", "", more)["Deploy to Prod"].permissions
    assert len(permissions) == len(set(permissions)) == 10
    assert "GROUP:hudson.model.Item.Build:authenticated" in permissions


def test_one_suite_has_passed(project: Path) -> None:
    tests = project / "jobs/tests.yaml"
    tests.write_text(tests.read_text().partition("\n  - name: Run Ocargo Tests")[0])
    (promote,) = (each for each in render(project) if each.name == PROMOTE)
    assert "once Run Portal Tests has passed for it." in promote.description


def test_one_line_restricts_deploy_to_prod(project: Path) -> None:
    line = "restricted_to: [GROUP:release-managers, USER:alice]"
    changed = add(project, "deploy.yaml", "", line)
    build = "hudson.model.Item.Build"
    permissions = changed["Deploy to Prod"].permissions
    assert [each for each in permissions if build in each] == [
        f"GROUP:{build}:release-managers",
        f"USER:{build}:alice",
    ]
    assert "GROUP:hudson.model.Item.Read:authenticated" in permissions
    assert changed["Deploy to Staging"].permissions == ()
    (prod,) = (each for each in render(project) if each.name == "Deploy to Prod")
    assert "matrixauth.inheritance.NonInheritingStrategy" in prod.config


ENTRIES = {
    "publish.yaml": {"repository": "demo", "component": "demo", "directory": "demo"},
    "tests.yaml": {"suite": "demo", "command": "demo"},
    "deploy.yaml": {"environment": "Demo"},
}
NOT_AN_ENTRY = [
    ("publish.yaml", "component: ocargo", "Publish Ocargo Files has the component ocargo already"),
    ("publish.yaml", "directory: .", "Publish Deploy Files has the directory . already"),
    ("publish.yaml", "directory: a/../..", "leads out of the distribution"),
    ("publish.yaml", "directory: /srv", "leads out of the distribution"),
    ("publish.yaml", "component: Ocargo", "two parameters are called OCARGO"),
    ("tests.yaml", "suite: portal", "Run Portal Tests has the suite portal already"),
    ("deploy.yaml", "environment: Prod", "Deploy to Prod deploys to Prod already"),
    ("deploy.yaml", "restricted_to: []", "nobody may build it"),
    ("deploy.yaml", "restricted_to: [USER:bob, alice]", "alice may be a user or a group"),
    ("deploy.yaml", "retention_days: 0", "0 makes no sense here"),
    ("deploy.yaml",
     "secrets: [{credential: codeforlife-prod-secret-key, variable: KEY, kind: text}]",
     "codeforlife-prod-secret-key is named for Prod, not for Demo"),
    # Text is true to Jinja, and a list of letters: it does not change who deploys.
    ("deploy.yaml", "restricted_to: alice", "'alice' is text where a list is needed"),
    ("deploy.yaml", "restricted_to: ", "nothing is given where a list is needed"),
    ("deploy.yaml", 'after_promotion: "false"', "'after_promotion': 'false' is not true or false"),
    ("deploy.yaml", "secrets: text", "'text' is text where a list is needed"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "entry", "said"), NOT_AN_ENTRY)
def test_a_value_that_the_chain_can_not_take_is_one_finding(
    project: Path, file: str, entry: str, said: str
) -> None:
    key, _, value = entry.partition(": ")
    lines = "\n".join(f"{name}: {text}" for name, text in {**ENTRIES[file], key: value}.items())
    with pytest.raises(DefinitionError) as caught:
        add(project, file, "Deploy to Demo", lines)
    (finding,) = caught.value.findings
    assert said in finding.message


def test_settings_reach_the_jobs(project: Path) -> None:
    for old, new in (
        ("organisation: ocadotechnology", "organisation: someone"),
        ("branch: master", "branch: main"),
        ("retention_days: 90", "retention_days: 5"),
        ("time_limit: 30", "time_limit: 7"),
        ("mail: builds@codeforlife.education", 'mail: ""'),
        ('node_label: ""', "node_label: linux && python"),
        ("python: python3", "python: /opt/my python/bin/python3"),
    ):
        set_in(project, "settings.yaml", old, new)
    changed = read_jobs(project)
    publish = changed["Publish Ocargo Files"]
    assert publish.scm is not None
    assert publish.scm.urls == ("https://github.com/someone/ocargo.git",)
    assert parameters_of(publish)["BRANCH"][1] == "main"
    assert publish.discarder == BuildDiscarder(days_to_keep=5)
    assert only(publish.wrappers, TimeLimit).seconds == 7 * 60
    assert only(publish.publishers, Mail) == Mail("", send_to_individuals=True)
    assert {job.node_label for job in changed.values()} == {
        "linux && python",
        *(f"deploy-{name} || built-in" for name in ("dev", "staging", "prod")),
    }
    assert assigns(scripts_of(changed[CREATE])[1], "python='/opt/my python/bin/python3'")


def test_a_repository_may_have_a_branch_and_credentials_of_its_own(project: Path) -> None:
    """Polling, publishing and ad-hoc's look for the branch use them; others stay as they are."""
    more = "component: ocargo\n    branch: main\n    credentials: github-token\n    lfs: true\n"
    set_in(project, "publish.yaml", "component: ocargo\n", f"{more}    submodules: true\n")
    changed = read_jobs(project)
    publish, other = changed["Publish Ocargo Files"], changed["Publish Portal Files"]
    assert publish.scm
    assert other.scm
    assert publish.scm.credentials_id == "github-token"
    assert publish.scm.refspec == "+refs/heads/main:refs/remotes/origin/main"
    assert other.scm.refspec == "+refs/heads/${BRANCH}:refs/remotes/origin/${BRANCH}"
    assert {"SubmoduleOption", "GitLFSPull"} <= set(publish.scm.extensions)
    for scm in (publish.scm, other.scm):
        assert (scm.depth, scm.fetches_tags, scm.clean_before_checkout) == (1, False, True)
    assert parameters_of(publish)["BRANCH"][1] == "master"
    (binding,) = only(changed[AD_HOC].wrappers, BindCredentials).bindings
    assert binding.credentials_id == "github-token"
    assert binding.variables == ("GIT_USERNAME_OCARGO", "GIT_PASSWORD_OCARGO")
    assert assigns(
        scripts_of(changed[AD_HOC])[1],
        "logins=('GIT_USERNAME_OCARGO GIT_PASSWORD_OCARGO' '' '')",
        "own_branches=(main master master)",
    )


def test_a_repository_may_be_read_with_an_ssh_key(project: Path) -> None:
    """git takes it for an SSH URL only; tags make the publish job's script ask for refs itself."""
    more = "component: ocargo\n    credentials: a-key\n"
    kind = "    credentials_kind: ssh-user-private-key\n"
    set_in(project, "publish.yaml", "component: ocargo\n", more + kind)
    set_in(project, "adhoc.yaml", "time_limit: 60\n", "time_limit: 60\n    tags: true\n")
    jobs = read_jobs(project)
    publish = jobs["Publish Ocargo Files"]
    assert publish.scm
    assert publish.scm.credentials_id == "a-key"
    assert publish.urls == ("git@github.com:ocadotechnology/ocargo.git",)
    for job, variable in ((publish, "GIT_KEY"), (jobs[AD_HOC], "GIT_KEY_OCARGO")):
        (binding,) = only(job.wrappers, BindCredentials).bindings
        assert (binding.credentials_id, binding.kind) == ("a-key", "SSHUserPrivateKeyBinding")
        assert binding.variables[0] == variable
    assert assigns(scripts_of(publish)[1], "login=GIT_KEY")
    script = scripts_of(jobs[AD_HOC])[1]
    assert "\nurls=(git@github.com:ocadotechnology/ocargo.git https://github.com/" in script
    assert assigns(script, "logins=(GIT_KEY_OCARGO '' '')")


EACH_KIND = """    secrets:
      - {credential: demo-text, variable: A, kind: text}
      - {credential: demo-file, variable: B, kind: file, path: certs/demo.pem}
      - {credential: demo-pair, variable: C, kind: username-password}
      - {credential: demo-two, username: D, password: E, kind: username-password-separated}
      - {credential: demo-key, variable: F, username: G, kind: ssh-user-private-key}
"""


def test_each_kind_of_secret_is_bound_and_a_file_goes_where_it_is_looked_for(project: Path) -> None:
    set_in(project, "distribution.yaml", "    expect:", f"{EACH_KIND}    expect:")
    lines = (
        'environment: Demo\ncommand: ./ship.sh --to {environment}\nvariables: {VERSION: "{number}"}'
    )
    changed = add(project, "deploy.yaml", "Deploy to Demo", f"{lines}\n{dedent(EACH_KIND)}")
    job = changed["Deploy to Demo"]
    bindings = only(job.wrappers, BindCredentials).bindings
    assert [(b.kind, sorted(b.variables)) for b in bindings] == [
        ("StringBinding", ["A"]),
        ("FileBinding", ["B"]),
        ("UsernamePasswordBinding", ["C"]),
        ("UsernamePasswordMultiBinding", ["D", "E"]),
        ("SSHUserPrivateKeyBinding", ["F", "G"]),
    ]
    assert assigns(
        scripts_of(job)[-1],
        "command='./ship.sh --to {environment}'",
        "variables=('VERSION={number}')",
        "file_variables=(B)",
        "file_paths=(certs/demo.pem)",
    )
    assert assigns(
        scripts_of(changed[CREATE])[-1],
        "programs=(deploy.sh deploy.sh deploy.sh ship.sh)",
        "kept_out_texts=(A E)\nkept_out_pairs=(C)\nkept_out_files=(B F)",
    )


def test_a_suite_may_have_a_lock_services_and_no_requirements(project: Path) -> None:
    set_in(project, "plugins.yaml", "  junit:", '  lockable-resources: "1232"\n  junit:')
    lines = """
        suite: browser
        requirements: []
        command: ./browser-tests.sh
        environment: {BROWSER: firefox}
        services: [chromedriver --port=9515]
        lock: selenium-hub
    """
    changed = add(project, "tests.yaml", "Run Browser Tests", lines)
    job = changed["Run Browser Tests"]
    assert job.resources == ("selenium-hub",)
    inputs = ("services=('chromedriver --port=9515')", "environment=(BROWSER=firefox)")
    assert assigns(scripts_of(job)[-1], *inputs)
    assert assigns(scripts_of(changed[CREATE])[-1], "suite_requirements=(requirements-test.txt)")


def test_retention_and_compression_reach_the_jobs(project: Path) -> None:
    set_in(project, "settings.yaml", "compression: gzip", "compression: zstd")
    set_in(project, "distribution.yaml", "    expect:", "    retention_builds: 20\n    expect:")
    changed = read_jobs(project)
    assert changed[CREATE].discarder == BuildDiscarder(days_to_keep=90, artifact_builds_to_keep=20)
    for name in (*SUITES, *DEPLOYS):
        assert any(
            copy.filter == "distribution.tar.zst,commit.txt"
            for copy in of(changed[name].builders, CopyArtifact)
        )
    archive = only(changed["Publish Ocargo Files"].publishers, ArchiveArtifacts)
    assert archive.patterns == "ocargo.tar.zst,commit.txt"


PROD = "codeforlife-prod-secret-key, variable: SITE_SECRET_KEY, kind: text"
NOT_TAKEN = [
    ("settings.yaml:", "compression: gzip", "compression: lz4", "lz4 is no compression"),
    ("distribution.yaml:21:13", "    expect:", "    vendor: ../lib\n    expect:",
     "../lib leads out of the distribution"),
    ("distribution.yaml:", "    expect:", "    environment: {A-B: x}\n    expect:",
     "A-B is no name of a variable"),
    ("distribution.yaml:", "    expect:", "    environment: {A: true}\n    expect:",
     "the variable A is given what is no text"),
    ("deploy.yaml:", "environment: Prod", "environment: Prod\n    command: ./a {enviroment}",
     "{enviroment} stands for nothing here"),
    ("deploy.yaml:", PROD, "prod-key, variable: KEY, kind: txt", "txt is no kind of secret"),
    ("publish.yaml:", "component: ocargo",
     "component: ocargo\n    credentials_kind: ssh-user-private-key",
     "credentials_kind says of what kind credentials are, and there are none"),
    ("publish.yaml:", "component: ocargo",
     "component: ocargo\n    credentials: a\n    credentials_kind: ssh",
     "ssh is no kind of credentials that git takes"),
    ("deploy.yaml:", PROD, "prod-key, variable: KEY, kind: file, path: /etc/key",
     "/etc/key leads out of the distribution"),
    ("promote.yaml:6:23", "Promote Distribution", "Promote Distribution\n    retention_builds: 5",
     "a distribution would become untested while it can still be deployed"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "old", "new", "said"), NOT_TAKEN)
def test_what_the_chain_can_not_take_is_told_at_its_place(
    project: Path, place: str, old: str, new: str, said: str
) -> None:
    set_in(project, place.partition(":")[0], old, new)
    with pytest.raises(DefinitionError) as caught:
        read_jobs(project)
    for finding in caught.value.findings:
        assert finding.message == said
        assert str(finding.position).startswith(f"jobs/{place}")
