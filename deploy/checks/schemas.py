"""JSON schemas as kubeconform reads them: schemas.py OUT KUBERNETES CRDS...

Those of Kubernetes come with the Python package kubernetes-validate, those of custom resources from folders of their
definitions. Every reference is put inside, and a key that a schema does not name is refused.
"""

import json
import sys
from pathlib import Path

import kubernetes_validate
import yaml

HERE = "/api/_definitions.json#/$defs/"


def closed(schema):
    """The same schema, refusing unknown keys wherever it names the known ones."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items() if key != "$id"}
    if isinstance(out.get("$ref"), str):
        out["$ref"] = out["$ref"].replace(HERE, "#/$defs/")
    free = out.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in out
    if isinstance(out.get("properties"), dict) and "type" in out and not free:
        out["additionalProperties"] = False
    return out


def references(schema):
    """The definitions a schema names."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/$defs/")
        schema = schema.values()
    elif not isinstance(schema, list):
        return
    for part in schema:
        yield from references(part)


def kubernetes(out, version):
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version}-local"
    definitions = closed(json.loads((folder / "_definitions.json").read_text())["$defs"])
    for file in folder.glob("*-v*.json"):
        schema = closed(json.loads(file.read_text()))
        if "x-kubernetes-group-version-kind" not in schema:
            continue
        reached, open_ends = set(), set(references(schema))
        while open_ends:
            name = open_ends.pop()
            reached.add(name)
            open_ends |= set(references(definitions[name])) - reached
        schema["$defs"] = {name: definitions[name] for name in reached}
        (out / file.name).write_text(json.dumps(schema))


# YAML 1.1 gives a lone "=" a type of its own, which nobody means.
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def custom(out, folder):
    for file in Path(folder).glob("*.yaml"):
        for crd in yaml.safe_load_all(file.read_text()):
            spec = crd["spec"]
            for version in spec["versions"]:
                schema = closed(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                name = f"{spec['names']['kind'].lower()}-{spec['group'].split('.')[0]}-{version['name']}.json"
                (out / name).write_text(json.dumps(schema))


out = Path(sys.argv[1])
out.mkdir(parents=True)
kubernetes(out, sys.argv[2])
for folder in sys.argv[3:]:
    custom(out, folder)
print(f"{len(list(out.iterdir()))} schemas")
