"""Review: what a change of the real chain does to the server, and what it means."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from cfl_jobs.__main__ import run
from cfl_jobs.cli import cli
from cfl_jobs.planning.plan import Plan, Update
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.review.comparing import make_review, read_setup, review_setups
from cfl_jobs.review.formats import WRITERS, write_json, write_text
from cfl_jobs.review.outline import list_entries
from cfl_jobs.review.review import About, Effect, Review, Weight, weigh
from tests.projects import ROOT, History, add, copy_project, edit
from tests.reviews import CHANGE, MAIN, Edit, effects_of, real_setup, review

DEPLOYS = "Deploy to Dev, Deploy to Staging and Deploy to Prod"

DEPLOY, DEPLOY_TEMPLATE = "jobs/deploy.yaml", "templates/deploy.yaml.j2"
LONGER = ("jobs/settings.yaml", "time_limit: 30", "time_limit: 45")
MISSPELT = (DEPLOY, "environment: Prod", "enviroment: Prod")
PROD = "environment: Prod\n"
SCRIPT = "templates/scripts/deploy-distribution.sh"
UNTESTED = """else
    refuse "distribution $number is not tested" \\
        "$promote_job has not recorded distribution $number as tested." \\
        "Run its test suites, or tick ALLOW_UNTESTED to deploy it all the same"
fi
"""
SECRET = """\
    secrets:
      - {credential: codeforlife-prod-secret-key, variable: KEY, kind: text}
"""
NEXT = "    secrets:\n"
MORE = "      - {name: more, command: make}\n"
SECRET_OF_PROD = (
    "      - {credential: codeforlife-prod-secret-key, variable: SITE_SECRET_KEY, kind: text}\n"
)
MAIL = """\
  - email:
      recipients: {{ settings.mail }}
      notify-every-unstable-build: true
      send-to-individuals: true
"""
RETENTION = "{% if retention_builds is defined %}\n"
COPIER = "projects: {{ distribution }}"
UNKNOWN = "  - raw:\n      xml: <org.jenkinsci.plugins.credentialsbinding.impl.RunCondition/>"
GATE = "templates/scripts/promote.sh"
PUBLISH = "templates/scripts/publish.sh"
BASE = "templates/base.yaml.j2"
TESTS = "jobs/tests.yaml"
SECOND_SUITE = """
  - name: Run Ocargo Tests
    suite: ocargo
    command: python manage.py test game --testrunner xmlrunner.extra.djangotestrunner.XMLTestRunner
