"""Revisions are read from git's objects alone: nothing is touched, nothing of theirs is run."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.errors import CflJobsError
from cfl_jobs.review.comparing import _limited, _TimeUp, make_review, read_setup
from cfl_jobs.review.formats import read_style_sheet, write_text
from cfl_jobs.review.outline import list_entries
from cfl_jobs.review.revisions import find_revision, taken_out
from tests.projects import ROOT, History, add, edit

LONGER = ("jobs/settings.yaml", "time_limit: 30", "time_limit: 45")


def everything(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_review_touches_no_file_and_nothing_of_git(history: History) -> None:
    edit(history.root, *LONGER)
    history.commit("longer")
    edit(history.root, "jobs/settings.yaml", "time_limit: 45", "time_limit: 50")
    (history.root / "jobs/new.yaml").write_text("not even: [yaml")
    before = everything(history.root)
    make_review(history.root, "main", "change")
    assert everything(history.root) == before


def test_uncommitted_changes_count_only_where_they_are_asked_for(history: History) -> None:
    edit(history.root, *LONGER)
    (history.root / "templates/new.yaml.j2").write_text("name: {{ name }}")
    told = write_text(make_review(history.root, "main", "HEAD"))
    assert told.startswith("No change on the server.\n")
    assert told.endswith(
        "\nNote: not committed, so not in this review: jobs/settings.yaml, "
        "templates/new.yaml.j2; --worktree takes it.\n"
    )
    assert make_review(history.root, "main", "main").outlook == ""
    (history.root / "templates/new.yaml.j2").unlink()
    review = make_review(history.root, "main", None)
    assert review.revisions is not None
    assert review.revisions[1].asked == "work tree"
    assert len(review.plan.changes) > 9


def test_what_base_got_since_is_not_of_the_changes_making(history: History) -> None:
    edit(history.root, *LONGER)
    history.commit("longer")
    history.git("checkout", "-q", "main")
    edit(history.root, "jobs/deploy.yaml", "retention_days: 365", "retention_days: 30")
    history.commit("main moves on")
    review = make_review(history.root, "main", "change")
    labels = {part.label for entry in list_entries(review) for part in entry.parts}
    assert labels == {"time limit: timeout minutes"}
    assert review.revisions is not None
    assert review.revisions[0].asked == "where it left main"


def test_definitions_in_a_directory_of_the_repository_are_found(history: History) -> None:
    history.git("checkout", "-q", "main")
    (history.root / "ci").mkdir()
    history.git("mv", "jobs", "templates", "ci")
    history.commit("one level down")
    edit(history.root / "ci", *LONGER)
    history.commit("longer")
    review = make_review(history.root / "ci", "HEAD~1", "HEAD")
    assert len(review.plan.changes) > 9


def test_links_are_not_followed(history: History, tmp_path: Path) -> None:
    outside = tmp_path / "outside.sh"
    outside.write_text("#!/usr/bin/env bash\necho from outside\n")
    script = history.root / "templates/scripts/publish.sh"
    script.unlink()
    script.symlink_to(outside)
    history.commit("a link")
    review = make_review(history.root, "main", "change")
    messages = [finding.message for finding in review.head_findings]
    assert "templates/scripts/publish.sh: is a symbolic link, which a review doesn't follow" in (
        messages
    )
    assert "from outside" not in "".join(map(str, review.head_findings))


def test_attributes_of_the_revision_hide_and_change_nothing(history: History) -> None:
    add(history.root, "templates/scripts/publish.sh", "echo more # $Format:%H$\n")
    (history.root / ".gitattributes").write_text("*.sh export-ignore export-subst filter=evil\n")
    history.commit("attributes")
    review = make_review(history.root, "main", "change")
    (group,) = list_entries(review)
    assert group.parts[0].lines[-1] == "+ echo more # $Format:%H$"


def test_templates_of_a_revision_cannot_leave_the_sandbox(history: History, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trick = (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}"
        f"{{{{ cycler.__init__.__globals__.os.system('touch {trace}') }}}}"
    )
    add(history.root, "templates/promote.yaml.j2", trick)
    edit(
        history.root,
        "templates/promote.yaml.j2",
        "{% block description %}",
        "{% block description %}" + trick,
    )
    history.commit("a trick")
    review = make_review(history.root, "main", "change")
    assert review.head_findings
    assert not trace.exists()


def test_nothing_of_a_revision_is_left_behind(history: History) -> None:
    with taken_out(history.root, find_revision(history.root, "main")) as (folder, findings):
        assert (folder / "jobs/deploy.yaml").is_file()
        assert findings == ()
    assert not folder.exists()


@pytest.mark.parametrize("layout", ["text", "html"])
def test_a_review_goes_where_a_link_leads_to_and_through_a_pipe(
    history: History, tmp_path: Path, layout: str
) -> None:
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("there")
    os.mkfifo(pipe)
    for path in (link, pipe):
        arguments = ["-C", str(history.root), "review", "HEAD", "--format", layout, "-o", str(path)]
        with ThreadPoolExecutor() as pool:
            got = pool.submit(pipe.read_text) if path is pipe else None
            assert run(arguments) == 0
            text = got.result() if got else (tmp_path / "there").read_text()
        assert "No change" in text
    assert link.is_symlink()
    assert pipe.is_fifo()
    assert not (tmp_path / "pipe.css").exists()


def test_a_style_sheet_that_is_not_a_reviews_is_not_replaced(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, sheet = tmp_path / "page.html", tmp_path / "page.html.css"
    arguments = ["-C", str(history.root), "review", "HEAD", "--format", "html", "-o", str(page)]
    ours = read_style_sheet()
    for before, code in ((ours + "/* older */", 0), ("body {}\n", 1)):
        sheet.write_text(before)
        assert run(arguments) == code
        assert sheet.read_text() == (before if code else ours)
    assert f"{sheet} is not a review's style sheet" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no-such-branch", "--upload-pack=x", ""])
def test_unknown_revision_is_an_error_with_advice(history: History, name: str) -> None:
    with pytest.raises(CflJobsError) as caught:
        make_review(history.root, name, "HEAD")
    assert caught.value.advice


def test_directory_outside_git_is_an_error_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert run(["review", "main"]) == 1
    assert "is in no git repository" in capsys.readouterr().err


def test_worktree_and_head_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["review", "main", "HEAD", "--worktree"]) == 2
    assert "don't go together" in capsys.readouterr().err


def test_template_that_loops_for_ever_is_a_finding(history: History) -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    edit(
        history.root,
        "templates/promote.yaml.j2",
        "{% block source %}",
        f"{{% block source %}}{loop}",
    )
    setup = read_setup(history.root, time_limit=0.5)
    (finding,) = setup.findings
    assert finding.message == "it takes longer than 0.5 seconds to render"
    assert finding.advice
    assert read_setup(ROOT).renders


def test_a_time_limit_that_something_swallows_is_told_again() -> None:
    def spin() -> None:
        with suppress(_TimeUp):
            while True:
                pass
        while True:
            pass

    with pytest.raises(_TimeUp), _limited(0.01):
        spin()
