#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: the wrapper `timeout` with `abort: false` and no other action writes the
# AbortOperation all the same, so the build is aborted. Seen: the element in the config.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jenkins-job-builder==6.5.0 'setuptools==81.0.0'
cat >jobs.yaml <<'END'
- job:
    name: finding
    wrappers:
      - timeout:
          timeout: 10
          abort: false
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
grep '<hudson.plugins.build__timeout.operations.AbortOperation/>' job.xml
