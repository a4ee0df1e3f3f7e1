#!/usr/bin/env bash
# Deploys one tested distribution: runs the environment's command in its files.
# check-selector.sh ran before; Copy Artifact brought the archive, commit.txt and, if the
# distribution was recorded as tested, evidence/tests.txt.
set -euo pipefail
: "${environment:?}"
: "${distribution_job:?}"
: "${promote_job:?}"
: "${archive:?}"
: "${python:?}"
: "${vendor:?}"
: "${command:?}"
: "${variables[@]-}"
: "${file_variables[@]-}"
: "${file_paths[@]-}"

number="$(<distribution-number)"
here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
commits="not known yet"
state="nothing was deployed"
description="distribution $number to $environment"
placed=()
umask 022

begin() {
    step="$*"
    echo "$here: $step"
}
refuse() {
    description="refused: $1"
    reason="refused, ${*:2}"
    exit 1
}
tell() {
    local code=$? ended=FAILED
    rm -f -- "${placed[@]}"
    if [ "$code" -eq 0 ]; then
        echo "[description] $description"
        return 0
    fi
    [ "$code" -ne 143 ] || ended=STOPPED reason="by its time limit or by a person"
    [[ ${reason:-} == refused,* ]] || description+=": $ended while $step"
    echo "[description] $description"
    echo "$here: $ended while $step: ${reason:-exit code $code, see above}"
    echo "distribution $number, commits: $commits; $state; this log: ${BUILD_URL:-$here}"
}
trap tell EXIT
trap 'exit 143' TERM
# {environment} and {number} of a text, filled in.
fill() {
    local text="${1//'{environment}'/"$2"}"
    printf '%s' "${text//'{number}'/"$number"}"
}

begin "taking distribution $number"
rm -rf distribution venv
if [ ! -f "$archive" ] || [ ! -f commit.txt ]; then
    refuse "no distribution $number" "there is no distribution $number: no such build of" \
        "$distribution_job, or it did not finish, or its artifacts were not kept"
fi
commits="$(cut -d ' ' -f 1,2 commit.txt | paste -s -d ' ')"
echo "$here: distribution $number, commits: $commits"
short="$(sed -E 's/^([^ ]+ [0-9a-f]{7}).*/\1/' commit.txt | paste -s -d , | sed 's/,/, /g')"

begin "looking for the tests of distribution $number"
sum="$(sha256sum "$archive" | cut -d ' ' -f 1)"
recorded="$(head -n 2 evidence/tests.txt 2>/dev/null || true)"
if [ "$recorded" = "distribution $number"$'\n'"sha256 $sum" ]; then
    description+=" ($short)"
    tail -n +3 evidence/tests.txt
elif [ "${ALLOW_UNTESTED:-false}" = true ]; then
    description+=", UNTESTED ($short)"
    echo "$here: distribution $number is UNTESTED, deployed because ALLOW_UNTESTED is ticked"
else
    refuse "distribution $number is not tested" \
        "$promote_job has not recorded distribution $number as tested." \
        "Run its test suites, or tick ALLOW_UNTESTED to deploy it all the same"
fi

begin "unpacking distribution $number"
mkdir distribution
tar -xf "$archive" -C distribution --no-same-owner
cmp -- commit.txt distribution/commit.txt
workspace="$PWD"
cd distribution
# What only the suites need isn't deployed.
rm -rf "$vendor-suites"
# `cfl-jobs check` knows by this name that running it is the deploy.
deploy_command="$(fill "$command" "$(printf %q "$environment")")"
program="${deploy_command%% *}"
if [[ $program == ./* ]] && { [ ! -x "$program" ] || [ ! -f "$program" ]; }; then
    refuse "no ${program#./}" "the distribution has no executable file ${program#./}"
fi
filled=()
for variable in "${variables[@]}"; do
    filled+=("$(fill "$variable" "$environment")")
done
for index in "${!file_paths[@]}"; do
    path="${file_paths[index]}"
    variable="${file_variables[index]}"
    [ ! -e "$path" ] || refuse "$path is there" "the distribution has $path, where a secret belongs"
    placed+=("$PWD/$path")
    install -D -m 600 -- "${!variable}" "$path"
done
if ! "$python" -m venv --without-pip "$workspace/venv"; then
    echo "$here: $python has no module venv that works: taking $python as it is"
    # Half made, its python may be a symlink into the system.
    rm -rf "$workspace/venv"
    mkdir -p "$workspace/venv/bin"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nexec %q "$@"\n' "$(command -v "$python")" >"$workspace/venv/bin/python"
    chmod 755 "$workspace/venv/bin/python"
fi
export PATH="$PWD/$vendor/bin:$workspace/venv/bin:$PATH" PYTHONPATH="$PWD/$vendor" PYTHONUTF8=1

begin "running $deploy_command"
state="$environment may be half deployed"
env "${filled[@]}" bash -euo pipefail -c "$deploy_command"
echo "$here: deployed distribution $number to $environment"
