#!/usr/bin/env bash
# Stops the build unless BRANCH exists in every repository, before anything is published.
# check-branch.sh ran before and knows that the name is harmless.
set -euo pipefail
: "${github:?}"
: "${repositories[@]:?}"

here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
branch="${BRANCH:?}"
export GIT_TERMINAL_PROMPT=0

missing=()
unreachable=()
for repository in "${repositories[@]}"; do
    url="$github/$repository.git"
    if ! heads="$(git ls-remote --heads -- "$url" "refs/heads/$branch")"; then
        unreachable+=("$url")
    elif ! cut -f 2 <<<"$heads" | grep -Fqx -- "refs/heads/$branch"; then
        missing+=("$repository")
    fi
done

if [ "${#unreachable[@]}" -gt 0 ]; then
    printf '%s: refused, nothing was published: git could not read %s (its reason is above).\n' \
        "$here" "${unreachable[*]}"
    printf '[description] refused: %s repositories could not be read\n' "${#unreachable[@]}"
    exit 1
fi
if [ "${#missing[@]}" -gt 0 ]; then
    printf '%s: refused, nothing was published: there is no branch %s in %s.' \
        "$here" "$branch" "${missing[*]}"
    printf ' Push it there (it may start from what is deployed: see commit.txt), then build again.\n'
    printf '[description] refused: %s is not in all repositories\n' "$branch"
    exit 1
fi
printf '%s: branch %s is in all %s repositories\n' "$here" "$branch" "${#repositories[@]}"
