# shellcheck shell=bash
# A real Kafka broker for a check: source this, then `start_broker` sets $bootstrap. It is the one of the tests in
# tests/kafka, lent out, and ends with the check; COPYDESK_TEST_BOOTSTRAP names another.

start_broker() {
    bootstrap=${COPYDESK_TEST_BOOTSTRAP:-}
    [[ -n $bootstrap ]] && return
    local line said=()
    coproc broker { cargo test --quiet --test kafka -- --ignored --exact lend::a_broker --nocapture 2>&1; }
    # Bash forgets the coprocess's descriptors when it ends; these are ours.
    # shellcheck disable=SC2034 # held open: the broker runs until it closes
    exec {broker_out}<&"${broker[0]}" {broker_in}>&"${broker[1]}"
    while IFS= read -r line <&"$broker_out"; do
        said+=("$line")
        if [[ $line == *"broker at "* ]]; then
            bootstrap=${line##*broker at }
            echo "a Kafka broker at $bootstrap"
            return
        fi
    done
    printf '%s\n' "${said[@]}" "the broker did not start" >&2
    exit 1
}
