"""What a job's own builds wrote into its config: no edit, no difference, and kept by an update."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Position
from cfl_jobs.planning.journal import list_runs
from cfl_jobs.planning.plan import Owner
from cfl_jobs.planning.rollback import plan_rollback
from cfl_jobs.target import Kind
from tests.memory_target import MemoryTarget
from tests.planned import owners
from tests.rendered_jobs import jenkins, job, plan, roll_back, update

PIPELINE = """<?xml version="1.0" encoding="utf-8"?>
<flow-definition plugin="workflow-job">
  <definition class="org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition" plugin="workflow-cps">
    <sandbox>false</sandbox>
    <scriptPath>{path}</scriptPath>
  </definition>
  <actions/>
  <description>Nightly.</description>
  <keepDependencies>false</keepDependencies>
  <properties>{properties}</properties>
</flow-definition>
"""
OF_JOB = "org.jenkinsci.plugins.workflow.job.properties"
DECLARATIVE = "org.jenkinsci.plugins.pipeline.modeldefinition.actions"
TIMER = "<hudson.triggers.TimerTrigger><spec>{}</spec></hudson.triggers.TimerTrigger>"
NIGHTLY = TIMER.format("H 3 * * *")
SERIAL = f"<{OF_JOB}.DisableConcurrentBuildsJobProperty/>"
BLUE = (
    "<io.jenkins.blueocean.service.embedded.BlueOceanUrlAction><blueOceanUrlObject>"
    '<modelObject class="flow-definition" reference="../../../.."/></blueOceanUrlObject>'
    "</io.jenkins.blueocean.service.embedded.BlueOceanUrlAction>"
)
JOB_ACTION = f"<{DECLARATIVE}.DeclarativeJobAction/>"


def triggers(inside: str) -> str:
    tag = f"{OF_JOB}.PipelineTriggersJobProperty"
    return f"<{tag}><triggers>{inside}</triggers></{tag}>"


def parameters(*names: str) -> str:
    tag = "hudson.model.ParametersDefinitionProperty"
    kind = "hudson.model.StringParameterDefinition"
    inside = "".join(f"<{kind}><name>{name}</name></{kind}>" for name in names)
    return f"<{tag}><parameterDefinitions>{inside}</parameterDefinitions></{tag}>"


def declared(properties: str = "", triggers: str = "", parameters: str = "") -> str:
    """Return the list that a Declarative build leaves of what it wrote."""
    tag = f"{DECLARATIVE}.DeclarativeJobPropertyTrackerAction"
    lists = {"jobProperties": properties, "triggers": triggers, "parameters": parameters}
    inside = "".join(
        f"<{key}>{''.join(f'<string>{name}</string>' for name in names.split())}</{key}>"
        for key, names in lists.items()
    )
    return f"<{tag}>{inside}<options/></{tag}>"


def set_by_step(*classes: str) -> str:
    """Return the list that the step `properties` leaves."""
    tag = "org.jenkinsci.plugins.workflow.multibranch.JobPropertyTrackerAction"
    names = "".join(f"<string>{name}</string>" for name in classes)
    return f"<{tag}><jobPropertyDescriptors>{names}</jobPropertyDescriptors></{tag}>"


def pipeline(*properties: str, path: str = "Jenkinsfile") -> Config:
    config = PIPELINE.format(path=path, properties="".join(properties))
    return Config(Kind.JOB, "Nightly", config, Position("jobs/nightly.yaml", 3, 5))


def built(target: MemoryTarget, *, actions: str = "", properties: str = "") -> None:
    """Let a build (or a person) write into the job."""
    if actions:
        target.edit("Nightly", "<actions />", f"<actions>{actions}</actions>")
    if properties:
        config = target.configs[Kind.JOB, "Nightly"].replace(
            "<properties />", "<properties></properties>"
        )
        target.configs[Kind.JOB, "Nightly"] = config.replace(
            "</properties>", f"{properties}</properties>"
        )


# What stands there after builds (actions, properties), of a job whose definition sets none of it.
WRITTEN = {
    "declarative": (
        JOB_ACTION
        + declared(
            f"{OF_JOB}.DisableConcurrentBuildsJobProperty",
            "hudson.triggers.TimerTrigger",
            "WHO WHAT",
        ),
        triggers(NIGHTLY) + parameters("WHO", "WHAT") + SERIAL,
    ),
    "the step properties": (
        set_by_step(
            f"{OF_JOB}.PipelineTriggersJobProperty",
            "hudson.model.ParametersDefinitionProperty",
            "some.plugin.Property$Inner_One",
        ),
        triggers(NIGHTLY) + parameters("WHO") + "<some.plugin.Property_-Inner__One/>",
    ),
    "triggers without a list": ("", triggers(NIGHTLY)),
    "Blue Ocean": (BLUE, ""),
}


@pytest.mark.parametrize(("actions", "properties"), WRITTEN.values(), ids=WRITTEN)
def test_what_builds_wrote_is_no_difference_and_stays(
    actions: str, properties: str, tmp_path: Path
) -> None:
    """The plan stays empty; a real change leaves all of it in its place."""
    target = MemoryTarget()
    update(target, tmp_path, pipeline())
    built(target, actions=actions, properties=properties)
    assert plan(target, pipeline()).changes == ()
    changed = pipeline(path="other/Jenkinsfile")
    assert set(owners(plan(target, changed)).values()) == {Owner.OURS}
    assert update(target, tmp_path, changed).is_complete
    config = target.configs[Kind.JOB, "Nightly"].replace(" />", "/>")
    assert "other/Jenkinsfile" in config
    assert actions in config
    assert properties in config
    assert plan(target, changed).changes == ()


def test_a_timer_that_no_build_says_it_wrote_is_told_and_stays(tmp_path: Path) -> None:
    """A person may have set it, or a build of before there were lists."""
    target = MemoryTarget()
    update(target, tmp_path, pipeline())
    built(target, properties=triggers(NIGHTLY))
    (note,) = plan(target, pipeline()).notes
    assert "triggers that its definition doesn't set" in note.text
    assert not note.quiet


def test_what_a_build_says_it_wrote_is_told_on_request(tmp_path: Path) -> None:
    target = MemoryTarget()
    update(target, tmp_path, pipeline())
    built(target, actions=declared(parameters="WHO"), properties=parameters("WHO"))
    (note,) = plan(target, pipeline()).notes
    assert "string parameter definition" in note.text
    assert note.quiet


@pytest.mark.parametrize(
    ("actions", "properties"),
    [
        (declared(), triggers(NIGHTLY)),
        (declared(parameters="WHO"), parameters("WHO", "MINE")),
        (declared("jenkins.model.BuildDiscarderProperty"), SERIAL),
        (set_by_step("hudson.model.ParametersDefinitionProperty"), triggers(NIGHTLY)),
    ],
)
def test_what_no_build_declared_is_an_edit(actions: str, properties: str, tmp_path: Path) -> None:
    """A person set it in the UI, and builds told what they wrote."""
    target = MemoryTarget()
    update(target, tmp_path, pipeline())
    built(target, actions=actions, properties=properties)
    assert set(owners(plan(target, pipeline())).values()) == {Owner.THEIRS}
    update(target, tmp_path, pipeline())
    config = target.configs[Kind.JOB, "Nightly"]
    assert "MINE" not in config
    assert ("WHO" in config) == ("WHO" in properties)
    assert "TimerTrigger<" not in config


def test_what_the_definition_sets_is_compared(tmp_path: Path) -> None:
    """The same class in the Jenkinsfile doesn't make it the builds' own."""
    target = MemoryTarget()
    wanted = pipeline(triggers(NIGHTLY), parameters("WHO"))
    update(target, tmp_path, wanted)
    listed = declared(triggers="hudson.triggers.TimerTrigger", parameters="WHO WHAT")
    built(target, actions=listed)
    target.edit("Nightly", "H 3 * * *", "H 4 * * *")
    made = owners(plan(target, wanted))
    assert set(made.values()) == {Owner.THEIRS}
    assert len(made) == 1


def test_a_timer_that_the_definition_no_longer_sets_goes(tmp_path: Path) -> None:
    """It was ours at the last update, so it is no build's."""
    target = MemoryTarget()
    update(target, tmp_path, pipeline(triggers(NIGHTLY)))
    assert set(owners(plan(target, pipeline())).values()) == {Owner.OURS}
    update(target, tmp_path, pipeline())
    assert "TimerTrigger" not in target.configs[Kind.JOB, "Nightly"]


