"""Waiting for a while."""

from __future__ import annotations

import asyncio
import time

import pytest

from eopiez_ray.engine.moments import set_within


async def test_a_wait_ends_with_its_event_or_its_time() -> None:
    event = asyncio.Event()
    began = time.monotonic()
    await set_within(event, 0.05)
    assert time.monotonic() - began >= 0.05
    event.set()
    await set_within(event, 60)


async def test_a_cancel_that_meets_the_event_is_not_forgotten() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(set_within(event, 60))
    await asyncio.sleep(0)
    event.set()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
