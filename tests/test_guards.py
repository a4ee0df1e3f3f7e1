"""Guards of the chain's own scripts: what a line in other words loses, told, or nothing."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.check.deploys import Guard, find_guard
from cfl_jobs.check.failing import find_options, read_script
from cfl_jobs.check.following import End
from cfl_jobs.check.shell import deploys
from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.steps.building import Shell
from cfl_jobs.planning.plan import Plan
from cfl_jobs.review.comparing import read_setup
from cfl_jobs.review.guards import find_guards, find_passing
from cfl_jobs.review.pair import Pair, Side
from cfl_jobs.review.review import Weight
from tests.projects import ROOT

SUITE, DEPLOY, PUBLISH = "Run Portal Tests", "Deploy to Dev", "Publish Ocargo Files"
PACK, GATE, CHECK = "Create Distribution", "Promote Distribution", "Check Jobs"
RUNS = 'env "${environment[@]}" bash -euo pipefail -c "$command"'
FAIL = '    reason="$*"\n    exit 1\n'
NUMBER = "    printf '[description] refused: no distribution number\\n'\n    exit 1\n"
CMP = "cmp -- commit.txt distribution/commit.txt\n"
COUNT = 'if [ "$tests" -eq 0 ]; then'
UNTESTED = 'elif [ "${ALLOW_UNTESTED:-false}" = true ]; then'
THERE = 'if [ ! -f "$archive" ] || [ ! -f commit.txt ]; then'
NAMED = "if [[ ! $branch =~ ^[A-Za-z0-9._/+@#-]{1,200}$ ]]; then"
BROKEN = '[ -z "$broken" ]\n'
EARLY = "end green early: "
PASSES = "pass whatever its tests say"
ENDS_GREEN = "refused: `fail` ends green now"
GOES_ON = "go on where "
SET = "set -euo pipefail"
FAILS, UNSET = "a command that fails", "a variable that isn't set"
PIPED = "a failure before a pipe"
REFUSES = '    reason="refused, ${*:2}"\n    exit 1\n'
REFUSED = (
    '`refuse "no distribution $number"`, `refuse "distribution $number is not tested"` and 2 more'
)


@pytest.fixture(scope="module")
def before() -> Side:
    jobs = read_setup(ROOT).jobs
    return Side(jobs, build_chain(jobs.values()))


def say(before: Side, name: str, old: str, new: str, *, least: Weight = Weight.MEDIUM) -> list[str]:
    """Return the sentences of weight on a job whose scripts get `new` for `old`."""
    job = before.jobs[name]
    assert any(old in step.script for step in job.shells), old
    builders = tuple(
        replace(step, script=step.script.replace(old, new)) if isinstance(step, Shell) else step
        for step in job.builders
    )
    changed = replace(job, builders=builders)
    pair = Pair(Plan(""), before, Side({**before.jobs, name: changed}, before.chain))
    effects = [
        effect for find in (find_guards, find_passing) for effect in find(pair, name, job, changed)
    ]
    return [effect.text for effect in effects if effect.weight >= least]


WEAKER = [
    *(
        (SUITE, FAIL, FAIL.replace("exit 1", end), ENDS_GREEN)
        for end in ("exit 0", 'exit "0"', "exit $((0))", "exit 256", "code=0; exit $code")
    ),
    (SUITE, FAIL, FAIL.replace("exit 1", "exit ${X:-0}"), "refused: `fail` may end green now"),
    (SUITE, FAIL, FAIL.replace("exit 1", "return 0"), "refused: `fail` goes on now"),
    (SUITE, NUMBER, NUMBER.replace("exit 1", 'exit "0"'), "end green where `if [[ ! $number"),
    (SUITE, NUMBER, NUMBER.replace("exit 1", "exit $((0))"), "end green where `if [[ ! $number"),
    (SUITE, NUMBER, NUMBER.replace("exit 1", "exit ${X:-0}"), "perhaps end green where `if [["),
    (SUITE, "umask", "shopt -uo errexit\numask", "go on after a command that fails, as of"),
    (SUITE, "umask", "shopt -uo pipefail\numask", "go on after a failure before a pipe, as of"),
    (SUITE, "umask", 'set "+e"\numask', "go on after a command that fails, as of `set +e`"),
    *(
        (SUITE, f"{RUNS}\n", f"{runs}\n", PASSES)
        for runs in (
            f"{RUNS} || code=$?",
            f"{RUNS} && echo fine",
            f"out=$({RUNS}) || out=failed",
            f'out="$({RUNS} || true)"',
            f'echo "$({RUNS})"',
            f'export OUT="$({RUNS})"',
            f'{RUNS} &\nwait "$!" || echo failed',
            f"if {RUNS}; then echo fine; fi",
            f"if ! {RUNS}; then\n    echo failed\nfi",
            f"! {RUNS}",
            f"{RUNS} || exit 0",
            f"set +e\n{RUNS}\nset -e",
            f"{RUNS} || [ $? -eq 124 ]",
        )
    ),
    (SUITE, "trap 'exit 143' TERM", "trap 'exit 143' TERM\ntrap 'exit 0' ERR", PASSES),
    (SUITE, RUNS, RUNS.replace("$command", "$command; true"), "leaves it to `set -e` alone"),
    (SUITE, "trap tell EXIT", "trap 'tell; exit 0' EXIT", PASSES),
    (SUITE, 'log: ${BUILD_URL:-$here}"\n}', 'log: ${BUILD_URL:-$here}"\n    exit 0\n}', PASSES),
    (SUITE, COUNT, f"echo '<testcase/>' >reports/x.xml\n{COUNT}", "takes for test results what"),
    (SUITE, COUNT, f"cp all.xml reports/\n{COUNT}", "takes for test results what `cp all.xml"),
    (SUITE, COUNT, f"tests=$((tests + 1))\n{COUNT}", "changes what the guard `fail "),
    (SUITE, COUNT, f"tests=1\n{COUNT}", "changes when the guard `fail "),
    (SUITE, COUNT, COUNT.replace("0", "-1"), "changes when the guard `fail "),
    *(
        (SUITE, "command", command, PASSES)
        for command in (
            "true",
            "echo tests",
            "printf 'passed\\n'; exit 0",
            "pytest || code=$?",
            "pytest & wait $! || echo failed",
            "out=$(pytest) || out=bad",
            "trap 'exit 0' ERR; pytest",
            "set +o pipefail; pytest | tee log",
            'run() { "$@" || true; }; run pytest',
            "timeout 60 pytest || :",
            "until pytest; do break; done",
            "case $(pytest) in *) ;; esac",
            "pytest &",
            "! pytest || true",
            "if ! pytest; then echo failed; fi",
            "set +e; pytest; echo done",
        )
    ),
    (SUITE, "command", "set +e; pytest; exit ${CODE:-0}", "perhaps pass though its tests fail"),
    *(
        (DEPLOY, SET, new, f"go on after {expected}")
        for new, expected in (
            ("set -o errexit", f"{UNSET} or {PIPED}, without `set -u` and `set -o pipefail`"),
            ("", f"{FAILS}, {UNSET} or {PIPED}, without `set -e`, `set -u` and `set -o pipefail`"),
            (
                'set -uo pipefail\nif [ -n "${CI:-}" ]; then set -e; fi',
                f'{FAILS}, with `set -e` only behind `if [ -n "${{CI:-}}" ]`',
            ),
            (
                'set -uo pipefail\n[ -z "${CI:-}" ] || set -e',
                f'{FAILS}, with `set -e` only behind `[ -z "${{CI:-}}" ]`',
            ),
            ("set -uo pipefail\n(set -e)", f"{FAILS}, with `set -e` only in a shell of its own"),
            (f"{SET}\nset +e", f"{FAILS}, as of `set +e`"),
        )
    ),
    (DEPLOY, "bash -euo", "bash -uo", f"go on after {FAILS} in what a shell of its own runs"),
    *(
        (DEPLOY, REFUSES, f'    reason="refused, ${{*:2}}"\n{end}', f"{means} where {REFUSED}")
        for end, means in (("    exit 0\n", "end green"), ("", "go on"))
    ),
    (DEPLOY, "umask", '[ -z "${SKIP:-}" ] || exit 0\numask', f"{EARLY}`[ -z "),
    (DEPLOY, "umask", 'if [ -n "${SKIP:-}" ]; then\n    exit 0\nfi\numask', f"{EARLY}`if [ -n "),
    (DEPLOY, "umask", "exit 0\numask", f"{EARLY}`exit 0`"),
    (DEPLOY, CMP, "", "takes the guard `cmp -- "),
    (DEPLOY, CMP, f"{CMP[:-1]} || true\n", f"{GOES_ON}`cmp -- "),
    (DEPLOY, CMP, f"if ! {CMP[:-1]}; then echo differs; fi\n", f"{GOES_ON}`cmp -- "),
    (DEPLOY, CMP, f'[ -n "${{CI:-}}" ] || {CMP}', "changes when the guard `cmp -- "),
    (DEPLOY, UNTESTED, UNTESTED.replace("false", "true"), "changes when the guard `refuse "),
    (DEPLOY, '[ "$recorded" = ', '[ "$recorded" != ', "changes when the guard `refuse "),
    (DEPLOY, 'sum="$(sha256sum "$archive"', 'sum="$(sha256sum "$1"', "changes what the guard `ref"),
    (DEPLOY, CMP, f"[() {{ true; }}\n{CMP}", "deploy what was not tested"),
    (DEPLOY, CMP, f"exit() {{ :; }}\n{CMP}", "`refuse` goes on now"),
    (DEPLOY, "recorded=", "echo $sum >evidence/tests.txt\nrecorded=", "at: evidence/tests.txt"),
    (GATE, 'waiting=("${jobs[@]}")', "waiting=()", "looks at: waiting"),
    (DEPLOY, "tar -xf", "! tar -xf", f"{GOES_ON}`tar -xf "),
    (PUBLISH, 'fail "the checked out commit', 'echo "the checked out commit', "takes the guard"),
    (PUBLISH, 'wait "$looking"', "wait", "takes the guard `wait"),
    (PACK, FAIL, FAIL.replace("exit 1", "return 0"), "3 more refused: `fail` goes on now"),
    (PACK, '    refuse_secret "${found%%$\'\\n\'*}" "$2"\n', "", "takes the guard `refuse_secret"),
    (PACK, '[ -s "distribution/$file" ]', '[ -e "distribution/$file" ]', "changes when the guard"),
    (PACK, '[ -n "$1" ] || return 0', "return 0", "changes when the guard"),
    (CHECK, BROKEN, f"{BROKEN[:-1]} || true\n", f"{GOES_ON}`[ -z "),
    (CHECK, '|| broken="the definitions don\'t render"', "|| true", "changes when the guard"),
    (CHECK, "bin/cfl-jobs check\n", "bin/cfl-jobs check || echo bad\n", f"{GOES_ON}`.cfl-jobs/bin"),
]
AS_BEFORE = [
    (SUITE, FAIL, FAIL.replace("exit 1", 'exit "1"')),
    (SUITE, FAIL, FAIL.replace("exit 1", "code=3; exit $code")),
    (SUITE, FAIL, FAIL.replace("exit 1", "return 1")),
    (SUITE, f"fail() {{\n{FAIL}}}", f"fail() (\n{FAIL})"),
    (SUITE, f"fail() {{\n{FAIL}}}", f"function fail\n{{\n{FAIL}}}"),
    (SUITE, "set -euo pipefail", 'set "-euo" "pipefail"'),
    (SUITE, "set -euo pipefail", "set -o errexit -o nounset -o pipefail"),
    (SUITE, "set -euo pipefail", "shopt -so errexit nounset pipefail"),
    (SUITE, COUNT, "if [[ $tests -eq 0 ]]; then"),
    (SUITE, COUNT, "if ((tests == 0)); then"),
    (GATE, 'if [ "${#waiting[@]}" -gt 0 ]; then', "if ((${#waiting[@]} > 0)); then"),
    (GATE, 'if [ "${#waiting[@]}" -gt 0 ]; then', 'if [ "${#waiting[@]}" -ne 0 ]; then'),
    (
        DEPLOY,
        '"$(head -n 2 evidence/tests.txt 2>/dev/null || true)"',
        "$(head -n 2 -- evidence/tests.txt || :)",
    ),
    (SUITE, COUNT, 'if ! [ "${tests}" -ne 0 ]; then'),
    (SUITE, COUNT, 'if (false || [ "$tests" "-eq" 0 ]); then'),
    *(
        (SUITE, f"{RUNS}\n", f"{runs}\n")
        for runs in (
            f"if ! {RUNS}; then\n    fail 'it failed'\nfi",
            f"{RUNS} || exit $?",
            f"code=0\n{RUNS} || code=$?\nif (( code != 0 )); then exit $code; fi",
            f'code=0\n{RUNS} || code=$?\n[ "$code" -eq 0 ] || exit "$code"',
            f"{RUNS} 2>&1 | cat",
            f"({RUNS})",
            f"{RUNS} &\nwait $!",
            f"failed=()\n{RUNS} || failed+=(it)\n"
            + 'if [ "${#failed[@]}" -gt 0 ]; then exit 1; fi',
        )
    ),
    *(
        (SUITE, "command", command)
        for command in (
            "set -x; pytest",
            "{ pytest; }",
            "pytest 2>&1 | tee log",
            "code=0; pytest || code=$?; exit $code",
            "pytest\nif [ $? -ne 0 ]; then exit 1; fi",
            'set +e; pytest; code=$?; set -e; exit "$code"',
            "exec pytest",
            "cd . && pytest",
            "pytest && echo fine",
            "pytest & wait $!",
            "if ! pytest; then echo failed; exit 3; fi",
            "if pytest; then echo fine; else exit 1; fi",
        )
    ),
    (DEPLOY, CMP, f"{CMP[:-1]} || exit 1\n"),
    (DEPLOY, CMP, CMP.replace("-- ", "")),
    (DEPLOY, UNTESTED, "elif [[ ${ALLOW_UNTESTED:-false} == true ]]; then"),
    (DEPLOY, CMP, f"if ! {CMP[:-1]}; then exit 1; fi\n"),
    (DEPLOY, CMP, f"if {CMP[:-1]}; then\n    :\nelse\n    exit 1\nfi\n"),
    (DEPLOY, CMP, f"{CMP[:-1]} >/dev/null || {{\n    echo differs\n    exit 1\n}}\n"),
    (DEPLOY, UNTESTED, 'elif [[ "${ALLOW_UNTESTED:-false}" == true ]]; then'),
    (DEPLOY, UNTESTED, 'elif test "${ALLOW_UNTESTED:-false}" = "true"; then'),
    (DEPLOY, THERE, 'if ! { [ -f "$archive" ] && [ -f commit.txt ]; }; then'),
    (DEPLOY, THERE, "if [[ ! -f $archive || ! -f commit.txt ]]; then"),
    (DEPLOY, "umask", 'case "${CI:-}" in\n1) echo one ;;\nesac\numask'),
    (PUBLISH, NAMED, f"if ! [[ {NAMED[7:]}"),
    (PUBLISH, 'if [ -z "$branch" ]; then', "if ! [[ -n $branch ]]; then"),
    (PUBLISH, '[ "$submodules" != true ] || m', 'if [ "$submodules" = true ]; then :; fi; m'),
    (PACK, '[ -n "$manage" ] && run', 'test -n "$manage" && run'),
    (PACK, '[ -n "$found" ] || fail', "! [[ -z $found ]] || fail"),
    (GATE, 'if [ -n "$same" ]; then', "if [[ -n $same ]]; then"),
    (CHECK, BROKEN, 'if [ -n "$broken" ]; then exit 1; fi\n'),
    (CHECK, "bin/cfl-jobs check\n", "bin/cfl-jobs check || exit 1\n"),
]


def of_command(before: Side, row: tuple[str, ...]) -> tuple[str, ...]:
    """Return a row, `command` as the line that gives a suite's script its command."""
    name, old, new, *expected = row
    if old == "command":
        script = "\n".join(step.script for step in before.jobs[name].shells)
        old = next(line for line in script.split("\n") if line.startswith("command="))
        new = f"command={shlex.quote(new)}"
    return (name, old, new, *expected)


