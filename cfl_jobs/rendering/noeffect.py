"""Options that have no effect on the server, though they are written; and what to say instead.

jenkins-job-builder reads each of them, so it is no unread option, and most servers keep the
element until the next save: nobody is told. `evidence` says how it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cfl_jobs.reading.tracking import listed
from cfl_jobs.reading.versions import ALWAYS, Span

Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Successor:
    """What says the same in newer versions: the class, its field's tag, the new one, its values by
    ours.

    A value of ours that isn't listed is what the new field means anyway.
    """

    kind: str
    old: str
    new: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoEffect:
    """An option without effect: of the component `name` of type `kind`, or of the job itself ("").

    `when` is told the options around it; `why` completes "'exclude' has no effect: …". It holds for
    the versions of `span`. Where there is a successor, that is rendered in its place.
    """

    kind: str
    name: str
    key: str
    why: str
    instead: str
    evidence: str
    when: Callable[[Options], bool] = lambda options: True
    span: Span = ALWAYS
    successor: Successor | None = None


def _row(option: str, why: str, instead: str, evidence: str, **more: Any) -> NoEffect:
    """Make a row for "type component option", or a job's own "option"."""
    *_, kind, name, key = ("", "", *option.split())
    return NoEffect(kind, name, key, why, instead, evidence, **more)


def _is_type(word: str) -> Callable[[Options], bool]:
    return lambda job: job.get("project-type") == word


def _is_short(options: Options) -> bool:
    """Tell whether a time limit is below the plugin's least, three minutes."""
    minutes = options.get("timeout")
    kind = options.get("type", "absolute")
    if not isinstance(minutes, int) or isinstance(minutes, bool):
        return False
    return minutes < 3 and kind in ("absolute", "likely-stuck", "no-activity")


def _aborts_anyway(options: Options) -> bool:
    others = (options.get("fail"), options.get("abort-and-restart"))
    turned_off = str(options.get("abort", True)).lower() == "false"
    return turned_off and not any(str(other).lower() == "true" for other in others)


def _cleans_never(options: Options) -> bool:
    parts = [part for part in listed(options.get("clean-if")) if isinstance(part, dict)]
    off = {name for part in parts for name, value in part.items() if str(value).lower() == "false"}
    return len(off) == 5


_IN_DSL = "Say it in the pipeline itself."
_NOT_A_FOLDER = "Remove it; say it in the jobs inside the folder."
_NOT_A_FOLDERS = (
    *("builders", "publishers", "wrappers", "triggers", "scm", "parameters", "node", "jdk"),
    *("disabled", "concurrent", "quiet-period", "retry-count", "block-upstream"),
    *("block-downstream", "auth-token", "workspace", "logrotate"),
)
_NO_FIELD = "no such field in WorkflowJob (workflow-job 1385), AbstractProject's are not its own"
_FOLDER_DROPS = "recorded from Jenkins 2.440.3: the element is gone after a save (folder 6.858)"

NO_EFFECTS: tuple[NoEffect, ...] = (
    _row(
        "builder copyartifact exclude",
        "jenkins-job-builder writes `exclude`, and the plugin's field is `excludes`",
        "Name what to copy in `filter:`, or remove the rest in a shell step.",
        "recorded from copyartifact 722 and 795: <exclude> is gone after a save",
        when=lambda options: bool(options.get("exclude")),
    ),
    _row(
        "publisher junit keep-long-stdio",
        "junit has no such field since 1256",
        "Remove it.",
        "recorded from junit 1424: <keepLongStdio> is gone, and no stdioRetention is set",
        span=Span("junit", since="1256"),
        successor=Successor(
            "hudson.tasks.junit.JUnitResultArchiver",
            "keepLongStdio",
            "stdioRetention",
            {"true": "ALL"},
        ),
    ),
    _row(
        "publisher workspace-cleanup clean-if",
        "the plugin takes a cleanup for no result for one of every result",
        "Name one result at least, or remove the whole publisher.",
        "ws-cleanup 0.45 and 0.49: WsCleanup.readResolve",
        when=_cleans_never,
    ),
    _row(
        "scm git fastpoll",
        "the git plugin doesn't read it any more",
        "Remove it; it polls without a workspace where it can.",
        "git 5.2.1 and 5.10.1: GitSCMBackwardCompatibility has `remotePoll` and never reads it",
        when=lambda options: str(options.get("fastpoll")).lower() == "true",
    ),
    _row(
        "publisher archive latest-only",
        "Jenkins turns it into a build discarder at its next start",
        "Use the property build-discarder with `artifact-num-to-keep: 1`.",
        "recorded from Jenkins 2.440.3: a BuildDiscarderProperty after a restart",
        when=lambda options: str(options.get("latest-only")).lower() == "true",
    ),
    _row(
        "property lockable-resources groovy-sandbox",
        "there is no `match-script` that it could apply to",
        "Remove it, or write the `match-script:`.",
        "recorded from lockable-resources 1232: <resourceMatchScript> is gone after a save",
        when=lambda options: "match-script" not in options,
    ),
    _row(
        "wrapper timeout timeout",
        "the plugin's least time limit is 3 minutes",
        "Write 3 or more.",
        "build-timeout 1.32: BuildTimeoutWrapper.MINIMUM_TIMEOUT_MILLISECONDS",
        when=_is_short,
    ),
    _row(
        "wrapper timeout timeout",
        "a build that is likely stuck is told by the builds before it",
        "Remove it, or take another `type:`.",
        "build-timeout 1.32 and 1.41: LikelyStuckTimeOutStrategy has no fields",
        when=lambda options: options.get("type") == "likely-stuck",
    ),
    _row(
        "wrapper timeout abort",
        "without another action jenkins-job-builder writes the abort all the same",
        "Say `fail: true` to fail the build instead, or remove it.",
        "jenkins_jobs.modules.wrappers.timeout (6.5.0)",
        when=_aborts_anyway,
    ),
    _row(
        "sandbox",
        "a pipeline from a repository always runs in the sandbox",
        "Remove it.",
        "recorded from workflow-cps 3853: CpsScmFlowDefinition has no such field",
        when=lambda job: _is_type("pipeline")(job) and "pipeline-scm" in job,
    ),
    _row(
        "logrotate",
        "the property build-discarder overrides it",
        "Remove it; build-discarder has the same options.",
        "hudson.model.Job.getBuildDiscarder (2.440) asks the property first",
        when=lambda job: any(
            isinstance(entry, dict) and "build-discarder" in entry
            for entry in job.get("properties") or ()
        ),
    ),
    *(
        _row(key, f"a pipeline has no {key}", _IN_DSL, _NO_FIELD, when=_is_type("pipeline"))
        for key in ("builders", "publishers", "wrappers", "scm", "node", "jdk", "retry-count")
    ),
    *(
        _row(key, f"a folder has no {key}", _NOT_A_FOLDER, _FOLDER_DROPS, when=_is_type("folder"))
        for key in _NOT_A_FOLDERS
    ),
)

SUCCESSORS = tuple(row.successor for row in NO_EFFECTS if row.successor)
