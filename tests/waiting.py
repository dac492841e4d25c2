"""Waiting for what will be true, instead of for a while.

Limits are for what will never be true, and not for what is slow: the machine may be busy with something else.
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
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true within {timeout_s:g} s: {inspect.getsource(predicate).strip()}")
        await asyncio.sleep(0.01)


def wait_until(predicate: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """As ``until``, outside of a loop."""
    return asyncio.run(until(predicate, timeout_s))