@pytest.mark.parametrize("row", WEAKER, ids=lambda row: f"{row[0]}: {row[2]}")
def test_guard_that_is_lost_is_told(row: tuple[str, ...], before: Side) -> None:
    *edit, expected = of_command(before, row)
    told = say(before, *edit)
    assert any(expected in text for text in told), told


def test_guard_that_comes_while_a_suite_is_weakened_is_no_good_news(before: Side) -> None:
    weaker = f"{RUNS} || true\n[ -d reports ] || exit 1"
    (text,) = say(before, SUITE, RUNS, weaker, least=Weight.LOW)
    assert PASSES in text


@pytest.mark.parametrize("row", AS_BEFORE, ids=lambda row: f"{row[0]}: {row[2]}")
def test_guard_in_other_words_is_none_that_is_lost(row: tuple[str, ...], before: Side) -> None:
    assert say(before, *of_command(before, row)) == []


PIECES = (
    "if", "then", "fi", "else", "elif", "while", "do", "done", "case", "in", "esac", "for",
    "function", "{", "}", "(", ")", "((", "))", "[[", "]]", "[", "]", "&&", "||", "|", "&", ";",
    ";;", "!", "'", "$(", "`", "<<E", "E", "$x", "${x", "<", "<(", ">", "2>&1", "#", "b=1", "b=(",
    "exit ²", f"exit {'9' * 5000}",
    "f()", "exit", "return", "trap", "EXIT", "set", "shopt", "-e", '"', "\\", "\n", "\n",
)  # fmt: skip
FAILING = "cat nowhere"
RUN_BY_BASH = (
    "E",
    "E || code=$?",
    "E || code=$?\nexit $code",
    "E || exit",
    "E || { echo no; exit; }",
    "E && echo fine",
    "E && echo fine\necho more",
    "! E",
    "! E\necho more",
    "out=$(E)",
    "out=$(E\necho more)",
    "local_out=1 E",
    'export OUT="$(E)"',
    "E | cat",
    "set +o pipefail\nE | cat",
    "(E)",
    "(set +e\nE\necho more)",
    "E & wait $!",
    "E & wait $! || echo no",
    "if E; then echo fine; fi",
    "if ! E; then exit 4; fi",
    "while E; do echo more; done",
    "case x in x) E ;; esac",
    "for i in 1 2; do E; done",
    "f() { E; echo more; }\nf",
    "f() { E; echo more; }\nf || echo no",
    "f() { E || return 1; }\nf && echo fine\necho more",
    "f() ( E; exit 0 )\nset +e\nf",
    "fail() { exit 3; }\nE || fail",
    "fail() ( exit 3 )\nE || fail",
    "fail() ( exit 3 )\nset +e\nE || fail\necho more",
    "set +e\nE",
    "set +e\nE\n[ $? -gt 0 ] && exit 4",
    "E || exit -1",
    "exit() { :; }\nE || exit 3",
    "code=0\nE || code=$?\nif ((code != 0)); then exit 3; fi",
    "set +e\nE\necho more",
    "set +e\nE\n[ $? -eq 0 ] || exit 1\necho more",
    "trap 'exit 0' ERR\nE",
    "trap 'exit 0' EXIT\nE",
    "trap 'echo bye' EXIT\nE",
    'end() { [ "$?" -eq 0 ] || exit 0; }\ntrap end EXIT\nE',
    "exec E",
    "time E",
    "out=`E`",
    "function f { E; }\nf",
    "function f () ( E )\nf",
    "[[ ( -z x || -n y ) && ! -z z ]] && E",
    "if false; then :; elif E; then :; fi",
    "until E; do break; done",
    "{out}>&1 3>&1 E",
    "bad=()\nE || bad+=(one)\n[ ${#bad[@]} -eq 0 ]",
    'bad=""\nE || bad="it failed"\n[ -z "$bad" ]',
)


