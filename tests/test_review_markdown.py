"""Reviews as comments on pull requests: short enough, folded, and safe whatever YAML holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.planning.visible import escape, fence, guard
from cfl_jobs.review.comparing import make_review
from cfl_jobs.review.formats import MARK, write_markdown
from tests.projects import History, add, edit

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


def test_comment_can_be_found_again_and_tells_the_risk_first(history: History) -> None:
    add(history.root, "templates/scripts/deploy-distribution.sh", "echo done\n")
    history.commit("more")
    lines = write_markdown(make_review(history.root, "main", "change")).split("\n")
    assert lines[0] == MARK
    assert lines[1].startswith("### 🔴 Risk: high: changes what Deploy to Dev")


def test_refactoring_is_a_short_comment(history: History) -> None:
    add(history.root, "jobs/deploy.yaml", "# a remark\n")
    history.commit("remark")
    text = write_markdown(make_review(history.root, "main", "change"))
    assert "### No change on the server" in text
    assert len(text) < 300


def test_nothing_that_definitions_hold_becomes_markdown(history: History) -> None:
    add(history.root, "templates/scripts/publish.sh", f"cat <<'END'\n{HOSTILE}END\n")
    edit(history.root, "jobs/settings.yaml", "mail: builds@codeforlife.education",
         'mail: "``` </details> <img src=x onerror=alert(1)> @everyone"')  # fmt: skip
    add(
        history.root,
        "jobs/deploy.yaml",
        '\n  - name: Deploy `x` @team "quoted" (https)\n    environment: \'"</summary>```\'\n',
    )
    history.commit("hostile")
    text = write_markdown(make_review(history.root, "main", "change"))
    check_folds(text)
    plain = outside_fences(text)
    assert "<script" not in plain
    assert "@everyone" not in plain
    assert "@team" not in plain
    assert "https://evil" not in plain


def test_findings_of_a_broken_head_stay_in_their_fence(history: History) -> None:
    add(history.root, "jobs/deploy.yaml", '\n  - name: "x ```` </details> <script>"\n')
    history.commit("broken")
    review = make_review(history.root, "main", "change")
    text = write_markdown(review)
    check_folds(text)
    assert "### 🔴 Risk: high: change" in text
    assert "What is wrong in change" in text
    finding = "\njobs/deploy.yaml:"
    assert finding in text
    assert finding in write_markdown(review, limit=len(text) - 1), "however little room there is"


@pytest.mark.parametrize("lines", [50, 3000])
def test_comment_stays_below_githubs_limit(history: History, lines: int) -> None:
    more = "".join(f"echo line {number} of a very long script\n" for number in range(lines))
    add(history.root, "templates/scripts/publish.sh", more)
    add(history.root, "templates/scripts/run-suite.sh", more)
    history.commit("long")
    text = write_markdown(make_review(history.root, "main", "change"))
    assert len(text.encode("utf-16-le")) / 2 < 65_536
    check_folds(text)
    assert ("more lines" in text) == (lines > 50)


def test_comment_on_many_changes_is_cut_between_two_of_them(history: History) -> None:
    entries = "".join(
        f"\n  - name: Deploy to Place {number}\n    environment: Place{number}\n"
        for number in range(60)
    )
    add(history.root, "jobs/deploy.yaml", entries)
    history.commit("many")
    review = make_review(history.root, "main", "change")
    text = write_markdown(review, limit=9_000)
    assert len(text) <= 9_000
    check_folds(text)
    base, head = (history.git("rev-parse", name)[:10] for name in ("main", "change"))
    assert f"`cfl-jobs review {base} {head}` shows all of it" in text


@given(st.lists(st.text(alphabet=" `~ab\t", max_size=12)))
def test_no_line_ends_a_fence(lines: list[str]) -> None:
    assert outside_fences("\n".join(fence([f"  {line}" for line in lines]))) == ""


@given(st.text(max_size=40))
def test_escaped_text_has_no_tags_and_no_mentions(text: str) -> None:
    for shown in (escape(text), guard(text)):
        assert "<" not in shown
        assert not re.search(r"@\w", shown, re.ASCII)
