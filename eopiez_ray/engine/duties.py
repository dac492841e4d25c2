"""An orchestrator's permanent duties, each in a task of its own; one that fails is restarted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..errors import ClusterError, StoreError
from ..logs import get_logger

Duty = Callable[[], Awaitable[Any]]

FINAL = (ClusterError, StoreError)
"""What a duty raises after trying for as long as it should: a restart would not help."""
SOUND_S = 60.0
"""Seconds after which a duty that failed before counts as healthy again."""
MOST_FAILURES = 8
"""Failures of a duty in such quick succession that end the orchestrator."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
"""Seconds until it is restarted, doubled each time."""

log = get_logger(__name__)


class Duties:
    """Tasks that run until one of them returns, or cannot continue."""

    def __init__(self, named: Mapping[str, Duty]) -> None:
        self._tasks = [asyncio.ensure_future(_kept_up(name, duty)) for name, duty in named.items()]

    def __contains__(self, task: object) -> bool:
        return task in self._tasks

    @property
    def tasks(self) -> list[asyncio.Future[None]]:
        """All of them."""
        return [*self._tasks]

    @property
    def are_over(self) -> bool:
        """Whether one has returned or cannot continue."""
        return any(task.done() for task in self._tasks)

    async def end(self) -> None:
        """Stop all of them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _kept_up(name: str, duty: Duty) -> None:
    """Run the duty until it returns; an unexpected error is logged, and after a pause the duty restarts.

    Raises:
        ClusterError, StoreError: it has tried for long enough.
        Exception: it keeps failing.
    """
    failures, failed_at = 0, 0.0
    while True:
        try:
            await duty()
        except FINAL:
            raise
        except Exception:  # The outermost guard of a loop.
            now = time.monotonic()
            failures = failures + 1 if now - failed_at < SOUND_S else 1
            failed_at = now
            if failures >= MOST_FAILURES:
                raise
            log.exception("a duty failed and restarts", duty=name, failures=failures)
            await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**failures))
        else:
            return
