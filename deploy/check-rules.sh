#!/usr/bin/env bash
# The recording and alert rules: well-formed, tested, and every alert has its section in the runbook. The dashboard is held
# against Grafana's own types, scripts and the compose file are linted. About 20 s, and a minute more the first time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/checks/tools.sh
source deploy/checks/tools.sh

need promtool shellcheck check-jsonschema yamllint go # yamllint for the YAML library that it brings
shellcheck -x deploy/*.sh deploy/checks/*.sh .ci/run .ci/book
check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
"$tools/python/bin/python" deploy/checks/mounted.py deploy/compose.yaml
promtool check rules deploy/prometheus/rules.yaml
promtool check config --syntax-only deploy/prometheus/prometheus.yaml
promtool test rules deploy/prometheus/rules.test.yaml
(cd deploy/checks/grafana && GOFLAGS=-buildvcs=false go run . ../../grafana/copydesk.json)

alerts=$(sed -n 's/^ *- alert: //p' deploy/prometheus/rules.yaml)
for alert in $alerts; do
    grep -q "runbook.html#${alert,,}\$" deploy/prometheus/rules.yaml || { echo "$alert names no section of the runbook"; exit 1; }
    grep -q "^### $alert\$" docs/runbook.md || { echo "$alert has no section in docs/runbook.md"; exit 1; }
    grep -q "alertname=\"$alert\"" deploy/prometheus/rules.test.yaml || { echo "$alert has no test"; exit 1; }
done
echo "$(wc -w <<<"$alerts") alerts, each with a test and a section in the runbook"
