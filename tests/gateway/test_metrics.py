"""``GET /metrics``: what Prometheus reads of the whole system, and what each caller may see of it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as families

from eopiez_ray.gateway.exposition import Form, form_for
from eopiez_ray.monitoring import catalogue as c
from eopiez_ray.monitoring import standing
from eopiez_ray.monitoring.catalogue import CATALOGUE
from tests.gateway.conftest import Client, created, gateway_at, listening, messages
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import FastAPI

    from tests.engine.conftest import Stage

import pytest_asyncio


@pytest_asyncio.fixture(loop_scope="session")
async def app(database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    """A gateway that measures quickly."""
    monkeypatch.setattr(standing, "LOOK_S", 0.0)
    async with gateway_at(database_url, home, metrics_interval_s=0.05) as app:
        yield app


async def scraped(client: httpx.AsyncClient, **parameters: Any) -> dict[str, dict[tuple[str, ...], float]]:
    """Values of each sample's name, by the values of its labels."""
    answer = await client.get("/metrics", params=parameters)
    assert answer.status_code == HTTPStatus.OK, answer.text
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def until_scraped(client: httpx.AsyncClient, name: str, labels: tuple[str, ...], value: float) -> None:
    async def is_there() -> bool:
        return (await scraped(client)).get(name, {}).get(labels) == value

    await until(is_there)


async def test_workflows_are_scraped_by_whoever_may_see_them(client: Client, stage: Stage) -> None:
    stage.orchestrate()
    await stage.rest(await created(client("anna"), "ship", "crane"))  # type: ignore[arg-type]
    await until_scraped(client("root"), "eopiez_tasks_ended_total", ("blue", "length", "succeeded"), 2)
    await until_scraped(client("cleo"), "eopiez_workflows_ended_total", ("blue", "succeeded"), 1)
    assert "eopiez_orchestrators" in await scraped(client("cleo"))
    theirs = await scraped(client("dora"))
    assert not any(("blue" in labels) for samples in theirs.values() for labels in samples)
    assert not {name for name in theirs if name.startswith(("eopiez_http", "eopiez_node", "eopiez_postgres"))}
    assert (await client("dora").get("/metrics", params={"project": "blue"})).status_code == HTTPStatus.NOT_FOUND
    assert not await scraped(client("fritz")) or "eopiez_tasks_ended_total" not in await scraped(client("fritz"))


async def test_requests_are_measured_by_route(client: Client) -> None:
    root = client("root")
    for _ in range(3):
        await root.get("/workflows/01900000-0000-7000-8000-000000000000")
    await root.get("http://gateway/workflows/01900000-0000-7000-8000-000000000001")
    await root.get("/no/such/path")
    await root.request("BREW", "/workflows")
    await until_scraped(root, "eopiez_http_requests_total", ("GET", "/workflows/{workflow}", "404"), 4)
    await until_scraped(root, "eopiez_http_requests_total", ("GET", "(unknown)", "404"), 1)
    await until_scraped(root, "eopiez_http_requests_total", ("(unknown)", "/workflows", "405"), 1)
    found = await scraped(root)
    assert found["eopiez_http_request_seconds_count"]["/workflows/{workflow}",] == 4
    assert found["eopiez_http_request_seconds_bucket"]["/workflows/{workflow}", "+Inf"] == 4


async def test_followers_are_counted_while_they_follow(app: FastAPI, client: Client, stage: Stage) -> None:
    workflow = await created(client("anna"), "ship")
    async with listening(app) as url, httpx.AsyncClient(base_url=url, headers={"Caller": "cleo"}) as http:
        accept = {"Accept": "text/event-stream"}
        async with http.stream("GET", f"/workflows/{workflow}/events", headers=accept, timeout=60) as answer:
            following = messages(answer)
            await anext(following)
            await until_scraped(client("root"), "eopiez_http_followers", (), 1)
        await until_scraped(client("root"), "eopiez_http_followers", (), 0)


async def test_all_forms_say_the_same(client: Client) -> None:
    root = client("root")
    await root.get("/workflows")
    await until_scraped(root, "eopiez_http_requests_total", ("GET", "/workflows", "200"), 1)
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}

    async def forms() -> tuple[httpx.Response, httpx.Response, dict[str, Any]] | None:
        """OpenMetrics, plain text and JSON with the same metrics; None if one was measured first in between."""
        opened, plain = await root.get("/metrics", headers=accept), await root.get("/metrics")
        answer = (await root.get("/metrics", params={"format": "json"})).json()
        told = [
            openmetrics.text_string_to_metric_families(opened.text),  # type: ignore[no-untyped-call]
            families(plain.text),
        ]
        names = [{family.name.removesuffix("_total") for family in each} for each in told]
        by_json = {metric["name"].removesuffix("_total") for metric in answer["metrics"]}
        return (opened, plain, answer) if names[0] == names[1] == by_json else None

    opened, plain, answer = await until(forms)
    assert opened.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    read = {family.name: family for family in openmetrics.text_string_to_metric_families(opened.text)}  # type: ignore[no-untyped-call]
    assert read["eopiez_http_request_seconds"].unit == "seconds"
    by_name = {metric["name"]: metric for metric in answer["metrics"]}
    requests = by_name["eopiez_http_requests_total"]["samples"]
    assert {"labels": {"method": "GET", "route": "/workflows", "status": "200"}, "value": 1} in requests
    assert (await root.get("/metrics", headers={"Accept": "application/json"})).json().keys() == {"metrics"}