@pytest.mark.parametrize("text", RUN_BY_BASH)
def test_bash_ends_as_it_is_told(text: str, tmp_path: Path) -> None:
    script = f"#!/bin/bash\nset -eo pipefail\n{text.replace('E', FAILING, 1)}\n"
    if "EXIT" in text or "ERR" in text:
        head, _, end = text.rpartition("E")
        script = f"#!/bin/bash\nset -eo pipefail\n{head}{FAILING}{end}\n"
    (tmp_path / "script").write_text(script)
    run = subprocess.run(["bash", "script"], cwd=tmp_path, capture_output=True, check=False)
    told = [each for each in read_script(script).commands if each.text.endswith(FAILING)]
    ends = {each.end for each in told if not each.text.startswith("! ")}
    assert ends == {End.FAILS} if run.returncode else ends <= {End.PASSES, End.NONE}
    assert ends


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))
def test_no_text_is_too_strange_to_read(script: str) -> None:
    for text in (script, f"#!/bin/bash\n{script}"):
        assert read_script(text).tree.kind == "do"
        assert find_options(text).on >= find_options(text).end.keys() - {"e"}


MANY = 60
LONG = {
    "options": "\n".join(f"if a{n}; then set -o o{n}; fi" for n in range(MANY)),
    "traps": "\n".join(f"if a{n}; then trap t{n} EXIT; fi" for n in range(20)),
    "handler": "end() {\n" + "say it\n" * MANY + "}\ntrap end EXIT\n" + "work\n" * 20 * MANY,
    "functions": "\n".join(f"f{n}() {{ f{n + 1}; f{n + 1}; }}" for n in range(MANY)) + "\nf0",
    "case": f"case $x in {' '.join(f'a{n}) exit 1 ;;' for n in range(10 * MANY))} esac",
    "variables": "\n".join(f"if a{n}; then v{n}=1; fi\n[ $v{n} ]" for n in range(MANY)),
}


