"""Definitions and templates → config XML, strictly: every finding, or the rendered jobs.

The first half of the data's one way: load, run templates, generate, and look for what was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import element_paths, write_config
from cfl_jobs.configs.requirements import find_missing_plugins, word_missing
from cfl_jobs.errors import DefinitionError, Finding, Position, merge_findings
from cfl_jobs.reading import JOBS, TEMPLATES
from cfl_jobs.reading.definitions import Definition, Definitions, load_definitions
from cfl_jobs.reading.inventory import Inventory
from cfl_jobs.reading.names import select_names
from cfl_jobs.reading.tracking import TrackedDict, unread_places, walk_mappings
from cfl_jobs.rendering.blame import blame_parts, put_successors
from cfl_jobs.rendering.generator import Generated, Generator
from cfl_jobs.rendering.losses import advise_on_unread, find_losses
from cfl_jobs.rendering.provenance import NEEDS_TEXT, locate
from cfl_jobs.rendering.templates import TemplateRenderer, find_misspelt
from cfl_jobs.target import Kind


def render(
    root: Path, *, only: Sequence[str] = (), inventory: Inventory | None = None
) -> tuple[Config, ...]:
    """Render the jobs and views of a project, in the order of their definitions.

    `only` are names or globs of those to make XML of; every template is run all the same, so that
    what nobody reads is found. `inventory` is taken instead of the project's own. Raises
    DefinitionError with all findings.
    """
    definitions = load_definitions(root)
    if inventory is not None:
        definitions = replace(definitions, inventory=inventory)
    if definitions.entries and not (root / TEMPLATES).is_dir():
        advice = f"Put {JOBS}/ and {TEMPLATES}/ side by side: the definitions name its templates."
        missing = Finding(f"there is no directory {TEMPLATES}/ beside {JOBS}/", advice=advice)
        raise DefinitionError((missing, *definitions.findings))
    names = [entry.name for entry in definitions.entries]
    if not definitions.findings:
        names = list(select_names(names, only))
    chosen = frozenset(names)
    rendered, findings = _render_entries(definitions, chosen)
    if findings:
        misspelt = tuple(find_misspelt(definitions))
        if misspelt:
            findings = (*misspelt, *_render_entries(definitions, chosen)[1])
    if findings:
        raise DefinitionError(_merge_repeats(findings))
    return rendered


def _render_entries(
    definitions: Definitions, chosen: frozenset[str]
) -> tuple[tuple[Config, ...], tuple[Finding, ...]]:
    renderer = TemplateRenderer(definitions)
    inventory = definitions.inventory or Inventory()
    generator, versions = Generator(inventory.as_plugins_list()), inventory.versions
    findings = list(definitions.findings)
    told = {found.position for found in findings}
    rendered: list[Config] = []
    complete = not findings
    for definition in definitions.entries:
        data, problems = renderer.render(definition)
        complete = complete and data is not None
        more: Sequence[Finding] = ()
        if data is not None and definition.name in chosen:
            made, found = _render_job(definition, data, definitions, generator, versions)
            rendered += [replace(each, steering=renderer.take_steering()) for each in made]
            told_of = [origin.position for problem in problems for origin in problem.origins]
            told_of += [problem.position for problem in problems if problem.position]
            lines = {place[:2] for place in told_of}
            more = [
                definitions.sources.quote(it, definition.origin)
                for it in found
                if it.position is None or it.position[:2] not in lines
            ]
        findings += [found for found in (*problems, *more) if found.position not in told]
    if complete:
        findings += _unread_variables(definitions)
    return tuple(rendered), tuple(findings)


def _unread_variables(definitions: Definitions) -> Iterator[Finding]:
    inherited = {id(found) for found in walk_mappings(list(definitions.defaults.values()))}
    entries = [entry.variables for entry in definitions.entries]
    unread = [
        ("variable", mapping, key)
        for mapping, key in unread_places(entries)
        if key not in mapping.forward and id(mapping) not in inherited
    ]
    for group in {entry.group: entry for entry in definitions.entries}:
        unread += [("default", *place) for place in unread_places(definitions.defaults[group])]
    unread += [("setting", *place) for place in unread_places(definitions.settings)]
    for what, mapping, key in unread:
        advice = advise_on_unread(key, mapping) or "Remove it, or use it in the template."
        message = f"no template reads the {what} {key!r}"
        yield definitions.sources.find(message, mapping.position_of(key), advice=advice)


def _render_job(
    definition: Definition,
    data: TrackedDict,
    definitions: Definitions,
    generator: Generator,
    versions: Mapping[str, str],
) -> tuple[tuple[Config, ...], tuple[Finding, ...]]:
    """Return the rendered job, none where it can't be, and what is wrong with it."""
    name = dict.get(data, "name")
    if name != definition.name:
        advice = "Write `name: {{ name }}` in the template."
        message = f"the template names it {name!r}"
        return (), (Finding(message, data.position_of("name"), advice=advice),)
    is_view = definition.kind is Kind.VIEW
    if is_view:
        data.setdefault("view-type", "list")
    made = generator.generate(data, is_view=is_view)
    losses = tuple(find_losses(data, made, word=definition.kind.value, versions=versions))
    # What a component can't take most likely comes of what is wrong in it.
    explained = {origin.position for loss in losses for origin in loss.origins}
    if made.problems:
        problems = (found for found in made.problems if found.position not in explained)
        return (), (*losses, *problems)
    blame, own = blame_parts(made, data)
    text = made.text
    renamed = put_successors(made, versions)
    if renamed:
        text = write_config(made.root)
        blame = tuple(b._replace(path=renamed.get(b.path, b.path)) for b in blame)
    rendered = Config(
        definition.kind,
        definition.name,
        text,
        definition.position,
        blame,
        definition.moved_from,
        definitions.project,
        own,
    )
    missing: list[Finding] = []
    if definitions.inventory is not None:
        for use in find_missing_plugins(made.root, definitions.inventory.plugins.keys()):
            message, advice = word_missing(use)
            place = rendered.place_of(use.path) if use.path else data.pos
            missing.append(Finding(message, place, advice=advice))
    return (rendered,), (*losses, *_line_separators(made, rendered), *missing)


def _line_separators(made: Generated, rendered: Config) -> Iterator[Finding]:
    """Find what Jenkins reads as a line's end at its next start: its files are XML 1.1.

    Recorded from Jenkins 2.568.2; U+0085 survives, though XML 1.1 says the same of it.
    """
    if "\u2028" not in made.text:
        return
    for path, element in element_paths(made.root):
        offset = (element.text or "").find("\u2028")
        if offset >= 0:
            pieces = rendered.pieces_of(path) or ((0, rendered.place_of(path)),)
            place = locate(element.text or "", pieces, offset)
            message = "Jenkins makes a line's end of U+2028 when it starts again"
            yield Finding(message, place, advice="Remove it, or let a script make it.")


def _merge_repeats(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield each finding once: the same line of a template is wrong for all of its jobs alike."""
    misplaced = {finding.position for finding in findings if finding.message.endswith(NEEDS_TEXT)}
    alike: dict[tuple[str, Position | None], list[Finding]] = {}
    for finding in findings:
        if finding.position in misplaced and not finding.message.endswith(NEEDS_TEXT):
            continue  # the same in other words
        alike.setdefault((finding.message, finding.position), []).append(finding)
    return map(merge_findings, alike.values())
