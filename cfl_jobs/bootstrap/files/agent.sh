#!/usr/bin/env bash
# agent.sh: runs one agent. Written by `cfl-jobs bootstrap`; to change it, change overrides/.
#
# It takes agent.jar from the controller, so that both are of one version. The secret is a file that
# the controller wrote and only this agent is given; it opens this agent's place and nothing else.
set -euo pipefail
: "${AGENT_NAME:?}"
: "${JENKINS_URL:=http://jenkins:8080/}"
: "${AGENT_SECRET:=/run/agent/secret}"

until [ -s "$AGENT_SECRET" ] &&
    curl --fail --silent --show-error --output agent.jar "${JENKINS_URL}jnlpJars/agent.jar"; do
    echo "agent.sh: waiting for $JENKINS_URL"
    sleep 5
done
# A websocket, so that the controller needs no other port.
exec java -jar agent.jar -url "$JENKINS_URL" -name "$AGENT_NAME" -secret "@$AGENT_SECRET" \
    -webSocket -workDir "$PWD"
