#!/usr/bin/env bash
# Runs one suite in the unpacked distribution; writes reports/*.xml and, if it passes, tested.txt.
# check-number.sh ran before; Copy Artifact brought the archive and commit.txt. Nothing is
# installed: the distribution carries what the suites need.
set -euo pipefail
: "${distribution_job:?}"
: "${archive:?}"
: "${python:?}"
: "${vendor:?}"
: "${environment[@]-}"
: "${file_variables[@]-}"
: "${file_paths[@]-}"
: "${services[@]-}"
: "${command:?}"

number="${DISTRIBUTION_NUMBER:?}"
here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
commits="not known yet"
placed=()
running=()
umask 022
export PYTHONUTF8=1

begin() {
    step="$*"
    echo "$here: $step"
}
fail() {
    reason="$*"
    exit 1
}
tell() {
    local code=$? ended=FAILED
    rm -f -- "${placed[@]}"
    for index in "${!running[@]}"; do
        if ! kill "${running[index]}" 2>/dev/null && [ "$code" -ne 0 ]; then
            echo "$here: ${services[index]} had ended before the suite did"
        fi
    done
    if [ "$code" -eq 0 ]; then
        echo "[description] distribution $number"
        return 0
    fi
    [ "$code" -ne 143 ] || ended=STOPPED reason="by its time limit or by a person"
    echo "[description] distribution $number: $ended while $step"
    echo "$here: $ended while $step: ${reason:-exit code $code, see above}"
    echo "distribution $number, commits: $commits; this log: ${BUILD_URL:-$here}"
}
trap tell EXIT
trap 'exit 143' TERM

begin "taking distribution $number"
rm -rf distribution venv reports tested.txt
if [ ! -f "$archive" ] || [ ! -f commit.txt ]; then
    fail "there is no distribution $number: no such build of $distribution_job, or it did not" \
        "finish, or its artifacts were not kept"
fi
commits="$(cut -d ' ' -f 1,2 commit.txt | paste -s -d ' ')"
sum="$(sha256sum "$archive" | cut -d ' ' -f 1)"
echo "$here: distribution $number, commits: $commits"
mkdir distribution reports
tar -xf "$archive" -C distribution --no-same-owner
cmp -- commit.txt distribution/commit.txt

begin "making an environment of $python"
if ! "$python" -m venv --without-pip venv; then
    echo "$here: $python has no module venv that works: taking $python as it is"
    # Half made, its python may be a symlink into the system.
    rm -rf venv
    mkdir -p venv/bin
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nexec %q "$@"\n' "$(command -v "$python")" >venv/bin/python
    chmod 755 venv/bin/python
fi
export JUNIT_REPORTS="$PWD/reports"
workspace="$PWD"
cd distribution
export PATH="$PWD/$vendor-suites/bin:$PWD/$vendor/bin:$workspace/venv/bin:$PATH"
export PYTHONPATH="$PWD/$vendor:$PWD/$vendor-suites"
for index in "${!file_paths[@]}"; do
    path="${file_paths[index]}"
    variable="${file_variables[index]}"
    [ ! -e "$path" ] || fail "the distribution has $path, where a secret belongs"
    placed+=("$PWD/$path")
    install -D -m 600 -- "${!variable}" "$path"
done

for service in "${services[@]}"; do
    begin "starting a service ($service)"
    env "${environment[@]}" bash -euo pipefail -c "$service" &
    running+=("$!")
done

begin "running the suite ($command)"
env "${environment[@]}" bash -euo pipefail -c "$command"

begin "counting the suite's tests"
cd "$workspace"
tests="$(find reports -name '*.xml' -exec cat {} + | { grep -o '<testcase' || true; } | wc -l)"
if [ "$tests" -eq 0 ]; then
    fail "the suite ended well but reported no test: there is none in \$JUNIT_REPORTS/*.xml"
fi
{
    echo "distribution $number"
    echo "sha256 $sum"
    echo "$here: $tests tests passed"
} >tested.txt
echo "$here: distribution $number passed, $tests tests"
