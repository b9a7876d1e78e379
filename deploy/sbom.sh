#!/usr/bin/env bash
# Writes what is inside a release (every crate with version, licence, checksum, and who needs whom) as CycloneDX 1.5 JSON:
# deploy/sbom.sh [FILE], by default target/copydesk.cdx.json. Seconds, and some minutes the first time, for cargo-cyclonedx.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/checks/tools.sh
source deploy/checks/tools.sh

file=${1:-target/copydesk.cdx.json}
cyclonedx=0.5.9
need jq
if [[ ! -x $tools/cargo/bin/cargo-cyclonedx ]]; then
    cargo install --locked --quiet --root "$tools/cargo" "cargo-cyclonedx@$cyclonedx"
fi

# It writes beside Cargo.toml, and takes the features and the platform that a release is built for.
trap 'rm -f copydesk.cdx.json' EXIT
PATH=$tools/cargo/bin:$PATH cargo cyclonedx --quiet --format json --spec-version 1.5 \
    --target x86_64-unknown-linux-gnu --override-filename copydesk.cdx
mkdir -p "$(dirname "$file")"
cp copydesk.cdx.json "$file"

# Crates that are built into the binary, by their names in the lock file.
for crate in rdkafka-sys openssl-sys serde_json; do
    jq -e --arg name "$crate" 'any(.components[]; .name == $name and .purl != null)' "$file" >/dev/null \
        || { echo "$crate is missing in $file"; exit 1; }
done
echo "$file: $(jq '.components | length' "$file") components of copydesk $(jq -r .metadata.component.version "$file")"
