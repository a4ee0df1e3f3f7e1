"""Parameters of a build that a person starts: what the form offers, and nothing else."""

from __future__ import annotations

import pytest

from cfl_jobs.configs.model import Job
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.queueing import convert_triggered, values_from_person

_JOB = """
<project>
  <properties>
    <hudson.model.ParametersDefinitionProperty>
      <parameterDefinitions>
        <hudson.model.BooleanParameterDefinition>
          <name>FLAG</name>
        </hudson.model.BooleanParameterDefinition>
        <hudson.model.ChoiceParameterDefinition>
          <name>WHERE</name>
          <choices class="java.util.Arrays$ArrayList">
            <a class="string-array"><string>Dev</string><string>Prod</string></a>
          </choices>
        </hudson.model.ChoiceParameterDefinition>
      </parameterDefinitions>
    </hudson.model.ParametersDefinitionProperty>
  </properties>
</project>
"""


@pytest.fixture
def job() -> Job:
    return read_job("J", _JOB)


def test_what_isnt_given_has_its_default(job: Job) -> None:
    assert values_from_person(job, {}) == {"FLAG": "false", "WHERE": "Dev"}


def test_what_the_form_offers_is_taken(job: Job) -> None:
    given = {"FLAG": "True", "WHERE": "Prod"}
    assert values_from_person(job, given) == {"FLAG": "true", "WHERE": "Prod"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FLAG", "yes", "'J': FLAG can't be 'yes'.\n  It is true or false."),
        ("WHERE", "prod", "'J': WHERE can't be 'prod'.\n  It offers: Dev, Prod"),
        ("FLAGS", "true", "'J' has no parameter 'FLAGS'.\n  Did you mean 'FLAG'?"),
    ],
)
def test_what_it_doesnt_offer_is_refused(job: Job, name: str, value: str, said: str) -> None:
    with pytest.raises(RehearsalError) as caught:
        values_from_person(job, {name: value})
    assert str(caught.value) == said


def test_a_trigger_may_give_any_text_for_a_flag(job: Job) -> None:
    """To Jenkins all but "true" is false."""
    assert convert_triggered(job, {"FLAG": "yes"})["FLAG"] == "false"
