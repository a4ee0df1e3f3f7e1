"""Cron text and label expressions are taken and refused as Jenkins takes and refuses them."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.references import (
    Compound,
    Expression,
    LabelError,
    named_labels,
    parse_labels,
    satisfies,
)
from cfl_jobs.rendering.cron import find_cron_mistakes, find_cron_warnings, has_schedule

BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
HASH_BOUNDS = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
ALIASES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


def terms(field: int) -> st.SearchStrategy[str]:
    """Make one term of a field from Jenkins' grammar."""
    numbers = st.integers(*BOUNDS[field])
    ranges = st.tuples(numbers, numbers).map(sorted)
    steps = st.integers(1, 100)
    low, high = HASH_BOUNDS[field]
    hash_ranges = ranges.flatmap(
        lambda ends: st.one_of(
            st.just(f"H({ends[0]}-{ends[1]})"),
            st.integers(1, ends[1] - ends[0] + 1).map(
                lambda step: f"H({ends[0]}-{ends[1]})/{step}"
            ),
        )
    )
    return st.one_of(
        st.just("*"),
        st.just("H"),
        numbers.map(str),
        numbers.map(lambda number: f"0{number}"),
        steps.map(lambda step: f"*/{step}"),
        st.integers(1, high - low + 1).map(lambda step: f"H/{step}"),
        ranges.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.tuples(ranges, steps).map(lambda made: f"{made[0][0]}-{made[0][1]}/{made[1]}"),
        hash_ranges,
    )


def schedules(*, days: bool = True) -> st.SearchStrategy[str]:
    fields = [
        st.lists(terms(field), min_size=1, max_size=3).map(",".join)
        if days or field != 2
        else st.just("*")
        for field in range(5)
    ]
    blanks = st.sampled_from([" ", "  ", "\t"])
    spaced = st.tuples(*fields, blanks).map(lambda made: made[5].join(made[:5]))
    return st.one_of(spaced, st.sampled_from(ALIASES))


@settings(max_examples=30)
@given(st.lists(st.one_of(schedules(days=False), st.just("# a comment"), st.just("")), min_size=1))
def test_whatever_the_grammar_makes_is_taken(lines: list[str]) -> None:
    """Any lines of the grammar, comments and blank lines among them, are no mistake."""
    assert find_cron_mistakes("\n".join(lines)) == ()
    assert find_cron_mistakes("TZ=Europe/London\r\n" + "\r\n".join(lines)) == ()


@settings(max_examples=50)
@given(schedules())
def test_only_an_impossible_date_is_a_mistake_in_what_the_grammar_makes(line: str) -> None:
    assert all("never runs" in mistake.message for mistake in find_cron_mistakes(line))


@given(st.text(alphabet="0123456789*/-,H()@TZ= \t\r\n#dailyJan?\u00a0\ufeff"))
@example("9" * 5000 + " * * * *")
@example("*/" + "9" * 5000 + " * * * *")
def test_no_text_makes_it_crash(text: str) -> None:
    """Mangled text gives mistakes that stand inside the text, never an exception."""
    for mistake in find_cron_mistakes(text):
        assert 1 <= mistake.line <= len(text.split("\n"))
        assert mistake.message
    find_cron_warnings(text)


@settings(max_examples=40)
@given(schedules(days=False), st.sampled_from("!?LW#xyz.;\u00a0"), st.data())
def test_a_foreign_character_is_always_refused(
    line: str, foreign: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(1, len(line) - 1))
    assert find_cron_mistakes(line[:place] + foreign + line[place:])


