"""A system with rules and channels, whose clock is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from eopiez_ray.model.alerts import Alert, AlertFilter
from eopiez_ray.monitoring.alerts.alerting import Alerting
from eopiez_ray.monitoring.alerts.book import place_of
from eopiez_ray.monitoring.alerts.built_in import BUILT_IN
from eopiez_ray.monitoring.alerts.channels import Channel, open_part, sealed_part
from eopiez_ray.monitoring.alerts.rules import Rule, to_document
from eopiez_ray.sealing import Seal
from eopiez_ray.store import Database
from eopiez_ray.store.alert_desk import AlertDesk
from eopiez_ray.store.alerts import AlertStore
from eopiez_ray.store.encoding import to_json
from tests.monitoring.conftest import Post
from tests.waiting import until

from .given import rule

KEY = "a secret key of more than thirty-two characters"


class House:
    """A process that evaluates and delivers, on a real database."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.database = database
        self.post = Post(database, alert_targets=("127.0.0.1",), secret_key=KEY, **settings)
        self.alerting = Alerting(self.post.station, self.post.settings)
        self.desk, self.store = AlertDesk(database), AlertStore(database)
        self.began = datetime.now(UTC)

    async def quiet(self) -> None:
        """Switch all built-in rules off."""
        off = {name: to_document(each) | {"enabled": False} for name, each in BUILT_IN.items()}
        await self.desk.put_rules(None, off, "tests")

    async def have(self, *rules: Rule, project: str | None = None) -> None:
        """Write rules."""
        await self.desk.put_rules(project, {each.name: to_document(each) for each in rules}, "tests")

    async def tell(self, url: str, project: str | None = None, **facts: Any) -> None:
        """Write a channel."""
        channel = Channel.model_validate({"name": "here", "url": url} | facts)
        target = Seal(KEY).close(to_json(sealed_part(channel)), place_of(project, channel.name))
        await self.desk.put_channel(project, channel.name, target, open_part(channel), "tests", lambda _: None)

    async def look(self, seconds: float = 0.0) -> None:
        """Evaluate at that time after the beginning."""
        await self.post.station.watch()
        await self.alerting.evaluator.evaluate(self.began + timedelta(seconds=seconds))

    async def deliver(self) -> None:
        """Send what is due, and wait for it."""
        await self.alerting.deliverer.deliver()
        await self.alerting.deliverer.settle()

    async def empty(self) -> None:
        """Send until nothing waits."""

        async def is_empty() -> bool:
            await self.deliver()
            rows = await self.database.fetch(
                "select 1 from alert_outbox where delivered_at is null and given_up_at is null"
            )
            return not rows

        await until(is_empty)

    async def alerts(self) -> list[Alert]:
        """All alerts, the oldest first."""
        return (await self.store.page(AlertFilter()))[::-1]

    async def happens(self, kind: str, project: str = "default", times: int = 1) -> None:
        """Let events of a workflow happen."""
        await self.database.fetch(HAPPEN, project, kind, times)


HAPPEN = """
with plan as (
    insert into plans (digest, spec) values ('d', '{}') on conflict (digest) do update set spec = '{}' returning digest
),
made as (
    insert into workflows (id, project, name, plan) select gen_random_uuid(), $1, 'w', digest from plan returning id
)
insert into events (workflow_id, kind)
select id, $2 from made, generate_series(1, $3::integer)
"""


@pytest_asyncio.fixture(loop_scope="session")
async def house(database: Database) -> AsyncIterator[House]:
    """A house with one rule: loud, while workflows do what is called noise."""
    made = House(database)
    await made.quiet()
    await made.have(rule(when={"kind": "events", "source": "workflows", "where": {"kind": "noise"}, "above": 0}))
    yield made
    await made.alerting.close()


async def hushed(house: House) -> None:
    """Let what was noisy be long ago."""
    await house.database.fetch("update events set at = at - interval '1 day'")
