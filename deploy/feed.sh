#!/bin/sh
# Feeds sample items: feed.sh BROKER TOPIC [PAUSE]
#
# First those of the demo, one record a file; then an invented story every PAUSE seconds (default 1) until it is ended. Of
# the stories every fourth is sent twice, and after every fortieth comes an item that cannot be read.
set -eu
broker=$1 topic=$2 pause=${3:-1}

kcat -P -b "$broker" -t "$topic" "$(dirname "$0")"/../config/demo/*

number=0
while :; do
    number=$((number + 1))
    case $((number % 3)) in
        0) source=wire-north ;;
        1) source=wire-south ;;
        *) source=agency-east ;;
    esac
    story=$(printf '{"source": "%s", "text": "%s\\n\\n%s\\n\\n%s"}' $source "Ferry number $number reaches Harrowmere" \
        "HARROWMERE, May 5 -- Ferry number $number reached the landing on Tuesday, officials said." \
        "It carried $number crates of apples and one goat, the harbor master said.")
    printf '%s\n' "$story"
    if [ $((number % 4)) -eq 0 ]; then printf '%s\n' "$story"; fi
    if [ $((number % 40)) -eq 0 ]; then printf '%s\n' '{"source": "wire-north"}'; fi
    sleep "$pause"
done | kcat -P -b "$broker" -t "$topic" -X linger.ms=5
