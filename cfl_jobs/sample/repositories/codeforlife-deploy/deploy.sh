#!/usr/bin/env bash
# deploy.sh <environment> <distribution number>: puts this directory live as <environment>/current.
#
# Environments live in $CFL_DEPLOY_ROOT, else in $JENKINS_HOME/deployed. The new release is complete
# before the symlink `current` changes to it in one step; a failure leaves the old one live.
set -euo pipefail

environment="${1:?which environment}"
number="${2:?which distribution}"
: "${SITE_SECRET_KEY:?the secret key of environment $environment is not set}"
root="${CFL_DEPLOY_ROOT:-${JENKINS_HOME:?set CFL_DEPLOY_ROOT to where environments live}/deployed}"
target="$root/$environment"
keep=3

cd "$(dirname "$0")"
[ -d static ] || { echo "deploy.sh: there are no static files to deploy" >&2; exit 1; }

umask 022
mkdir -p "$target/releases"
release="$(mktemp -d "$target/releases/$number.XXXXXX")"
abandon() { rm -rf "$release"; }
trap abandon EXIT
cp -a . "$release/"
chmod 755 "$release"
printf '%s\n' "$number" >"$release/distribution-number.txt"
(umask 077 && printf '%s\n' "$SITE_SECRET_KEY" >"$release/secret-key.txt")

ln -sfn "releases/$(basename "$release")" "$target/next"
mv -T "$target/next" "$target/current"
trap - EXIT

live="$(basename "$release")"
find "$target/releases" -mindepth 1 -maxdepth 1 ! -name "$live" -printf '%T@ %p\0' |
    sort -z -rn | tail -z -n "+$keep" | cut -z -d ' ' -f 2- | xargs -0 --no-run-if-empty rm -rf
echo "deployed distribution $number to $target/current"
