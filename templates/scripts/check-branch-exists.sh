#!/usr/bin/env bash
# Stops the build unless BRANCH exists in every repository, before anything is published.
# check-branch.sh ran before and knows that the name is harmless.
set -euo pipefail
: "${lane:?}"
: "${tags:?}"
: "${repositories[@]:?}"
: "${urls[@]:?}"
: "${own_branches[@]:?}"
: "${logins[@]-}"

here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
branch="${BRANCH:?}"
export GIT_TERMINAL_PROMPT=0

list_refs() { # url; variables with a user name and a password, or with the file of a key, or ""
    local options=() user pass
    if [ -n "$2" ]; then
        read -r user pass <<<"$2"
        # The shell that git starts fills them in, so that none stands in a command.
        options=(-c "core.sshCommand=ssh -i \"\$$user\" -o IdentitiesOnly=yes -o BatchMode=yes")
        [ -z "$pass" ] || options=(-c credential.helper= -c
            "credential.helper=!printf '%s\\n' \"username=\$$user\" \"password=\$$pass\"; :")
    fi
    git "${options[@]}" ls-remote -- "$1" "${wanted[@]}"
}
missing=()
unreachable=()
for index in "${!repositories[@]}"; do
    url="${urls[index]}"
    name="$branch"
    if [ "$branch" = "$lane" ]; then name="${own_branches[index]}"; fi
    wanted=("refs/heads/$name")
    [ "$tags" != true ] || wanted+=("refs/tags/$name")
    if ! refs="$(list_refs "$url" "${logins[index]}")"; then
        unreachable+=("$url")
    elif ! cut -f 2 <<<"$refs" | grep -Fqx "$(printf '%s\n' "${wanted[@]}")"; then
        missing+=("${repositories[index]}")
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
