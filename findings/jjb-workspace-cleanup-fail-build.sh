#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: the documentation of the publisher workspace-cleanup says that `fail-build`
# is true where it isn't given; the config says `<notFailBuild>true`, so a failed clean-up passes.
# Seen: the sentence of the documentation, then the element.
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
      - workspace-cleanup: {}
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
venv/bin/python -c '
import inspect, jenkins_jobs.modules.publishers as publishers
text = inspect.getdoc(publishers.workspace_cleanup)
print(*(line for line in text.splitlines() if "fail-build" in line))' 2>/dev/null |
    grep -A 1 'arg bool fail-build'
grep '<notFailBuild>true</notFailBuild>' job.xml
