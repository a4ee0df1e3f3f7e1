#!/usr/bin/env bash
# Deploys one tested distribution: ./deploy.sh <environment> <distribution number> in its files.
# check-selector.sh ran before; Copy Artifact brought distribution.tar.gz, commit.txt and, if the
# distribution was recorded as tested, evidence/tests.txt.
set -euo pipefail
: "${environment:?}"
: "${distribution_job:?}"
: "${promote_job:?}"

number="$(<distribution-number)"
here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
commits="not known yet"
state="nothing was deployed"
step="taking distribution $number"
umask 022

refuse() {
    reason="$*"
    exit 1
}
tell() {
    local code=$?
    [ "$code" -ne 0 ] || return 0
    echo "$here: FAILED while $step: ${reason:-exit code $code, see above}"
    echo "distribution $number, commits: $commits; $state; this log: ${BUILD_URL:-$here}"
}
trap tell EXIT

rm -rf distribution
if [ ! -f distribution.tar.gz ] || [ ! -f commit.txt ]; then
    echo "[description] refused: no distribution $number"
    refuse "refused, there is no distribution $number: no such build of $distribution_job, or it" \
        "did not finish, or its artifacts were not kept"
fi
commits="$(paste -s -d ' ' commit.txt)"
echo "$here: distribution $number, commits: $commits"
short="$(sed -E 's/^([^ ]+ [0-9a-f]{7}).*/\1/' commit.txt | paste -s -d , | sed 's/,/, /g')"

step="looking for the tests of distribution $number"
sum="$(sha256sum distribution.tar.gz | cut -d ' ' -f 1)"
recorded="$(head -n 2 evidence/tests.txt 2>/dev/null || true)"
if [ "$recorded" = "distribution $number"$'\n'"sha256 $sum" ]; then
    echo "[description] distribution $number to $environment ($short)"
    tail -n +3 evidence/tests.txt
elif [ "${ALLOW_UNTESTED:-false}" = true ]; then
    echo "[description] distribution $number to $environment, UNTESTED ($short)"
    echo "$here: distribution $number is UNTESTED, deployed because ALLOW_UNTESTED is ticked"
else
    echo "[description] refused: distribution $number is not tested"
    refuse "refused, $promote_job has not recorded distribution $number as tested." \
        "Run its test suites, or tick ALLOW_UNTESTED to deploy it all the same"
fi

step="unpacking distribution $number"
mkdir distribution
tar -xzf distribution.tar.gz -C distribution --no-same-owner
cmp -- commit.txt distribution/commit.txt
cd distribution
if [ ! -x deploy.sh ] || [ ! -f deploy.sh ]; then
    refuse "the distribution has no executable file deploy.sh"
fi

step="running ./deploy.sh $environment $number"
state="$environment may be half deployed"
./deploy.sh "$environment" "$number"
echo "$here: deployed distribution $number to $environment"
