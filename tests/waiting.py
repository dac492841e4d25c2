"""Waiting for what will be true, instead of for a while."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(predicate: Callable[[], Any | Awaitable[Any]], timeout_s: float = 30.0) -> Any:
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


def wait_until(predicate: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """As ``until``, outside of a loop."""
    return asyncio.run(until(predicate, timeout_s))
