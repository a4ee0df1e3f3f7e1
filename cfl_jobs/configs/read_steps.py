"""Config XML of builders and publishers → model. What has no type here stays whole, as `Unknown`.

Class names and defaults are those of copyartifact 722, parameterized-trigger 787, junit 1252,
mailer 463, ws-cleanup 0.45, description-setter 239 and core 2.440.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

from cfl_jobs.configs.fields import (
    Paths,
    list_items,
    read_flag,
    read_names,
    read_number,
    read_text,
    short_class,
)
from cfl_jobs.configs.model import (
    ArchiveArtifacts,
    BlockingThresholds,
    BooleanParameters,
    Builder,
    BuildOther,
    CleanAfter,
    CopyArtifact,
    CurrentParameters,
    FileParameters,
    JUnitResults,
    Mail,
    PredefinedParameters,
    Publisher,
    SetDescription,
    Shell,
    TriggerBuilds,
    TriggerParameters,
)
from cfl_jobs.configs.selectors import read_selector

_TRIGGER = "hudson.plugins.parameterizedtrigger."


def read_builders(builders: ET.Element, paths: Paths) -> Iterator[Builder]:
    """Yield the build steps in order; one element with several trigger blocks gives several."""
    for element in builders:
        if element.tag == "hudson.tasks.Shell":
            script = read_text(element, "command")
            yield Shell(script, read_number(element, "unstableReturn"), path=paths[element])
        elif element.tag == "hudson.plugins.copyartifact.CopyArtifact":
            yield _read_copy(element, paths) or paths.unknown("builders", element)
        elif element.tag == _TRIGGER + "TriggerBuilder":
            for config in list_items(element, "configs"):
                yield _read_trigger(config, paths, default_condition="ALWAYS")
        else:
            yield paths.unknown("builders", element)


def read_publishers(publishers: ET.Element, paths: Paths) -> Iterator[Publisher]:
    """Yield the post-build actions in order."""
    for element in publishers:
        if element.tag == _TRIGGER + "BuildTrigger":
            for config in list_items(element, "configs"):
                yield _read_trigger(config, paths, default_condition="SUCCESS")
        elif element.tag in _PUBLISHERS:
            yield _PUBLISHERS[element.tag](element, paths[element])
        else:
            yield paths.unknown("publishers", element)


def _read_copy(element: ET.Element, paths: Paths) -> CopyArtifact | None:
    chosen = element.find("selector")
    selector = None if chosen is None else read_selector(chosen)
    if selector is None:
        return None
    return CopyArtifact(
        # `projectName` is the field's name up to copyartifact 1.25
        project=(read_text(element, "project") or read_text(element, "projectName")).strip(),
        selector=selector,
        filter=read_text(element, "filter"),
        excludes=read_text(element, "excludes"),
        target=read_text(element, "target"),
        parameter_filter=read_text(element, "parameters"),
        flatten=read_flag(element, "flatten"),
        optional=read_flag(element, "optional"),
        fingerprint=not read_flag(element, "doNotFingerprintArtifacts"),
        variable_suffix=read_text(element, "resultVariableSuffix"),
        path=paths[element],
    )


def _read_trigger(config: ET.Element, paths: Paths, *, default_condition: str) -> TriggerBuilds:
    block = config.find("block")
    return TriggerBuilds(
        projects=read_names(read_text(config, "projects")),
        parameters=tuple(
            _read_parameters(element, paths) for element in list_items(config, "configs")
        ),
        condition=read_text(config, "condition") or default_condition,
        trigger_without_parameters=read_flag(config, "triggerWithNoParameters"),
        blocking=None if block is None else _read_thresholds(block),
        path=paths[config],
    )


def _read_thresholds(block: ET.Element) -> BlockingThresholds:
    return BlockingThresholds(
        fail_step=read_text(block, "buildStepFailureThreshold/name"),
        mark_unstable=read_text(block, "unstableThreshold/name"),
        mark_failed=read_text(block, "failureThreshold/name"),
    )


def _read_parameters(element: ET.Element, paths: Paths) -> TriggerParameters:
    path = paths[element]
    match element.tag.removeprefix(_TRIGGER):
        case "PredefinedBuildParameters":
            return PredefinedParameters(read_text(element, "properties"), path=path)
        case "FileBuildParameters":
            return FileParameters(
                read_text(element, "propertiesFile"),
                read_flag(element, "failTriggerOnMissing"),
                path=path,
            )
        case "CurrentBuildParameters":
            return CurrentParameters(path=path)
        case "BooleanParameters":
            configs = list_items(element, "configs")
            values = ((read_text(item, "name"), read_flag(item, "value")) for item in configs)
            return BooleanParameters(tuple(values), path=path)
        case _:
            return paths.unknown("configs", element)


def _read_archiver(element: ET.Element, path: str) -> ArchiveArtifacts:
    # The three that default to true do so in ArtifactArchiver.readResolve.
    return ArchiveArtifacts(
        patterns=read_text(element, "artifacts"),
        excludes=read_text(element, "excludes"),
        allow_empty=read_flag(element, "allowEmptyArchive"),
        only_if_successful=read_flag(element, "onlyIfSuccessful"),
        fingerprint=read_flag(element, "fingerprint"),
        default_excludes=read_flag(element, "defaultExcludes", default=True),
        case_sensitive=read_flag(element, "caseSensitive", default=True),
        follow_symlinks=read_flag(element, "followSymlinks", default=True),
        path=path,
    )


def _read_junit(element: ET.Element, path: str) -> JUnitResults:
    return JUnitResults(
        pattern=read_text(element, "testResults"),
        allow_empty=read_flag(element, "allowEmptyResults"),
        mark_unstable=not read_flag(element, "skipMarkingBuildUnstable"),
        path=path,
    )


def _read_mailer(element: ET.Element, path: str) -> Mail:
    return Mail(
        recipients=read_text(element, "recipients"),
        send_to_individuals=read_flag(element, "sendToIndividuals"),
        every_unstable=not read_flag(element, "dontNotifyEveryUnstableBuild"),
        path=path,
    )


def _read_description_setter(element: ET.Element, path: str) -> SetDescription:
    return SetDescription(
        regexp=read_text(element, "regexp"),
        description=read_text(element, "description"),
        regexp_for_failed=read_text(element, "regexpForFailed"),
        description_for_failed=read_text(element, "descriptionForFailed"),
        path=path,
    )


def _read_clean_after(element: ET.Element, path: str) -> CleanAfter:
    fields = {
        "SUCCESS": "cleanWhenSuccess",
        "UNSTABLE": "cleanWhenUnstable",
        "FAILURE": "cleanWhenFailure",
        "NOT_BUILT": "cleanWhenNotBuilt",
        "ABORTED": "cleanWhenAborted",
    }
    results = (name for name, tag in fields.items() if read_flag(element, tag, default=True))
    return CleanAfter(tuple(results), read_patterns(element), path=path)


def _read_build_other(element: ET.Element, path: str) -> BuildOther:
    return BuildOther(
        projects=read_names(read_text(element, "childProjects")),
        threshold=read_text(element, "threshold/name") or "SUCCESS",
        path=path,
    )


def read_patterns(element: ET.Element) -> tuple[tuple[str, str], ...]:
    """Return ws-cleanup's patterns: ("INCLUDE" or "EXCLUDE", pattern)."""
    return tuple(
        (read_text(item, "type", "INCLUDE"), read_text(item, "pattern"))
        for item in list_items(element, "patterns")
        if short_class(item.tag) == "Pattern"
    )


_PUBLISHERS: dict[str, Callable[[ET.Element, str], Publisher]] = {
    "hudson.tasks.ArtifactArchiver": _read_archiver,
    "hudson.tasks.BuildTrigger": _read_build_other,
    "hudson.tasks.Mailer": _read_mailer,
    "hudson.tasks.junit.JUnitResultArchiver": _read_junit,
    "hudson.plugins.descriptionsetter.DescriptionSetterPublisher": _read_description_setter,
    "hudson.plugins.ws__cleanup.WsCleanup": _read_clean_after,
}
