#!/usr/bin/env bash
# Publishes all files of the checked out commit: <component>.tar.gz and commit.txt.
set -euo pipefail
: "${component:?}"
: "${repository:?}"
: "${downstream:?}"

here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
branch="${BRANCH:?}"
step="finding the commit of branch $branch of $repository"
tell() {
    local code=$?
    [ "$code" -ne 0 ] || return 0
    echo "$here: FAILED while $step: ${reason:-exit code $code, see above}"
    echo "nothing was published; this log: ${BUILD_URL:-$here}"
}
trap tell EXIT

# The repository may hold files of these names: what is archived must be this build's own.
rm -rf -- "./$component.tar.gz" commit.txt create-distribution.properties

commit="$(git rev-parse --verify 'HEAD^{commit}')"
if ! git merge-base --is-ancestor "$commit" "refs/remotes/origin/$branch"; then
    reason="the checked out commit $commit is not on that branch"
    exit 1
fi
if [ -z "${AD_HOC:-}" ]; then
    echo "[description] $branch ${commit:0:10}"
else
    echo "[description] $branch ${commit:0:10}, ad-hoc distribution $AD_HOC"
fi

step="packing $repository at $commit"
# git archive leaves out or rewrites files that .gitattributes marks export-ignore or export-subst;
# "all files of the repository" means those too. info/attributes wins over .gitattributes.
attributes="$(git rev-parse --git-path info/attributes)"
mkdir -p "$(dirname "$attributes")"
echo '* -export-ignore -export-subst' >"$attributes"
git -c core.autocrlf=false -c tar.umask=0022 archive --format=tar "$commit" |
    gzip -n >"$component.tar.gz"
git ls-tree -r "$commit" | while IFS=$'\t' read -r entry path; do
    if [[ $entry == 160000\ * ]]; then
        echo "note: $path is a git submodule, another repository: published as an empty directory"
    fi
done

echo "$repository $commit" >commit.txt
echo "$here: published $repository at $commit as $component.tar.gz"

step="asking for a new distribution"
if [ -z "${AD_HOC:-}" ]; then
    echo "BRANCH=$branch" >create-distribution.properties
else
    echo "$here: part of ad-hoc distribution $AD_HOC, which starts $downstream itself"
fi
