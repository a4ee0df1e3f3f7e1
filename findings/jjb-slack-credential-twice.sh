#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: the publisher `slack` with `auth-token-credential-id` writes the element
# authTokenCredentialId twice into one notifier: empty first, the given value later, apart from it.
# Seen: both lines.
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
      - slack:
          auth-token-credential-id: slack-bot
          room: builds
END
venv/bin/jenkins-jobs test jobs.yaml >job.xml 2>log || { cat log; exit 2; }
seen=$(grep -o '<authTokenCredentialId.*' job.xml)
echo "$seen"
[ "$seen" = "<authTokenCredentialId/>
<authTokenCredentialId>slack-bot</authTokenCredentialId>" ]