"""
PORTAL = "command: python manage.py test portal --testrunner " + (
    "xmlrunner.extra.djangotestrunner.XMLTestRunner"
)
JUDGES = "changes what decides whether a distribution was tested: Promote Distribution"
RUNS = 'env "${environment[@]}" bash -euo pipefail -c "$command"'
ON_CONTROLLER = "on the controller, whose files hold all that Jenkins knows, secrets too"
BOTH_PASS = "lets Run Portal Tests and Run Ocargo Tests pass whatever their tests say"
# What is told of a change, by what it weighs.
# fmt: off
EFFECTS: dict[Weight, list[tuple[str, Edit]]] = {Weight.HIGH: [
    ("changes what Prod Deploy runs",
     (DEPLOY, "  - name: Deploy to Prod\n    environment: Prod\n",
      "  - name: Prod Deploy\n    environment: Prod\n    command: ./deploy.sh -f\n")),
    ("runs Run Portal Tests where Deploy to Prod's secrets can be read",
     (TESTS, "    suite: portal\n", "    suite: portal\n    node_label: deploy-prod\n")),
    ("runs Deploy to Dev where Deploy to Prod's secrets can be read",
     (DEPLOY, "environment: Dev\n", "environment: Dev\n    node_label: deploy-prod\n")),
    (JUDGES,
     (GATE, 'if [ "${#waiting[@]}" -gt 0 ]; then\n    if', "if false; then\n    if")),
    (JUDGES,
     (GATE, 'for ${waits# and }"\n    exit 0\n', 'for ${waits# and }"\n')),
    (JUDGES,
     (GATE, '; else waiting+=("${jobs[index]}"); fi', "; fi")),
    (JUDGES,
     ("templates/promote.yaml.j2", "suites=chain.tests |", "suites=chain.tests[:1] |")),
    (JUDGES,
     ("templates/promote.yaml.j2",
      "      parameter-filters: DISTRIBUTION_NUMBER=$DISTRIBUTION_NUMBER\n", "")),
    ("lets a distribution be promoted without Run Ocargo Tests",
     (TESTS, SECOND_SUITE, "")),
    ("leaves it to `set -e` alone to fail Run Portal Tests: what comes after the tests succeeds",
     (TESTS, PORTAL, f"{PORTAL}; true")),
    ("changes how the secret codeforlife-dev-secret-key gets to Deploy to Dev: a file, not text",
     (DEPLOY, "SITE_SECRET_KEY, kind: text}\n\n", "SITE_SECRET_KEY, kind: file}\n\n")),
    (f"lets whoever knows a token start {DEPLOYS}",
     (DEPLOY_TEMPLATE, "{% block source %}\nparameters:",
      "{% block source %}\nauth-token: sesame\nparameters:")),
    ("changes how Promote Distribution starts Deploy to Dev, also when the build failed",
     ("templates/promote.yaml.j2", "        condition: SUCCESS", "        condition: ALWAYS")),
    ("keeps fewer artifacts of Create Distribution: all but the newest 5 builds' go, "
     "90 days were kept",
     ("jobs/distribution.yaml", "    requirements:",
      "    retention_builds: 5\n    requirements:")),
    ("probably renames Deploy to Staging to Deploy to Test, without its builds: "
     "write `moved: [Deploy to Staging]` at jobs/deploy.yaml:26:5 to keep them",
     (DEPLOY, "- name: Deploy to Staging", "- name: Deploy to Test")),
    ("lets Promote Distribution start Deploy to Prod if the build wrote deploy.properties",
     (DEPLOY, PROD, f"{PROD}    after_promotion: true\n")),
    (f"lets {DEPLOYS} deploy what was not tested: nothing stops it any more",
     (SCRIPT, UNTESTED, "fi\n")),
    (f'takes the guard `refuse "distribution $number is not tested"` out of {DEPLOYS}',
     (SCRIPT, UNTESTED, "fi\n")),
    (f'changes when the guard `refuse "distribution $number is not tested"` of {DEPLOYS} '
     "stops them",
     (SCRIPT, 'elif [ "${ALLOW_UNTESTED:-false}" = true ]; then', "elif true; then")),
    (f"lets {DEPLOYS} go on after a command that fails, without `set -e`",
     (SCRIPT, "set -euo pipefail", "set -uo pipefail")),
    ("lets Run Portal Tests, Run Ocargo Tests and Promote Distribution go on after a failure "
     "before a pipe, without `set -o pipefail`",
     ("templates/scripts/check-number.sh", "set -euo pipefail", "set -eu")),
    (f'lets {DEPLOYS} end green where `refuse "no distribution $number"`, `refuse "distribution '
     '$number is not tested"` and 2 more refused: `refuse` ends green now',
     (SCRIPT, "exit 1", "exit 0")),
    (f"runs Run Portal Tests {ON_CONTROLLER}",
     (TESTS, "    suite: portal\n", "    suite: portal\n    node_label: big || built-in\n")),
    (f"runs Check Jobs {ON_CONTROLLER}",
     ("jobs/check.yaml", "  - name: Check Jobs\n",
      "  - name: Check Jobs\n    node_label: master\n")),
    ('changes when the guard `fail "the suite ended well but reported no test: there is none in '
     '\\$JUNIT_REPORTS/*.xml"` of Run Portal Tests and Run Ocargo Tests stops them',
     ("templates/scripts/run-suite.sh", 'if [ "$tests" -eq 0 ]; then', "if false; then")),
    ("lets Run Portal Tests and Run Ocargo Tests succeed without any test result",
     ("templates/tests.yaml.j2", "allow-empty-results: false", "allow-empty-results: true")),
    ("changes what Deploy to Prod runs",
     (DEPLOY, PROD, f"{PROD}    command: ./deploy.sh {{environment}}\n")),
    ("gives the secret codeforlife-prod-secret-key to Run Portal Tests as $KEY",
     ("jobs/tests.yaml", "    suite: portal\n", f"    suite: portal\n{SECRET}")),
    (f"keeps fewer builds of {DEPLOYS}: those older than 7 days go, 365 days were kept",
     (DEPLOY, "retention_days: 365", "retention_days: 7")),
    (f"keeps fewer artifacts of {DEPLOYS}: all but the newest 3 builds' go, 365 days were kept",
     (BASE, RETENTION, f"      artifact-num-to-keep: 3\n{RETENTION}")),
    ("no longer mails builds@codeforlife.education when a build of any of 12 jobs fails",
     ("jobs/settings.yaml", "mail: builds@codeforlife.education", 'mail: ""')),
    ("mails nobody when a build of any of 12 jobs fails: builds@codeforlife.education and those "
     "whose commits broke it heard of it",
     (BASE, MAIL, "  - fingerprint:\n      files: '{{ settings.mail }}'\n")),
    ("lets Check Jobs copy the artifacts of Publish Ocargo Files, Publish Portal Files and "
     "Publish Deploy Files",
     ("templates/publish.yaml.j2", COPIER, f"{COPIER},Check Jobs")),
    ("lets every job copy the artifacts of Publish Ocargo Files, Publish Portal Files and "
     "Publish Deploy Files",
     ("templates/publish.yaml.j2", COPIER, COPIER.replace("{{ distribution }}", '"*"'))),
    ("no longer says who may copy the artifacts of Publish Ocargo Files, Publish Portal Files "
     "and Publish Deploy Files, which Create Distribution could: no job may "
     "in Copy Artifact's production mode, every job in its migration mode",
     ("templates/publish.yaml.j2", f"  - copyartifact:\n      {COPIER}\n", "")),
    ("checks out https://github.com/someone/ocargo.git, not "
     "https://github.com/ocadotechnology/ocargo.git, in Publish Ocargo Files",
     ("jobs/settings.yaml", "organisation: ocadotechnology", "organisation: someone")),
    (f"adds “run condition” to {DEPLOYS}",
     (DEPLOY_TEMPLATE, "{% block publishers %}", "{% block publishers %}\n" + UNKNOWN)),
    ("gives the secret codeforlife-other-secret-key to Deploy to Prod as $SITE_SECRET_KEY",
     (DEPLOY, "codeforlife-prod-secret-key", "codeforlife-other-secret-key")),
    ("takes the secret codeforlife-prod-secret-key from Deploy to Prod",
     (DEPLOY, "codeforlife-prod-secret-key", "codeforlife-other-secret-key")),
    ("lets Deploy to Dev deploy to QA, not Dev",
     (DEPLOY, "environment: Dev\n", "environment: QA\n")),
    (f"changes the parameter ALLOW_UNTESTED of {DEPLOYS}: its default is true, not false",
     (DEPLOY_TEMPLATE, "      default: false", "      default: true")),
    ("takes distribution.tar.gz, commit.txt of Create Distribution from newest successful, if "
     f"there is one, not the build that DISTRIBUTION selects, if there is one, into {DEPLOYS}",
     (DEPLOY_TEMPLATE, "which-build: build-param\n      param: DISTRIBUTION",
      "which-build: last-successful")),
    ("lets Publish Ocargo Files, Publish Portal Files and Publish Deploy Files build any branch"
     ", not only branch master",
     ("templates/publish.yaml.j2", '"refs/heads/{{ fetched }}"', '"**"')),
    (f"lets several builds of {DEPLOYS} run at once",
     (BASE, "concurrent: false", "concurrent: true")),
    (f"no longer cleans the workspace of {DEPLOYS}",
     (BASE, "  - workspace-cleanup\n", "")),
    ("lets Run Portal Tests pass whatever its tests say",
     (TESTS, PORTAL, f"{PORTAL} || true")),
    ("lets Run Portal Tests pass only when its tests fail",
     (TESTS, PORTAL, f'command: "! {PORTAL[9:]}"')),
    (BOTH_PASS, ("templates/scripts/run-suite.sh", RUNS, f"{RUNS} || echo failed")),
], Weight.MEDIUM: [
    (f"changes what Run Portal Tests runs, and so what {DEPLOYS} may deploy",
     (TESTS, "test portal --testrunner", "test portal --failfast --testrunner")),
    ("adds Run Two Tests, which runs `python manage.py test game --testrunner "
     "xmlrunner.extra.djangotestrunner.XMLTestRunner` on any node",
     (TESTS, SECOND_SUITE,
      SECOND_SUITE + SECOND_SUITE.replace("ocargo", "two").replace("Ocargo", "Two"))),
    ("changes what Publish Ocargo Files, Publish Portal Files and Publish Deploy Files run, and "
     f"so what {DEPLOYS} may deploy",
     (PUBLISH, "#!/usr/bin/env bash\n", "#!/usr/bin/env bash\n: more\n")),
    ("changes what Promote Distribution runs, and so what Deploy to Prod may deploy",
     (DEPLOY, PROD, f"{PROD}    after_promotion: true\n")),
    ("changes how Ad-hoc distribution starts Create Distribution, with SITE too, without PORTAL",
     ("jobs/publish.yaml", "component: portal", "component: site")),
    ("keeps Promote Distribution from starting Deploy to Dev",
     (DEPLOY, "    after_promotion: true\n", "")),
    ("runs Run Portal Tests on !built-in, not on any node",
     (TESTS, "    suite: portal\n", "    suite: portal\n    node_label: '!built-in'\n")),
    ("restricts who may build Deploy to Prod to USER:alice",
     (DEPLOY, PROD, f'{PROD}    restricted_to: ["USER:alice"]\n')),
    ("lets the clock, H 3 * * * start Run Portal Tests and Run Ocargo Tests",
     ("templates/tests.yaml.j2", "{% block source %}",
      "{% block source %}\ntriggers:\n  - timed: H 3 * * *")),
], Weight.LOW: [
    ("changes nothing but comments and blank lines in what Promote Distribution runs",
     (GATE, "rm -f tests.txt deploy.properties\n", "# anew\nrm -f tests.txt deploy.properties\n")),
    ("renames Deploy to Staging, whose builds stay, to Deploy to Test",
     (DEPLOY, "- name: Deploy to Staging",
      "- name: Deploy to Test\n    moved: Deploy to Staging")),
    (f"changes nothing but comments and blank lines in what {DEPLOYS} run",
     (SCRIPT, "umask 022\n", "umask 022\n# for the user's sake\n\n")),
    (f"changes only text for people (description) of {DEPLOYS}",
     (DEPLOY_TEMPLATE, "  By hand: Build", "  By a person: Build")),
    (f"changes only text for people (parameter DISTRIBUTION: description) of {DEPLOYS}",
     (DEPLOY_TEMPLATE, "for example 42.", "for example 43.")),
    (f"keeps more builds of {DEPLOYS}: 400 days, not 365 days",
     (DEPLOY, "retention_days: 365", "retention_days: 400")),
]}
# fmt: on


@pytest.mark.parametrize(
    ("weight", "expected", "change"),
    [(weight, *row) for weight, rows in EFFECTS.items() for row in rows],
)
def test_what_a_change_means_for_the_chain(
    weight: Weight, expected: str, change: Edit, tmp_path: Path
) -> None:
    effects = effects_of(review(tmp_path, change))
    assert effects.get(expected) is weight, "\n".join(effects)


def test_no_change_has_no_effects() -> None:
    assert review_setups(MAIN, MAIN, real_setup(), real_setup()).effects == ()


def test_changed_deploy_script_is_the_risk_on_top(tmp_path: Path) -> None:
    made = review(tmp_path, (SCRIPT, "", 'echo "and done"\n'))
    assert made.risk.weight is Weight.HIGH
    assert made.risk.text == f"changes what {DEPLOYS} run"
    assert made.endangered_deploys == made.deploys
    (group,) = list_entries(made)
    assert group.names == ("Deploy to Dev", "Deploy to Staging", "Deploy to Prod")
    (part,) = group.parts
    assert part.label == "shell step 2: script"
    assert part.lines[-1] == '+ echo "and done"'
    last = len((tmp_path / SCRIPT).read_text().splitlines())
    assert part.about == f"{SCRIPT}:{last}:1"


def test_setting_that_changes_all_jobs_is_one_group(tmp_path: Path) -> None:
    made = review(tmp_path, LONGER)
    (group,) = list_entries(made)
    assert len(group.names) > 9
    assert [part.lines for part in group.parts] == [("- 30", "+ 45")]
    (effect,) = made.effects
    assert effect.text.startswith("changes the time limit of Check Jobs, ")
    assert effect.text.endswith(": 45 minutes, not 30 minutes")
    assert made.risk.weight is Weight.LOW
    assert not made.endangered_deploys
    document = json.loads(write_json(made))
    assert document["version"] == 2
    assert document["risk"]["weight"] == "low"
    assert document["head"] == {"asked": "change", "commit": CHANGE.commit}
    assert {change["action"] for change in document["changes"]} == {"change"}
    (difference,) = document["differences"]
    assert (difference["before"], difference["after"]) == ("30", "45")
    assert len(difference["jobs"]) == len(document["changes"])


def test_pure_refactoring_is_no_change_on_the_server(tmp_path: Path) -> None:
    other_name = ("{% set promote", "{% set distribution = built_by %}\n{% set promote")
    made = review(
        tmp_path,
        (DEPLOY_TEMPLATE, "{% set distribution = ", "{% set built_by = "),
        (DEPLOY_TEMPLATE, *other_name),
        (DEPLOY, "# One entry", "# One single entry"),
    )
    assert made.plan.changes == ()
    assert write_text(made).startswith("No change on the server.\n")
    comment = WRITERS["markdown"](made)
    assert "### No change on the server" in comment
    assert len(comment) < 300


def test_new_environment_is_told_with_its_whole_job(tmp_path: Path) -> None:
    made = review(tmp_path, (DEPLOY, "", "\n  - name: Deploy to Demo\n    environment: Demo\n"))
    (entry,) = (entry for entry in list_entries(made) if entry.action == "create")
    scripts = "\n".join(line for part in entry.parts for line in part.lines)
    assert "+ environment=Demo" in scripts
    effects = effects_of(made)
    assert effects["adds the environment Demo: Deploy to Demo"] is Weight.MEDIUM
    where = "on deploy-demo || built-in"
    runs = f"adds Deploy to Demo, which runs `./deploy.sh {{environment}} {{number}}` {where}"
    assert effects[runs] is Weight.MEDIUM
    assert any(text.startswith("takes distribution.tar.gz") for text in effects)
    assert made.marks["Deploy to Demo"] == "new"
    assert made.marks["Create Distribution"] == "changed"


def test_job_that_goes_needs_prune_and_leaves_its_environment(tmp_path: Path) -> None:
    text = (ROOT / DEPLOY).read_text()
    start, end = text.index("  - name: Deploy to Staging"), text.index("  - name: Deploy to Prod")
    made = review(tmp_path, (DEPLOY, text[start:end], ""))
    assert [change.name for change in made.plan.deletions] == ["Deploy to Staging"]
    gone = "leaves nothing that deploys to Staging: that was Deploy to Staging"
    assert effects_of(made)[gone] is Weight.HIGH
    assert "--prune" in write_text(made)
    assert made.marks["Deploy to Staging"] == "gone"


NEW_JOBS = {
    "./deploy.sh Prod latest": (
        "",
        "adds what deploys without looking whether it was tested: New",
        "adds New, which runs `./deploy.sh Prod latest` on any node",
    ),
    "make tidy": (
        "node: deploy-prod || built-in\n",
        "runs New where Deploy to Prod's secrets can be read",
        "adds New, which runs `make tidy` on deploy-prod || built-in",
    ),
}


@pytest.mark.parametrize("command", NEW_JOBS)
def test_new_job_is_weighed_by_what_it_runs_and_where(command: str, tmp_path: Path) -> None:
    node, danger, runs = NEW_JOBS[command]
    root = copy_project(tmp_path)
    text = f"name: {{{{ name }}}}\nproject-type: freestyle\n{node}builders:\n  - shell: {command}\n"
    (root / "templates/new.yaml.j2").write_text(text)
    (root / "jobs/new.yaml").write_text("template: new.yaml.j2\njobs:\n  - name: New\n")
    made = review_setups(MAIN, CHANGE, read_setup(ROOT), read_setup(root))
    effects = effects_of(made)
    assert (effects[danger], effects[runs]) == (Weight.HIGH, Weight.MEDIUM)
    assert str(made.risk).startswith(f"Risk: high: {danger}")
    assert ("check finds 1 error" in made.risk.text) is (len(made.refusing) == 1)
    for layout in ("markdown", "html"):
        (fold,) = (line for line in WRITERS[layout](made).split("\n") if "<details" in line)
        assert " open" in fold.partition(">")[0]


FOLLOWERS = {
    (TESTS, "Run Portal Tests", "Test Portal"): (
        "job Create Distribution, job Promote Distribution, view Code for Life"
    ),
    # Scripts name it in a variable of Copy Artifact, too.
    ("jobs/distribution.yaml", "Create Distribution", "Make Distribution"): (
        "job Ad-hoc distribution, job Publish Ocargo Files, job Publish Portal Files, "
        "job Publish Deploy Files, job Run Portal Tests, job Run Ocargo Tests and 5 more"
    ),
}


@pytest.mark.parametrize("change", FOLLOWERS)
def test_probable_rename_is_one_line_with_all_that_gets_the_name(
    change: Edit, tmp_path: Path
) -> None:
    made = review(tmp_path, change)
    (text,) = effects_of(made)
    _, old, new = change
    assert text.startswith(f"probably renames {old} to {new}, without its builds: ")
    (entry,) = list_entries(made)
    about = f"and its name in {FOLLOWERS[change]}"
    assert (entry.action, entry.parts, entry.about) == ("rename", (), about)


LIMIT = "{{ time_limit | default(settings.time_limit) }}\n      fail: true\n"
BESIDE = {
    "what is done after another time limit": (
        (BASE, LIMIT, LIMIT.replace(") }}", ") + 1 }}").replace("fail", "abort")),
        {
            "changes the time limit of",
            "adds “time limit: operation list: abort operation” to all 12 jobs",
            "takes “time limit: operation list: fail operation” from all 12 jobs",
        },
    ),
    "description of a parameter with another default": (
        (
            DEPLOY_TEMPLATE,
            "      name: ALLOW_UNTESTED\n      default: false\n      description: ",
            "      name: ALLOW_UNTESTED\n      default: true\n      description: So ",
        ),
        {
            f"changes the parameter ALLOW_UNTESTED of {DEPLOYS}: its default is true, not false",
            f"changes only text for people (parameter ALLOW_UNTESTED: description) of {DEPLOYS}",
        },
    ),
}


@pytest.mark.parametrize("case", BESIDE)
def test_what_changes_beside_a_danger_is_told_too(case: str, tmp_path: Path) -> None:
    change, expected = BESIDE[case]
    told = effects_of(review(tmp_path, change))
    for text in expected:
        assert any(found.startswith(text) for found in told), "\n".join(told)


def test_the_concrete_danger_stands_first_and_is_never_folded(tmp_path: Path) -> None:
    """A script's many changed lines come after the guard that goes, and are open to read."""
    more = "echo more\n" * 60
    check = "templates/scripts/check-jobs.sh"
    made = review(tmp_path, (SCRIPT, UNTESTED, f"fi\n{more}"), (check, "", more))
    texts = [effect.text for effect in made.effects if effect.weight is Weight.HIGH]
    assert texts[0].startswith("lets Deploy to Dev")
    assert texts[1].startswith("takes the guard")
    assert texts[2:] == [f"changes what {DEPLOYS} run"]
    assert [entry.names[0] for entry in list_entries(made)] == ["Deploy to Dev", "Check Jobs"]
    for layout in ("markdown", "html"):
        folds = [line for line in WRITERS[layout](made).split("\n") if "<details" in line]
        assert [" open" in fold.partition(">")[0] for fold in folds] == [True, False]


