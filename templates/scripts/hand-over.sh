#!/usr/bin/env bash
# Names the three published builds to Create Distribution, in create-distribution.properties.
# The blocking step before left each build's number in the environment.
set -euo pipefail
: "${jobs[@]:?}"
: "${parameters[@]:?}"

here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
branch="${BRANCH:?}"
rm -f create-distribution.properties

lines="BRANCH=$branch"
for index in "${!jobs[@]}"; do
    # Parameterized Trigger 787: other characters than letters and digits become one underscore.
    variable="TRIGGERED_BUILD_NUMBER_$(LC_ALL=C tr -cs 'A-Za-z0-9' '_' <<<"${jobs[index]}")"
    variable="${variable%_}"
    number="${!variable:-}"
    if [[ ! $number =~ ^[1-9][0-9]*$ ]]; then
        echo "$here: FAILED while handing over branch $branch: no build number of" \
            "${jobs[index]} in $variable; no distribution was started"
        exit 1
    fi
    echo "$here: ${jobs[index]} $number"
    selector="<SpecificBuildSelector><buildNumber>$number</buildNumber></SpecificBuildSelector>"
    lines+=$'\n'"${parameters[index]}=$selector"
done
printf '%s\n' "$lines" >create-distribution.properties
echo "[description] $branch"
