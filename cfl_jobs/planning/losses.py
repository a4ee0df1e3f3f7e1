"""What Jenkins dropped of a config → what to do about it: which plugins to install.

What nobody asked for is no loss: jenkins-job-builder wrote it by itself (Config.own).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.requirements import find_uses
from cfl_jobs.planning.differences import Raw
from cfl_jobs.planning.plan import Note
from cfl_jobs.rendering.noeffect import SUCCESSORS
from cfl_jobs.target import Kind, name_command


def advise_on_loss(config: Config, losses: Sequence[Raw], plugins: Mapping[str, str]) -> str:
    """Return advice on elements of ours that Jenkins dropped when it saved the job.

    `plugins` are the server's, by short name; empty where they aren't known.
    """
    brought: dict[str, str | None] = {}
    for use in find_uses(config.parse()):
        brought.setdefault(use.path, use.plugin)
    missing: dict[str, None] = {}
    senseless: dict[str, None] = {}
    renamed: dict[str, None] = {}
    for loss in losses:
        path = loss.path
        if _has_successor(loss):
            renamed[repr(loss.label)] = None
            continue
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
    if renamed:
        advice.append(f"For {', '.join(renamed)}, {_advise_renewal()}.")
    if senseless:
        advice.append(f"Take out of the definition what can't work: {'; '.join(senseless)}.")
    return " ".join(advice)


def _advise_renewal() -> str:
    return (
        f"run `{name_command('inventory')}`: newer versions have another field for it, which is "
        "written then"
    )


def advise_on_taken(raw: Raw) -> str:
    """Return advice on a field of ours that an upgrade took."""
    return _advise_renewal() if _has_successor(raw) else "take it out of the definition"


def _has_successor(raw: Raw) -> bool:
    field = (raw.parent, raw.desired.tag if raw.desired else "")
    return any(field == (successor.kind, successor.old) for successor in SUCCESSORS)


def note_taken(taken: Mapping[tuple[str, str, str], Sequence[str]]) -> Iterator[Note]:
    """Tell once what an upgrade took of what someone asked for, and of which jobs.

    `taken` are the jobs by what it was, in words, the plugin that doesn't know it any more, and
    what to do.
    """
    for (label, plugin, advice), names in taken.items():
        also = f" (so have {', '.join(names[1:])})" if names[1:] else ""
        text = f"has lost {label!r}{also}: {plugin.replace('@', ' ')} doesn't know it"
        yield Note(Kind.JOB, names[0], f"{text}; {advice}")
