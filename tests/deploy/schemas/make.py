"""Makes strict JSON Schemas of custom resource definitions: ``python -m tests.deploy.schemas.make FILE…``.

Descriptions are left out, unknown fields are refused as the API server drops them, and each version that is served
becomes a file. Templates of charts may be given: their control lines are skipped.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
WANTED = {
    "ray.io": ("v1", "RayCluster", "RayService", "RayJob"),
    "postgresql.cnpg.io": ("v1", "Cluster", "ScheduledBackup"),
    "monitoring.coreos.com": ("v1", "ServiceMonitor", "PodMonitor", "PrometheusRule"),
    "security.istio.io": ("v1", "PeerAuthentication", "AuthorizationPolicy"),
    "networking.istio.io": ("v1", "DestinationRule", "VirtualService"),
    "policy.linkerd.io": (
        "v1alpha1 v1beta3", "Server", "HTTPRoute", "AuthorizationPolicy", "MeshTLSAuthentication",
        "NetworkAuthentication",
    ),
    "linkerd.io": ("v1alpha2", "ServiceProfile"),
    "gateway.networking.k8s.io": ("v1", "HTTPRoute"),
}  # fmt: skip
"""Versions and kinds that the project's manifests have, by group."""


def strict(schema: Any) -> Any:
    """The schema without descriptions, which accepts no field that it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: {name: strict(each) for name, each in value.items()} if key == "properties" else strict(value)
        for key, value in schema.items()
        if key not in {"description", "example", "default", "format", "x-kubernetes-validations"}
    }
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    is_open = made.pop("x-kubernetes-preserve-unknown-fields", False) or "additionalProperties" in made
    if "properties" in made and made.get("type") == "object" and not is_open:
        made["additionalProperties"] = False
    return {key: value for key, value in made.items() if not key.startswith("x-kubernetes-")}


def resource(spec: Any, version: Any) -> dict[str, Any]:
    """The schema of whole objects of a version."""
    made: dict[str, Any] = strict(version["schema"]["openAPIV3Schema"])
    kind, group = spec["names"]["kind"], spec["group"]
    made["properties"] |= {
        "apiVersion": {"const": f"{group}/{version['name']}"}, "kind": {"const": kind}, "metadata": {"type": "object"},
    }  # fmt: skip
    required = ["apiVersion", "kind", "metadata", "spec"]
    return made | {"type": "object", "required": required, "additionalProperties": False}


def main(paths: list[str]) -> None:
    """Write the schemas of all definitions in the files."""
    for path in paths:
        lines = [line for line in Path(path).read_text("utf-8").splitlines() if "{{" not in line]
        for definition in yaml.safe_load_all("\n".join(lines)):
            if definition:
                _write_all(definition["spec"])


def _write_all(spec: Any) -> None:
    versions, *kinds = WANTED.get(spec["group"], ("",))
    for version in spec["versions"] if spec["names"]["kind"] in kinds else ():
        if version["name"] in versions.split() and version["served"]:
            _write(spec, version)


def _write(spec: Any, version: Any) -> None:
    name = f"{spec['names']['kind'].lower()}.{spec['group']}.{version['name']}.json.gz"
    text = json.dumps(resource(spec, version), separators=(",", ":"), sort_keys=True)
    (FOLDER / name).write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:])
