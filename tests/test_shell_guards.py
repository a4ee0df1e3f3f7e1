"""Deploy scripts: whether they stop before the deploy where the tests' record isn't right."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.check.shell import Guard, deploys, find_guard

SCRIPT = Path(__file__).parent.parent / "templates/scripts/deploy-distribution.sh"
PLAIN = "#!/usr/bin/env bash\n"
STRICT = f"{PLAIN}set -euo pipefail\n"


@pytest.mark.parametrize(
    "script",
    [
        f"{PLAIN}test -e evidence/tests.txt && ./deploy.sh Dev",
        f"{PLAIN}[ -s evidence/tests.txt ] || exit 1\n./deploy.sh Dev",
        f"{PLAIN}[ -s evidence/tests.txt ] \\\n    || {{ echo no; exit 1; }}\n./deploy.sh Dev",
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
