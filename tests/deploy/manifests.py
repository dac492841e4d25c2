"""What the chart and the overlays make, rendered by the real Helm and the real kubectl."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.documents import ROOT

CHART = ROOT / "deploy/helm/eopiez"
OVERLAYS = ROOT / "deploy/kustomize/overlays"
SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = "1.37"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A tenth of the time, where libyaml is there."""
Object = dict[str, Any]

EXTERNAL = {
    "postgres": {"kind": "external", "external": {"url": "postgresql://eopiez:secret@db/eopiez"}},
    "redis": {"kind": "external", "external": {"address": "redis:6379", "existingSecret": "redis"}},
}
EVERYTHING = {
    "ingress": {"enabled": True},
    "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
    "exampleJob": {"enabled": True},
    "podAnnotations": {"example.com/team": "letters"},
    "priorityClassName": "high",
    "image": {"pullSecrets": [{"name": "registry"}]},
    "artifacts": {"existingSecret": "s3"},
    "serviceAccount": {"annotations": {"example.com/role": "eopiez"}},
    "orchestrators": {"retainDays": 30, "nodeSelector": {"pool": "system"}},
    "settings": {
        "gateway_body_bytes": 33554432, "public_url": "https://eopiez.example.com", "trusted_proxies": ["10.0.0.0/8"],
        "alerts": False, "gateway_timeout_s": 90.5, "price_cpu_hour": 0.04,
    },
}  # fmt: skip
BACKUP = {"enabled": True, "method": "plugin", "plugin": {"parameters": {"barmanObjectName": "store"}}}
VARIANTS: dict[str, Object] = {
    "as it stands": {},
    "everything": EVERYTHING,
    "uvicorn": {"gateway": {"kind": "uvicorn"}, **EVERYTHING},
    "in a mesh, with a canary": {
        "gateway": {
            "kind": "uvicorn", "canary": {"tag": "0.2.0"}, "podLabels": {"sidecar.istio.io/inject": "true"},
            "podAnnotations": {"linkerd.io/inject": "enabled"},
            "serviceAnnotations": {"balancer.linkerd.io/failure-accrual": "consecutive"},
        },
        "networkPolicies": {"meshNamespace": {"kubernetes.io/metadata.name": "istio-system"}},
    },
    "external": EXTERNAL,
    "nothing kept": {"redis": {"kind": "none"}, "networkPolicies": {"enabled": False}, "topologyKeys": []},
    "one of each": {
        "orchestrators": {"replicas": 1}, "gateway": {"nodes": 1}, "postgres": {"cnpg": {"instances": 1}},
        "ray": {"autoscaling": {"enabled": False}},
    },
    "secrets from elsewhere": {
        "secrets": {"existingSecret": "mine", "existingRayToken": "token"}, "shared": {"existingClaim": "files"},
    },
    "secrets given": {"secrets": {"secretKey": "k" * 32, "others": {"EOPIEZ_OIDC_CLIENT_SECRET": "o"}}},
    "own backups": {
        "backups": {"url": "s3://other/backups"}, "secrets": {"others": {"EOPIEZ_BACKUP_KEY": "k"}},
        "settings": {"backup_every_hours": 6},
    },
    "backup by a plugin": {"postgres": {"cnpg": {"backup": BACKUP}}},
    "backup by snapshots": {"postgres": {"cnpg": {"backup": {"enabled": True, "snapshotClass": "snapshots"}}}},
    "no GPUs": {"ray": {"groups": {"gpu": None}}},
    "another port": {"gateway": {"kind": "uvicorn", "port": 9000}, "ingress": {"enabled": True}},
    "another name": {"fullnameOverride": "letters", "image": {"repository": "registry.example.com/eopiez", "tag": "9"}},
}  # fmt: skip
"""Values of the chart, each for another way to install it."""


@cache
def _rendered(values: str, name: str) -> dict[str, str]:
    import helm_python

    with helm_python.Chart.load(str(CHART)) as chart:
        made: dict[str, str] = chart.render(json.loads(values), name=name, namespace="somewhere")
    return made


def rendered(values: Object, name: str = "eopiez") -> dict[str, str]:
    """The text of each template."""
    return _rendered(json.dumps(values, sort_keys=True), name)


def objects(text: str) -> list[Object]:
    """The objects of a stream of YAML."""
    return [each for each in yaml.load_all(text, Loader=LOADER) if each]


@cache
def _of_chart(values: str, name: str) -> str:
    texts = (text for path, text in _rendered(values, name).items() if path.endswith(".yaml"))
    return json.dumps([each for text in texts for each in objects(text)])


def of_chart(values: Object, name: str = "eopiez") -> list[Object]:
    """All objects of a release, those of its hooks too."""
    made: list[Object] = json.loads(_of_chart(json.dumps(values, sort_keys=True), name))
    return made


@cache
def of_overlay(name: str) -> list[Object]:
    """All objects of an overlay, built by kubectl."""
    program = Path(sys.executable).with_name("kubectl")
    command = [str(program if program.exists() else shutil.which("kubectl")), "kustomize", str(OVERLAYS / name)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return objects(built.stdout)


def faults(given: Object) -> list[str]:
    """What Kubernetes' own schema, or that of the custom resource, has against an object."""
    return _faults(json.dumps(given, sort_keys=True))


@cache
def _faults(text: str) -> list[str]:
    """Most objects are the same in most variants."""
    import kubernetes_validate

    given = json.loads(text)
    called = f"{given['kind']} {given['metadata']['name']}"
    custom = _custom(given["apiVersion"], given["kind"])
    if custom is not None:
        found = custom.iter_errors(given)
        return [f"{called}: {'.'.join(map(str, each.path))}: {each.message[:300]}" for each in found]
    try:
        kubernetes_validate.validate(given, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{called}: {'.'.join(map(str, error.path))}: {error.message[:300]}"]
    return []


@cache
def _custom(version: str, kind: str) -> jsonschema.Draft7Validator | None:
    """What checks a custom resource; None for what is Kubernetes' own."""
    group, _, number = version.rpartition("/")
    path = SCHEMAS / f"{kind.lower()}.{group}.{number}.json.gz"
    return jsonschema.Draft7Validator(json.loads(gzip.decompress(path.read_bytes()))) if path.exists() else None


def one(given: list[Object], kind: str, name: str) -> Object:
    """The object of that kind and name."""
    (found,) = (each for each in given if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def pods(given: Any, labels: dict[str, str] | None = None) -> Iterator[tuple[dict[str, str], Object]]:
    """All pods that objects ask for, however deep: their labels, and their spec."""
    if isinstance(given, list):
        for each in given:
            yield from pods(each)
    elif isinstance(given, dict):
        if "containers" in given:
            yield labels or {}, given
        for each in given.values():
            yield from pods(each, given.get("metadata", {}).get("labels") if isinstance(each, dict) else None)


def containers(given: Any) -> Iterator[Object]:
    """All containers that objects ask for."""
    for _, pod in pods(given):
        yield from pod.get("initContainers", [])
        yield from pod["containers"]
