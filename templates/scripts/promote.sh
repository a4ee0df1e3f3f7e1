#!/usr/bin/env bash
# Records that a distribution passed all suites (tests.txt) or says which it still waits for.
# check-number.sh ran before; Copy Artifact brought what there is of evidence/<suite>/tested.txt and
# before/tests.txt, an earlier record of the same distribution.
set -euo pipefail
: "${suites[@]:?}"
: "${jobs[@]:?}"
: "${deploys:?}"

number="${DISTRIBUTION_NUMBER:?}"
# Suites of one name would share one place of evidence: one success would count for both.
same="$(printf '%s\n' "${suites[@]}" | LC_ALL=C sort | uniq -d)"
if [ -n "$same" ]; then
    echo "distribution $number: refused: two suites are called ${same//$'\n'/, }; rename one in jobs/"
    exit 1
fi
say() { echo "distribution $number: $*"; }
# The line that names the packed bytes, of one file of evidence for this very number.
read_sum() {
    if [ -f "$1" ] && [ "$(head -n 1 "$1")" = "distribution $number" ]; then
        sed -n '2{/^sha256 [0-9a-f]\{64\}$/p}' "$1"
    fi
}

rm -f tests.txt deploy.properties
waiting=()
sums=()
for index in "${!suites[@]}"; do
    sum="$(read_sum "evidence/${suites[index]}/tested.txt")"
    if [ -n "$sum" ]; then sums+=("$sum"); else waiting+=("${jobs[index]}"); fi
done
before="$(read_sum before/tests.txt)"

if [ "${#waiting[@]}" -eq 0 ] && [ "$(printf '%s\n' "${sums[@]}" | sort -u | wc -l)" -gt 1 ]; then
    say "the suites tested different files of this number (${sums[*]})"
    waiting=("${jobs[@]}")
fi
if [ "${#waiting[@]}" -gt 0 ]; then
    if [ -n "$before" ] && [ "$(printf '%s\n' "$before" "${sums[@]}" | sort -u)" = "$before" ]; then
        # A suite's build is no longer kept, the record of its success is.
        say "recorded as tested before"
        cp before/tests.txt tests.txt
        echo "[description] distribution $number: tested"
        exit 0
    fi
    waits="$(printf ' and %s' "${waiting[@]}")"
    say "waiting for ${waits# and }"
    echo "[description] distribution $number: waiting for ${waits# and }"
    exit 0
fi

{
    echo "distribution $number"
    echo "${sums[0]}"
    for suite in "${suites[@]}"; do
        tail -n +3 "evidence/$suite/tested.txt"
    done
} >tests.txt
say "passed ${jobs[*]}"
echo "[description] distribution $number: tested"
if [ "$before" = "${sums[0]}" ]; then
    say "recorded before, so $deploys is not started again"
else
    printf 'DISTRIBUTION=<SpecificBuildSelector><buildNumber>%s</buildNumber>%s\n' \
        "$number" '</SpecificBuildSelector>' >deploy.properties
fi