@pytest.mark.parametrize(
    ("spec", "message", "advice"),
    [
        ("every day", "has 2 fields, not five", "minute hour day-of-month"),
        ("* * * *", "has 4 fields", "The fields are"),
        ("0 H * * * *", "has 6 fields", "no seconds"),
        ("** * * *", "has 4 fields", "space between"),
        ("0, 30 * * * *", "has 6 fields", "The fields are"),
        ("60 * * * *", "60 is out of range for minute", "0 to 59"),
        ("0 24 * * *", "24 is out of range for hour", "0 to 23"),
        ("0 0 0 * *", "0 is out of range for day of month", "1 to 31"),
        ("0 0 * 13 *", "13 is out of range for month", "1 to 12"),
        ("0 0 * * 8", "8 is out of range for day of week", "0 to 7"),
        ("H(0-60) * * * *", "60 is out of range for minute", "0 to 59"),
        ("H(30-0) * * * *", "runs backwards", "0-30"),
        ("0 17-9 * * *", "runs backwards", "9-17"),
        ("*/0 * * * *", "at least 1", ""),
        ("H/0 * * * *", "step 0", "1 to 60"),
        ("H/61 * * * *", "step 61", "1 to 60"),
        ("H H H/29 * *", "step 29", "1 to 28"),
        ("H(0-29)/31 * * * *", "step 31", "1 to 30"),
        ("0 0 * * MON-FRI", "is no day of week", "1 is Mon"),
        ("0 0 1 JAN *", "is no month", "1 is Jan"),
        ("5/10 * * * *", "is no minute", "5-59/10"),
        ("h * * * *", "is no minute", "capital"),
        ("0 0 ? * 1", "is no day of month", "another cron's"),
        ("0 0 L * *", "is no day of month", "another cron's"),
        ("0,,5 * * * *", "is no minute", "separates nothing"),
        ("0 0 * * 1,", "is no day of week", "separates nothing"),
        ("* 0/2/2 * * *", "is no hour", "Use 0 to 23"),
        ("@reboot", "no schedule '@reboot'", "@daily"),
        ("@dayly", "no schedule '@dayly'", "Did you mean '@daily'?"),
        ("@Daily", "no schedule", "Did you mean '@daily'?"),
        ("@daily 3", "'3' after '@daily'", "Leave it out"),
        ("@", "no schedule", "@daily"),
        ("TZ=Europe/Lundon\n@daily", "time zone 'Europe/Lundon'", "'Europe/London'"),
        ("# nightly\nTZ=Europe/London\n@daily", "first line", "Move it"),
        ("H H 31 2 *", "never runs", "Check day and month"),
        ("H H 31 4,6,9,11 *", "never runs", "Check day and month"),
        ("H H H(30-31) 2 *", "never runs", "Check day and month"),
        ("\u00a0H H * * *", "is no minute", "Use 0 to 59"),
    ],
)
def test_each_mistake_is_named_with_what_to_do(spec: str, message: str, advice: str) -> None:
    (mistake,) = find_cron_mistakes(spec)
    assert message in mistake.message
    assert advice in mistake.advice


@pytest.mark.parametrize(
    "spec",
    [
        "H H 29 2 *", "H H 31 2,3 *", "H H H 2 *", "H H H(28-31) 2 *", "H(0-29)/10 * * * *",
        "  H H * * 7  ", "H/60 * * * *", "H/15\tH(9-17)\t*\t*\t1-5", "*/100 * * * *",
        "TZ=PST\n@daily",
    ],
)  # fmt: skip
def test_unusual_schedules_that_jenkins_takes_are_no_mistake(spec: str) -> None:
    assert find_cron_mistakes(spec) == ()


def test_each_mistake_has_its_line() -> None:
    """Two bad terms of one line and one of a later, indented line are all reported."""
    mistakes = find_cron_mistakes("# x\nH,61 H 1,40 * *\n\n   H 24 * * *")
    assert [mistake.line for mistake in mistakes] == [2, 2, 4]


