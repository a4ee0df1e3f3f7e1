"""What the rules read out of texts: shell variables, Ant patterns, secrets, deploys, comments."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.check.flow import may_overlap
from cfl_jobs.check.secret_text import find_secrets, hide_secrets
from cfl_jobs.check.shell import (
    deploys,
    expanding_text,
    find_assigned,
    find_uses,
    without_comments,
)
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


@settings(max_examples=30)
@given(st.text())
def test_hiding_twice_changes_nothing_more_and_never_fails(text: str) -> None:
    hidden = hide_secrets(text)
    assert hidden.count("\n") == text.count("\n")
    assert hide_secrets(hidden).count("\n") == hidden.count("\n")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("./deploy.sh Dev", True),
        ("cd site && ./deploy Dev", True),
        ("bash -eu deploy.sh Dev", True),
        ("VERSION=1 scripts/deploy-site.sh", True),
        ('"$WORKSPACE/bin/deploy" Dev', True),
        ("make deploy", True),
        ('bash -c "$deploy_command"', True),
        ('env A=1 "${variables[@]}" /bin/bash -euo pipefail -ec "$deploy_command"', True),
        ('if true; then sh -c "${deploy}"; fi', True),
        ('bash -c "$command"', False),
        ('echo bash -c "$deploy_command"', False),
        ('deploy_command="$1"', False),
        ("echo a/deploy.sh", False),
        ("cp deploy/settings.py .", False),
        ("./deploy/check.sh", False),
        ("# ./deploy.sh", False),
        ("make deployment-diagram", False),
        ("tar -xf deploy.tar.gz", False),
    ],
)
def test_what_runs_a_deploy_is_told_from_what_names_one(script: str, expected: bool) -> None:
    assert deploys(script) is expected


COMMENTED = [
    ("echo a\n", "echo a # why\n\n  # and how it's done\n"),
    ("if a; then\n  b\nfi\n", 'if a; then # (\n  b\n  # "\nfi\n'),
    ("cat <<E\n# text\nE\n", "cat <<E\n# text\nE\n# a comment\n"),
    ("a=(\n  one\n)\n", "a=(\n  # first\n  one\n)\n"),
    ('x="${y//\'}\'/"$z"}"\n', 'x="${y//\'}\'/"$z"}" # replaced\n'),
    ("#!/bin/bash -e\necho a\n", "#!/bin/bash -e\n# note\necho a\n"),
    ("cat <<A\nb\\\\\nA\n", "cat <<A\nb\\\\\nA\n# : nothing\n"),
    ("cat <<'A'\nb\\\nA\n", "cat <<'A'\nb\\\nA\n# : nothing\n"),
]
NOT_COMMENTS = [
    ("echo 'a\nb'\n", "echo 'a\n# text\nb'\n"),
    ('echo "a\nb"\n', 'echo "a\n# text\nb"\n'),
    ("cat <<E\na\nE\n", "cat <<E\na\n# text\nE\n"),
    ("cat <<!\na\n!\n", "cat <<!\na\n# text\n!\n"),
    ("cat <<'E F'\na\nE F\n", "cat <<'E F'\na\n# text\nE F\n"),
    ("echo a \\\n b\n", "echo a \\\n# ends the command\n b\n"),
    ("echo a\\\nb\n", "echo a\\\n#b\nb\n"),
    ("echo \\ a\n", "echo \\ #a\n"),
    ("echo $'it\\'s\nb'\n", "echo $'it\\'s\n# text\nb'\n"),
    ('echo "${x:-"a\nb"}"\n', 'echo "${x:-"a\n# text\nb"}"\n'),
    ("echo `a\nb`\n", "echo `a\n# text`\nb`\n"),
    ("[[ a =~ (b) ]]\n", "[[ a =~ (#b) ]]\n"),
    ("#!/bin/bash\na\n", "#!/bin/bash -e\na\n"),
    ("#!/usr/bin/env python3\na = 1\n", "#!/usr/bin/env python3\na = 1  # one\n"),
    ("true\u00a0\n", "true\u00a0# : nothing\n"),
    ("true\u2003\n", "true\u2003# : nothing\n"),
    ("true\u0085\n", "true\u0085# : nothing\n"),
    ("true\r\n", "true\r# : nothing\n"),
    ("true\v\n", "true\v# : nothing\n"),
    ("true # a\n", "true # a\r: nothing\n"),
    ("cat <<A\u00a0\nb\nA\n", "cat <<A\u00a0\nb\nA\n# : nothing\n"),
    ("cat <<A\nb\\\nA\nA\n", "cat <<A\nb\\\nA\n# : nothing\nA\n"),
    ("cat <<A\n\\\nA\nA\n", "cat <<A\n\\\nA\n A\n"),
    ("grep '^#' \"$0\"\n", "grep '^#' \"$0\"\n# read by the script itself\n"),
]


def test_comments_and_blank_lines_are_told_from_what_is_run() -> None:
    for script, other in COMMENTED:
        assert without_comments(script) == without_comments(other), other
    for script, other in NOT_COMMENTS:
        assert without_comments(script) != without_comments(other), other


def test_bash_agrees_on_what_is_a_comment(tmp_path: Path) -> None:
    """A line is put between any two of scripts that are hard to read: what bash runs is the same
    wherever only a comment is told."""
    if _read_by_bash(tmp_path, "echo a # b\n") != ["echo a"]:
        pytest.skip("this bash can't print what it reads (5.2: --pretty-print)")
    told = 0
    for script in {script for pair in (*COMMENTED, *NOT_COMMENTS) for script in pair}:
        lines = script.splitlines(keepends=True)
        for number in range(1, len(lines) + 1):
            other = "".join([*lines[:number], "# it's \"\n", *lines[number:]])
            if without_comments(script) == without_comments(other):
                told += 1
                assert _read_by_bash(tmp_path, script) == _read_by_bash(tmp_path, other), other
    assert told > 20


def _read_by_bash(tmp_path: Path, script: str) -> list[str]:
    """Return the lines of a script as bash reads it, which runs nothing of it."""
    file = tmp_path / "script.sh"
    file.write_text(script, encoding="utf-8")
    bash = ["bash", "--pretty-print", str(file)]
    done = subprocess.run(bash, capture_output=True, text=True)
    return [line for line in done.stdout.split("\n") if line.strip()]
