"""Someone edits a job at any request of an update: what they did is there, or kept; never lost.

Jenkins has no conditional write, so an edit right before our own write to that job can't be seen:
those are left out.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.planning.plan import Status, Update
from tests.jenkins_server_configs import DIALECTS
from tests.memory_target import MemoryTarget
from tests.rendered_jobs import choose_dialect, folder, jenkins, job, plan, update, view
from tests.test_carryout import invent_zip

TOKEN = "COLLEAGUE"
EDITS = (
    ("<artifacts>", f"<artifacts>{TOKEN},"),
    ("<description>Publishes.", f"<description>{TOKEN} Publishes."),
    (
        "</builders>",
        f"<hudson.tasks.Shell><command>{TOKEN}</command></hudson.tasks.Shell></builders>",
    ),
    ("<followSymlinks>false", f"<followSymlinks>{TOKEN}"),
    ("</jobNames>", f"<string>{TOKEN}</string></jobNames>"),
)


def wanted(number: int) -> tuple[Config, ...]:
    new = number > 1
    return (
        job("A", branch=f"branch-{number}"),
        job("B", scripts=(f"echo {number}",)),
        folder("F"),
        job("F/C", artifacts=f"out-{number}/*"),
        job("New" if new else "Old", moved_from=("Old",) if new else ()),
        view("V", ("A", "B") if new else ("A",)),
    )


def edit_at(target: MemoryTarget, chosen: random.Random, number: int) -> list[tuple[str, str]]:
    """Let someone edit something before the numbered request; returns what was asked then."""
    seen = 0
    done: list[tuple[str, str]] = []

    def edit(verb: str, name: str) -> None:
        nonlocal seen
        seen += 1
        if seen != number:
            return
        key = chosen.choice(sorted(target.configs, key=str))
        fitting = [pair for pair in EDITS if pair[0] in target.configs[key]]
        is_blind = name == key[1] and verb in ("update", "save")
        if fitting and not is_blind:
            target.edit(key[1], *chosen.choice(fitting), kind=key[0])
            done.append((verb, name))

    target.before_request = edit
    return done


def test_an_edit_at_any_moment_is_there_or_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There: it is in the job, and the next plan shows it as theirs. Kept: it was replaced.

    The edits come before and after our writes; some are overwritten and kept, some left there.
    """
    verbs: set[str] = set()
    left = 0
    for seed in range(60):
        place = tmp_path / f"{seed}"
        choose_dialect(DIALECTS[seed // 2 % 2], monkeypatch)
        chosen = random.Random(seed)
        target = jenkins()
        if seed % 2:
            invent_zip(target)
        update(target, place, *wanted(1))
        done = edit_at(target, chosen, chosen.randint(1, 60))
        result = update(target, place, *wanted(2))
        target.before_request = lambda verb, name: None
        verbs |= {verb for verb, _ in done}
        if any(TOKEN in config for config in target.configs.values()):
            left += 1
            differences = [
                found.before
                for change in plan(target, *wanted(2)).changes
                if isinstance(change, Update)
                for found in change.differences
            ]
            assert any(TOKEN in before for before in differences), (seed, done)
        elif done:
            kept = [path for path in place.rglob("before/*") if TOKEN in path.read_text()]
            told = [o.message for o in result.outcomes if o.status is not Status.DONE]
            assert kept, (seed, done, told)
    assert {"list", "read", "update", "save", "rename"} <= verbs
    assert 9 < left < 51
