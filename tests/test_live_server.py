"""An acceptance test for an unknown server, which CFL_JOBS_TEST_URL names; README says how."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.mark import set_description, split_description
from cfl_jobs.planning.journal import list_runs
from cfl_jobs.planning.plan import Owner, Plan, RunResult, Update
from cfl_jobs.planning.rollback import plan_rollback
from cfl_jobs.target import Kind
from cfl_jobs.targets.credentials import find_credentials
from cfl_jobs.targets.server import JenkinsTarget, open_server
from tests.projects import ROOT
from tests.recording import PREFIX, find_news, keep, record
from tests.rendered_jobs import folder, roll_back
from tests.test_target_contract import URL_VARIABLE, remove_everything
from tests.test_update_server import chain, make_plan, update

RECORDINGS = "CFL_JOBS_TEST_RECORDINGS"
FOLDER = f"{PREFIX}chain"


@pytest.fixture
def url() -> str:
    found = os.environ.get(URL_VARIABLE, "")
    if not found:
        pytest.skip(f"{URL_VARIABLE} names no live Jenkins")
    return found


@pytest.fixture
def live(url: str) -> Iterator[JenkinsTarget]:
    """The server, with nothing of ours before and after."""
    with open_server(url) as target:
        remove_everything(target)
        try:
            yield target
        finally:
            remove_everything(target)


def render_chain(*, echo: str = "") -> tuple[Config, ...]:
    """Return a folder with the project's own jobs, disabled, so that nothing starts them.

    `echo` changes the first line of what each runs.
    """
    made = chain()
    found = [replace(folder(FOLDER), project=made[0].project)]
    for rendered in made:
        root = parse_config(rendered.config, name=rendered.name)
        if rendered.kind is Kind.JOB:
            disabled = root.find("disabled")
            if disabled is not None:
                root.remove(disabled)
            root.append(parse_config("<disabled>true</disabled>", name=rendered.name))
        for command in root.iter("command"):
            command.text = f"{echo}{command.text}"
        config, name = format_config(root), f"{FOLDER}/{rendered.name}"
        found.append(replace(rendered, name=name, config=config, moved_from=()))
    return tuple(found)


def messages(result: RunResult) -> list[str]:
    return [outcome.message for outcome in result.outcomes if outcome.message]


def owners(made: Plan) -> dict[str, set[Owner]]:
    updates = [change for change in made.changes if isinstance(change, Update)]
    return {change.name: {found.owner for found in change.differences} for change in updates}


def test_the_chain_is_made_edited_saved_changed_and_rolled_back(
    live: JenkinsTarget, tmp_path: Path
) -> None:
    """After each step the plan says whose each difference is, and after each update it is empty."""
    wanted, changed = render_chain(), render_chain(echo="echo changed\n")
    assert messages(update(live, tmp_path, wanted)) == []
    assert make_plan(live, wanted).changes == ()
    jobs = [rendered.name for rendered in wanted if rendered.kind is Kind.JOB]
    name = jobs[-1]
    root = parse_config(live.read(Kind.JOB, name), name=name)
    set_description(root, f"edited\n\n{split_description(live.read(Kind.JOB, name))[1]}")
    live.update(Kind.JOB, name, format_config(root))
    assert owners(make_plan(live, wanted)) == {name: {Owner.THEIRS}}
    assert messages(update(live, tmp_path, wanted)) == []
    for listed in live.list(Kind.JOB):
        if listed.name in jobs:
            live.save(listed.name, listed.description)
    assert make_plan(live, wanted).changes == ()
    before = {name: live.read(Kind.JOB, name) for name in jobs}
    assert {side for found in owners(make_plan(live, changed)).values() for side in found} == {
        Owner.OURS
    }
    assert messages(update(live, tmp_path, changed)) == []
    assert make_plan(live, changed).changes == ()
    made = plan_rollback(list_runs(tmp_path, live.label)[0], live)
    assert roll_back(made, live, tmp_path) == []
    assert {name: live.read(Kind.JOB, name) for name in jobs} == before
    assert make_plan(live, wanted).changes == ()


def test_what_the_server_does_is_recorded(
    live: JenkinsTarget, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what of it no recording shows is printed."""
    credentials = find_credentials(url, os.environ, None, Path.home())
    recording = record(url, credentials.user, credentials.token)
    place = keep(recording, Path(os.environ.get(RECORDINGS) or ROOT / "build" / "recordings"))
    news = find_news(recording)
    with capsys.disabled():
        print(f"\nJenkins {recording.version}: recorded in {place}")
        print("\n".join(news) or "It does nothing that no recording shows.")
    assert recording.exchanges
    assert recording.configs
    assert [entry.name for entry in live.list(Kind.JOB) if entry.name.startswith(PREFIX)] == []
