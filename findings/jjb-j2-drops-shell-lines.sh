#!/usr/bin/env bash
# jenkins-job-builder 6.5.0 with Jinja2 3.1.6: in a script under `!j2:` the shell's ${#files[@]} begins a
# comment of Jinja2, which ends at the next #} however many lines later. All between is gone, and the
# exit code is 0. Seen: the script is `echo "$"`, without ./deploy.sh.
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
      - shell: !j2: |
          echo "${#files[@]}"
          ./deploy.sh
          echo "${line%%#}"
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
grep -F "<command>echo &quot;$&quot;</command>" job.xml && ! grep -F deploy.sh job.xml
