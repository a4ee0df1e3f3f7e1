#!/usr/bin/env bash
# Lays out the published files as one site, installs its dependencies into it, runs its steps
# (collecting static files and the like) and packs the distribution.
# Expects published/<component>/<component>.tar.* and published/<component>/commit.txt.
set -euo pipefail
: "${components[@]:?}"
: "${repositories[@]:?}"
: "${directories[@]:?}"
: "${first_time_job:?}"
: "${suffix:?}"
: "${compression:?}"
: "${python:?}"
: "${manage?}"
: "${needed[@]-}"
: "${needed_by[@]-}"
: "${programs[@]-}"
: "${run_by[@]-}"
: "${vendor:?}"
: "${requirements[@]-}"
: "${suite_requirements[@]-}"
: "${environment[@]-}"
: "${file_variables[@]-}"
: "${file_paths[@]-}"
: "${kept_out_texts[@]-}"
: "${kept_out_pairs[@]-}"
: "${kept_out_files[@]-}"
: "${steps[@]-}"
: "${commands[@]-}"
: "${step_directories[@]-}"
: "${step_environments[@]-}"
: "${expected[@]-}"

number="${BUILD_NUMBER:?}"
branch="${BRANCH:?}"
commits="not known yet"
placed=()
archive="distribution.$suffix"
umask 022
export PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf 'distribution %s: %s\n' "$number" "$*"; }
begin() {
    step="$*"
    say "$step"
}
fail() {
    reason="$*"
    exit 1
}
tell() {
    local code=$? ended=FAILED
    rm -f -- "${placed[@]}"
    if [ "$code" -eq 0 ]; then
        echo "[description] distribution $number of $branch"
        return 0
    fi
    [ "$code" -ne 143 ] || ended=STOPPED reason="by its time limit or by a person"
    echo "[description] distribution $number of $branch: $ended while $step"
    say "$ended while $step: ${reason:-exit code $code, see above}"
    say "branch $branch, commits: $commits; this log: ${BUILD_URL:-${JOB_NAME:-} $number}"
}
trap tell EXIT
trap 'exit 143' TERM

begin "looking for the published files"
rm -rf distribution "$archive" commit.txt venv suite-tools static-root.txt
command -v "$compression" >/dev/null ||
    fail "this node has no $compression, which settings.compression in jobs/settings.yaml names"
missing=()
for index in "${!components[@]}"; do
    from="published/${components[index]}"
    if [ ! -f "$from/${components[index]}.$suffix" ] || [ ! -f "$from/commit.txt" ]; then
        missing+=("${repositories[index]}")
    fi
done
if [ "${#missing[@]}" -gt 0 ]; then
    fail "there are no published files of branch $branch of ${missing[*]}." \
        "$first_time_job with BRANCH=$branch publishes all repositories."
fi

begin "reading the commits"
for index in "${!components[@]}"; do
    line="$(<"published/${components[index]}/commit.txt")"
    if [[ ! $line =~ ^([^[:space:]]+)\ [0-9a-f]{40}(\ [^[:space:]]+){0,2}$ ]] ||
        [ "${BASH_REMATCH[1]}" != "${repositories[index]}" ]; then
        fail "commit.txt of ${components[index]} is not '${repositories[index]} <commit>': $line"
    fi
    echo "$line" >>commit.txt
done
commits="$(cut -d ' ' -f 1,2 commit.txt | paste -s -d ' ')"
say "branch $branch, commits: $commits"

begin "laying out the files"
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
    tar -xf "published/$component/$component.$suffix" -C "$place" --no-same-owner
}
mkdir distribution
root="$(realpath distribution)"
for index in "${!components[@]}"; do
    if [ "${directories[index]}" = . ]; then unpack "${components[index]}" .; fi
done
for index in "${!components[@]}"; do
    if [ "${directories[index]}" != . ]; then unpack "${components[index]}" "${directories[index]}"; fi
done
absent=()
for index in "${!needed[@]}"; do
    [ -e "distribution/${needed[index]}" ] ||
        absent+=("no file ${needed[index]}, which ${needed_by[index]} needs")
done
for index in "${!programs[@]}"; do
    program="distribution/${programs[index]}"
    if [ ! -f "$program" ]; then
        absent+=("no file ${programs[index]}, which ${run_by[index]} runs")
    elif [ ! -x "$program" ]; then
        absent+=("a file ${programs[index]} that is not executable, and ${run_by[index]} runs it")
    fi
done
if [ "${#absent[@]}" -gt 0 ]; then
    list="$(printf '; %s' "${absent[@]}")"
    fail "the site has ${list#; }"