def test_nothing_scheduled_is_told_apart() -> None:
    assert not has_schedule("TZ=Europe/London\n# later\n\n")
    assert has_schedule("# daily\n@daily")
    assert find_cron_mistakes("") == ()


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        ("* * * * *", "H * * * *"),
        ("* 3 * * *", "H 3 * * *"),
        ("*/1 3 * * *", "H 3 * * *"),
        ("0 3 * * *", "H 3 * * *"),
        ("*/15 * * * *", "H/15 * * * *"),
        ("0,15,30,45 * * * *", "H/15 * * * *"),
        ("H 3 1 * 1", "'H 3 1 * *' and 'H 3 * * 1'"),
        ("H H H * H", "'H H H * *' and 'H H * * H'"),
        ("H 3 1-7 6 5,0", "'H 3 1-7 6 *' and 'H 3 * 6 5,0'"),
    ],
)
def test_what_may_be_meant_otherwise_is_a_warning(spec: str, advice: str) -> None:
    assert find_cron_mistakes(spec) == ()
    (warning,) = find_cron_warnings(spec)
    assert advice in warning.advice


@pytest.mark.parametrize(
    "spec",
    [
        "@daily", "H H * * *", "0 H * * *", "5,10 * * * *", "61 * * * *", "H 3 1 * *", "H 3 * * 1",
        "H 3 */1 * 1-5", "H 3 1-31 * 1", "H 3 1 * 0-6", "H 3 1 * 1-7",
    ],
)  # fmt: skip
def test_what_means_what_it_seems_to_has_no_warning(spec: str) -> None:
    assert find_cron_warnings(spec) == ()


LABELS = ("linux", "python", "built-in", "two words", "-dashed", "a<b", "linux python")


@pytest.mark.parametrize(
    "expression",
    [
        "linux", "built-in", "linux && python", "linux&&python", "windows || linux", "!windows",
        "!(windows && linux)", '"two words" && linux', "windows -> mac", "windows <-> mac",
        "windows && mac || linux", "linux || windows && mac", "!(!linux)", "windows->linux",
        "-dashed", "a<b", "linux python",
    ],
)  # fmt: skip
def test_node_satisfies(expression: str) -> None:
    assert satisfies(expression, LABELS)


@pytest.mark.parametrize(
    "expression",
    [
        "windows", "Linux", "linux && windows", "!linux", "linux -> windows", "linux->windows",
        "linux <-> windows", "(linux || windows) && mac", "linux &&", "(linux", "linux)",
        "linux & python", "!!linux", "windows -> mac -> linux", "it's", "",
    ],
)  # fmt: skip
def test_node_does_not_satisfy(expression: str) -> None:
    assert not satisfies(expression, LABELS)


def test_named_labels_are_those_that_a_node_may_have() -> None:
    assert named_labels('linux && !slow || "two words" && linux') == ("linux", "two words")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a<b", "'<b' is no part of a label expression"),
        ("a>b", "'>b' is no part of a label expression"),
        ("it's", '"\'s" is no part of a label expression'),
        ('"open', "'\"open' is no part of a label expression"),
        (r'"a\q"', "is no part of a label expression"),
        ("!!a", "'!' can't follow '!'"),
        ("a -> b -> c", "'->' can't follow '->' without parentheses"),
        ("a b", "an operator is missing before 'b'"),
        ("(a", "stops too early"),
        ("a)", "')' stands where it can't"),
        ("()", "')' stands where it can't"),
        ("(" * 9999, "nested too deeply"),
        ("a && || b", "a label is missing before '||'"),
    ],
)
def test_what_jenkins_can_not_parse_is_told(expression: str, message: str) -> None:
    with pytest.raises(LabelError, match=re.escape(message)):
        parse_labels(expression)
    assert named_labels(expression) == ()


@pytest.mark.parametrize(
    ("expression", "parsed"),
    [
        ("a-b->-c", Compound("->", ("a-b", "-c"))),
        ("a<->b", Compound("<->", ("a", "b"))),
        ("!a&&b", Compound("&&", (Compound("!", ("a",)), "b"))),
        (r'"a \"b\""', 'a "b"'),
    ],
)
def test_an_expression_is_read_as_jenkins_reads_it(expression: str, parsed: Expression) -> None:
    assert parse_labels(expression) == parsed


def test_labels_behind_a_negation_are_not_asked_for() -> None:
    assert named_labels("!(slow || old) && linux") == ("linux",)