def test_errors_that_no_longer_end_a_script_are_told_beside_a_new_step(tmp_path: Path) -> None:
    """Also where they were passed over for a while, and are to the end now."""
    step = '  - shell: {{ script("deploy-distribution.sh"'
    made = review(
        tmp_path,
        (SCRIPT, "set +e\nset -e\n", "set +e\n"),
        (DEPLOY_TEMPLATE, step, f"  - shell: echo begun\n{step}"),
        first=[(SCRIPT, "umask 022\n", "umask 022\nset +e\nset -e\n")],
    )
    told = f"lets {DEPLOYS} go on after a command that fails, without `set -e`"
    assert effects_of(made).get(told) is Weight.HIGH, "\n".join(effects_of(made))


def test_guard_of_any_shape_that_goes_weighs_most(tmp_path: Path) -> None:
    ends = ("{ echo no; exit 1; }", "(echo no; exit 1)", "exit", "{ echo no; exit 3; }")
    guards = [f"test -s {number} || {end}" for number, end in enumerate(ends)]
    added = "umask 022\n" + "".join(f"{guard}\n" for guard in guards)
    first = [(SCRIPT, "umask 022\n", added)]
    effects = effects_of(review(tmp_path, (SCRIPT, added, "umask 022\n"), first=first))
    for guard in guards:
        assert effects[f"takes the guard `{guard}` out of {DEPLOYS}"] is Weight.HIGH


