"""Spans that only this process knows, until a collector has them."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING

from ...errors import NotDeliveredError

if TYPE_CHECKING:
    from .collector import Collector
    from .spans import Span

SEND_S = 5.0
"""Seconds between two times that they are sent: what a process that dies takes with it."""
MOST_KEPT = 10_000
"""Spans that wait for a collector that is away; then the oldest are forgotten."""


class Unsent:
    """Keeps such spans until they are sent."""

    def __init__(self) -> None:
        self._waiting: deque[Span] = deque(maxlen=MOST_KEPT)

    def add(self, *spans: Span) -> None:
        """Keep spans to be sent."""
        self._waiting.extend(spans)

    async def send(self, collector: Collector) -> None:
        """Send all that wait; a collector that cannot be reached gets them next time."""
        if not self._waiting:
            return
        sent = [*self._waiting]
        with contextlib.suppress(NotDeliveredError):  # It is logged where it is found out.
            async with collector.client() as client:
                await collector.send(client, sent)
            while self._waiting and sent and self._waiting[0] is sent[0]:
                self._waiting.popleft()
                sent.pop(0)
