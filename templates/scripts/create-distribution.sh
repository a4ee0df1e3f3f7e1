#!/usr/bin/env bash
# Lays out the published files as one site, collects its static files and packs the distribution.
# Expects published/<component>/<component>.tar.gz and published/<component>/commit.txt.
set -euo pipefail
: "${components[@]:?}"
: "${repositories[@]:?}"
: "${directories[@]:?}"
: "${first_time_job:?}"
: "${python:?}"
: "${requirements:?}"
: "${manage:?}"
: "${collect:?}"
: "${compress:?}"

number="${BUILD_NUMBER:?}"
branch="${BRANCH:?}"
commits="not known yet"
step="looking for the published files"
umask 022
export PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf 'distribution %s: %s\n' "$number" "$*"; }
fail() {
    reason="$*"
    exit 1
}
tell() {
    local code=$?
    [ "$code" -ne 0 ] || return 0
    say "FAILED while $step: ${reason:-exit code $code, see above}"
    say "branch $branch, commits: $commits; this log: ${BUILD_URL:-${JOB_NAME:-} $number}"
}
trap tell EXIT

echo "[description] distribution $number of $branch"
rm -rf distribution distribution.tar.gz commit.txt venv

missing=()
for index in "${!components[@]}"; do
    from="published/${components[index]}"
    if [ ! -f "$from/${components[index]}.tar.gz" ] || [ ! -f "$from/commit.txt" ]; then
        missing+=("${repositories[index]}")
    fi
done
if [ "${#missing[@]}" -gt 0 ]; then
    fail "there are no published files of branch $branch of ${missing[*]}." \
        "$first_time_job with BRANCH=$branch publishes all repositories."
fi

step="reading the commits"
for index in "${!components[@]}"; do
    line="$(<"published/${components[index]}/commit.txt")"
    if [[ ! $line =~ ^([^[:space:]]+)\ [0-9a-f]{40}$ ]] ||
        [ "${BASH_REMATCH[1]}" != "${repositories[index]}" ]; then
        fail "commit.txt of ${components[index]} is not '${repositories[index]} <commit>': $line"
    fi
    echo "$line" >>commit.txt
done
commits="$(paste -s -d ' ' commit.txt)"
say "branch $branch, commits: $commits"

step="laying out the files"
unpack() {
    local component="$1" directory="$2" place
    place="$(realpath -m "distribution/$directory")"
    if [ "$place" != "$root/${directory%/}" ] && [ "$directory" != . ]; then
        fail "$directory of $component leads out of the distribution, by a symlink or .."
    fi
    if [ -e "$place" ] && { [ ! -d "$place" ] || [ -n "$(ls -A "$place")" ]; }; then
        fail "$directory, the place of $component, holds files of another repository"
    fi
    mkdir -p "$place"
    tar -xzf "published/$component/$component.tar.gz" -C "$place" --no-same-owner
}
mkdir distribution
root="$(realpath distribution)"
for index in "${!components[@]}"; do
    if [ "${directories[index]}" = . ]; then unpack "${components[index]}" .; fi
done
for index in "${!components[@]}"; do
    if [ "${directories[index]}" != . ]; then unpack "${components[index]}" "${directories[index]}"; fi
done
for file in "$requirements" "$manage"; do
    [ -f "distribution/$file" ] || fail "the root repository has no file $file"
done
if [ -e distribution/commit.txt ] || [ -L distribution/commit.txt ]; then
    fail "the root repository has a file commit.txt, the name of the list of commits"
fi
cp commit.txt distribution/
# Every file gets the time of the newest commit: the same for the same commits, and another for
# others, so that a web server's time stamps tell two distributions apart.
newest="$(find distribution -mindepth 1 ! -path distribution/commit.txt ! -type d -printf '%Ts\n' |
    sort -n | tail -n 1)"
list_files() { (cd distribution && find . -mindepth 1 -print0 | LC_ALL=C sort -z); }
list_files >files-before

step="installing $requirements"
"$python" -m venv venv
venv="$PWD/venv/bin"
(cd distribution && PATH="$venv:$PATH" "$venv/python" -m pip install --quiet --no-compile \
    --prefer-binary --requirement "$requirements")
# Installing a directory of the site leaves build/ and *.egg-info in it, which no one published.
list_files | LC_ALL=C comm -z -13 files-before - >files-of-pip

step="reading the site's settings with $manage"
run_manage() { (cd distribution && PATH="$venv:$PATH" "$venv/python" "$manage" "$@"); }
read_settings='
import os
from django.apps import apps
from django.conf import settings
static, here = os.path.realpath(settings.STATIC_ROOT or os.sep), os.getcwd()
with open(os.environ["CFL_ANSWERS"], "w") as answers:
    print("inside" if static.startswith(here + os.sep) else "outside", file=answers)
    print("compressor" if apps.is_installed("compressor") else "none", file=answers)
'
CFL_ANSWERS="$PWD/settings.txt" run_manage shell -c "$read_settings"
if grep -qx outside settings.txt; then
    fail "STATIC_ROOT is not set to a directory inside the site, so static files would be left out"
fi

step="collecting static files ($manage $collect)"
read -r -a words <<<"$collect"
run_manage "${words[@]}"
if grep -qx compressor settings.txt; then
    step="compressing static files ($manage $compress)"
    read -r -a words <<<"$compress"
    run_manage "${words[@]}"
else
    say "django-compressor is not in INSTALLED_APPS: nothing to compress"
fi

step="packing distribution.tar.gz"
while IFS= read -r -d '' left; do
    if [ -d "distribution/$left" ] && [ ! -L "distribution/$left" ]; then
        rmdir --ignore-fail-on-non-empty "distribution/$left"
    else
        rm -f "distribution/$left"
    fi
done < <(LC_ALL=C sort -z --reverse files-of-pip)
list_files | tar --create --format=gnu --directory=distribution --null --no-recursion \
    --files-from=- --owner=0 --group=0 --numeric-owner --mtime="@$newest" \
    --mode=u+rw,go+r,go-w,a-s,a+X --hard-dereference | gzip -n >distribution.tar.gz
say "packed, sha256 $(sha256sum distribution.tar.gz | cut -d ' ' -f 1)"