def test_permissions_stand_one_a_line_and_are_never_cut(tmp_path: Path) -> None:
    names = [*map(str, range(39)), "x" * 1200]
    people = ", ".join(f"USER:person-{name}" for name in names)
    made = review(tmp_path, (DEPLOY, PROD, f"{PROD}    restricted_to: [{people}]\n"))
    entry = "USER:hudson.model.Item.Build:person-"
    for layout in ("text", "markdown"):
        text = WRITERS[layout](made)
        lines = [line.strip() for line in text.split("\n") if entry in line]
        assert sorted(lines) == sorted(f"+ {entry}{name}" for name in names)
        assert "more line" not in text


def test_lifted_restriction_of_a_deploy_weighs_most(tmp_path: Path) -> None:
    alone, both = (
        f"{PROD}    restricted_to: [{people}]\n"
        for people in ('"USER:alice"', '"USER:alice", "USER:bob"')
    )
    added = effects_of(review(tmp_path / "a", (DEPLOY, alone, both), first=[(DEPLOY, PROD, alone)]))
    rights = "build, cancel, discover and read Deploy to Prod and read its workspace"
    assert added == {f"lets USER:bob {rights}": Weight.HIGH}
    lifted = effects_of(review(tmp_path / "b", (DEPLOY, both, PROD), first=[(DEPLOY, PROD, both)]))
    who = "which only USER:alice and USER:bob could"
    text = f"lifts the restriction of who may build Deploy to Prod, {who}"
    assert lifted == {text: Weight.HIGH}


