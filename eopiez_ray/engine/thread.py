"""A thread that runs an engine, for programs that are not asynchronous themselves."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from ..errors import DatabaseUnavailableError, EopiezError
from ..settings import Settings
from .system import Engine

Result = TypeVar("Result")
THREADS_S = 5.0
"""Seconds that the loop's threads get to end, once nothing waits for them."""


class EngineThread:
    """An open engine with an event loop in its own thread, which runs coroutines for any other thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self._process = settings, os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="eopiez", daemon=True)
        self._thread.start()
        self._is_open, self._is_ending = True, False
        try:
            self.engine = self.run(self._open())
        except BaseException:
            self._end_loop()
            raise

    async def _open(self) -> Engine:
        engine = Engine(self.settings)
        try:
            await engine.open()
        except BaseException:
            await engine.close()
            raise
        return engine

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run the coroutine and give its result.

        Raises:
            EopiezError: the engine is closed, or this process is a fork of the one it runs in.
        """
        if not self._thread.is_alive() or os.getpid() != self._process:
            coroutine.close()
            raise EopiezError("this system was closed, or opened in another process; open a new one")
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except (CancelledError, DatabaseUnavailableError) as error:
            if isinstance(error, DatabaseUnavailableError) and not self._is_ending:
                raise
            raise EopiezError("this system was closed by another thread; open a new one") from error

    def end(self, ending: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the last coroutine and end the thread; a second call does nothing. Whoever still waits for something is
        told that it is over."""
        if not self._is_open:
            return
        self._is_ending = True
        try:
            self.run(ending())
        finally:
            self._end_loop()

    def _end_loop(self) -> None:
        """End everything left in the loop, which would otherwise be destroyed later, with a complaint."""
        self._is_open = False
        self.run(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_tasks() -> None:
    """End what still runs in this loop, and its threads unless they take long."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    # Not by ``asyncio.wait_for``: a cancel would make it wait for the threads, however long they take.
    await asyncio.wait({loop.create_task(loop.shutdown_default_executor())}, timeout=THREADS_S)
