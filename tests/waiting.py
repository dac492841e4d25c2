"""Waiting for what will be true, instead of for a while.

Limits are for what will never be true, and not for what is slow: the machine may be busy with something else. Nor does
asking keep it busy: after a question that took long, the next one waits for twice as long, up to a quarter of a second.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE_S = 120.0


async def until(predicate: Callable[[], Any | Awaitable[Any]], timeout_s: float = PATIENCE_S) -> Any:
    """The first true answer of ``predicate``, asked again and again."""
    deadline = time.monotonic() + timeout_s
    while True:
        asked_at = time.monotonic()
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        answered_at = time.monotonic()
        if answered_at > deadline:
            raise TimeoutError(f"not true within {timeout_s:g} s: {inspect.getsource(predicate).strip()}")
        await asyncio.sleep(min(0.25, max(0.01, 2 * (answered_at - asked_at))))


def wait_until(predicate: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """As ``until``, outside of a loop."""
    return asyncio.run(until(predicate, timeout_s))
