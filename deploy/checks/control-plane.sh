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
    local k=k8s.io/kubernetes/cmd
    built k8s.io/kubernetes $kubernetes_module $k/kube-apiserver $k/kube-controller-manager $k/kube-scheduler
    built go.etcd.io/etcd/server/v3 $etcd_module go.etcd.io/etcd/server/v3
}
