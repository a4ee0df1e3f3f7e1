"""Tables of job options: what each wants, where jenkins-job-builder itself doesn't say it."""

from __future__ import annotations

from collections.abc import Mapping

from cfl_jobs.rendering import expectations as want
from cfl_jobs.rendering.expectations import Expectation


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Options with a default of false or 0, or documented as such, that also take something else.
TAKES_MORE = _words(
    """after before block-thresholds classes conditional content file-path files line log-text
    method packages predefined-parameters priority property-file retry suppress-scm-triggering
    trigger-script write-description"""
)
# Options without a default and a documented type that are whole numbers, by component.
WHOLE_NUMBERS: Mapping[tuple[str, str], frozenset[str]] = {
    ("builder", "grails"): _words("server-port"),
    ("publisher", "cloverphp"): _words("method statement"),
    ("wrapper", "xvfb"): _words("display-name"),
}
# Options with a list for a default that also take one text, or a mapping.
TAKES_ONE = _words("class-path job-filters refspecs")

JOB_OPTIONS: Mapping[str, Expectation] = {
    "disabled": want.boolean_or_nothing,
    "concurrent": want.boolean,
    "block-upstream": want.boolean,
    "block-downstream": want.boolean,
    "quiet-period": want.whole_number(least=0),
    "retry-count": want.whole_number(least=0),
    "node": want.label_expression,
    "description": want.text_or_nothing,
    "display-name": want.filled_text,
    "auth-token": want.filled_text_or_nothing,
    "jdk": want.text_or_nothing,
    "workspace": want.filled_text,
}
# What a list view can show: jenkins_jobs.modules.view_list.
COLUMNS = _words(
    """status weather job last-success last-failure last-duration build-button last-stable
    robot-list find-bugs jacoco git-branch favorite schedule-build priority-sorter build-filter
    desc policy-violations member-graph-view built-on extra-tests-total extra-tests-failed
    extra-tests-passed extra-tests-skipped extra-tests-format-0 extra-tests-format-1
    extra-build-description extra-build-parameters extra-last-user-name extra-last-output
    extra-workspace-link extra-configure-button"""
)
# hudson.plugins.parameterizedtrigger.ResultCondition (parameterized-trigger 787)
_CONDITIONS = (
    "SUCCESS", "UNSTABLE", "UNSTABLE_OR_BETTER", "UNSTABLE_OR_WORSE", "FAILED", "FAILED_OR_BETTER",
    "ALWAYS",
)  # fmt: skip
_TIMEOUT_TYPES = ("absolute", "no-activity", "likely-stuck", "elastic", "deadline")
KEPT = dict.fromkeys(
    ("days-to-keep", "num-to-keep", "artifact-days-to-keep", "artifact-num-to-keep"), want.kept
)
ANY = "*"

# (component type, name, or * for all) → option → what it wants; the option "" is the whole value,
# and "each" stands before options of a component that is a list.
COMPONENT_OPTIONS: Mapping[tuple[str, str], Mapping[str, Expectation]] = {
    ("trigger", "timed"): {"": want.cron(never_is_fine=False)},
    ("trigger", ANY): {"cron": want.cron(never_is_fine=True)},
    ("wrapper", "timeout"): {"type": want.one_of(_TIMEOUT_TYPES), "write-description": want.text},
    ("wrapper", "credentials-binding"): dict.fromkeys(
        (
            "key-file-variable",
            "password",
            "passphrase-variable",
            "username",
            "username-variable",
            "variable",
        ),
        want.variable,
    ),
    ("property", "build-discarder"): KEPT,
    ("parameter", ANY): {"name": want.filled_text, "description": want.text},
    ("parameter", "string"): {"default": want.scalar},
    ("parameter", "text"): {"default": want.scalar},
    ("parameter", "password"): {"default": want.scalar},
    ("parameter", "choice"): {"choices": want.texts},
    ("publisher", "archive"): {"artifacts": want.filled_text},
    ("publisher", "junit"): {"results": want.filled_text},
    ("publisher", "email"): {"recipients": want.addresses},
    ("publisher", "email-ext"): {
        **dict.fromkeys(("aborted", "failure", "not-built", "success", "unstable"), want.boolean),
        "recipients": want.addresses,
    },
    ("scm", "git"): {"url": want.repository},
    ("publisher", "trigger"): {"project": want.filled_text},
    ("publisher", "pipeline"): {"boolean-parameters": want.booleans},
    ("publisher", "trigger-parameterized-builds"): {
        "boolean-parameters": want.booleans,
        "condition": want.one_of(_CONDITIONS),
        "predefined-parameters": want.assignments,
        "current-parameters": want.boolean,
        "svn-revision": want.boolean,
    },
    ("builder", "trigger-builds"): {
        "block": want.boolean,
        "boolean-parameters": want.booleans,
        "predefined-parameters": want.assignments,
        "current-parameters": want.boolean,
        "same-node": want.boolean,
        "svn-revision": want.boolean,
    },
    ("builder", "copyartifact"): {"project": want.filled_text},
    ("builder", "shell"): {"": want.scalar},
}
COMPONENT_LISTS = {
    "scm": "scm",
    "triggers": "trigger",
    "wrappers": "wrapper",
    "properties": "property",
    "parameters": "parameter",
    "publishers": "publisher",
    "action": "publisher",
    "builders": "builder",
    "steps": "builder",
    "on-evaluation-fail": "builder",
    "prebuilders": "builder",
    "postbuilders": "builder",
}