SUITE = "  - name: Run Ocargo Tests\n"
NODE, PROMOTED, PEOPLE = (
    f"    {line}\n"
    for line in ('node_label: ""', "after_promotion: true", 'restricted_to: ["USER:alice"]')
)
AT_PROD, KEPT = "- name: Deploy to Prod", "    retention_builds: 5\n    requirements:"
DECIDED = {"trigger builds", "shell step: script", "description"}
# Edits made before, the change, and by line which differences it is to blame for.
BLAMED: dict[str, tuple[Edit | None, Edit, dict[str, set[str]]]] = {
    "first person": (
        None,
        (DEPLOY, PROD, f"{PROD}{PEOPLE}"),
        {PEOPLE: {"permissions"}},
    ),
    "first person that went": (
        (DEPLOY, PROD, f"{PROD}{PEOPLE}"),
        (DEPLOY, PEOPLE, ""),
        {AT_PROD: {"permissions"}},
    ),
    "first secret": (
        (DEPLOY, NEXT + SECRET_OF_PROD, ""),
        (DEPLOY, PROD, f"{PROD}{NEXT}{SECRET_OF_PROD}"),
        {SECRET_OF_PROD: {"credentials"}},
    ),
    "first secret that went": (
        None,
        (DEPLOY, NEXT + SECRET_OF_PROD, ""),
        {AT_PROD: {"credentials"}},
    ),
    "suite": (
        None,
        (TESTS, SUITE, f"  - name: Run More\n    suite: more\n    command: x\n{SUITE}"),
        {
            "- name: Run More": {"copy artifacts", "description", "trigger builds: projects"}
            | {"who may copy artifacts", "jobs"},
            "suite: more": {"shell step: script"},
            "requirements: [requirements-test.txt]": {"shell step: script"},
        },
    ),
    "person": (
        (DEPLOY, PROD, f"{PROD}    restricted_to:\n      - USER:alice\n"),
        (DEPLOY, "      - USER:alice\n", "      - USER:alice\n      - USER:zoe\n"),
        {"- USER:zoe": {"permissions: permission"}},
    ),
    "variable": (
        (DEPLOY, PROD, f"{PROD}    variables:\n      ONE: a\n"),
        (DEPLOY, "      ONE: a\n", "      ONE: a\n      TWO: b\n"),
        {"TWO: b": {"shell step: script"}},
    ),
    "secret": (
        None,
        (DEPLOY, SECRET_OF_PROD, f"{SECRET_OF_PROD}{SECRET.partition(NEXT)[2]}"),
        {SECRET.partition(NEXT)[2]: {"credentials: bindings: string binding"}},
    ),
    "step": (
        None,
        ("jobs/distribution.yaml", "    expect:", f"{MORE}    expect:"),
        {MORE: {"shell step: script", "description"}},
    ),
    "environment": (
        None,
        (DEPLOY, SECRET_OF_PROD, f"{SECRET_OF_PROD}  - name: Deploy to X\n    environment: X\n"),
        {"- name: Deploy to X": {"who may copy artifacts", "description", "jobs"}},
    ),
    "value that a filter changes": (
        None,
        (DEPLOY, "environment: Prod", "environment: Live"),
        {"environment: Live": {"node label", "shell step: script", "description"}},
    ),
    "value that takes a node away": (
        None,
        (DEPLOY, PROD, f"{PROD}{NODE}"),
        {NODE: {"node label", "run on any node"}},
    ),
    "value that took a node away": (
        (DEPLOY, PROD, f"{PROD}{NODE}"),
        (DEPLOY, NODE, ""),
        {AT_PROD: {"node label", "run on any node"}},
    ),
    "value by which a list has its first entry": (
        (DEPLOY, PROMOTED, ""),
        (DEPLOY, PROD, f"{PROD}{PROMOTED}"),
        {PROMOTED: DECIDED},
    ),
    "value by which a list had its only entry": (
        None,
        (DEPLOY, PROMOTED, ""),
        {"- name: Deploy to Dev": DECIDED},
    ),
    "value that let a field in": (
        ("jobs/distribution.yaml", "    requirements:", KEPT),
        ("jobs/distribution.yaml", KEPT, "    requirements:"),
        {"- name: Create Distribution": {"builds to keep: builds with artifacts"}},
    ),
}


