"""The phase that runs elsewhere: how each answer of a service is taken. A server stands where the gateway would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import eopiez_ray as ez
from eopiez_ray.authoring.context import TaskContext, running
from eopiez_ray.errors import ContractError, EopiezError, ParameterError, ServiceFailedError, ServiceRefusedError
from eopiez_ray.phases.services.steps import call_service

from .instances import Instance, answer, broken, echo, free_url, held, serving

KEY = "eopiez-key-of-blue"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workers' file of keys."""
    file = tmp_path / "keys.json"
    file.touch(0o600)
    file.write_text(json.dumps({"blue": KEY}))
    monkeypatch.setenv("EOPIEZ_SERVICES_KEYS", str(file))
    return file


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(keys: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Instance]:
    async with serving(echo) as made:
        monkeypatch.setenv("EOPIEZ_SERVICES_URL", made.url + "/")
        yield made


async def sent(value: Any, project: str = "blue", **options: Any) -> Any:
    """What the phase makes of a value."""
    with running(TaskContext("0190", "schöner step", 7, project=project)):
        return await call_service(value, service="shout", **({"path": "/a/b"} | options))


async def test_a_value_goes_out_and_an_answer_comes_back(gateway: Instance) -> None:
    assert await sent({"ä": [1, None, "b"]}) == {"ä": [1, None, "b"]}
    (seen,) = gateway.arrived
    assert (seen.method, seen.target) == ("POST", "/v1/services/shout/call/a/b?project=blue")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["content-type"] == "application/json"


async def test_every_attempt_has_the_same_token_and_every_task_its_own(gateway: Instance) -> None:
    await sent(1)
    await sent(1)
    with running(TaskContext("0190", "schöner step", 8, project="blue")):
        await call_service(1, service="shout")
    tokens = [each.headers["idempotency-key"] for each in gateway.arrived]
    assert tokens == ["0190/sch%C3%B6ner%20step/7"] * 2 + ["0190/sch%C3%B6ner%20step/8"]


@pytest.mark.parametrize(("status", "kind"), [
    *((status, ServiceFailedError) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
    *((status, ServiceRefusedError) for status in (301, 302, 400, 401, 403, 404, 409, 410, 413, 422, 451, 499)),
])  # fmt: skip
async def test_only_what_could_go_well_later_is_tried_again(
    gateway: Instance, status: int, kind: type[EopiezError]
) -> None:
    gateway.behaviour = answer(status, {"detail": "why", "secret": "x" * 5000})
    with pytest.raises(kind, match="why") as caught:
        await sent(1)
    assert isinstance(caught.value, ContractError) is (kind is ServiceRefusedError)
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) < 1000


async def test_one_request_too_many_waits_and_costs_no_attempt(gateway: Instance) -> None:
    async def refuse_once(seen: Any, send: Any) -> None:
        gateway.behaviour = echo
        await answer(429, retry_after="0")(seen, send)

    gateway.behaviour = refuse_once
    assert await sent("again") == "again"
    assert len({each.headers["idempotency-key"] for each in gateway.arrived}) == 1
    assert len(gateway.arrived) == 2


async def test_what_is_no_json_is_a_broken_contract(gateway: Instance) -> None:
    gateway.behaviour = echo_of(b"<html>")
    with pytest.raises(ContractError, match="is no JSON: <html>"):
        await sent(1)


def echo_of(body: bytes) -> Any:
    """An answer of these bytes."""

    async def behave(seen: Any, send: Any) -> None:
        await echo(type(seen)(seen.method, seen.target, seen.headers, body), send)

    return behave


async def test_an_empty_answer_is_none(gateway: Instance) -> None:
    gateway.behaviour = echo_of(b"")
    assert await sent(1) is None


async def test_lost_and_late_answers_are_tried_again(gateway: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()
    gateway.behaviour = held(gate)
    with pytest.raises(ServiceFailedError, match=r"no answer within 0\.2 s"):
        await sent(1, answer_within_s=0.2)
    gate.set()
    gateway.behaviour = broken
    with pytest.raises(ServiceFailedError):
        await sent(1)
    monkeypatch.setenv("EOPIEZ_SERVICES_URL", free_url())
    with pytest.raises(ServiceFailedError):
        await sent(1)


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}, b"bytes"])
async def test_what_json_cannot_say_is_not_sent(gateway: Instance, value: Any) -> None:
    with pytest.raises(ParameterError, match="as JSON"):
        await sent(value)
    assert gateway.arrived == []


def put(file: Path, text: str, mode: int) -> None:
    """Let a file hold that text, with that mode."""
    file.write_text(text)
    file.chmod(mode)


async def test_a_worker_without_means_says_what_is_missing(
    gateway: Instance, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ParameterError, match="no key for services of project 'red'"):
        await sent(1, project="red")
    put(keys, "{}", 0o644)
    with pytest.raises(ParameterError, match="everybody can read"):
        await sent(1)
    put(keys, "[", 0o600)
    with pytest.raises(ParameterError, match="cannot read its keys"):
        await sent(1)
    monkeypatch.delenv("EOPIEZ_SERVICES_URL")
    with pytest.raises(ParameterError, match="EOPIEZ_SERVICES_URL"):
        await sent(1)
    assert gateway.arrived == []


@pytest.mark.parametrize("parameters", [
    {}, {"service": "Shout"}, {"service": "a/b"}, {"service": "a", "path": "a?b"}, {"service": "a", "path": "a b"},
    {"service": "a", "answer_within_s": 0}, {"service": "a", "url": "http://127.0.0.1"},
])  # fmt: skip
def test_a_plan_with_a_wrong_parameter_is_refused(parameters: dict[str, Any]) -> None:
    plan = ez.Plan("wrong")
    words = plan.values("words", ["a"])
    with pytest.raises(ParameterError):
        plan.step("shout", call_service, words, **parameters)


def test_a_document_names_it_without_an_import(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(
        "plan: loud\nsteps:\n  words:\n    values: [a, b]\n"
        "  shout:\n    phase: service\n    inputs: words\n    parameters: {service: shout, path: shout}\n"
    )
    spec = ez.read_plan(file).spec()
    assert spec.steps[1].parameters == {"service": "shout", "path": "shout"}
    assert ez.read_plan(file).to_yaml().count("service") == 2
