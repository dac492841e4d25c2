"""Prometheus and Grafana: what is shipped for them works on a real Prometheus that scrapes a real gateway."""

from __future__ import annotations

import asyncio
import json
import os
import re
import runpy
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import eopiez_ray as ez
from eopiez_ray.engine.accounting import Held, Look, Spent, Use
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.engine.figures import NodeFigures, StoreFigures
from eopiez_ray.engine.pool import Usage
from eopiez_ray.gateway.app import create_app
from eopiez_ray.model.dealings import Dealt
from eopiez_ray.model.requests import Selection
from eopiez_ray.monitoring.catalogue import CATALOGUE
from eopiez_ray.monitoring.processes import Cluster
from eopiez_ray.monitoring.station import Station
from eopiez_ray.settings import Settings
from eopiez_ray.store import connect
from eopiez_ray.store.server import ServerStatistics
from tests.documents import ROOT
from tests.engine.conftest import Stage
from tests.gateway.conftest import listening, running
from tests.gateway.test_description import signed_in
from tests.waiting import until

DEPLOY = ROOT / "deploy"
needs_prometheus = pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed here")


@ez.phase(version="1", cache=True)
def halve(number: int) -> float:
    return number / 2


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=1))
def fail(number: float) -> float:
    raise ValueError(f"{number} is never right")


class Fixed:
    """A cluster that is always used alike, and writes an artifact at each look."""

    def __init__(self, usage: Usage, artifacts: Artifacts) -> None:
        self._usage, self._artifacts = usage, artifacts

    def usage(self) -> Usage:
        return self._usage

    def spent(self) -> Spent:
        spent = Spent()
        spent.add(Look(4, 1, {Held("default", Use.LIMIT): 2.0}), 10.0)
        return spent

    def figures(self) -> list[NodeFigures]:
        return []

    def object_store(self) -> StoreFigures | None:
        return StoreFigures("here:1", used=3, free=5, spilled=1, restored=1)

    def dealt(self) -> Dealt | None:
        self._artifacts.load(self._artifacts.store(os.urandom(100_000)))
        return self._artifacts.dealings.take()


def plan(*numbers: int) -> ez.Plan:
    made = ez.Plan("halves")
    made.step("halve", halve, made.values("numbers", list(numbers)))
    return made


def failing() -> ez.Plan:
    made = ez.Plan("failing")
    made.step("fail", fail, made.values("numbers", [1]))
    return made


def boards() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((DEPLOY / "grafana/boards").glob("*.json"))}


def queries() -> Iterator[tuple[str, str, str]]:
    """Board, panel and query of everything that boards show."""
    for name, board in boards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield name, panel["title"], target["expr"]


def rules() -> list[dict[str, str]]:
    (group,) = yaml.safe_load((DEPLOY / "prometheus/recording.yml").read_text())["groups"]
    return list(group["rules"])


def test_boards_are_made_from_their_description() -> None:
    made: dict[str, str] = runpy.run_path(str(DEPLOY / "grafana/make.py"))["boards"]()
    assert made == {path.name: path.read_text() for path in (DEPLOY / "grafana/boards").glob("*.json")}
    assert set(boards()) == {"overview", "workflows", "phases", "resources", "postgres", "api", "ray", "cost"}


def test_boards_are_well_formed() -> None:
    for name, board in boards().items():
        assert board["uid"] == f"eopiez-{name}"
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}
        assert len(places) == len(board["panels"])
        for panel in board["panels"]:
            assert panel["title"]
            assert panel["targets"]
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"prometheus"}


def test_boards_and_rules_ask_only_for_what_there_is() -> None:
    asked = [query for _, _, query in queries()] + [rule["expr"] for rule in rules()]
    for query in asked:
        for name in re.findall(r"(?<!:)\beopiez_\w+", query):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in CATALOGUE or base in CATALOGUE, name


@needs_prometheus
def test_promtool_accepts_configuration_and_rules(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY / "prometheus", tmp_path / "prometheus")
    (tmp_path / "prometheus/eopiez.key").write_text("a key")
    for arguments in (["rules", "recording.yml"], ["config", "prometheus.yml"]):
        checked = subprocess.run(
            ["promtool", "check", *arguments], cwd=tmp_path / "prometheus", capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


@asynccontextmanager
async def prometheus(folder: Path, gateway: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A Prometheus with our configuration, but quicker; gives a client for its API."""
    given = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    given["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    given["scrape_configs"] = [each for each in given["scrape_configs"] if each["job_name"] == "eopiez"]
    given["scrape_configs"][0]["static_configs"][0]["targets"] = [gateway.removeprefix("http://").removesuffix("/v1")]
    recording = yaml.safe_load((DEPLOY / "prometheus/recording.yml").read_text())
    recording["groups"][0]["interval"] = "1s"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(given))
    (folder / "recording.yml").write_text(yaml.safe_dump(recording))
    (folder / "eopiez.key").write_text(token)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


async def answers(client: httpx.AsyncClient, query: str) -> bool:
    """Whether a query has data."""
    try:
        answer = await client.get("/query", params={"query": query.replace("$project", ".*")})
    except httpx.TransportError:
        return False
    found = answer.json()
    assert found["status"] == "success", (query, found)
    return bool(found["data"]["result"])


@needs_prometheus
async def test_every_query_of_every_board_has_data(database_url: str, home: Path, tmp_path: Path) -> None:
    settings = Settings(
        home=home, database_url=database_url, metrics_interval_s=0.3, access_token_s=3600, price_cpu_hour=1.0
    )
    async with await connect(database_url) as database:
        await ServerStatistics(database).show_statements()
        await database.fetch("analyze")
    async with running(create_app(settings)) as app, listening(app) as url:
        system = app.state.system
        stage = Stage(system.database, home / "artifacts")
        stage.orchestrate()
        usage = Usage(2, {"CPU": 8.0, "memory": 1e9}, {"CPU": 1.0, "memory": 0.0}, 1, 1, 0)
        fixed = Fixed(usage, Artifacts(settings.artifacts))
        cluster = Cluster(Station(system.database, system.traffic.meter, "orchestrator"), fixed)
        token = await signed_in(app, home, url)
        waiting = [*(query for _, _, query in queries()), *(rule["record"] for rule in rules())]
        async with prometheus(tmp_path, url, token) as client:

            async def all_answer() -> bool:
                await cluster.sample()
                await stage.rest(await stage.submit(plan(2, 4)))
                await stage.rest(await stage.submit(failing()))
                paused = await stage.submit(plan(8))
                await stage.workflows.pause_all(Selection(ids=(paused,)))
                waiting[:] = [query for query in waiting if not await answers(client, query)]
                return not waiting

            try:
                await until(all_answer)
            except TimeoutError as error:
                raise AssertionError(f"no data for {waiting}") from error
        await stage.close()
