"""Whether everything that the compose file mounts is there, and every file that a service names below a mount: mounted.py COMPOSE"""

import re
import sys
from pathlib import Path, PurePosixPath

import yaml

# The images' own defaults, where a mount hides the file that they name.
DEFAULTS = {"prom/prometheus": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]}

compose = Path(sys.argv[1])
wrong, named = [], 0
for name, service in yaml.safe_load(compose.read_text())["services"].items():
    mounts = {}
    for volume in service.get("volumes", []):
        source, target = volume.split(":")[:2]
        mounts[PurePosixPath(target)] = compose.parent / source
        if not mounts[PurePosixPath(target)].exists():
            wrong.append(f"{name} mounts {source}, which is not there")
    default = next((words for image, words in DEFAULTS.items() if service.get("image", "").startswith(f"{image}:")), [])
    words = [*service.get("entrypoint", []), *service.get("command", default), *service.get("environment", {}).values()]
    for path in re.findall(r"(?:^|=)(/\S+)$", "\n".join(words), re.M):
        for target, source in mounts.items():
            if PurePosixPath(path).is_relative_to(target):
                named += 1
                if not (source / PurePosixPath(path).relative_to(target)).exists():
                    wrong.append(f"{name} reads {path}, and {source} has no such file")
if wrong:
    raise SystemExit("\n".join(wrong))
print(f"{named} files that the compose file names are among its mounts")
