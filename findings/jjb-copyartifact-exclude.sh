#!/usr/bin/env bash
# jenkins-job-builder 6.5.0 writes the option `exclude` of the builder copyartifact as `<exclude>`.
# The field of hudson.plugins.copyartifact.CopyArtifact is `excludes` (Copy Artifact 722 and 795), so
# a server drops the element at the next save and copies what was to be left out. Seen: `<exclude>`.
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
      - copyartifact:
          project: upstream
          filter: "*.txt"
          exclude: large.txt
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
grep '<exclude>large.txt</exclude>' job.xml && ! grep -q '<excludes>' job.xml