async def test_any_replica_answers_for_all(app: FastAPI, client: Client, database_url: str, home: Path) -> None:
    await client("root").get("/workflows")
    async with gateway_at(database_url, home, metrics_interval_s=0.05, is_new=False) as other:
        transport = httpx.ASGITransport(other)
        elsewhere = httpx.AsyncClient(transport=transport, base_url="http://gateway/v1", headers={"Caller": "root"})
        await until_scraped(elsewhere, "eopiez_http_requests_total", ("GET", "/workflows", "200"), 1)
        await elsewhere.get("/workflows")
        await until_scraped(client("root"), "eopiez_http_requests_total", ("GET", "/workflows", "200"), 2)
        await until_scraped(client("root"), "eopiez_processes", ("gateway",), 2)


async def test_everything_that_is_scraped_is_in_the_catalogue(client: Client, stage: Stage) -> None:
    stage.orchestrate()
    await stage.rest(await created(client("anna"), "ship", "crane"))  # type: ignore[arg-type]
    await until_scraped(client("root"), "eopiez_workflows_ended_total", ("blue", "succeeded"), 1)
    answer = await client("root").get("/metrics")
    for family in families(answer.text):
        metric = CATALOGUE.get(family.name) or CATALOGUE[f"{family.name}_total"]
        assert family.documentation == metric.help
        assert family.type == metric.kind
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.PROMETHEUS),
        ("*/*", Form.PROMETHEUS),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Form.PROMETHEUS),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", Form.OPENMETRICS),
        ("application/json;q=0.1, text/plain", Form.PROMETHEUS),
        ("application/json", Form.JSON),
        ("application/json;q=0, text/plain;q=x", Form.PROMETHEUS),
        (";;q=,,\x00", Form.PROMETHEUS),
    ],
)
def test_form_is_the_one_that_is_accepted_most(accept: str, form: Form) -> None:
    assert form_for(accept, None) is form


def test_names_follow_prometheus_rules() -> None:
    for metric in CATALOGUE.values():
        assert metric.name.startswith("eopiez_")
        assert metric.name.endswith("_total") == (metric.kind is c.Kind.COUNTER)
        assert metric.help.endswith(".")
        assert not {"id", "workflow", "task", "user"} & set(metric.kept)
        assert bool(metric.bounds) == (metric.kind is c.Kind.HISTOGRAM)
        assert list(metric.bounds) == sorted(metric.bounds)
        if metric.kind is c.Kind.HISTOGRAM:
            assert metric.unit == "seconds"


async def test_scrapes_at_once_read_the_store_once(app: FastAPI, client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(standing, "LOOK_S", 3600.0)
    await client("root").get("/metrics")
    looks: list[int] = []
    catch_up = app.state.system.standing._catch_up

    async def counted() -> None:
        looks.append(1)
        await catch_up()

    monkeypatch.setattr(app.state.system.standing, "_catch_up", counted)
    await asyncio.gather(*(client("root").get("/metrics") for _ in range(10)))
    assert not looks


async def test_a_metric_is_shown_over_time_to_whoever_may_see_it(client: Client, stage: Stage) -> None:
    stage.orchestrate()
    await stage.rest(await created(client("anna"), "ship", "crane"))  # type: ignore[arg-type]
    await until_scraped(client("root"), "eopiez_tasks_ended_total", ("blue", "length", "succeeded"), 2)
    path = "/metrics/eopiez_tasks_ended_total/history"
    shown = (await client("cleo").get(path, params={"by": ["outcome"], "label": ["phase=length"]})).json()
    assert [line["labels"] for line in shown["lines"]] == [{"outcome": "succeeded"}]
    assert sum(value or 0 for value in shown["lines"][0]["values"]) == 2
    assert len(shown["times"]) == len(shown["lines"][0]["values"])
    assert (await client("dora").get(path)).json()["lines"] == []
    assert (await client("dora").get("/metrics/eopiez_node_cpu_ratio/history")).json()["lines"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/metrics/eopiez_nothing/history", 404),
        ("/metrics/eopiez_workflows/history?by=colour", 422),
        ("/metrics/eopiez_workflows/history?label=project", 422),
        ("/metrics/eopiez_workflows/history?label=colour%3Dred", 422),
        ("/metrics/eopiez_workflows/history?window_s=0", 422),
    ],
)
async def test_histories_that_cannot_be_are_refused(client: Client, path: str, status: int) -> None:
    assert (await client("cleo").get(path)).status_code == status
