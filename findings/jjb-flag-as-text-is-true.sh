#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: some flags are only tested for truth, so the text "false" turns them on,
# while others write the text and Jenkins reads false. Seen: `git-revision: "false"` of
# trigger-parameterized-builds adds GitRevisionBuildParameters, `trigger-with-no-params: "false"` is false.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jenkins-job-builder==6.5.0 'setuptools==81.0.0'
cat >jobs.yaml <<'END'
- job:
    name: finding
    publishers:
      - trigger-parameterized-builds:
          - project: other
            git-revision: "false"
            trigger-with-no-params: "false"
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
grep '<hudson.plugins.git.GitRevisionBuildParameters' job.xml
grep '<triggerWithNoParameters>false</triggerWithNoParameters>' job.xml
