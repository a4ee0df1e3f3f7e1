#!/usr/bin/env bash
# Runs one suite in the unpacked distribution; writes reports/*.xml and, if it passes, tested.txt.
# check-number.sh ran before; Copy Artifact brought distribution.tar.gz and commit.txt.
set -euo pipefail
: "${distribution_job:?}"
: "${python:?}"
: "${requirements[@]:?}"
: "${command:?}"

number="${DISTRIBUTION_NUMBER:?}"
here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
commits="not known yet"
step="taking distribution $number"
umask 022
export PYTHONUTF8=1 PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    reason="$*"
    exit 1
}
tell() {
    local code=$?
    [ "$code" -ne 0 ] || return 0
    echo "$here: FAILED while $step: ${reason:-exit code $code, see above}"
    echo "distribution $number, commits: $commits; this log: ${BUILD_URL:-$here}"
}
trap tell EXIT

echo "[description] distribution $number"
rm -rf distribution venv reports tested.txt
if [ ! -f distribution.tar.gz ] || [ ! -f commit.txt ]; then
    fail "there is no distribution $number: no such build of $distribution_job, or it did not" \
        "finish, or its artifacts were not kept"
fi
commits="$(paste -s -d ' ' commit.txt)"
sum="$(sha256sum distribution.tar.gz | cut -d ' ' -f 1)"
echo "$here: distribution $number, commits: $commits"
mkdir distribution reports
tar -xzf distribution.tar.gz -C distribution --no-same-owner
cmp -- commit.txt distribution/commit.txt

step="installing ${requirements[*]}"
"$python" -m venv venv
PATH="$PWD/venv/bin:$PATH"
export JUNIT_REPORTS="$PWD/reports"
cd distribution
options=()
for file in "${requirements[@]}"; do
    options+=(--requirement "$file")
done
python -m pip install --quiet --no-compile --prefer-binary "${options[@]}"

step="running the suite ($command)"
bash -euo pipefail -c "$command"

step="counting the suite's tests"
cd ..
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