@pytest.mark.parametrize("case", BLAMED)
def test_a_change_of_a_definition_is_blamed_on_its_line_or_on_the_entry_it_left(
    case: str, tmp_path: Path
) -> None:
    """Not on the item before it, the list, a default, or a template that makes something of it."""
    first, change, expected = BLAMED[case]
    made = review(tmp_path, change, first=[first] if first else [])
    lines = (tmp_path / change[0]).read_text().split("\n")
    found: dict[str, set[str]] = {}
    for update in made.plan.changes:
        for difference in update.differences if isinstance(update, Update) else ():
            place, label = difference.position, re.sub(r" \d+", "", difference.label)
            if place and place.file == change[0]:
                found.setdefault(lines[place.line - 1].strip(), set()).add(label)
    assert found == {line.strip(): labels for line, labels in expected.items()}


def test_effect_names_some_of_many_jobs_and_all_of_them_on_request() -> None:
    names = tuple(f"Job {number}" for number in range(300))
    effect = Effect(
        About.RUNS, Weight.HIGH, "changes what", names, "so that {others} do", others=names
    )
    made = Review(Plan(""), effects=(effect,), risk=weigh([effect], is_changed=True))
    some = "Job 0, Job 1, Job 2, Job 3, Job 4, Job 5, Job 6, Job 7 and 292 more"
    assert made.risk.text == f"changes what {some} so that {some} do"
    for layout in ("text", "markdown", "html"):
        told, whole = (WRITERS[layout](made, verbose=verbose) for verbose in (False, True))
        assert (told.count("Job 8"), whole.count("Job 299")) == (0, 2)
    lighter = replace(effect, weight=Weight.LOW, jobs=("Job 300", "Job 301"))
    more = weigh([effect, lighter, replace(lighter, tail="else")], is_changed=True)
    assert more.text == made.risk.text.replace("292 more so", "294 more so")
    (found,) = json.loads(write_json(made))["effects"]
    assert found["jobs"] == list(names)
    assert found["text"].count("Job 299") == 2