def test_a_build_during_an_update_is_no_one_elses_change(tmp_path: Path) -> None:
    """Neither between plan and update, nor between our writing and our reading back."""
    target = MemoryTarget()
    update(target, tmp_path, pipeline())
    wanted = pipeline(path="other")
    written = False

    def build(verb: str, name: str) -> None:
        nonlocal written
        if verb == "update" and not written:
            written = True
            actions = declared(triggers="hudson.triggers.TimerTrigger")
            built(target, actions=actions, properties=triggers(NIGHTLY))

    target.before_request = build
    assert update(target, tmp_path, wanted).is_complete
    target.recover()
    assert plan(target, wanted).changes == ()


def test_a_rollback_keeps_what_builds_wrote_since(tmp_path: Path) -> None:
    """A build after the run is no reason to leave the job alone, and its timer goes on."""
    target = MemoryTarget()
    update(target, tmp_path, pipeline())
    update(target, tmp_path, pipeline(path="other"))
    listed = declared(triggers="hudson.triggers.TimerTrigger")
    built(target, actions=listed, properties=triggers(NIGHTLY))
    run = next(iter(list_runs(tmp_path, "memory")))
    assert roll_back(plan_rollback(run, target), target, tmp_path) == []
    config = target.configs[Kind.JOB, "Nightly"]
    assert "<scriptPath>Jenkinsfile<" in config
    assert "H 3 * * *" in config
    assert "DeclarativeJobPropertyTrackerAction" in config


def test_actions_of_any_job_stay(tmp_path: Path) -> None:
    """Plugins keep there what they found out in builds."""
    target = jenkins()
    update(target, tmp_path, job())
    target.edit("Publish", "<actions/>", "<actions><a.B><c>1</c></a.B></actions>")
    target.normalise = lambda config: config
    assert plan(target, job()).changes == ()
    update(target, tmp_path, job(branch="new"))
    assert "<a.B><c>1</c></a.B>" in target.configs[Kind.JOB, "Publish"]
