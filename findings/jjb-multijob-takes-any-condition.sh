#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: multijob lists the words that `condition` may be, but its own check looks
# only at lists and dicts, and they are in a tuple, so it never runs. Seen: SUCESSFUL in the config.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jenkins-job-builder==6.5.0 'setuptools==81.0.0'
cat >jobs.yaml <<'END'
- job:
    name: finding
    project-type: multijob
    builders:
      - multijob:
          name: phase
          condition: SUCESSFUL
          projects: []
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
grep '<continuationCondition>SUCESSFUL</continuationCondition>' job.xml
