"""Waiting for events, for a while."""

from __future__ import annotations

import asyncio
import contextlib


async def set_within(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set or the time is over.

    Not by ``asyncio.wait_for``, which until Python 3.12 forgets a cancel that meets the event.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
