#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: for an event that the Gerrit trigger doesn't know, the module prepares a
# message with the known ones, in a way that only Python 2 could add up. Seen: a TypeError instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jenkins-job-builder==6.5.0 'setuptools==81.0.0'
cat >jobs.yaml <<'END'
- job:
    name: finding
    triggers:
      - gerrit:
          trigger-on: [patchset-creatd-event]
          projects:
            - project-compare-type: PLAIN
              project-pattern: other
              branches:
                - branch-compare-type: PLAIN
                  branch-pattern: main
END
if venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log; then exit 1; fi
grep '^TypeError: unsupported operand' log
