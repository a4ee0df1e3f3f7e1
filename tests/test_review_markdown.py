"""Reviews as comments on pull requests: short enough, folded, and safe whatever YAML holds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.planning.visible import escape, fence, guard
from cfl_jobs.review.comparing import read_setup, review_setups
from cfl_jobs.review.formats import MARK, write_markdown
from tests.projects import add, copy_project
from tests.reviews import CHANGE, MAIN, effects_of, real_setup, review

PUBLISH = "templates/scripts/publish.sh"

HOSTILE = (
    "```\n</details>\n<script>alert(1)</script>\n~~~~\n@everyone #1 https://evil.example [x](y)\n"
)


def outside_fences(text: str) -> str:
    """Return what is no code: what GitHub would read as Markdown and HTML."""
    kept: list[str] = []
    ticks = ""
    for line in text.split("\n"):
        found = re.match(r" {0,3}(`{3,})(.*)", line)
        if not ticks and found:
            ticks = found[1]
        elif ticks and found and len(found[1]) >= len(ticks) and not found[2].strip():
            ticks = ""
        elif not ticks:
            kept.append(line)
    assert not ticks, "a fence stays open"
    return "\n".join(kept)


def check_folds(text: str) -> None:
    plain = outside_fences(text)
    tags = re.findall(r"</?details", plain)
    assert tags.count("<details") == tags.count("</details")
    assert set(re.findall(r"</?(\w+)", plain)) <= {"details", "summary", "b"}


def test_comment_can_be_found_again_and_tells_the_risk_first(tmp_path: Path) -> None:
    edit = ("templates/scripts/deploy-distribution.sh", "", "echo done\n")
    lines = write_markdown(review(tmp_path, edit)).split("\n")
    assert lines[0] == MARK
    assert lines[1].startswith("### 🔴 Risk: high: changes what Deploy to Dev")


def check_harmless(text: str) -> None:
    check_folds(text)
    plain = outside_fences(text)
    for hostile in ("<script", "<img", "@everyone", "@team", "https://evil"):
        assert hostile not in plain


def test_nothing_that_definitions_hold_becomes_markdown(tmp_path: Path) -> None:
    name, environment = "Deploy `x` (https)", "</summary>```@everyone https://evil"
    entry = f"\n  - name: '{name}'\n    environment: '{environment}'\n    node_label: other\n"
    script = f"cat <<'END'\n{HOSTILE}END\n"
    made = review(tmp_path, (PUBLISH, "", script), ("jobs/deploy.yaml", "", entry))
    assert f"adds the environment {environment}: {name}" in effects_of(made)
    check_harmless(write_markdown(made))


def test_findings_of_a_broken_head_stay_in_their_fence(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    add(root, "jobs/deploy.yaml", f"\n  - name: {json.dumps(f'@team ```` {HOSTILE}')}\n")
    made = review_setups(MAIN, CHANGE, real_setup(), read_setup(root))
    text = write_markdown(made)
    check_harmless(text)
    assert "### 🔴 Risk: high: change" in text
    assert "What is wrong in change" in text
    finding = "\njobs/deploy.yaml:"
    assert finding in text
    assert finding in write_markdown(made, limit=len(text) - 1), "however little room there is"


@pytest.mark.parametrize("lines", [50, 300])
def test_comment_stays_below_githubs_limit(tmp_path: Path, lines: int) -> None:
    more = "".join(
        f"line {number} of a script that is {'very ' * 50}long\n" for number in range(lines)
    )
    text = write_markdown(review(tmp_path, (PUBLISH, "", f": <<'END'\n{more}END\n")))
    assert len(text.encode("utf-16-le")) / 2 < 65_536
    check_folds(text)
    assert ("more lines" in text) == (lines > 50)


def test_comment_on_many_changes_is_cut_between_two_of_them(tmp_path: Path) -> None:
    entries = "".join(
        f"\n  - name: Deploy to Place {number}\n    environment: Place{number}\n"
        for number in range(20)
    )
    text = write_markdown(review(tmp_path, ("jobs/deploy.yaml", "", entries)), limit=9_000)
    assert len(text) <= 9_000
    check_folds(text)
    command = f"cfl-jobs review {MAIN.commit[:10]} {CHANGE.commit[:10]}"
    assert f"`{command}` shows all of it" in text


@given(st.lists(st.text(alphabet=" `~ab\t", max_size=12)))
def test_no_line_ends_a_fence(lines: list[str]) -> None:
    assert outside_fences("\n".join(fence([f"  {line}" for line in lines]))) == ""


@given(st.text(max_size=40))
def test_escaped_text_has_no_tags_and_no_mentions(text: str) -> None:
    for shown in (escape(text), guard(text)):
        assert "<" not in shown
        assert not re.search(r"@\w", shown, re.ASCII)
