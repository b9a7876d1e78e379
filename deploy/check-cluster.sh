#!/usr/bin/env bash
# The chart on a real Kubernetes API server, which this script builds of its Go modules: every object validated by the
# server under restricted Pod Security, then an installation, evictions, an upgrade and a rollback on simulated nodes. By
# hand: about two minutes, and some 20 more the first time. No container is run here; check-image.sh does that.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/checks/tools.sh
source deploy/checks/tools.sh
# shellcheck source=deploy/checks/control-plane.sh
source deploy/checks/control-plane.sh

need_control_plane
chart=deploy/helm/copydesk
work=$(mktemp -d)
trap 'stop_control_plane; rm -rf "$work"' EXIT
start_control_plane "$work"
echo "a Kubernetes $kubernetes_module"

operator=$(module_dir "$prometheus_operator")/example/prometheus-operator-crd
kubectl apply --server-side -f "$operator/monitoring.coreos.com_podmonitors.yaml" \
    -f "$operator/monitoring.coreos.com_prometheusrules.yaml" \
    -f "$(module_dir "$keda")/config/crd/bases/keda.sh_scaledobjects.yaml" >/dev/null
kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
kubectl create namespace news >/dev/null
kubectl label namespace news pod-security.kubernetes.io/{enforce,warn}=restricted >/dev/null

# What the test's pod refers to; of the account the release brings its own.
kubectl create serviceaccount desk-copydesk --namespace news >/dev/null
kubectl create priorityclass news --value=1000 >/dev/null

dry_run() { # a server's answer to manifests, with its warnings
    kubectl apply --server-side --dry-run=server --namespace news -f - >"$work/answer" 2>&1
}

for values in "$chart"/ci/*.yaml; do
    helm template desk "$chart" --namespace news --kube-version "$kubernetes" --values "$values" 2>/dev/null | dry_run \
        || { cat "$work/answer"; exit 1; }
    if grep -i warning "$work/answer"; then exit 1; fi
    echo "accepted: $(grep -c 'serverside-applied' "$work/answer") objects of $values"
done

# Would the server have said so?
manifests=$(helm template desk "$chart" --namespace news --kube-version "$kubernetes" --values "$chart/ci/minimal-values.yaml" 2>/dev/null)
if dry_run <<<"${manifests//maxUnavailable: 1/maxUnavailible: 1}"; then echo "a misspelt field was accepted"; exit 1; fi
if dry_run <<<"${manifests//runAsNonRoot: true/runAsNonRoot: false}"; then echo "a pod as root was accepted"; exit 1; fi
echo "refused: a misspelt field, and a pod as root"

kubectl delete serviceaccount desk-copydesk --namespace news >/dev/null

state() {
    kubectl get statefulset desk-copydesk --namespace news -o \
        jsonpath='{.status.readyReplicas}/{.spec.replicas} ready, all {.status.updatedReplicas} of the latest revision'
}
configured() { # the group that the running pods were rolled out with
    kubectl get configmap desk-copydesk --namespace news -o jsonpath='{.data.copydesk\.toml}' | sed -n 's/^group = //p'
}
release=(desk "$chart" --namespace news --wait --timeout 3m --set kafka.brokers=kafka:9092 --set replicas=3)
quietly() { "$@" >"$work/said" 2>&1 || { cat "$work/said"; kubectl get pods,events --namespace news | tail -n 20; exit 1; }; }
quietly helm install "${release[@]}"
echo "installed: $(state), group $(configured), on nodes $(kubectl get pods --namespace news -o jsonpath='{.items[*].spec.nodeName}')"

# A drain heeds the budget: as long as nodes bring nothing back (kwok stands still), a second pod may not go.
evict() {
    kubectl create --raw "/api/v1/namespaces/news/pods/$1/eviction" -f - 2>&1 \
        <<<'{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "'"$1"'", "namespace": "news"}}' || true
}
kubectl wait --for=jsonpath='{.status.disruptionsAllowed}'=1 poddisruptionbudget/desk-copydesk --namespace news --timeout=60s >/dev/null
kill -STOP "${plane[-1]}"
first=$(evict desk-copydesk-0) second=$(evict desk-copydesk-1)
kill -CONT "${plane[-1]}"
[[ $first == *Success* && $second == *"disruption budget"* ]] || { echo "evicted: $first; then: $second"; exit 1; }
quietly kubectl rollout status statefulset/desk-copydesk --namespace news --timeout=60s
echo "evicted: one pod, and the second not before the first was back"

before=$(kubectl get pods --namespace news -o jsonpath='{.items[*].metadata.uid}')

quietly helm upgrade "${release[@]}" --set kafka.group=newsroom
after=$(kubectl get pods --namespace news -o jsonpath='{.items[*].metadata.uid}')
echo "upgraded: $(state), group $(configured)"
[[ $(configured) == '"newsroom"' ]] || exit 1
for uid in $before; do
    [[ $after != *$uid* ]] || { echo "a pod was not replaced, though its configuration changed"; exit 1; }
done
[[ $(kubectl get pods --namespace news -o jsonpath='{.items[*].metadata.name}') == "desk-copydesk-0 desk-copydesk-1 desk-copydesk-2" ]]

quietly helm rollback desk --namespace news --wait --timeout 3m
echo "rolled back: $(state), group $(configured)"
[[ $(configured) == '"copydesk"' ]] || exit 1

helm uninstall desk --namespace news --wait >/dev/null
left=$(kubectl get statefulset,pod,service,configmap,pdb,networkpolicy,serviceaccount --namespace news -o name | grep -c copydesk || true)
[[ $left == 0 ]] || { echo "left behind after uninstalling: $left objects"; exit 1; }
echo "uninstalled, and nothing is left"
