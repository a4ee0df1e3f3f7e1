#!/usr/bin/env bash
# Stops the build unless BRANCH is a branch name that the whole chain can carry unchanged.
set -euo pipefail

here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
branch="${BRANCH:-}"

refuse() {
    printf '%s: refused, nothing was done: %s\n' "$here" "$1"
    printf '[description] refused: %s\n' "$2"
    exit 1
}

if [ -z "$branch" ]; then
    refuse "BRANCH is empty. Enter the name of the branch to build, for example master." \
        "no BRANCH"
fi

# A branch name travels through properties files, Copy Artifact's NAME=value,NAME=value filters and
# build descriptions. These characters mean nothing in any of them.
LC_ALL=C
if [[ ! $branch =~ ^[A-Za-z0-9._/+@#-]{1,200}$ ]]; then
    refuse "BRANCH $(printf '%.120q' "$branch") is not a branch name that can be built: use up to\
 200 letters, digits and . _ - / + @ # only." "BRANCH is not a branch name"
fi
if [[ $branch == -* || $branch == HEAD ]] || ! git check-ref-format "refs/heads/$branch"; then
    refuse "BRANCH $branch is not a name that git allows for a branch." "BRANCH is not a branch name"
fi
