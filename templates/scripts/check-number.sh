#!/usr/bin/env bash
# Stops the build unless DISTRIBUTION_NUMBER is a build number, before Copy Artifact needs it.
set -euo pipefail
: "${distribution_job:?}"

number="${DISTRIBUTION_NUMBER:-}"
if [[ ! $number =~ ^[1-9][0-9]{0,8}$ ]]; then
    printf '%s: refused: DISTRIBUTION_NUMBER %s is not a build number of %s. Enter one, like 42.\n' \
        "${JOB_NAME:-this job} ${BUILD_NUMBER:-}" "$(printf '%.120q' "$number")" "$distribution_job"
    printf '[description] refused: no distribution number\n'
    exit 1
fi
