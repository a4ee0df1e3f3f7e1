"""What the rules read out of texts: shell variables, Ant patterns, secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.check.flow import may_overlap
from cfl_jobs.check.secret_text import find_secrets, hide_secrets
from cfl_jobs.check.shell import expanding_text, find_assigned, find_uses
from tests.case_files import CASES


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("echo $A ${B} \"$C\" '$D' \\$E # $F", ["A", "B", "C"]),
        ("echo ${#A} ${!B} ${C[@]} ${D:-$E} ${F%.txt}", ["A", "B", "C", "D", "E", "F"]),
        ("cat <<X\n$A\nX\ncat <<'Y'\n$B\nY\ncat <<-\"Z\"\n\t$C\n\tZ\necho $D", ["A", "D"]),
        ('echo "it\'s $A" "$(awk \'{print $NF}\' "$B")"', ["A", "B"]),
        ("cat <<<$A; echo $((B + 1)) $# $? $1", ["A"]),
        ("case x in a) echo $A;; esac\necho '$B'", ["A"]),
        ("echo a#$A", ["A"]),
        ("true\u00a0# $A", ["A"]),
        ("cat <<X\nb\\\nX\n# $A\nX", ["A"]),
    ],
)
def test_variables_are_found_where_they_expand(script: str, names: list[str]) -> None:
    assert [use.name for use in find_uses(script)] == names


def test_a_use_tells_its_line_and_what_happens_without_the_variable() -> None:
    first, second, third = find_uses('echo "$A"\necho "${B:-}"\n: "${C:?}"')
    assert (first.line, first.has_default, first.is_required) == (1, False, False)
    assert (second.line, second.has_default, second.is_required) == (2, True, False)
    assert (third.line, third.has_default, third.is_required) == (3, False, True)


def test_what_a_script_sets_is_told_from_what_it_only_writes() -> None:
    script = """
    A=1 B+=2; export C=3
    for D in x; do read -r E F; done
    local G=1 H
    printf -v I x
    mapfile -t J < x
    export K
    echo "L=1" 'M=1' # N=1
    """
    assert {name for name in find_assigned(script) if name.isupper()} == set("ABCDEFGHIJ")


@given(st.text(st.sampled_from("aA$'\"(){}\\<# \nE"), max_size=40))
def test_blanking_keeps_every_line_and_column(script: str) -> None:
    for quoted in (True, False):
        text = expanding_text(script, quoted=quoted)
        assert [len(line) for line in text.split("\n")] == [len(x) for x in script.split("\n")]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("commit.txt", "commit.txt", True),
        ("commit.txt", "tested.txt", False),
        ("out/*.gz", "**/a.gz", True),
        ("out/*.gz", "a.gz", False),
        ("out/", "out/deep/er.txt", True),
        ("**", "anything/at/all", True),
        ("a?c", "abc", True),
        ("$NAME.txt", "report.txt", True),
        ("${X}/a", "b/c", False),
        ("*.gz", "*.txt", False),
        ("a*b", "*c*b", True),
    ],
)
def test_patterns_overlap_where_some_path_matches_both(
    one: str, other: str, expected: bool
) -> None:
    assert may_overlap(one, other) is expected
    assert may_overlap(other, one) is expected


def lines(name: str) -> list[str]:
    return (CASES / f"secrets/{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", lines("found"))
def test_a_secret_is_found_and_hidden(line: str) -> None:
    (secret,) = find_secrets(line)
    text = line[secret.start : secret.end]
    assert text not in secret.kind
    assert text not in hide_secrets(line)


@pytest.mark.parametrize("line", lines("left"))
def test_what_is_no_secret_is_left_alone(line: str) -> None:
    assert find_secrets(line) == ()


@given(st.text())
def test_hiding_twice_changes_nothing_more_and_never_fails(text: str) -> None:
    hidden = hide_secrets(text)
    assert hidden.count("\n") == text.count("\n")
    assert hide_secrets(hidden).count("\n") == hidden.count("\n")
