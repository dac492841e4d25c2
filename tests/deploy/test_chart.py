"""The chart: every way to install it is accepted by the schemas, holds nobody's power, and lets nothing through."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import CHART, EXTERNAL, VARIANTS, faults, of_chart, one, pods, rendered
from tests.documents import ROOT

VARIANT = pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)


@VARIANT
def test_schemas_accept_every_variant(values: dict[str, Any]) -> None:
    made = of_chart(values)
    assert len(made) > 10
    assert [fault for each in made for fault in faults(each)] == []


def test_the_schemas_refuse_what_does_not_exist() -> None:
    """Otherwise the test above would say nothing."""
    for given in of_chart(VARIANTS["everything"]):
        spec = given.get("spec")
        if isinstance(spec, dict):
            assert faults(given | {"spec": spec | {"unheard-of": 1}}), given["kind"]


def test_helm_finds_nothing() -> None:
    import helm_python

    for values in VARIANTS.values():
        found = helm_python.lint(str(CHART), values, strict=True)
        assert found["errors"] == []
        assert [each for each in found["messages"] if each["severity"] > 1] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("gatewy", {}),
        ("fullnameOverride", "Letters"),
        ("gateway.kind", "nginx"),
        ("gateway.minReplicas", 0),
        ("gateway.port", 70000),
        ("settings.gateway_bodybytes", 1),
        ("settings.gateway_body_bytes", "large"),
        ("settings.database_url", "postgresql://eopiez:secret@db/eopiez"),
        ("settings.ray_address", "auto"),
        ("secrets.secretKey", "short"),
        ("secrets.others", {"OTHER": "x"}),
        ("shared.size", "large"),
        ("ray.groups.CPU", {"minReplicas": 1}),
        ("networkPolicies.outside", [{"cidr": "everywhere", "ports": [443]}]),
        ("orchestrators.replicas", -1),
        ("orchestrators.resources.limits", {"memory": 2}),
        ("topologyKeys", [""]),
    ],
)
def test_mistyped_values_are_refused(path: str, value: Any) -> None:
    import helm_python

    given = value
    for key in reversed(path.split(".")):
        given = {key: given}
    with pytest.raises(helm_python.HelmError):
        rendered(given)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"postgres": {"kind": "external"}}, "postgres.external.url"),
        ({"redis": {"kind": "external"}}, "redis.external.address"),
        ({"backups": {"url": "s3://other/backups"}}, "EOPIEZ_BACKUP_KEY"),
        ({"gateway": {"minReplicas": 3, "maxReplicas": 2}}, "gateway.maxReplicas is 2"),
        ({"ray": {"groups": {"gpu": {"minReplicas": 9}}}}, "ray.groups.gpu.maxReplicas is 4"),
        ({"gateway": {"canary": {"tag": "0.2.0"}}}, "gateway.canary needs gateway.kind uvicorn"),
        ({"gateway": {"podLabels": {"a": "b"}}}, "gateway.kind uvicorn"),
        ({"artifacts": {"url": "/srv/artifacts"}}, "storage that all reach"),
        ({"artifacts": {"url": "file:///srv/artifacts"}}, "storage that all reach"),
    ],
)
def test_what_is_missing_or_does_not_go_together_is_named(values: dict[str, Any], said: str) -> None:
    import helm_python

    with pytest.raises(helm_python.HelmError, match=re.escape(said)):
        rendered(values)


def test_a_long_release_name_with_dots_is_a_name_for_everything() -> None:
    made = of_chart(VARIANTS["everything"], "letters.of-the-department-of-correspondence.2026-11")
    assert [fault for each in made for fault in faults(each)] == []
    for each in made:
        name = each["metadata"]["name"]
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name), name
        assert len(name) <= {"RayService": 47, "RayJob": 47, "Cluster": 50}.get(each["kind"], 63), name


@VARIANT
def test_no_pod_has_power(values: dict[str, Any]) -> None:
    found = list(pods(of_chart(values)))
    assert len(found) > 5
    for labels, pod in found:
        assert labels["app.kubernetes.io/name"] == "eopiez"
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        is_scaling = pod["serviceAccountName"].endswith("-head")
        assert pod["automountServiceAccountToken"] is is_scaling
        writable = {each["name"] for each in pod.get("volumes", ()) if "emptyDir" in each} | {"shared", "data"}
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
            }  # fmt: skip
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]
            assert {each["name"] for each in container.get("volumeMounts", ()) if not each.get("readOnly")} <= writable


def test_only_a_head_that_scales_asks_the_server() -> None:
    still = VARIANTS["one of each"]
    assert all(pod["automountServiceAccountToken"] is False for _, pod in pods(of_chart(still)))
    asking = [labels for labels, pod in pods(of_chart({})) if pod["automountServiceAccountToken"]]
    assert [labels["app.kubernetes.io/component"] for labels in asking] == ["ray-work-head"]


@VARIANT
def test_what_kuberay_refuses_beyond_its_schema_is_not_there(values: dict[str, Any]) -> None:
    made = of_chart(values)
    clusters = [each["spec"] for each in made if each["kind"] == "RayCluster"]
    clusters += [each["spec"]["rayClusterConfig"] for each in made if each["kind"] == "RayService"]
    for spec in clusters:
        assert spec["authOptions"]["mode"] == "token"
        assert spec["rayVersion"]
        for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
            assert "resources" not in group
            assert "labels" not in group["rayStartParams"]
            assert "restartPolicy" not in group["template"]["spec"]
            assert not {"REDIS_PASSWORD", "RAY_REDIS_ADDRESS", "RAY_enable_autoscaler_v2"} & {
                each["name"] for _, pod in pods(group) for container in pod["containers"] for each in container["env"]
            }
    for job in (each["spec"] for each in made if each["kind"] == "RayJob"):
        assert job["backoffLimit"] == 0
        assert not job.get("shutdownAfterJobFinishes")
        cluster = job["clusterSelector"]["ray.io/cluster"]
        assert cluster in {each["metadata"]["name"] for each in made if each["kind"] == "RayCluster"}


@VARIANT
def test_workers_see_no_secret(values: dict[str, Any]) -> None:
    """They run what users send, and need neither the database nor a key."""
    made = of_chart(values)
    workers = one(made, "RayCluster", f"{values.get('fullnameOverride', 'eopiez')}-work")["spec"]["workerGroupSpecs"]
    for _, pod in pods(workers):
        assert not {"settings"} & {each["name"] for each in pod["volumes"]}
        assert not {"EOPIEZ_SETTINGS_FOLDER"} & {each["name"] for each in pod["containers"][0]["env"]}


def test_a_change_of_settings_restarts_who_reads_them() -> None:
    def checksums(values: dict[str, Any]) -> list[str]:
        text = json.dumps(of_chart({"gateway": {"kind": "uvicorn"}, **values}))
        return [part[:68] for part in text.split("checksum/settings")[1:]]

    before, after = checksums({}), checksums({"settings": {"alerts": False}})
    assert len(before) == len(after) == 2
    assert not set(before) & set(after)


def test_made_secrets_are_random_and_given_ones_are_kept() -> None:
    made = one(of_chart({}), "Secret", "eopiez-ray-token")["stringData"]
    assert len({*made.values()}) == 2
    assert {len(each) for each in made.values()} == {64}
    given = one(of_chart(VARIANTS["secrets given"]), "Secret", "eopiez-settings")["stringData"]
    assert given == {"EOPIEZ_SECRET_KEY": "k" * 32, "EOPIEZ_OIDC_CLIENT_SECRET": "o"}
    outside = of_chart(EXTERNAL)
    assert one(outside, "Secret", "eopiez-settings")["stringData"]["EOPIEZ_DATABASE_URL"].startswith("postgresql://")
    assert not [each for each in of_chart(VARIANTS["secrets from elsewhere"]) if each["kind"] == "Secret"]


def test_yamllint_finds_nothing(tmp_path: Path) -> None:
    paths = [str(path) for path in (ROOT / "deploy").rglob("*.y*ml") if "templates" not in path.parts]
    made = {text: template for values in VARIANTS.values() for template, text in rendered(values).items()}
    for number, (text, template) in enumerate(made.items()):
        if template.endswith(".yaml") and text.strip():
            path = tmp_path / f"{number}-{Path(template).name}"
            path.write_text(text)
            paths.append(str(path))
    rules = {
        "extends": "default",
        "rules": {
            "document-start": "disable",
            "line-length": "disable",  # Expressions of PromQL have no good place to break.
            "indentation": {"indent-sequences": "whatever"},  # Helm itself writes lists without.
            "comments": {"min-spaces-from-content": 1},
        },
    }
    command = [sys.executable, "-m", "yamllint", "--strict", "-d", yaml.safe_dump(rules), *paths]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_notes_teach() -> None:
    (notes,) = (
        text for path, text in rendered(VARIANTS["everything"], "letters").items() if path.endswith("NOTES.txt")
    )
    for said in ("rollout status deployment/letters-orchestrator", "eopiez users create admin --administrator",
                 "eopiez login https://eopiez.example.com", "helm --namespace somewhere test letters"):  # fmt: skip
        assert said in notes
    assert "trusted_proxies" not in notes
    assert "Nothing is backed up yet" in notes
