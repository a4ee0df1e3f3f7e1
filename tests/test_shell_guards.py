"""Deploy scripts: whether they stop before the deploy where the tests' record isn't right."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cfl_jobs.check.deploys import Guard, find_guard
from cfl_jobs.check.failing import read_script
from cfl_jobs.check.shell import deploys, without_comments

SCRIPT = Path(__file__).parent.parent / "templates/scripts/deploy-distribution.sh"
PLAIN = "#!/usr/bin/env bash\n"
STRICT = f"{PLAIN}set -euo pipefail\n"


@pytest.mark.parametrize(
    "script",
    [
        f"{PLAIN}test -e evidence/tests.txt && ./deploy.sh Dev",
        f"{PLAIN}[ -s evidence/tests.txt ] || exit 1\n./deploy.sh Dev",
        f"{PLAIN}[ -s evidence/tests.txt ] \\\n    || {{ echo no; exit 1; }}\n./deploy.sh Dev",
        f"{PLAIN}[ -s evidence/tests.txt ] || {{ echo $(date); exit 1; }}\n./deploy.sh Dev",
        f"{PLAIN}[ -s evidence/tests.txt ] ||\n  # not tested\n  exit 1\n./deploy.sh Dev",
        f"{PLAIN}# so: \\\n[ -s evidence/tests.txt ] || exit 1\n./deploy.sh Dev",
        f"{PLAIN}[ -s evidence/tests.txt ] || {{\n  echo no\n  exit 1\n}}\n./deploy.sh Dev",
        f"{PLAIN}if [ ! -s evidence/tests.txt ]; then exit 1; fi\n./deploy.sh Dev",
        f"{PLAIN}if [ -s evidence/tests.txt ]; then\n  cd a\n  ./deploy.sh Dev\nfi",
        f"{STRICT}test -s evidence/tests.txt\n./deploy.sh Dev",
        f"{STRICT}grep -qx \"$number\" evidence/tests.txt\n./deploy.sh Dev",
        f"{STRICT}n=$(<evidence/tests.txt)\n./deploy.sh Dev",
        "grep -q 42 evidence/tests.txt\n./deploy.sh Dev",
        "#!/bin/sh -e\ntest -s evidence/tests.txt\n./deploy.sh Dev",
        f'{PLAIN}read -r n <evidence/tests.txt\n[ "$n" = 42 ] || exit 1\n./deploy.sh Dev',
        f'{PLAIN}n="$(cat e/tests.txt)"\ncase "$n" in\n42) ;;\n*) exit 1 ;;\nesac\nmake deploy',
        f"{PLAIN}die() {{\n  exit 1\n}}\n[ -s evidence/tests.txt ] || die\n./deploy.sh Dev",
        f"{PLAIN}look() {{\n  [ -s evidence/tests.txt ] || exit 1\n}}\nlook\n./deploy.sh Dev",
        f"{PLAIN}roll() {{ ./deploy.sh Dev; }}\n[ -s evidence/tests.txt ] || exit 1\nroll",
        f"{STRICT}./look.py evidence/tests.txt",
        f"{STRICT}if [ \"$1\" != any ]; then\n  cmp evidence/tests.txt wanted\nfi\n./deploy.sh Dev",
    ],
)  # fmt: skip
def test_script_that_stops_without_the_record_is_guarded(script: str) -> None:
    assert find_guard(script, ["tests.txt"]) is Guard.STOPS


@pytest.mark.parametrize(
    "script",
    [
        f"{STRICT}./deploy.sh Dev",
        f"{PLAIN}cat evidence/tests.txt\n./deploy.sh Dev",
        f"{STRICT}echo evidence/tests.txt\n./deploy.sh Dev",
        f"{STRICT}cat evidence/tests.txt || true\n./deploy.sh Dev",
        f"{STRICT}n=\"$(cat evidence/tests.txt 2>/dev/null || true)\"\n./deploy.sh Dev",
        f"{STRICT}# [ -s evidence/tests.txt ] || exit 1\n./deploy.sh Dev",
        f"{STRICT}./deploy.sh Dev\n[ -s evidence/tests.txt ] || exit 1",
        f"{STRICT}if [ ! -s evidence/tests.txt ]; then\n  echo untested\nfi\n./deploy.sh Dev",
        f"{STRICT}if [ -n \"$1\" ]; then\n  cat evidence/tests.txt\nfi\n./deploy.sh Dev",
        f"{STRICT}[ -n \"$1\" ] || exit 1\nrm -f evidence/tests.txt\n./deploy.sh Dev",
        f"{STRICT}if [ \"$1\" = now ]; then\n  ./deploy.sh Dev\nfi\ntest -s evidence/tests.txt",
        f"{PLAIN}roll() {{ ./deploy.sh Dev; }}\nroll\n[ -s evidence/tests.txt ] || exit 1",
    ],
)  # fmt: skip
def test_script_that_deploys_whatever_the_record_says_is_not_guarded(script: str) -> None:
    assert find_guard(script, ["tests.txt"]) is Guard.DEPLOYS


def test_guard_cut_out_of_the_deploy_script_or_moved_below_its_run_is_missed() -> None:
    script = SCRIPT.read_text(encoding="utf-8")
    assert deploys(script)
    assert find_guard(script, ["tests.txt"]) is Guard.STOPS
    start = script.index('sum="$(sha256sum')
    end = script.index("fi\n", start) + len("fi\n")
    without = script[:start] + script[end:]
    assert find_guard(without, ["tests.txt"]) is Guard.DEPLOYS
    assert find_guard(without + script[start:end], ["tests.txt"]) is Guard.DEPLOYS


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


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("test -s a || { echo no; exit 1; }", "test -s a || { echo no; exit 1; }"),
        ("test -s a || (echo no; exit 1)", "test -s a || (echo no; exit 1)"),
        ("test -s a || exit", "test -s a || exit"),
        ("test -s a || {\n  echo no\n  exit 1\n}", "test -s a || { echo no; exit 1; }"),
        ('a || { echo "$(date)"; exit 2; }', 'a || { echo "$(date)"; exit 2; }'),
        ("{ test -s a || exit 1; }", "{ test -s a || exit 1; }"),
        ("if a; then (echo no; exit 1); fi", "if a: (echo no; exit 1)"),
        ("# so: \\\ntest -s a ||\n  exit 1", "test -s a || exit 1"),
        ("case $a in\n42) ;;\n*) exit 1 ;;\nesac", "case $a: exit 1"),
    ],
)
def test_statement_at_which_a_script_stops_is_told_whole(script: str, words: str) -> None:
    assert [stop.words for stop in read_script(f"#!/bin/bash\n{script}").red] == [words]


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
