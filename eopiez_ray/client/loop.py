"""An event loop in a thread of its own, for programs that are not asynchronous themselves."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

from ..errors import EopiezError

Given = TypeVar("Given")
_END = object()


class Loop:
    """Runs coroutines for any thread; Ctrl-C ends the one that is waited for."""

    def __init__(self) -> None:
        self._loop, self._process = asyncio.new_event_loop(), os.getpid()
        self._thread = threading.Thread(target=self._loop.run_forever, name="eopiez-client", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Given]) -> Given:
        """Run the coroutine and give its result.

        Raises:
            EopiezError: it was closed, or this process is a fork of the one that it runs in.
        """
        if not self._thread.is_alive() or os.getpid() != self._process:
            coroutine.close()
            raise EopiezError("this connection was closed, or opened in another process; open a new one")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, rows: AsyncIterator[Given]) -> Iterator[Given]:
        """The rows, each fetched when it is asked for."""
        while (row := self.run(_next(rows))) is not _END:
            yield row

    def close(self) -> None:
        """End the loop and its thread; a second call does nothing."""
        if self._thread.is_alive():
            self.run(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _end(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


async def _next(rows: AsyncIterator[Any]) -> Any:
    return await anext(rows, _END)
