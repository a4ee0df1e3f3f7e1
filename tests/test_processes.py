"""Many values are worked on in several processes, with the same result as in one."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from cfl_jobs.errors import DefinitionError
from cfl_jobs.rendering import processes
from cfl_jobs.rendering.processes import in_processes
from cfl_jobs.rendering.render import render
from tests.case_files import write_project

MANY = processes._WORTH_IT * 3
several_cores = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="one core: everything is done in this process"
)


def test_results_come_in_order_and_whole() -> None:
    values = list(range(MANY))
    parts = list(in_processes(tuple, values))
    assert [value for part in parts for value in part] == values


@several_cores
def test_many_values_use_other_processes_and_few_do_not() -> None:
    def pid(_: Sequence[int]) -> int:
        return os.getpid()

    assert len(set(in_processes(pid, range(MANY)))) > 1
    assert set(in_processes(pid, range(3))) == {os.getpid()}


def test_a_part_whose_process_dies_is_done_here() -> None:
    parent = os.getpid()

    def die_elsewhere(part: Sequence[int]) -> list[int]:
        if os.getpid() != parent:
            os._exit(9)
        return list(part)

    done = [value for part in in_processes(die_elsewhere, range(MANY)) for value in part]
    assert done == list(range(MANY))


@several_cores
def test_ctrl_c_reaches_only_the_first_process(capfd: pytest.CaptureFixture[str]) -> None:
    """Which then ends the others: no process is left, and none complains."""
    parent = os.getpid()

    def press(_: Sequence[int]) -> int:
        signal.raise_signal(signal.SIGINT)
        return os.getpid()

    def press_elsewhere(part: Sequence[int]) -> int:
        return os.getpid() if os.getpid() == parent else press(part)

    assert len(set(in_processes(press_elsewhere, range(MANY)))) > 1
    with pytest.raises(KeyboardInterrupt):
        list(in_processes(press, range(MANY)))
    assert not multiprocessing.active_children()
    assert capfd.readouterr().err == ""


def test_an_error_in_a_part_reaches_the_caller() -> None:
    def fail_late(part: Sequence[int]) -> int:
        if MANY - 1 in part:
            raise ValueError("the last one")
        return len(part)

    with pytest.raises(ValueError, match="the last one"):
        list(in_processes(fail_late, range(MANY)))


def test_what_one_process_read_counts_for_all(tmp_path: Path) -> None:
    """Only the first and the last job read `odd`; the default `never` is read by none."""
    entries = "".join(f"  - name: Job {number}\n    n: {number}\n" for number in range(MANY))
    write_project(
        tmp_path,
        definitions=f"template: a.yaml.j2\ndefaults:\n  odd: x\n  never: y\njobs:\n{entries}",
        template=(
            "name: {{ name }}\ndescription: Job {{ n }}\n"
            f'{{% if n == {MANY - 1} %}}{{% include "b.yaml.j2" %}}{{% endif %}}\n'
        ),
    )
    (tmp_path / "templates/b.yaml.j2").write_text("display-name: {{ odd }}\n")
    with pytest.raises(DefinitionError) as caught:
        render(tmp_path)
    assert [finding.message for finding in caught.value.findings] == [
        "no template reads the default 'never'"
    ]
    text = (tmp_path / "jobs/a.yaml").read_text().replace("  never: y\n", "")
    (tmp_path / "jobs/a.yaml").write_text(text)
    rendered = render(tmp_path)
    assert [job.name for job in rendered] == [f"Job {number}" for number in range(MANY)]
    assert "<displayName>x</displayName>" in rendered[-1].config
