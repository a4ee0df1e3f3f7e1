"""Passwords in jobs: whose a new one is, without ever showing one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import PlanError
from cfl_jobs.planning.observe import check_unchanged
from cfl_jobs.planning.plan import Owner, Plan, Update
from cfl_jobs.target import Kind
from tests.jenkins_server_configs import restart, save
from tests.jenkins_server_rules import encrypt
from tests.memory_target import MemoryTarget
from tests.planned import tell
from tests.rendered_jobs import PLUGINS, jenkins, job, plan, update

pytestmark = pytest.mark.usefixtures("each_dialect")

LABEL = "parameter KEY: default"
UNSURE = "or only entered again: it is encrypted"
# How the stand-in encrypts any password, and what another one looks like.
OTHER = encrypt()


def with_password(text: str, *, script: str = "one") -> Config:
    """Return a job with a password parameter."""
    parameter = (
        "<hudson.model.PasswordParameterDefinition><name>KEY</name>"
        f"<description>A key</description><defaultValue>{text}</defaultValue>"
        "</hudson.model.PasswordParameterDefinition>"
    )
    made = job(scripts=(script,))
    end = "</parameterDefinitions>"
    return replace(made, config=made.config.replace(end, parameter + end))


def stored(target: MemoryTarget) -> str:
    """Return the password as Jenkins encrypted it."""
    return str(re.findall("{AQAA[^}]*}", target.configs[Kind.JOB, "Publish"])[0])


@pytest.fixture
def target(tmp_path: Path) -> MemoryTarget:
    target = jenkins()
    update(target, tmp_path, with_password("hunter2"))
    return target


def told(made: Plan) -> list[tuple[str, Owner, str]]:
    return [
        (found.label, found.owner, found.remark)
        for change in made.changes
        if isinstance(change, Update)
        for found in change.differences
    ]


def test_a_password_is_quiet_once_jenkins_encrypted_it(target: MemoryTarget) -> None:
    """Its stored text stays the same, however often the job is saved."""
    config = target.configs[Kind.JOB, "Publish"]
    assert stored(target)
    for state in (config, save(config, PLUGINS), restart(config, PLUGINS)):
        target.configs[Kind.JOB, "Publish"] = state
        assert plan(target, with_password("hunter2")).changes == ()


@pytest.mark.parametrize("entered", [OTHER, ""], ids=["another", "empty"])
def test_a_password_entered_on_the_server_is_theirs(
    target: MemoryTarget, tmp_path: Path, entered: str
) -> None:
    """Be it the same: nobody but Jenkins can tell. An update puts ours back."""
    target.edit("Publish", stored(target), entered)
    made = plan(target, with_password("hunter2"))
    assert told(made) == [(LABEL, Owner.THEIRS, UNSURE)]
    text = tell(made)
    assert "hunter2" not in text
    assert "AQAA" not in text
    update(target, tmp_path, with_password("hunter2"))
    assert stored(target)
    assert plan(target, with_password("hunter2")).changes == ()


def test_a_password_that_the_definition_changed_is_ours(target: MemoryTarget) -> None:
    """The mark counts the one that was posted."""
    assert told(plan(target, with_password("hunter3"))) == [(LABEL, Owner.OURS, "")]
    assert "hunter3" not in tell(plan(target, with_password("hunter3")))
    target.edit("Publish", stored(target), OTHER)
    assert told(plan(target, with_password("hunter3"))) == [(LABEL, Owner.BOTH, UNSURE)]


def test_another_change_of_the_job_hides_no_password(target: MemoryTarget) -> None:
    """Elsewhere in the job, or beside it among the parameters."""
    target.edit("Publish", stored(target), OTHER)
    made = plan(target, with_password("hunter2", script="two"))
    assert (LABEL, Owner.THEIRS, UNSURE) in told(made)
    assert ("shell step: script", Owner.OURS, "") in told(made)
    target.edit("Publish", "A key", "THE key")
    assert (LABEL, Owner.THEIRS, UNSURE) in told(plan(target, with_password("hunter2")))


def test_a_change_beside_a_password_is_no_change_of_it(target: MemoryTarget) -> None:
    """Put back, the rest has the code of then; elsewhere it has that anyway."""
    other_step = with_password("hunter2", script="two")
    assert told(plan(target, other_step)) == [("shell step: script", Owner.OURS, "")]
    target.edit("Publish", ">one<", ">three<")
    assert told(plan(target, other_step)) == [("shell step: script", Owner.BOTH, "")]
    target.edit("Publish", ">three<", ">one<")
    target.edit("Publish", "A key", "THE key")
    label = "parameter KEY: description"
    assert told(plan(target, with_password("hunter2"))) == [(label, Owner.THEIRS, "")]


def test_what_was_never_encrypted_is_no_difference_after_it_is(tmp_path: Path) -> None:
    """A directory's jobs, at Jenkins' first save of them."""
    target = MemoryTarget()
    update(target, tmp_path, with_password("hunter2"))
    target.configs[Kind.JOB, "Publish"] = save(target.configs[Kind.JOB, "Publish"], PLUGINS)
    assert stored(target)
    assert plan(target, with_password("hunter2")).changes == ()


def test_of_a_job_that_is_not_ours_no_password_can_be_compared(target: MemoryTarget) -> None:
    """Which is said, since it will be replaced."""
    target.configs[Kind.JOB, "Publish"] = save(with_password("theirs").config, PLUGINS)
    made = plan(target, with_password("hunter2"), adopt=True)
    assert told(made) == [(LABEL, Owner.ADOPT, "can't be compared")]


@pytest.mark.parametrize(
    "elements",
    [
        "<a.Vault><key>{}</key></a.Vault>",
        '<a.Vault kind="one"><key>{}</key></a.Vault>',
        "<a.Vault><key>fixed</key></a.Vault><a.Vault><key>{}</key></a.Vault>",
    ],
    ids=["field", "whole element", "added element"],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_password_is_not_shown_where_only_jenkins_knows_that_it_is_one(
    elements: str, form: str, tmp_path: Path
) -> None:
    """Its field's name doesn't tell, but the server has it encrypted."""

    target, made = jenkins(), job()
    update(target, tmp_path, made)
    there = f"<builders><a.Vault><key>{OTHER}</key></a.Vault>"
    target.edit("Publish", "<builders>", there)
    config = made.config.replace("<builders>", f"<builders>{elements.format('hunter2')}")
    text = tell(plan(target, replace(made, config=config)), form, verbose=True)
    assert "{secret} (another)" in text
    for password in ("hunter2", "fixed", "AQAA"):
        assert password not in text


def test_a_kept_plan_is_refused_once_a_password_was_entered(target: MemoryTarget) -> None:
    made = plan(target, with_password("hunter2", script="two"))
    check_unchanged(made, target)
    target.edit("Publish", stored(target), OTHER)
    with pytest.raises(PlanError, match="job Publish was changed"):
        check_unchanged(made, target)
