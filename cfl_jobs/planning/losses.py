"""What Jenkins dropped of a config → what to do about it: which plugins to install.

What nobody asked for is no loss: jenkins-job-builder wrote it by itself (Rendered.own).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.requirements import find_uses
from cfl_jobs.planning.differences import Raw
from cfl_jobs.planning.plan import Note
from cfl_jobs.target import Kind


def advise_on_loss(config: str, losses: Sequence[Raw], plugins: Mapping[str, str]) -> str:
    """Return advice on elements of ours that Jenkins dropped when it saved the job.

    `plugins` are the server's, by short name; empty where they aren't known.
    """
    brought: dict[str, str | None] = {}
    for use in find_uses(parse_config(config, name="config")):
        brought.setdefault(use.path, use.plugin)
    missing: dict[str, None] = {}
    senseless: dict[str, None] = {}
    for loss in losses:
        path = loss.place.path
        plugin = brought.get(path)
        if not plugin and (loss.is_item or path in brought):
            senseless[f"no plugin is known that brings {loss.label!r}"] = None
        elif not plugin:
            senseless[f"{loss.label!r} has no effect on this server"] = None
        elif plugin in plugins:
            senseless[f"the installed version of {plugin} doesn't know {loss.label!r}"] = None
        else:
            missing[plugin] = None
    advice = []
    if missing:
        many = "plugins" if len(missing) > 1 else "plugin"
        advice.append(f"Install the {many} {', '.join(missing)}, then run the update again.")
    if senseless:
        advice.append(f"Take out of the definition what can't work: {'; '.join(senseless)}.")
    return " ".join(advice)


def note_taken(taken: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[Note]:
    """Tell once what an upgrade took of what someone asked for, and of which jobs.

    `taken` are the jobs by what it was, in words, and the plugin that doesn't know it any more.
    """
    for (label, plugin), names in taken.items():
        also = f" (so have {', '.join(names[1:])})" if names[1:] else ""
        text = f"has lost {label!r}{also}: {plugin.replace('@', ' ')} doesn't know it"
        yield Note(Kind.JOB, names[0], f"{text}; take it out of the definition")
