"""All rules, in the order in which they are told: importing the modules registers them."""

from __future__ import annotations

from collections.abc import Iterator

from cfl_jobs.check import (  # noqa: F401 - they register their rules
    artifacts,
    deploys,
    flow,
    parameters,
    references,
    scripts,
    secrets,
    upkeep,
)
from cfl_jobs.check.rule import RULES, Found, Rule, Scope, Severity


def _search_elsewhere(scope: Scope) -> Iterator[Found]:
    """Stand in for rules that the check itself applies."""
    yield from ()


DEFINITION = Rule(
    "definition",
    Severity.ERROR,
    "definitions or templates that can't be rendered",
    "Rendering is strict: bad YAML, an unknown or missing variable, an option that"
    " jenkins-job-builder\nnever reads, a value that makes no sense. While there are any, no other"
    " rule is looked at.\n\nIt can't be silenced: mend what the message says.",
    _search_elsewhere,
)
SILENCE_WITHOUT_REASON = Rule(
    "silence-without-reason",
    Severity.ERROR,
    "a rule is silenced and nobody says why",
    "The next reader can't tell whether it still holds. The comment silences nothing until it"
    " says\nwhy.\n\nWrite the reason behind the rule's name. It can't be silenced itself.",
    _search_elsewhere,
)
UNUSED_SILENCE = Rule(
    "unused-silence",
    Severity.WARNING,
    "a comment silences nothing",
    "The rule finds nothing at that place (any more), or there is no rule of that name. A comment"
    " that\nstays would hide the next finding.\n\nRemove it. It can't be silenced itself.",
    _search_elsewhere,
)
for _rule in (DEFINITION, SILENCE_WITHOUT_REASON, UNUSED_SILENCE):
    RULES.add(_rule)

__all__ = ["DEFINITION", "RULES", "SILENCE_WITHOUT_REASON", "UNUSED_SILENCE"]