def test_changes_of_one_weight_are_in_the_chains_order(tmp_path: Path) -> None:
    shorter = ("jobs:\n", "defaults: {time_limit: 20}\njobs:\n")
    made = review(
        tmp_path,
        (DEPLOY, "retention_days: 365", "retention_days: 7"),
        ("jobs/check.yaml", *shorter),
        ("jobs/publish.yaml", *shorter),
    )
    assert made.chain
    told = [name for entry in list_entries(made) for name in entry.names]
    assert told[:3] == DEPLOYS.replace(" and ", ", ").split(", ")
    rest = told[3:]
    assert rest == [node.name for node in made.chain.nodes if node.name in rest]


def test_hidden_characters_are_spelled_out(tmp_path: Path) -> None:
    text = write_text(review(tmp_path, (PUBLISH, "", "echo \u202eevil\u2066\n")))
    assert "echo \\u202eevil\\u2066" in text
    assert not {"\u202e", "\u2066"} & set(text)
    assert make_visible("a\x1b[31m\tb\n") == "a\\x1b[31m\tb\n"


def test_secrets_are_in_no_layout(tmp_path: Path) -> None:
    secrets = ("ghp_" + "a1B2" * 9, "hunter2hunter2", "Tr0ub4dor")
    url = f"https://me:{secrets[2]}@example.org"
    lines = f"token={secrets[0]}\npassword='{secrets[1]}'\ngit push {url}\n"
    made = review(tmp_path, (PUBLISH, "", lines))
    for layout, write in WRITERS.items():
        out = write(made)
        assert "token=" in out
        assert not [secret for secret in secrets if secret in out], layout


def test_problems_that_a_change_brings_are_told(tmp_path: Path) -> None:
    edit(copy_project(tmp_path), BASE, "  - workspace-cleanup\n", "")
    old, new = read_setup(ROOT), read_setup(tmp_path)
    made = review_setups(MAIN, CHANGE, old, new)
    assert made.problems
    assert "What the checks find now, and didn't before" in write_text(made)
    assert review_setups(CHANGE, MAIN, new, old).problems == ()


