#!/usr/bin/env bash
# The container image: linted, built twice to the same id, and run as production would (nobody, read-only, no capabilities,
# 128 MB) on a real Kafka broker until it is ready and an article comes out. About 30 s.
#
# There is no registry here, so the base is Debian's packages that the default base consists of, and the binary is one
# built already (COPYDESK, by default the release build, else the debug build): `--from-source` runs the Rust stage of the
# Dockerfile too, in a Debian with the toolchain of this machine. That takes some 15 minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/checks/tools.sh
source deploy/checks/tools.sh
# shellcheck source=deploy/checks/broker.sh
source deploy/checks/broker.sh

largest=60 # MB
need hadolint buildah podman runc mmdebstrap kcat curl jq strip

hadolint deploy/Dockerfile
echo "hadolint has nothing to say"

work=$tools/images
mkdir -p "$work"
store=(--root "$work/root" --runroot "$work/run" --storage-driver vfs)
build() { buildah "${store[@]}" bud --isolation chroot --format oci --timestamp 0 --quiet "$@"; }
pod() { podman "${store[@]}" --tmpdir "$work/tmp" --cgroup-manager cgroupfs --runtime runc "$@"; }
run() {
    pod run --ulimit nofile=20000:20000 --ulimit nproc=10000:10000 --network=host "$@"
}
# shellcheck disable=SC2016 # mmdebstrap's shell is to expand it
packages() { # FILE VARIANT PACKAGES: a root file system of Debian packages
    [[ -s $1 ]] || mmdebstrap --quiet --variant="$2" --include="$3" \
        --customize-hook='mkdir -p "$1/etc/ssl/certs"
            cat "$1"/usr/share/ca-certificates/mozilla/*.crt >"$1/etc/ssl/certs/ca-certificates.crt"' bookworm "$1"
}

context=$(mktemp -d)
trap 'rm -rf "$context"; pod rm -f -t 5 copydesk-check >/dev/null 2>&1 || true' EXIT

echo "--- a base like the default one"
packages "$work/runtime.tar" extract libc6,libgcc-s1,ca-certificates
ln -f "$work/runtime.tar" "$context/runtime.tar"
printf 'FROM scratch\nADD runtime.tar /\n' | build -t localhost/runtime -f - "$context" >/dev/null

if [[ ${1:-} == --from-source ]]; then
    packages "$work/build.tar" minbase ca-certificates,gcc,libc6-dev
    ln -f "$work/build.tar" "$context/build.tar"
    printf 'FROM scratch\nADD build.tar /\nENV PATH=/rust/bin:/usr/bin:/bin:/usr/sbin:/sbin CARGO_HOME=/cargo CARGO_NET_OFFLINE=true\n' \
        | build -t localhost/rust -f - "$context" >/dev/null
    cargo fetch --locked --quiet
    toolchain=$(rustc --print sysroot)
    dockerfile=$PWD/deploy/Dockerfile
    from=(--build-arg BUILD_IMAGE=localhost/rust --volume "$toolchain:/rust:ro"
        --volume "${CARGO_HOME:-$HOME/.cargo}/registry:/cargo/registry:rw")
else
    copydesk=${COPYDESK:-target/release/copydesk}
    [[ -x $copydesk ]] || copydesk=target/debug/copydesk
    echo "--- with $copydesk"
    mkdir "$context/out"
    strip --strip-debug -o "$context/out/copydesk" "$copydesk"
    printf 'FROM scratch\nCOPY out /out\n' | build -t localhost/binary -f - "$context" >/dev/null
    # The Dockerfile as it is, but for where the binary comes from.
    dockerfile=$context/Dockerfile
    sed 's|--from=build|--from=localhost/binary|' deploy/Dockerfile >"$dockerfile"
    from=()
fi

# Of one state of the sources, whatever is edited meanwhile.
mkdir "$context/sources"
cp -r .dockerignore Cargo.toml Cargo.lock benches config src "$context/sources"

echo "--- built twice"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
for attempt in first second; do
    build --no-cache -t "localhost/copydesk:$attempt" -f "$dockerfile" "${from[@]}" \
        --build-arg RUNTIME_IMAGE=localhost/runtime --build-arg VERSION="$version" --build-arg REVISION=check \
        "$context/sources"
done >"$context/ids"
[[ $(sort -u "$context/ids" | wc -l) == 1 ]] || { echo "two builds, two images:"; cat "$context/ids"; exit 1; }
echo "both times $(head -n 1 "$context/ids")"

if [[ ${copydesk:-} == *debug* ]]; then
    echo "NOT CHECKED: the size, for an unoptimised binary says nothing of it"
else
    megabytes=$(du -sm "$(pod image mount localhost/copydesk:first)" | cut -f 1)
    pod image umount localhost/copydesk:first >/dev/null
    echo "size of its files: $megabytes MB"
    ((megabytes < largest)) || { echo "larger than $largest MB"; exit 1; }
fi

answer=$(run --rm localhost/copydesk:first --version)
[[ $answer == "copydesk $version"* ]] || { echo "the image is labelled $version, and says: $answer"; exit 1; }

echo "--- run as production would"
start_broker
admin=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
settings=()
prefix=image$$
for topic in raw normalized seen articles duplicates rejected; do
    settings+=(--env "COPYDESK_TOPICS_${topic^^}=$prefix.$topic")
done
settings+=(--env "COPYDESK_KAFKA_BROKERS=$bootstrap" --env "COPYDESK_KAFKA_GROUP=$prefix" --env "COPYDESK_ADMIN_LISTEN=$admin")
hardened=(--read-only --read-only-tmpfs=false --user 65532:65532 --cap-drop=ALL --security-opt=no-new-privileges --memory 128m)
run --rm "${hardened[@]}" "${settings[@]}" localhost/copydesk:first topics --create --partitions 4 --replication 1 >/dev/null
# What the chart's test asks.
run --rm "${hardened[@]}" "${settings[@]}" localhost/copydesk:first check --connect >"$context/said" || { cat "$context/said"; exit 1; }
run --name copydesk-check --detach "${hardened[@]}" "${settings[@]}" localhost/copydesk:first >/dev/null
ready() {
    for _ in {1..120}; do
        curl -sf "http://$admin/readyz" && return
        sleep 0.5
    done
    pod logs copydesk-check
    return 1
}
ready
kcat -P -b "$bootstrap" -t "$prefix.raw" config/demo/04-*.txt
article=$(timeout 60 kcat -C -b "$bootstrap" -t "$prefix.articles" -c 1 -X isolation.level=read_committed -q)
jq -e '.standard.name == "ninjs"' <<<"$article" >/dev/null
echo "an article came out: $(jq -r '.headlines[0].value' <<<"$article")"
process=$(pod inspect --format '{{.State.Pid}}' copydesk-check)
grep -E '^(Uid|CapEff|NoNewPrivs|VmHWM)' "/proc/$process/status"
pod stop -t 40 copydesk-check >/dev/null
code=$(pod inspect --format '{{.State.ExitCode}}' copydesk-check)
[[ $code == 0 ]] || { pod logs copydesk-check | tail; echo "exit code $code"; exit 1; }
echo "and it drained and ended with code 0"
