"""The overlays: kubectl builds them, the schemas accept them, and each is what it says."""

from __future__ import annotations

import pytest

from tests.deploy.manifests import OVERLAYS, containers, faults, of_overlay, one, pods

NAMES = sorted(path.name for path in OVERLAYS.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_schemas_accept_every_overlay(name: str) -> None:
    made = of_overlay(name)
    assert [fault for each in made for fault in faults(each)] == []
    assert {each["metadata"].get("namespace", f"eopiez-{name}") for each in made} == {f"eopiez-{name}"}
    enforced = one(made, "Namespace", f"eopiez-{name}")["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_helm_is_left(name: str) -> None:
    for each in of_overlay(name):
        metadata = each["metadata"]
        assert not [key for key in metadata.get("annotations", {}) if key.startswith("helm.sh/")]
        assert metadata.get("labels", {}).get("app.kubernetes.io/managed-by") in {None, "kustomize"}


def test_secrets_are_in_no_overlay_but_that_for_development() -> None:
    assert {name for name in NAMES if any(each["kind"] == "Secret" for each in of_overlay(name))} == {"dev"}
    for name in NAMES:
        wanted = {source["secret"]["name"] for _, pod in pods(of_overlay(name)) for volume in pod.get("volumes", ())
                  for source in volume.get("projected", {}).get("sources", ())}  # fmt: skip
        assert wanted == {"eopiez-settings", "eopiez-postgres-app"}


def test_development_is_small_and_production_is_not() -> None:
    small, large = of_overlay("dev"), of_overlay("production")
    assert not [each for each in small if each["kind"] in {"Ingress", "ServiceMonitor", "PrometheusRule"}]
    assert one(small, "Cluster", "eopiez-postgres")["spec"]["instances"] == 1
    assert {each["image"] for each in containers(small)} == {"eopiez:dev", "redis:7.4-alpine"}
    assert one(large, "Cluster", "eopiez-postgres")["spec"]["postgresql"]["synchronous"]["number"] == 1
    assert one(large, "Deployment", "eopiez-orchestrator")["spec"]["replicas"] == 3
    assert one(large, "ScheduledBackup", "eopiez-postgres")["spec"]["method"] == "volumeSnapshot"
    gateway = one(large, "RayService", "eopiez-gateway")["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    assert one(large, "PodDisruptionBudget", "eopiez-ray-gateway")["spec"]["minAvailable"] == gateway["minReplicas"] - 1
