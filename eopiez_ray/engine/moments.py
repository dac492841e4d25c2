"""Waiting for events, with a timeout."""

from __future__ import annotations

import asyncio
import contextlib


async def set_within(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set or the time is up.

    Does not use ``asyncio.wait_for``, which before Python 3.12 loses a cancel that coincides with the event.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