fi
for name in commit.txt "$vendor" "$vendor-suites" "${file_paths[@]}"; do
    place="distribution/$name"
    # An empty directory may be kept by a hidden file.
    if [ -L "$place" ] || [ -f "$place" ] || [ -n "$(ls "$place" 2>/dev/null)" ]; then
        fail "a repository has $name already, where this job puts its own"
    fi
done
cp commit.txt distribution/
# Every file gets the time of the newest commit: the same for the same commits, and another for
# others, so that a web server's time stamps tell two distributions apart.
newest="$(find distribution -mindepth 1 ! -path distribution/commit.txt ! -type d -printf '%Ts\n' |
    sort -n | tail -n 1)"
list_files() { (cd distribution && find . -mindepth 1 -print0 | LC_ALL=C sort -z); }

begin "making an environment of $python"
if ! "$python" -m venv venv; then
    say "$python has no module venv that works: taking $python and its pip as they are"
    # Half made, its python may be a symlink into the system.
    rm -rf venv
    mkdir -p venv/bin
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nexec %q "$@"\n' "$(command -v "$python")" >venv/bin/python
    chmod 755 venv/bin/python
    venv/bin/python -m pip --version || fail "$python has neither venv nor pip"
fi
export PATH="$root/$vendor/bin:$PWD/venv/bin:$PATH" PYTHONPATH="$root/$vendor"

# A requirements file, or a directory with a package.
list_requirements() {
    local each
    for each in "$@"; do
        if [ -d "distribution/$each" ]; then echo "./$each"; else printf -- '--requirement\n%s\n' "$each"; fi
    done
}
install_with_pip() {
    (cd distribution && python -m pip install --progress-bar off --no-compile --prefer-binary "$@")
}
list_files >files-before
if [ "${#requirements[@]}" -gt 0 ]; then
    begin "installing ${requirements[*]} into $vendor"
    mapfile -t options < <(list_requirements "${requirements[@]}")
    install_with_pip --target "$root/$vendor" "${options[@]}"
fi
if [ "${#suite_requirements[@]}" -gt 0 ]; then
    # What the suites need beside that, so that each suite tests with the very same.
    begin "installing ${suite_requirements[*]} into $vendor-suites"
    python -m pip list --path "$root/$vendor" --format freeze >constraints.txt
    mapfile -t options < <(list_requirements "${suite_requirements[@]}")
    install_with_pip --prefix "$PWD/suite-tools" --constraint "$PWD/constraints.txt" "${options[@]}"
    mkdir -p suite-tools
    packages="$(find suite-tools -type d \( -name site-packages -o -name dist-packages \) -print -quit)"
    if [ -n "$packages" ]; then
        mkdir -p "distribution/$vendor-suites"
        cp -a "$packages/." "distribution/$vendor-suites/"
        [ ! -d suite-tools/bin ] || cp -a suite-tools/bin "distribution/$vendor-suites/"
    fi
fi
# Installing a directory of the site leaves build/ and *.egg-info in it, which no one published.
while IFS= read -r -d '' left; do
    case "$left" in
    "./$vendor" | "./$vendor/"* | "./$vendor-suites" | "./$vendor-suites/"*) ;;
    *) rm -rf "distribution/$left" ;;
    esac
done < <(list_files | LC_ALL=C comm -z -13 files-before -)

for index in "${!file_paths[@]}"; do
    variable="${file_variables[index]}"
    placed+=("$root/${file_paths[index]}")
    install -D -m 600 -- "${!variable}" "$root/${file_paths[index]}"
done
run() {
    local directory="$1" more=()
    [ -z "$2" ] || mapfile -t more <<<"$2"
    (cd "distribution/$directory" && env "${environment[@]}" "${more[@]}" "${@:3}")
}

look_at_static_root() {
    begin "reading the site's settings with $manage"
    # manage.py chooses the settings and would then run a command: here it runs none.
    read_settings='
import os, runpy, sys
from django.core import management
management.execute_from_command_line = lambda *arguments: None
sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[1])))
sys.argv = [sys.argv[1], "check"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    if end.code:
        raise
from django.conf import settings
static, here = os.path.realpath(settings.STATIC_ROOT or os.sep), os.getcwd()
with open(os.environ["CFL_ANSWER"], "w") as answer:
    answer.write("inside" if static.startswith(here + os.sep) else "outside")
'
    run . "CFL_ANSWER=$root/../static-root.txt" python -c "$read_settings" "$manage"
    [ -f static-root.txt ] ||
        fail "$manage ended before its settings could be read. Let it call Django's" \
            "execute_from_command_line, or set manage: \"\" in jobs/distribution.yaml"
    if [ "$(<static-root.txt)" = outside ]; then
        fail "STATIC_ROOT is not set to a directory inside the site, so static files would be left out"
    fi
    manage=""
}
# Where a step installs Django, only after the steps.
if [ -n "$manage" ] && run . "" python -c 'import django' 2>/dev/null; then look_at_static_root; fi

