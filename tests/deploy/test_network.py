"""Network policies: every flow that is needed is allowed at both of its ends, and the others are not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.manifests import EVERYTHING, of_chart, pods

Labels = dict[str, str]
Flow = tuple[str | Labels, str | Labels, int]
POSTGRES: Labels = {"cnpg.io/cluster": "eopiez-postgres"}
NEEDED: list[Flow] = [
    ("orchestrator", POSTGRES, 5432),
    ("orchestrator", "ray-work-head", 6379),
    ("orchestrator", "ray-work-cpu", 20123),
    ("ray-work-cpu", "orchestrator", 20123),
    ("ray-work-gpu", "ray-work-cpu", 40123),
    ("ray-work-head", "redis", 6379),
    ("ray-work-head", POSTGRES, 5432),
    ("ray-gateway", "ray-gateway-head", 6379),
    ("ray-gateway", POSTGRES, 5432),
    ("ray-gateway-head", "redis", 6379),
    ("job", "ray-work-head", 8265),
    ("migration", POSTGRES, 5432),
    ("test", "ray-gateway", 8000),
    (POSTGRES, POSTGRES, 5432),
]
REFUSED: list[Flow] = [
    ("ray-gateway-head", POSTGRES, 5432),
    ("ray-work-cpu", POSTGRES, 5432),
    ("ray-work-cpu", "redis", 6379),
    ("ray-work-cpu", "ray-gateway", 8000),
    ("ray-work-cpu", "ray-gateway-head", 6379),
    ("ray-gateway", "ray-work-head", 6379),
    ("ray-gateway", "redis", 6379),
    ("job", POSTGRES, 5432),
    ("migration", "ray-work-head", 8265),
    ("test", "ray-gateway", 52365),
    ("redis", POSTGRES, 5432),
    ("orchestrator", "redis", 6379),
]


def allows(policies: list[dict[str, Any]], source: Labels, target: Labels, port: int) -> bool:
    """Whether a pod may open a connection to another one of its namespace."""
    return _passes(policies, source, target, port, "egress") and _passes(policies, target, source, port, "ingress")


def _passes(policies: list[dict[str, Any]], own: Labels, other: Labels, port: int, way: str) -> bool:
    spoken = [
        each["spec"] for each in policies
        if way.title() in each["spec"]["policyTypes"] and selects(each["spec"]["podSelector"], own)
    ]  # fmt: skip
    if not spoken:
        return True
    side = "to" if way == "egress" else "from"
    return any(
        any("podSelector" in peer and selects(peer["podSelector"], other) for peer in rule.get(side, ()))
        and ("ports" not in rule or port in {each["port"] for each in rule["ports"]})
        for spec in spoken
        for rule in spec.get(way, ())
    )


def selects(selector: dict[str, Any], labels: Labels) -> bool:
    """Whether a selector means a pod with these labels."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True


@pytest.fixture(scope="module")
def made() -> list[dict[str, Any]]:
    return of_chart(EVERYTHING)


@pytest.mark.parametrize(("source", "target", "port"), NEEDED + REFUSED)
def test_needed_flows_alone_are_allowed(
    made: list[dict[str, Any]], source: str | Labels, target: str | Labels, port: int
) -> None:
    known = {labels["app.kubernetes.io/component"]: labels for labels, _ in pods(made)}
    ends = [known[each] if isinstance(each, str) else each for each in (source, target)]
    policies = [each for each in made if each["kind"] == "NetworkPolicy"]
    assert allows(policies, ends[0], ends[1], port) is ((source, target, port) in NEEDED)


def test_every_pod_is_closed_at_first(made: list[dict[str, Any]]) -> None:
    (deny,) = (each["spec"] for each in made if each["metadata"]["name"] == "eopiez-deny")
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert not deny.keys() & {"ingress", "egress"}
    found = [labels for labels, _ in pods(made)]
    assert len(found) > 8
    assert all(selects(deny["podSelector"], labels) for labels in found)


def test_nothing_of_the_gateway_or_of_ray_is_open_to_everybody(made: list[dict[str, Any]]) -> None:
    for policy in (each for each in made if each["kind"] == "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", ()):
            assert rule["from"]
            assert all("ipBlock" not in peer for peer in rule["from"])
