#!/usr/bin/env bash
# The Helm chart: linted, rendered with every values file of its ci/ folder, held against the schemas of Kubernetes and of
# the custom resources, scored; and the values that must be refused are. About 20 s, and some minutes the first time.
#
# With COPYDESK naming a binary (default: the one in target/), it also reads every rendered configuration.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/checks/tools.sh
source deploy/checks/tools.sh

need helm kubeconform kube-score yamllint python3
need_schemas
chart=deploy/helm/copydesk
copydesk=${COPYDESK:-target/debug/copydesk}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

render() { # VALUES OUT
    helm template desk "$chart" --namespace news --kube-version "$kubernetes" --values "$1" >"$2" 2>"$work/said"
}

yamllint --strict -c deploy/checks/yamllint.yaml deploy
for values in "$chart"/ci/*.yaml; do
    echo "--- $values"
    helm lint --strict "$chart" --values "$values" --quiet 2> >(grep -v 'symbolic link' >&2)
    out=$work/out.yaml
    render "$values" "$out" || { cat "$work/said"; exit 1; }
    kubeconform -strict -summary -kubernetes-version "$kubernetes" \
        -schema-location "$schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "$out"
    # Left out: the pull policy is the cluster's choice; a limit of CPU would only slow a backlog down.
    if [[ $values != */bare-values.yaml ]]; then
        kube-score score --kubernetes-version v1.34 --exit-one-on-warning --output-format ci \
            --ignore-container-cpu-limit --ignore-test container-image-pull-policy "$out" >"$work/score" \
            || { grep -v '\[OK\]\|\[SKIPPED\]' "$work/score"; exit 1; }
    fi
    # Helm reads numbers as floating-point ones, and writes large ones in a way that librdkafka takes for their first digit.
    if grep -nE '[0-9]e\+[0-9]' "$out"; then echo "a number with an exponent"; exit 1; fi
    collector=$(sed -n 's/^ *otlp_endpoint = ".*:\([0-9]*\)"$/\1/p' "$out")
    [[ -z $collector ]] || grep -q "port: $collector}" "$out" || { echo "the policy lets no trace out to port $collector"; exit 1; }
    sed -n 's/^kind: //p' "$out" >>"$work/kinds"
    if [[ -x $copydesk ]]; then
        "$tools/python/bin/python" deploy/checks/rendered.py "$out" "$work/etc"
        env -u COPYDESK_CONFIG COPYDESK_KAFKA_PROPERTIES_SASL_{USERNAME,PASSWORD}=any "$copydesk" check --config "$work/etc/copydesk.toml" >"$work/said" || { cat "$work/said"; exit 1; }
    else
        echo "NOT CHECKED: the rendered configuration, for $copydesk is not there"
    fi
done

for kind in StatefulSet Service ConfigMap ServiceAccount PodDisruptionBudget NetworkPolicy ScaledObject \
    HorizontalPodAutoscaler PodMonitor PrometheusRule Job; do
    grep -qx "$kind" "$work/kinds" || { echo "no values file renders a $kind"; exit 1; }
done
echo "rendered and valid: $(sort -u "$work/kinds" | paste -sd ' ')"

# The pod for a command, as the runbook makes it of the pod of `helm test`: its commands are run, with these in their place.
# shellcheck disable=SC2317,SC2016,SC1090
(
    helm() {
        command helm template "$3" "$chart" "${@:4}" --kube-version "$kubernetes" --values "$chart/ci/minimal-values.yaml" \
            --show-only templates/tests/check.yaml 2>/dev/null
    }
    kubectl() { [[ $1 != create ]] || cat; }
    source <(sed -n '/^helm get hooks/,/^```/{/^```/d;p}' docs/runbook.md)
) >"$work/own.yaml"
kubeconform -strict -kubernetes-version "$kubernetes" \
    -schema-location "$schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "$work/own.yaml"
for changed in 'name: desk-copydesk-verify$' 'args: \[verify, ' 'memory: 4Gi$'; do
    grep -q "$changed" "$work/own.yaml" || { echo "the runbook's pod for a command has no $changed"; cat "$work/own.yaml"; exit 1; }
done
echo "the runbook's pod for a command is one"

for values in "$chart"/ci/refused/*.yaml; do
    if render "$values" /dev/null; then
        echo "accepted, and must not be: $values ($(head -n 1 "$values"))"
        exit 1
    fi
    # By the schema or by a check of the chart, not because it is broken.
    why=$(grep -m 1 "^- at \|execution error" "$work/said") || { cat "$work/said"; exit 1; }
    echo "refused, as it must be: $(head -n 1 "$values")"
    echo "    ${why##*:1:4): }"
done
