"""Empties the outbox: each message at least once, those of a group in order, a slow receiver on its own time."""

from __future__ import annotations

import asyncio
import math
import random
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ...errors import NotDeliveredError, SealedError, StoreError
from ...logs import get_logger
from .book import receiver_of

if TYPE_CHECKING:
    from ...model.alerts import Waiting
    from ...sealing import Seal
    from ...store.alerts import AlertStore
    from .sending import Sender

DELIVER_S = 1.0
"""Seconds between looks into the outbox."""
AT_ONCE, AT_ONCE_EACH = 32, 4
"""Messages that are sent at the same time, by one process and to one channel."""
LEASE = timedelta(seconds=60)
"""How long a message is its taker's: longer than sending it may last."""
LONGEST_PAUSE_S = 300.0
ELSEWHERE_S = 5.0
"""Longest pause after a process could not open what is sealed: another one may have the key."""
GIVEN_UP = timedelta(days=1)
"""Age at which a message that cannot be delivered is given up, so that later ones of its group get through."""

log = get_logger(__name__)


class Deliverer:
    """Sends what is due. If its process dies, what it had taken is sent by another, after a lease."""

    def __init__(self, store: AlertStore, seal: Seal, sender: Sender) -> None:
        self._store, self._seal, self._sender = store, seal, sender
        self._chance = random.Random()
        self._sending: set[asyncio.Task[None]] = set()

    async def deliver(self) -> None:
        """Begin to send what is due; does not wait for it."""
        free = AT_ONCE - len(self._sending)
        for message in await self._store.take(free, LEASE, AT_ONCE_EACH) if free else []:
            task = asyncio.create_task(self._send(message))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def settle(self) -> None:
        """Wait for what is being sent."""
        await asyncio.gather(*self._sending)

    async def close(self) -> None:
        """End what is being sent; another process sends it again."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._sender.close()

    async def _send(self, message: Waiting) -> None:
        try:
            await self._try(message)
        except StoreError as error:  # Its lease ends, and it is sent again.
            log.warning("cannot note what became of an alert's message", message=message.id, error=str(error))

    async def _try(self, message: Waiting) -> None:
        try:
            channel = receiver_of(message.channel, self._seal).channel
            await self._sender.send(channel, f"msg_{message.id}", message.title, message.body, message.facts)
        except SealedError as error:
            await self._fail(message, str(error), ELSEWHERE_S)
        except (NotDeliveredError, ValidationError) as error:
            await self._fail(message, str(error))
        except Exception as error:  # A task's outermost guard: an unforeseen error is a failure like any other.
            log.exception("unforeseen error while an alert was sent", message=message.id)
            await self._fail(message, type(error).__name__)
        else:
            await self._store.delivered(message.id)

    async def _fail(self, message: Waiting, error: str, longest_s: float = math.inf) -> None:
        pause = min(2.0**message.attempts, LONGEST_PAUSE_S, longest_s) * self._chance.uniform(0.8, 1.2)
        is_given_up = await self._store.failed(message.id, error, timedelta(seconds=pause), GIVEN_UP)
        facts = {"channel": message.channel.name, "message": message.id, "attempts": message.attempts + 1}
        if is_given_up:
            log.error("a message of an alert is given up", error=error, **facts)
        else:
            log.warning("an alert could not be delivered, trying again", error=error, **facts)
