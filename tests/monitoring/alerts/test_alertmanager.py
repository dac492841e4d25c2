"""Alertmanager as a channel: what it is sent, and what a real one makes of it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from eopiez_ray.errors import NotDeliveredError
from eopiez_ray.model.alerts import AlertStatus
from eopiez_ray.monitoring.alerts.alertmanager import AGAIN_S, LASTING, TEST, endpoint
from eopiez_ray.monitoring.alerts.built_in import BUILT_IN
from eopiez_ray.monitoring.alerts.channels import Channel
from eopiez_ray.monitoring.alerts.sending import Sender
from eopiez_ray.monitoring.alerts.telling import MOST_LISTED, tell
from eopiez_ray.supervision.parts import free_ports
from tests.documents import ROOT
from tests.waiting import until

from .conftest import House, hushed
from .given import after, receiver, rule
from .receiving import hooked
from .test_telling import Told, alert, silence

ROUTES = ROOT / "deploy/prometheus/alertmanager.yml"
PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
needs_alertmanager = pytest.mark.skipif(PROGRAM is None, reason="Alertmanager is not installed here")
needs_amtool = pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed here")
NOISE = {"kind": "events", "source": "workflows", "where": {"kind": "noise"}, "by": ["project"], "above": 0}


@pytest.mark.parametrize(
    ("url", "posted"),
    [
        ("http://a:9093", "http://a:9093/api/v2/alerts"),
        ("https://user:word@a/prefix/", "https://user:word@a/prefix/api/v2/alerts"),
        ("http://a:9093/api/v2/alerts?x=1", "http://a:9093/api/v2/alerts"),
    ],
)
def test_alerts_are_posted_where_it_takes_them(url: str, posted: str) -> None:
    assert endpoint(url) == posted


def test_what_fires_is_told_again_although_it_is_acknowledged_or_silenced() -> None:
    told = Told(alert(), to=receiver(kind="alertmanager"))
    told.look(0)
    told.change(acknowledged_at=after(1))
    told.silences = (silence(ends_at=after(10_000)),)
    for seconds in (1, AGAIN_S - 1, AGAIN_S, AGAIN_S + 1, 2 * AGAIN_S):
        told.look(seconds)
    told.change(status=AlertStatus.RESOLVED, resolved_at=after(700))
    told.look(700)
    assert told.titles == [
        (0, "FIRING: loud"), (AGAIN_S, "STILL FIRING: loud"), (2 * AGAIN_S, "STILL FIRING: loud"),
        (700, "RESOLVED: loud"),
    ]  # fmt: skip


def test_what_is_silenced_from_the_beginning_is_not_told() -> None:
    told = Told(alert(), to=receiver(kind="alertmanager"), silences=(silence(ends_at=after(100)),))
    for seconds in (0, 99, 100):
        told.look(seconds)
    assert told.titles == [(100, "FIRING: loud")]


def test_it_gets_all_alerts_of_a_message() -> None:
    alerts = [alert(labels={"disk": str(number)}) for number in range(MOST_LISTED + 10)]
    (told,) = tell(alerts, [receiver(kind="alertmanager")], (), after(0))
    assert len(told.message.facts["alerts"]) == MOST_LISTED + 10


async def test_it_is_sent_alerts_as_they_stand(house: House) -> None:
    await house.have(rule(when=NOISE, severity="critical", summary="$value noises", labels={"team": "red"}))
    async with hooked() as hook:
        await house.tell(hook.url, kind="alertmanager")
        await house.happens("noise")
        await house.look(0)
        await house.empty()
        await house.look(AGAIN_S)
        await house.empty()
        await hushed(house)
        for seconds in (AGAIN_S + 10, AGAIN_S + 80):
            await house.look(seconds)
        await house.empty()
    (first,), (again,), (ended,) = map(json.loads, hook.bodies)
    assert hook.paths == ["/alerts/api/v2/alerts"] * 3
    labels = {"alertname": "loud", "severity": "critical", "project": "default", "team": "red"}
    assert first["labels"] == again["labels"] == ended["labels"] == labels
    assert first["annotations"] == {"summary": "1 noises", "value": "1"}
    assert first["startsAt"] == again["startsAt"] == ended["startsAt"]
    assert first["generatorURL"].endswith("/alerts")
    (kept,) = await house.alerts()
    assert kept.resolved_at is not None
    assert datetime.fromisoformat(ended["endsAt"]) == kept.resolved_at
    assert [_left(each) for each in (first, again)] == pytest.approx([AGAIN_S * LASTING] * 2, abs=60)
    told = [happening for _, happening in await house.store.history(kept.id, 0, 100) if happening.kind == "told"]
    assert [each.data["title"] for each in told] == ["FIRING: loud", "RESOLVED: loud"]


def _left(posted: dict[str, Any]) -> float:
    """For how many seconds what fires lasts."""
    return (datetime.fromisoformat(posted["endsAt"]) - datetime.now().astimezone()).total_seconds()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.2:9/", "EOPIEZ_ALERT_TARGETS"),
        ("mailto://localhost:9/?from=a@b.c&to=a@b.c", "is https://"),
    ],
)
async def test_it_is_where_somebody_allowed_it(url: str, reason: str) -> None:
    sender = Sender(("127.0.0.9",))
    with pytest.raises(NotDeliveredError, match=reason):
        await sender.send(Channel(name="a", url=url, kind="alertmanager"), "1", "title", "body", {})
    await sender.close()


@asynccontextmanager
async def alertmanager(folder: Path, hook: str) -> AsyncIterator[httpx.AsyncClient]:
    """A real one with the routes that are shipped, but quicker; gives a client for its API."""
    assert PROGRAM is not None
    (port,) = free_ports(1)
    given = yaml.safe_load(ROUTES.read_text())
    for route in (given["route"], *given["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    for each in given["receivers"]:
        for webhook in each.get("webhook_configs", ()):
            webhook["url"] = f"{hook}/{each['name']}"
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(given))
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "--config.file=alertmanager.yml", "--storage.path=data", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=", cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await until(lambda: _is_ready(client))
            yield client
    finally:
        process.terminate()
        await process.wait()


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/-/ready")).is_success
    except httpx.TransportError:
        return False


async def active(client: httpx.AsyncClient) -> set[tuple[str, str]]:
    """Name and project of the alerts that fire there."""
    found = (await client.get("/api/v2/alerts", params={"active": "true"})).json()
    return {(each["labels"]["alertname"], each["labels"].get("project", "")) for each in found}


@needs_alertmanager
async def test_a_real_one_groups_routes_and_resolves(house: House, tmp_path: Path) -> None:
    await house.have(rule(when=NOISE, severity="critical"))
    async with hooked() as hook, alertmanager(tmp_path, hook.url) as client:
        await house.tell(str(client.base_url), kind="alertmanager")
        house.began -= timedelta(seconds=2 * AGAIN_S)  # Its clock is not moved: what has ended has to be over there.
        for project in ("blue", "red"):
            await house.happens("noise", project=project)
        for seconds in (0, AGAIN_S):
            await house.look(seconds)
            await house.empty()
        assert await active(client) == {("loud", "blue"), ("loud", "red")}
        await until(lambda: len(hook.told) >= 2)
        assert {each["groupLabels"]["project"] for each in hook.told} == {"blue", "red"}
        assert {each["receiver"] for each in hook.told} == {"on-call"}
        await hushed(house)
        for seconds in (AGAIN_S + 10, AGAIN_S + 80):
            await house.look(seconds)
        await house.empty()
        await until(lambda: sum(each["status"] == "resolved" for each in hook.told) == 2)
        assert await active(client) == set()
        assert len(hook.told) == 4


@needs_alertmanager
async def test_a_try_arrives_at_a_real_one(tmp_path: Path) -> None:
    sender = Sender(("127.0.0.1",), "https://eopiez.example.com/")
    async with hooked() as hook, alertmanager(tmp_path, hook.url) as client:
        channel = Channel(name="a", url=str(client.base_url), kind="alertmanager")
        await sender.send(channel, "test_a", "TEST: eopiez", "This is a try.", {"kind": "test"})
        assert await active(client) == {(TEST, "")}
        await until(lambda: hook.told)
    await sender.close()
    (alert,) = hook.told[0]["alerts"]
    assert alert["annotations"]["summary"] == "This is a try."
    assert alert["generatorURL"] == "https://eopiez.example.com/alerts"
    lasts = datetime.fromisoformat(alert["startsAt"]) + timedelta(minutes=2)
    assert lasts > datetime.now().astimezone()


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)


@needs_amtool
def test_amtool_accepts_the_routes() -> None:
    checked = amtool("check-config", str(ROUTES))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SUCCESS" in checked.stdout


@needs_amtool
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("alertname=disk-full", "severity=critical", "node=a"), "on-call"),
        (("alertname=workflows-fail", "severity=warning", "project=blue"), "team"),
        (("alertname=cpu-saturated", "severity=info"), "nobody"),
        ((f"alertname={TEST}", "severity=info"), "team"),
    ],
)
def test_alerts_are_routed_by_severity(labels: tuple[str, ...], receivers: str) -> None:
    routed = amtool("config", "routes", "test", f"--config.file={ROUTES}", f"--verify.receivers={receivers}", *labels)
    assert routed.returncode == 0, routed.stdout + routed.stderr


def test_routes_name_rules_that_there_are() -> None:
    given = yaml.safe_load(ROUTES.read_text())
    named = [
        matcher.partition('"')[2].rstrip('"')
        for each in given["inhibit_rules"]
        for matcher in (*each["source_matchers"], *each["target_matchers"])
    ]
    assert named
    assert {*named} <= {*BUILT_IN}
