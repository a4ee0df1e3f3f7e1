#!/usr/bin/env bash
# controller.sh: starts Jenkins. Written by `cfl-jobs bootstrap`; to change it, change overrides/.
#
# Not where a secret is empty: the admin, for example, would have an empty password.
set -euo pipefail
: "${SECRETS:=/run/secrets}"
: "${JENKINS:=/usr/local/bin/jenkins.sh}"

for secret in "$SECRETS"/*; do
    if [ -f "$secret" ] && [ ! -s "$secret" ]; then
        echo "controller.sh: the secret ${secret##*/} is empty: fill in secrets.env" >&2
        exit 1
    fi
done
exec "$JENKINS" "$@"
