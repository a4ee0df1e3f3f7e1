#!/usr/bin/env bash
# Stops the build unless DISTRIBUTION selects one build by its number, before Copy Artifact needs it.
# Leaves the number in the file distribution-number.
set -euo pipefail
: "${distribution_job:?}"

# Copy Artifact 722: a build selector parameter's value is XML, written by XStream.
selector="${DISTRIBUTION:-}"
specific='^[[:space:]]*<SpecificBuildSelector( plugin="[^"<>]*")?>[[:space:]]*'
specific+='<buildNumber(/>|>[[:space:]]*([^<>]*)</buildNumber>)[[:space:]]*'
specific+='</SpecificBuildSelector>[[:space:]]*$'
how="In the drop-down keep \"Specific build\" and enter a build number of $distribution_job, like 42."

refuse() {
    printf '%s: refused, nothing was deployed: %s %s\n' \
        "${JOB_NAME:-this job} ${BUILD_NUMBER:-}" "$1" "$how"
    printf '[description] refused: no distribution number\n'
    exit 1
}

if [[ ! $selector =~ $specific ]]; then
    refuse "DISTRIBUTION must say which build: the newest one may not be the one that you mean."
fi
number="${BASH_REMATCH[3]}"
number="${number%"${number##*[![:space:]]}"}"
if [ -z "$number" ]; then
    refuse "DISTRIBUTION has no build number."
elif [[ ! $number =~ ^[1-9][0-9]{0,8}$ ]]; then
    refuse "DISTRIBUTION $(printf '%.120q' "$number") is not a build number."
fi
printf '%s\n' "$number" >distribution-number