@pytest.mark.parametrize("text", LONG.values(), ids=list(LONG))
def test_long_script_has_its_guards(text: str) -> None:
    red = read_script(f"#!/bin/bash -e\n{text}\ncmp a b || exit 1\n").red
    assert "cmp a b || exit 1" in {stop.words for stop in red}


DEEP = {
    "if": "if a; then\n" * 400 + "b\n" + "fi\n" * 400,
    "elif": "if a; then b\n" + "elif a; then b\n" * 400 + "fi",
    "and": " && ".join(["a"] * 4000),
    "twice": "".join(f"f{n}() {{ {f'f{n + 1};' * 90} }}\n" for n in range(4)) + "trap f0 EXIT\na",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=list(DEEP))
def test_script_that_is_too_deep_to_follow_has_no_guards(text: str) -> None:
    script = f"#!/bin/bash -e\n{text}\n[ -s tests.txt ] || exit 1\n./deploy.sh\n"
    assert read_script(script).red == ()
    assert find_options(script).on == {"e"}
    assert find_guard(script, ["tests.txt"]) is not Guard.STOPS


SCRIPT = ROOT / "templates/scripts/deploy-distribution.sh"
PLAIN = "#!/usr/bin/env bash\n"
STRICT = f"{PLAIN}set -euo pipefail\n"


GUARDED = (
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
)  # fmt: skip
NOT_GUARDED = (
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
)  # fmt: skip


@pytest.mark.parametrize("script", [*GUARDED, *NOT_GUARDED])
def test_script_is_guarded_that_stops_before_the_deploy_without_the_record(script: str) -> None:
    is_guarded = script in GUARDED
    assert find_guard(script, ["tests.txt"]) is (Guard.DEPLOYS, Guard.STOPS)[is_guarded]


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
