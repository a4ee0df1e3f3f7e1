#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: git's `depth` counts only beside `shallow-clone: true`. Alone it is taken
# without a word and no CloneOption is written, so the whole history is cloned. Seen: 0 CloneOptions
# in the first job, 1 in the second.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jenkins-job-builder==6.5.0 'setuptools==81.0.0'
cat >jobs.yaml <<'END'
- job:
    name: alone
    scm:
      - git: {url: 'https://example.com/a.git', depth: 5}
- job:
    name: shallow
    scm:
      - git: {url: 'https://example.com/a.git', depth: 5, shallow-clone: true}
END
venv/bin/jenkins-jobs test jobs.yaml -o jobs 2>log || { cat log; exit 2; }
for job in alone shallow; do
    echo "$job: $(grep -c '<hudson.plugins.git.extensions.impl.CloneOption>' "jobs/$job")"
done | tee seen
[ "$(cat seen)" = "alone: 0
shallow: 1" ]
