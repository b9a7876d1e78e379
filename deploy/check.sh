#!/usr/bin/env bash
# Everything that is checked of deploy/ at every change, in about three minutes; the first time, tools are installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

for check in rules chart metrics image; do
    printf '\n--- %s\n' "check-$check"
    start=$SECONDS
    ./check-$check.sh
    printf -- '--- check-%s: %d s\n' $check $((SECONDS - start))
done
