"""Requirement and replacements that make a wrapper module of a module: replaced.py MODULE VERSION <`go mod download -json`

Of replacements by folders of the module's own repository, those of Kubernetes' staging become the published versions of the
same release; the others are left out, since their versions are required anyway.
"""

import json
import re
import sys
from pathlib import Path

module, version = sys.argv[1:]
text = Path(json.load(sys.stdin)["GoMod"]).read_text()
if found := re.search(r"^go \S+$", text, re.M):
    print(found[0])
print(f"require {module} {version}")
staged = version.replace("v1.", "v0.", 1)
for name, target in re.findall(r"^(?:replace)?\s*(\S+)(?: v\S+)? => (\S.*)$", text, re.M):
    if target.startswith("./staging"):
        print(f"replace {name} => {name} {staged}")
    elif not target.startswith("."):
        print(f"replace {name} => {target}")
