#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: `timeout` of scm git writes a CheckoutOption beside the CloneOption, so a
# time limit for cloning alone, which the git plugin has, can't be written. Seen: two `<timeout>`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jenkins-job-builder==6.5.0 'setuptools==81.0.0'
cat >jobs.yaml <<'END'
- job:
    name: finding
    scm:
      - git:
          url: https://example.org/project.git
          timeout: 20
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
grep -E -A 3 '<hudson.plugins.git.extensions.impl.C(lone|heckout)Option>' job.xml
[ "$(grep -c '<timeout>20</timeout>' job.xml)" = 2 ]
