"""An event loop in its own thread, for what phases await: it outlives their calls, as open connections require."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")
_END = object()


class _Raised(NamedTuple):
    """The error raised in place of a result."""

    error: BaseException


class Loop:
    """Runs awaitables to completion from a thread without a loop. It starts with the first one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, awaitable: Awaitable[Result]) -> Result:
        """Its result; the caller's context variables apply inside, and errors of all kinds are raised here."""
        outcome = asyncio.run_coroutine_threadsafe(_outcome(awaitable), self._begun()).result()
        if isinstance(outcome, _Raised):
            raise outcome.error
        return outcome

    def iterate(self, source: AsyncIterator[Any]) -> Iterator[Any]:
        """The values of an asynchronous iterator, each awaited on demand."""
        while (value := self.run(_following(source))) is not _END:
            yield value

    def _begun(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="eopiez-async", daemon=True).start()
        return self._loop


async def _outcome(awaitable: Awaitable[Result]) -> Result | _Raised:
    """Its result or its error as a value: some errors would end the loop if raised in it."""
    try:
        return await awaitable
    except BaseException as error:  # noqa: BLE001 - raised by the caller
        return _Raised(error)


async def _following(source: AsyncIterator[Any]) -> Any:
    return await anext(source, _END)
