#!/usr/bin/env bash
# backup.sh: packs a Jenkins home. Written by `cfl-jobs bootstrap`; to change it, change overrides/.
#
#   backup.sh HOME BACKUPS
#
# Jenkins may run: it writes each file whole. A build that runs is packed half and is taken for one
# that was interrupted. What is packed opens every secret of the home, so only its owner may read it.
set -euo pipefail
umask 077
home="${1:?name the home}"
backups="${2:?name the directory for backups}"

mkdir -p "$backups"
file="$backups/jenkins-home-$(date -u +%Y%m%dT%H%M%SZ).tar.gz"
if [ -e "$file" ]; then
    echo "backup.sh: $file is there already; wait a second" >&2
    exit 1
fi
trap 'rm -f "$file.part"' EXIT
# 1: a file changed or went while it was read. tar's own --gzip may make the file after tar failed.
{
    tar --create --directory="$home" --numeric-owner \
        --exclude=./workspace --exclude=./war --exclude=./caches --exclude=./.cache . ||
        [ "$?" -eq 1 ]
} | gzip >"$file.part"
mv "$file.part" "$file"
echo "packed $file"
