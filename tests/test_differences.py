"""Differences in people's words: what changed is always seen, line by line, and secrets never."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.check.secret_text import hide_secrets, is_secret
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.describing import describe, diff_lines, show_diff
from cfl_jobs.planning.differences import compare, find_losses, find_moved, split_words
from cfl_jobs.planning.plan import Difference, Owner
from cfl_jobs.planning.visible import make_json_visible, make_line_visible, make_visible
from tests.rendered_jobs import normal_of

SHELL = "<project><builders><hudson.tasks.Shell><command>{}</command></hudson.tasks.Shell>"
SHELL += "</builders></project>"
TOKEN = "ghp_" + "0123456789abcdefghij" * 2


def difference(wanted: str, live: str) -> Difference:
    (raw,) = compare(normal_of(wanted, name="A"), normal_of(live, name="A"))
    return describe(raw, Owner.OURS)


def test_a_secret_in_a_script_is_not_shown() -> None:
    found = difference(SHELL.format(f"one\nuse {TOKEN} now"), SHELL.format("one"))
    assert (found.before, found.after) == ("one", "one\nuse {secret} now")


def test_a_difference_that_is_hidden_is_said_to_be_there() -> None:
    found = difference(SHELL.format(f"one\nrun {TOKEN}"), SHELL.format(f"one\nrun {TOKEN}a"))
    assert (found.before, found.after) == ("text with {secret}", "text with {secret} (another)")
    field = "<project><apiToken>{}</apiToken></project>"
    found = difference(field.format("hunter2"), field.format("hunter3"))
    assert (found.before, found.after) == ("{secret}", "{secret} (another)")


def test_an_object_of_another_class_is_told_by_its_class() -> None:
    strategy = '<matrix-project><strategy class="{}"><minutes>3</minutes></strategy>'
    strategy += "</matrix-project>"
    found = difference(strategy.format("a.Absolute"), strategy.format("a.Elastic"))
    assert (found.before, found.after) == (
        "class: a.Elastic; minutes: 3",
        "class: a.Absolute; minutes: 3",
    )


def test_elements_that_changed_and_moved_are_said_to_have_moved() -> None:
    """Each is compared with the one of its class or name; properties have no order."""

    def job(tag: str, *steps: str) -> Normal:
        inside = "".join(f"<a.{step[0]}><x>{step[1]}</x></a.{step[0]}>" for step in steps)
        return normal_of(f"<project><{tag}>{inside}</{tag}></project>", name="A")

    for tag, count in (("builders", 1), ("properties", 0)):
        raws = compare(job(tag, "A1", "B1", "C1"), job(tag, "C2", "A2", "B2"))
        assert [raw.label for raw in raws if not raw.is_moved] == ["A: x", "B: x", "C: x"]
        assert [raw.label for raw in raws if raw.is_moved] == ["C"] * count
        assert find_losses(raws) == ()


def test_a_secret_that_changed_beside_other_lines_is_said_to_have() -> None:
    """The lines that are shown are not all."""
    found = difference(SHELL.format(f"one\nrun {TOKEN}"), SHELL.format(f"two\nrun {TOKEN}a"))
    assert found.remark == "a secret in it changed too"
    found = difference(SHELL.format(f"one\nrun {TOKEN}"), SHELL.format(f"two\nrun {TOKEN}"))
    assert found.remark == ""


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([], ()),
        ([3], ()),
        ([0, 2, 5], ()),
        ([1, 0], (1,)),
        ([2, 0, 1], (0,)),
        ([1, 2, 0, 3], (2,)),
        ([3, 2, 1, 0], (1, 2, 3)),
    ],
)
def test_as_few_as_can_be_are_said_to_have_moved(places: list[int], moved: tuple[int, ...]) -> None:
    assert find_moved(places) == moved


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a\nb", "a\nb\n", ["  a", "  b", "- \\ no newline at the end"]),
        ("a\nb\n", "a\nb", ["  a", "  b", "+ \\ no newline at the end"]),
        ("a", "a\n\n", ["  a", "- \\ no newline at the end", "+ "]),
        ("a\nb", "a\nc", ["  a", "- b", "+ c"]),
        ("a\nb\n", "a\rb\n", ["- a", "- b", "+ a\\rb"]),
        ("a\r\r\nb", "a\nb", ["- a\\r\\r", "+ a", "  b"]),
        ("", "a\nb\n", ["+ a", "+ b"]),
        ("a\x0bb\x85c", "a\x0bb", ["- a\\x0bb\\x85c", "+ a\\x0bb"]),
    ],
)
def test_every_difference_is_seen(before: str, after: str, shown: list[str]) -> None:
    assert list(show_diff(before, after)) == shown


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a b", "a b  ", ["- a b", "+ a b\\x20\\x20"]),
        ("a\tb", "a b", ["- a\\tb", "+ a b"]),
        ("a\u00a0b", "a b", ["- a\\xa0b", "+ a b"]),
        ("a\tb ", "a\tc ", ["- a\tb ", "+ a\tc "]),
    ],
)
def test_blanks_are_spelled_out_where_nothing_else_changed(
    before: str, after: str, shown: list[str]
) -> None:
    assert list(show_diff(before, after)) == shown


@given(st.text("ab \t\n\r\u00a0\x1b"), st.text("ab \t\n\r\u00a0\x1b"))
def test_texts_that_differ_have_lines_that_differ(before: str, after: str) -> None:
    lines = list(show_diff(before, after))
    old = [line[2:] for line in lines if line[0] == "-"]
    new = [line[2:] for line in lines if line[0] == "+"]
    assert (old != new) is (before != after)
    assert all(line.replace("\t", " ").isprintable() for line in lines)


def test_of_a_very_long_line_what_changed_is_shown() -> None:
    old, new = show_diff("x" * 5000 + "OLD" + "y" * 5000, "x" * 5000 + "NEW!" + "y" * 5000)
    assert "xOLDy" in old
    assert "xNEW!y" in new
    assert max(len(old), len(new)) < 320
    (alone,) = show_diff("", "z" * 5000)
    assert alone.endswith("z… (4,702 more characters)")


def test_lines_for_comparing_are_whole() -> None:
    long = "x" * 5000
    assert list(diff_lines(f"{long}1", f"{long}2")) == [f"- {long}1", f"+ {long}2"]


ROAMS, STAYS = "<canRoam>true</canRoam>", "<canRoam>false</canRoam>"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        (ROAMS, "any node"),
        (STAYS, "built-in"),
        (f"<assignedNode>built-in</assignedNode>{STAYS}", "built-in"),
        (f"<assignedNode>big || small</assignedNode>{STAYS}", "big || small"),
    ],
)
def test_a_node_that_no_label_names_is_told(fields: str, shown: str) -> None:
    """Jenkins leaves the label out for any node and for the built-in one."""
    one = normal_of(f"<project>{fields}</project>", name="A")
    label = "<assignedNode>linux</assignedNode>"
    other = normal_of(f"<project>{label}{STAYS}</project>", name="A")
    for desired, live in ((one, other), (other, one)):
        found = {raw.label: describe(raw, Owner.OURS) for raw in compare(desired, live)}
        told = (found["node label"].before, found["node label"].after)
        assert told == (("linux", shown) if desired is one else (shown, "linux"))


@pytest.mark.parametrize(
    "tag",
    ["password", "authToken", "remoteBuildToken", "token", "apiKey", "api_key", "clientSecret",
     "passphrase", "privateKey", "dbPasswd"],
)  # fmt: skip
def test_a_field_of_such_a_name_holds_a_secret(tag: str) -> None:
    assert is_secret(tag, "s3cr3t")


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("authTokenCredentialId", "id"),
        ("credentialsId", "id"),
        ("passwordVariable", "PASS"),
        ("useToken", "true"),
        ("password", "${PASSWORD}"),
        ("token", "$TOKEN"),
        ("authToken", ""),
        ("command", "echo token"),
    ],
)
def test_names_of_credentials_variables_and_flags_are_no_secrets(tag: str, text: str) -> None:
    assert not is_secret(tag, text)


def test_encrypted_values_and_passwords_in_urls_are_hidden_in_any_text() -> None:
    hidden = hide_secrets("a {AQAAABAAAAAQabc=} b https://me:pw@example.org c")
    assert "AQAAA" not in hidden
    assert "pw" not in hidden
    assert "example.org" in hidden


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("hudson.plugins.ws__cleanup.PreBuildCleanup", "pre build cleanup"),
        ("numToKeep", "num to keep"),
        ("x", "x"),
    ],
)
def test_tags_are_split_into_words(tag: str, words: str) -> None:
    assert split_words(tag) == words


def test_what_a_terminal_obeys_or_a_reader_does_not_see_is_spelled_out() -> None:
    """Escape sequences, writing directions, odd spaces, letters without ink."""
    assert make_visible("a\x1b[31m\u202eb\u00a0c\U000e0041\r") == (
        "a\\x1b[31m\\u202eb\\xa0c\\U000e0041\\r"
    )


def test_text_of_people_stays_as_it_is() -> None:
    text = "ä ß 配置 тест עברית ✔️ 🙂\n\tb"
    assert make_visible(text) == text


def test_a_text_of_one_line_stays_one() -> None:
    assert make_line_visible("A\n= job\tB\r") == "A\\n= job\\tB\\r"


def test_no_character_that_controls_or_formats_is_left() -> None:
    """All of Unicode's: controls, formats, lone surrogates, separators of lines."""
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    hidden = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in kinds]
    left = {c for c in hidden if make_line_visible(c) == c}
    # Signs of Arabic, Syriac, Kaithi, shorthand, music, hieroglyphs have ink, or join what has.
    signs = ((0x600, 0x605), (0x6DD, 0x70F), (0x890, 0x8E2), (0x110BD, 0x1D17A))
    assert all(any(first <= ord(c) <= last for first, last in signs) for c in left)


def test_json_means_the_same_and_hides_nothing() -> None:
    value = ["ä\x9b31m\u202e\U000e0041\x1b\ud800", "\u00a0\n\x7f"]
    text = make_json_visible(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()
    assert "ä" in text
