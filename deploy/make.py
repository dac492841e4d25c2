"""Makes what manifests repeat of the code and of each other: ``make manifests``.

The chart is written by hand. From it and from the code come its copies of Prometheus' rules, the settings that its
values may have, and the base of the kustomize overlays, so that there is one truth about each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from eopiez_ray.monitoring.alerts.built_in import BUILT_IN
from eopiez_ray.monitoring.alerts.prometheus import exported
from eopiez_ray.settings import Settings, secrets
from eopiez_ray.supervision.prometheus import RECORDING

HERE = Path(__file__).parent
CHART = HERE / "helm/eopiez"
SCHEMA = CHART / "values.schema.json"
BASE = HERE / "kustomize/base"
OWN = {
    "home", "artifact_url", "ray_address", "autoscaling", "cpus", "object_store_bytes", "gateway_host", "gateway_port",
    "gateway_min_replicas", "gateway_max_replicas", "gateway_follower_replicas", "gateway_folder", "gateway_followers",
    "backup_url", "backup_key_file", "tls_certificate", "tls_key", "prometheus", "prometheus_port",
}  # fmt: skip
"""Settings that the chart gives itself, or that are for `eopiez up` alone."""
BASE_VALUES: dict[str, Any] = {
    "secrets": {"existingSecret": "eopiez-settings", "existingRayToken": "eopiez-ray-token"},
    "artifacts": {"existingSecret": "eopiez-artifacts"},
    "ingress": {"enabled": True},
    "monitoring": {"enabled": True},
}
"""The chart's values for the base: secrets come from elsewhere, since nothing can be made and kept here."""
HELMS_OWN = ("helm.sh/hook", "helm.sh/hook-delete-policy", "helm.sh/resource-policy")


def files() -> dict[Path, str]:
    """The text of each file that is made."""
    return copies() | base()


def copies() -> dict[Path, str]:
    """What the chart repeats of the code, and is rendered with."""
    rules = {
        "recording.yml": RECORDING.read_text("utf-8"),
        "alerts.yml": _yaml(exported(BUILT_IN.values()).document),
    }
    return {
        **{folder / name: text for folder in (CHART / "files", HERE / "prometheus") for name, text in rules.items()},
        SCHEMA: json.dumps(_schema(), indent=2) + "\n",
    }


def _schema() -> dict[str, Any]:
    """The schema of values with today's settings."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    known = Settings.model_json_schema()
    names = [name for name in Settings.model_fields if name not in OWN and name not in secrets()]
    schema["$defs"]["settings"] = {
        "type": "object",
        "properties": {name: {"type": _kind(known["properties"][name])} for name in names},
        "additionalProperties": False,
    }
    return schema


def _kind(field: dict[str, Any]) -> str:
    """The type of a setting, whose value may be left out but not null here."""
    kinds = [each["type"] for each in field.get("anyOf", [field]) if each.get("type", "null") != "null"]
    return str(kinds[0])


def base() -> dict[Path, str]:
    """The rendered chart as kustomize takes it, a file for each template."""
    import helm_python

    with helm_python.Chart.load(str(CHART)) as chart:
        rendered = chart.render(BASE_VALUES, name="eopiez", namespace="default")
    made = {}
    for name in sorted(rendered):
        is_part = name.endswith(".yaml") and "/tests/" not in name
        objects = [_adopted(each) for each in yaml.safe_load_all(rendered[name]) if each] if is_part else []
        if objects:
            made[BASE / Path(name).name] = "".join(f"---\n{_yaml(each)}" for each in objects)
    listed = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    made[BASE / "kustomization.yaml"] = _yaml(listed | {"resources": sorted(path.name for path in made)})
    return made


def _adopted(given: dict[str, Any]) -> dict[str, Any]:
    """An object without what only Helm understands."""
    metadata = given["metadata"]
    kept = {key: text for key, text in metadata.pop("annotations", {}).items() if key not in HELMS_OWN}
    labels = {key: text for key, text in metadata["labels"].items() if key != "helm.sh/chart"}
    own = {"labels": labels | {"app.kubernetes.io/managed-by": "kustomize"}} | ({"annotations": kept} if kept else {})
    return given | {"metadata": metadata | own}


class _Plain(yaml.SafeDumper):
    """Lists within maps indented, and nothing said by reference."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _text)


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Plain, sort_keys=False, width=10_000, allow_unicode=True)


if __name__ == "__main__":
    for old in BASE.glob("*.yaml"):
        old.unlink()
    for made in (copies, base):
        for path, text in made().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
