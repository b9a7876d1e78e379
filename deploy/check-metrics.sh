#!/usr/bin/env bash
# What an operator sees, from a real copydesk on a real Kafka broker under traffic, through a real Prometheus and an
# Alertmanager: metrics, dashboard, runbook, and an alert that comes and goes. About 40 s.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/checks/tools.sh
source deploy/checks/tools.sh
# shellcheck source=deploy/checks/broker.sh
source deploy/checks/broker.sh

need promtool prometheus prometheus-alertmanager amtool kcat python3
copydesk=${COPYDESK:-target/debug/copydesk}
[[ -x $copydesk ]] || cargo build --bin copydesk
start_broker
python3 deploy/checks/live.py "$copydesk" "$bootstrap"