def run_review(history: History, *arguments: str) -> tuple[int, str]:
    """Return the exit code and the output of `cfl-jobs review`."""
    with chdir(history.root):
        result = CliRunner().invoke(cli, ["review", *arguments], standalone_mode=False)
    assert result.exception is None
    return result.return_value, result.stdout


def test_exit_codes_are_the_plans(history: History) -> None:
    edit(history.root, *LONGER)
    history.commit("longer")
    for base, code in (("main", 2), ("HEAD", 0)):
        assert run_review(history, base, "change")[0] == 0
        assert run_review(history, base, "change", "--detailed-exitcode")[0] == code


def test_broken_revision_is_reviewed_by_its_findings(history: History) -> None:
    edit(history.root, *MISSPELT)
    broken = history.commit("a typo")
    code, out = run_review(history, "main", "change")
    assert code == 1
    first, *others = out.splitlines()
    assert re.fullmatch(
        r"Risk: high: change \(\w{10}\) doesn't render: 1 mistake, at jobs/deploy.yaml:32:5\.",
        first,
    )
    assert "jobs/deploy.yaml:32:5: 'enviroment' is misspelt: no template reads it" in others
    assert "  Did you mean 'environment'?" in others
    assert re.fullmatch(
        r"Put these right and commit; `cfl-jobs check` shows what is left\. "
        r"main \(\w{10}\) renders: 12 jobs and 1 view\.",
        others[-1],
    )
    assert "/tmp" not in out
    code, out = run_review(history, "main", "change", "--format", "json")
    assert code == 1
    found = json.loads(out)
    assert found["risk"]["weight"] == "high"
    assert found["findings"]["head"][0]["position"] == "jobs/deploy.yaml:32:5"
    assert "12 jobs" in found["outlook"]
    code, out = run_review(history, broken, broken)
    assert code == 1
    assert out.splitlines()[-1].endswith("doesn't render either.")
    history.git("checkout", "-q", "main", ".")
    history.commit("fixed")
    code, out = run_review(history, broken, "change", "--detailed-exitcode")
    assert code == 1
    assert "doesn't render, so what this changes can't be told" in out
    assert out.startswith("Risk: high: ")
    assert "renders: 12 jobs and 1 view" in out
    assert run_review(history, broken, "change")[0] == 0


def test_secret_in_a_line_that_is_wrong_is_hidden(tmp_path: Path) -> None:
    add(copy_project(tmp_path), "jobs/settings.yaml", "  password: hunter2hunter2\n")
    told = write_text(review_setups(MAIN, CHANGE, real_setup(), read_setup(tmp_path)))
    assert "'password'" in told
    assert "hunter2" not in told


def test_review_that_cannot_be_written_says_where(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    with chdir(history.root):
        assert run(["review", "main", "--format", "html", "-o", "none/review.html"]) == 1
    assert capsys.readouterr().err == (
        "Error: none/review.html: No such file or directory\n  Name a file that can be written.\n"
    )


def test_first_commit_of_the_definitions_makes_everything_new(history: History) -> None:
    history.git("checkout", "-q", "--orphan", "empty")
    history.git("rm", "-rq", "--cached", ".")
    history.git("commit", "-q", "--allow-empty", "-m", "nothing yet")
    made = make_review(history.root, "empty", "main")
    assert {change.action for change in made.plan.changes} == {"create"}
    assert len(made.plan.changes) > 10
    promote = "adds Create Distribution and Promote Distribution, each of which runs 5 steps"
    assert f"{promote} on any node" in effects_of(made)


def test_projects_own_history_can_be_reviewed() -> None:
    """The last commits that touched the definitions, in the repository that the tests are in."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)

    log = git("log", "--format=%H %P", "-6", "HEAD", "--", "jobs", "templates").stdout
    pairs = [line.split()[:2] for line in log.splitlines() if len(line.split()) > 1]
    pairs = [
        pair
        for pair in pairs
        if not any(git("cat-file", "-e", f"{commit}^{{commit}}").returncode for commit in pair)
    ]
    if not pairs:
        pytest.skip("no history here: not a clone, or a shallow one")
    for head, base in pairs[:2]:
        told = write_text(make_review(ROOT, base, head))
        assert told.startswith(("Risk: ", "No change on the server", "This revision doesn't", base))


def test_the_page_of_plans_shows_what_review_prints(history: History) -> None:
    page = (ROOT / "docs/plan.md").read_text(encoding="utf-8")
    shown = page.partition("```text review\n")[2].partition("```")[0].strip()
    assert shown
    staging = "environment: Staging\n"
    edit(history.root, DEPLOY, staging, f"{staging}    after_promotion: true\n")
    history.commit("Staging after promotion")
    told = write_text(make_review(history.root, "main", "HEAD")).strip()
    pattern = re.escape(shown).replace(re.escape("..."), ".*")
    assert re.fullmatch(pattern, told, re.DOTALL), told
