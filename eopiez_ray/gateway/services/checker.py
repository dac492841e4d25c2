"""Asks instances for their health. Each check is taken from the database by one replica, whichever comes first."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from ...errors import StoreError
from ...logs import get_logger

if TYPE_CHECKING:
    from ...settings import Settings
    from ...store.services import Services, ServiceView
    from .relay import Relay

AT_ONCE = 16
"""Instances that one replica asks at the same time."""
ANSWER_S = 3.0
LOOKS = 4
"""How often a replica looks, between two checks of an instance, whether one is due."""
KEPT = timedelta(hours=1)
"""How long an instance that is gone is remembered, so that it gets its id back."""

log = get_logger(__name__)


class Checker:
    """Asks those whose turn it is, for ever."""

    def __init__(self, settings: Settings, services: Services, relay: Relay) -> None:
        self._every_s, self._services, self._relay = settings.gateway_service_check_s, services, relay
        self._chance = random.Random()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, unless no service may be called at all."""
        if not self._relay.places.is_nowhere:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def check(self) -> int:
        """Ask those whose turn it is now; gives how many."""
        due = await self._services.take_checks(timedelta(seconds=self._every_s), AT_ONCE)
        await asyncio.gather(*map(self._check_one, due))
        return len(due)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s / LOOKS * self._chance.uniform(0.5, 1.5))
            try:
                while await self.check() == AT_ONCE:
                    pass
                await self._services.forget(KEPT)
            except StoreError as error:
                log.warning("cannot check services, trying again", error=str(error))
            self._relay.standings.forget(time.monotonic())

    async def _check_one(self, instance: ServiceView) -> None:
        is_passed = self._relay.resolver.may_be_called(instance.url) and await self._passes(instance)
        if is_passed is not (instance.failed_checks == 0):
            log.info("health of a service", service=instance.name, instance=str(instance.id), passed=is_passed)
        await self._services.note_check(instance.id, is_passed)

    async def _passes(self, instance: ServiceView) -> bool:
        """Whether it answers with 2xx; what else it says is not read."""
        url = URL(instance.url + (instance.health_path or ""), encoded=True)
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                self._relay.session.get(url, allow_redirects=False, headers={"Connection": "close"}) as answer,
            ):
                return 200 <= answer.status < 300
        except (aiohttp.ClientError, OSError):
            return False
