"""Puts the configuration and the rules of rendered manifests where copydesk would find them: rendered.py MANIFESTS OUT

Certificates of Secrets are left out, and the paths changed to OUT.
"""

import sys
from pathlib import Path

import yaml

out = Path(sys.argv[2])
(out / "rules").mkdir(parents=True, exist_ok=True)
for document in yaml.safe_load_all(Path(sys.argv[1]).read_text()):
    if document and document["kind"] == "ConfigMap":
        for name, text in document["data"].items():
            if name == "copydesk.toml":
                text = text.replace("/etc/copydesk", str(out))
                (out / name).write_text("".join(line for line in text.splitlines(True) if ".location" not in line))
            elif name.endswith(".toml"):
                (out / "rules" / name).write_text(text)
