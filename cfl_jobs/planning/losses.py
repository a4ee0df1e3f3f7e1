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
    brought = {use.path: use.plugin for use in reversed([*find_uses(config.parse())])}
    missing: dict[str, None] = {}
    senseless: dict[str, None] = {}
    renamed: dict[str, None] = {}
    for loss in losses:
        plugin = brought.get(loss.path)
        if _has_successor(loss):
            renamed[repr(loss.label)] = None
        elif plugin and plugin not in plugins:
            missing[plugin] = None
        elif plugin:
            senseless[f"the installed version of {plugin} doesn't know {loss.label!r}"] = None
        elif loss.is_item or loss.path in brought:
            senseless[f"no plugin is known that brings {loss.label!r}"] = None
        else:
            senseless[f"{loss.label!r} has no effect on this server"] = None
    advice = []
    if missing:
        many = f"plugin{'s' * (len(missing) > 1)}"
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
    if _has_successor(raw):
        return _advise_renewal()
    return "take it out of the definition"


def _has_successor(raw: Raw) -> bool:
    return any((it.kind, it.old) == (raw.parent, raw.element.tag) for it in SUCCESSORS)


def note_taken(taken: Mapping[tuple[str, str, str], Sequence[str]]) -> Iterator[Note]:
    """Tell once what an upgrade took of what someone asked for, and of which jobs.

    `taken` are the jobs by what it was, in words, the plugin that doesn't know it any more, and
    what to do.
    """
    for (label, plugin, advice), names in taken.items():
        first, *others = names
        also = f" (so have {', '.join(others)})" if others else ""
        text = f"has lost {label!r}{also}: {plugin.replace('@', ' ')} doesn't know it"
        yield Note(Kind.JOB, first, f"{text}; {advice}")
