#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: an item of `builders:` with two names runs only the first; the second is
# dropped without a word. Seen: one shell step, no batch step.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jenkins-job-builder==6.5.0 'setuptools==81.0.0'
cat >jobs.yaml <<'END'
- job:
    name: finding
    builders:
      - shell: echo one
        batch: echo two
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
grep -A 1 '<hudson.tasks.' job.xml
[ "$(grep -c '<hudson.tasks.' job.xml)" = 1 ] && ! grep -q 'echo two' job.xml