for index in "${!steps[@]}"; do
    begin "${steps[index]} (${commands[index]})"
    run "${step_directories[index]}" "${step_environments[index]}" \
        bash -euo pipefail -c "${commands[index]}"
done
[ -z "$manage" ] || look_at_static_root

begin "looking for what the steps make"
for pattern in "${expected[@]}"; do
    found="$(cd distribution && compgen -G "$pattern" || true)"
    [ -n "$found" ] || fail "there is no $pattern after the steps, and 'expect' names it"
    while IFS= read -r file; do
        [ ! -d "distribution/$file" ] ||
            fail "$file is a directory, and 'expect' names files: put what is in it into the pattern"
        [ -s "distribution/$file" ] || fail "$file is empty after the steps, and 'expect' names it"
    done <<<"$found"
done

# What pip notes of where and how it ran would make another archive of the same files.
forget_the_place() {
    find "$1" -path '*.dist-info/*' \
        \( -name direct_url.json -o -name INSTALLER -o -name REQUESTED \) -delete
    find "$1" -path '*.dist-info/RECORD' -exec \
        sed -i -E '/^(\.\.\/)+bin\/|\.dist-info\/(direct_url\.json|INSTALLER|REQUESTED),/d' {} +
    [ ! -d "$1/bin" ] || find "$1/bin" -type f -exec sed -i \
        -e '1s|^#!.*python[0-9.]*$|#!/usr/bin/env python|' \
        -e "2s|^'''exec' .*|'''exec' python \"\$0\" \"\$@\"|" {} +
}

begin "packing $archive"
rm -f -- "${placed[@]}"
refuse_secret() { # a file that has it, "" for none; the secret's variable
    [ -n "$1" ] || return 0
    placed+=("$1")
    fail "${1#"$root/"} has the secret in $2, which must not be packed: keep it out in the step" \
        "that puts it there"
}
for variable in "${kept_out_files[@]}"; do
    size="$(stat -L -c %s -- "${!variable}")"
    [ "$size" -gt 0 ] || continue
    refuse_secret "$(find "$root" -type f -size "${size}c" -exec cmp -s -- "${!variable}" {} \; \
        -print -quit)" "$variable"
done
# The longest line of each. What is short, or what a step encodes, packs or cuts, isn't recognised.
refuse_text() { # the secret's text and variable
    local line found status=0
    line="$(LC_ALL=C awk 'length > length(longest) { longest = $0 } END { print longest }' <<<"$1")"
    [ "${#line}" -ge 8 ] || return 0
    found="$(LC_ALL=C grep -rlF -m 1 -f - "$root" <<<"$line")" || status=$?
    refuse_secret "${found%%$'\n'*}" "$2"
    [ "$status" -le 1 ] || fail "grep can't read every file to look for the secret in $2, see above"
}
for variable in "${kept_out_texts[@]}"; do refuse_text "${!variable}" "$variable"; done
for variable in "${kept_out_files[@]}"; do
    refuse_text "$(tr '\0' '\n' <"${!variable}")" "$variable"
done
for variable in "${kept_out_pairs[@]}"; do
    # user:password; a password that is too short is recognised beside its user only.
    refuse_text "${!variable}" "$variable"
    refuse_text "${!variable#*:}" "$variable"
done
for directory in "$vendor" "$vendor-suites"; do
    [ ! -d "distribution/$directory" ] || forget_the_place "distribution/$directory"
done
compress() {
    # As many threads on every node: their number shows in what pigz and zstd write.
    case "$compression" in
    gzip) gzip -n ;;
    pigz) pigz -n -p 4 ;;
    zstd) zstd -q -T4 ;;
    esac
}
list_files | tar --create --format=gnu --directory=distribution --null --no-recursion \
    --files-from=- --owner=0 --group=0 --numeric-owner --mtime="@$newest" \
    --mode=u+rw,go+r,go-w,a-s,a+X --hard-dereference | compress >"$archive"
say "packed $(stat -c %s "$archive") bytes, sha256 $(sha256sum "$archive" | cut -d ' ' -f 1)"
