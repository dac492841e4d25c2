"""Processes that evaluate and deliver are killed at any moment: each alert is told, and decided once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from eopiez_ray.store.projects import Projects
from tests.waiting import until

from .conftest import KEY, House
from .given import rule
from .receiving import FAILED, hooked

ROUNDS = 3
PROGRAM = """
import asyncio
from datetime import timedelta
from eopiez_ray.monitoring import station
from eopiez_ray.monitoring.alerts import alerting, delivery
from eopiez_ray.monitoring.meter import Meter
from eopiez_ray.monitoring.opening import stationed
from eopiez_ray.settings import Settings
from eopiez_ray.store import connect

station.LEASE_S, station.RENEW_S = 1.0, 0.2
alerting.EVALUATE_S, alerting.DELIVER_S = 0.05, 0.05
delivery.LEASE, delivery.LONGEST_PAUSE_S = timedelta(seconds=1), 0.1

async def main():
    settings = Settings()
    async with await connect(settings.database_url) as database, stationed(database, settings, "gateway", Meter()):
        print("begun", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@asynccontextmanager
async def evaluating(house: House, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that evaluates and delivers until it is killed."""
    own = {
        "EOPIEZ_DATABASE_URL": house.database.url, "EOPIEZ_HOME": str(home), "EOPIEZ_SECRET_KEY": KEY,
        "EOPIEZ_ALERT_TARGETS": '["127.0.0.1"]', "EOPIEZ_METRICS": "false",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env=os.environ | own, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_killed_at_any_moment_nothing_is_lost_and_nothing_decided_twice(house: House, home: Path) -> None:
    chance = random.Random(7)
    loud = {"kind": "events", "source": "workflows", "where": {"kind": "noise"}, "by": ["project"], "above": 0}
    await house.have(rule(when=loud))
    async with hooked() as hook:
        await house.tell(hook.url, group_by=["project"], tells_resolved=False)
        for number in range(ROUNDS):
            hook.answers = [FAILED] * number
            async with evaluating(house, home):
                await Projects(house.database).create(f"p{number}")
                await house.happens("noise", project=f"p{number}")
                await asyncio.sleep(chance.uniform(0.0, 2.0))
        async with evaluating(house, home):
            await until(lambda: len({told["alerts"][0]["project"] for told in hook.told}) == ROUNDS)
            await until(lambda: _is_empty(house))
    alerts = await house.alerts()
    assert sorted(str(alert.project) for alert in alerts) == [f"p{number}" for number in range(ROUNDS)]
    messages = {headers["webhook-id"] for headers in hook.headers}
    assert len(messages) == ROUNDS


async def _is_empty(house: House) -> bool:
    return not await house.database.fetch("select 1 from alert_outbox where delivered_at is null")
