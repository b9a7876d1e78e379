# shellcheck shell=bash disable=SC2154,SC2164 # tools.sh is sourced before, and the scripts end at the first error
# A Kubernetes control plane on this machine, of its Go modules: source this after tools.sh, then `need_control_plane`
# builds what is missing (some 20 minutes the first time), and `start_control_plane DIR` starts it and sets KUBECONFIG.
# Nodes and pods are simulated by kwok: objects are real, no container is run.

kubernetes_module=v1.34.3
etcd_module=v3.5.21

# Modules with replace directives cannot be installed by name; they can be built from a module that repeats them.
# built OUT MODULE VERSION PACKAGE…: binaries named after the last part of their package.
built() {
    local module=$1 version=$2 folder=$tools/src/${1##*/}-$2 package name
    shift 2
    mkdir -p "$folder"
    (
        cd "$folder"
        if [[ ! -e go.sum ]]; then
            {
                echo "module wrapper"
                go mod download -json "$module@$version" | python3 "$OLDPWD/deploy/checks/replaced.py" "$module" "$version"
            } >go.mod
            {
                printf '//go:build tools\npackage wrapper\nimport (\n'
                printf '_ "%s"\n' "$@"
                echo ')'
            } >tools.go
            go mod tidy
        fi
        for package; do
            name=${package##*/}
            [[ -x $tools/bin/$name-$version ]] && continue
            echo "building $package@$version"
            GOFLAGS=-buildvcs=false nice go build -p 1 -ldflags='-s -w' -o "$tools/bin/$name-$version" "$package"
        done
    )
}

need_control_plane() {
    need go kubectl helm kwok openssl
    local commands=k8s.io/kubernetes/cmd
    built k8s.io/kubernetes $kubernetes_module $commands/kube-{apiserver,controller-manager,scheduler}
    built go.etcd.io/etcd/server/v3 $etcd_module go.etcd.io/etcd/server/v3
}

# start_control_plane DIR: its processes are children of this shell, and end with it.
start_control_plane() {
    local dir=$1 ports etcd peers api token=check
    mapfile -t ports < <(python3 -c '
import socket
held = [socket.socket() for _ in range(3)]
for each in held: each.bind(("127.0.0.1", 0)); print(each.getsockname()[1])')
    etcd=http://127.0.0.1:${ports[0]} peers=http://127.0.0.1:${ports[1]} api=https://127.0.0.1:${ports[2]}
    openssl genrsa -out "$dir/accounts.key" 2048 2>/dev/null
    echo "$token,admin,admin,system:masters" >"$dir/tokens.csv"
    export KUBECONFIG=$dir/kubeconfig
    kubectl config set-cluster check --server="$api" --insecure-skip-tls-verify >/dev/null
    kubectl config set-credentials check --token="$token" >/dev/null
    kubectl config set-context check --cluster=check --user=check >/dev/null
    kubectl config use-context check >/dev/null

    background "$dir" "v3-$etcd_module" --data-dir "$dir/etcd" --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
        --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers" --initial-cluster "default=$peers"
    background "$dir" "kube-apiserver-$kubernetes_module" --etcd-servers="$etcd" --bind-address=127.0.0.1 \
        --secure-port="${ports[2]}" --cert-dir="$dir/certificates" --token-auth-file="$dir/tokens.csv" \
        --authorization-mode=RBAC --endpoint-reconciler-type=none --service-cluster-ip-range=10.96.0.0/16 \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$dir/accounts.key" \
        --service-account-signing-key-file="$dir/accounts.key"
    until kubectl get --raw /readyz >/dev/null 2>&1; do
        kill -0 "${plane[@]}" || { tail -n 5 "$dir"/*.log; exit 1; }
        sleep 0.2
    done
    background "$dir" "kube-controller-manager-$kubernetes_module" --kubeconfig="$KUBECONFIG" --leader-elect=false \
        --secure-port=0 --service-account-private-key-file="$dir/accounts.key"
    background "$dir" "kube-scheduler-$kubernetes_module" --kubeconfig="$KUBECONFIG" --leader-elect=false --secure-port=0
    background "$dir" kwok --kubeconfig="$KUBECONFIG" --manage-all-nodes=true
    local node
    for node in one two three; do
        kubectl create -f - >/dev/null <<NODE
apiVersion: v1
kind: Node
metadata: {name: $node, labels: {kubernetes.io/hostname: $node, topology.kubernetes.io/zone: zone-$node}}
status:
  allocatable: {cpu: "8", memory: 32Gi, pods: "50", ephemeral-storage: 100Gi}
  capacity: {cpu: "8", memory: 32Gi, pods: "50", ephemeral-storage: 100Gi}
NODE
    done
    kubectl wait --for=condition=Ready node --all --timeout=60s >/dev/null
}

plane=()
background() { # DIR COMMAND…
    "${@:2}" >"$1/$2.log" 2>&1 &
    plane+=($!)
}

stop_control_plane() {
    ((${#plane[@]})) && kill "${plane[@]}" 2>/dev/null
    wait
}
