#!/usr/bin/env bash
# restore.sh: puts a backup back. Written by `cfl-jobs bootstrap`; to change it, change overrides/.
#
#   restore.sh HOME BACKUPS URL FILE
#
# FILE is the name of one of BACKUPS. What is in the home now is packed as a backup first. Refuses
# while a Jenkins answers at URL.
set -euo pipefail
home="${1:?name the home}"
backups="${2:?name the directory of backups}"
url="${3:?name the address of this Jenkins}"
file="$backups/$(basename "${4:?name a file of $backups}")"

refuse() {
    echo "restore.sh: nothing was changed: $1" >&2
    exit 1
}
# 6 and 7: no such host, and nothing that listens.
code=0
curl --silent --max-time 10 --output /dev/null "$url" || code=$?
case "$code" in
6 | 7) ;;
*) refuse "Jenkins runs; stop it first: docker compose --env-file secrets.env stop jenkins" ;;
esac
[ -f "$file" ] || refuse "there is no $file"
tar --list --gzip --file="$file" >/dev/null || refuse "$file is damaged"
if [ -n "$(ls -A "$home")" ]; then
    "$BASH" "$(dirname "$0")/backup.sh" "$home" "$backups"
fi
find "$home" -mindepth 1 -delete
tar --extract --gzip --file="$file" --directory="$home" --preserve-permissions --same-owner
echo "restored $file"
