"""An event loop in a thread of its own, for what phases await: it outlives their calls, as open connections must."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")
_END = object()


class _Raised(NamedTuple):
    """What came out in place of a result."""

    error: BaseException


class Loop:
    """Runs awaitables to their end, from a thread without a loop. It begins with the first one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, awaitable: Awaitable[Result]) -> Result:
        """What it gives; context variables of the caller hold inside, and errors of all kinds come out."""
        outcome = asyncio.run_coroutine_threadsafe(_outcome(awaitable), self._begun()).result()
        if isinstance(outcome, _Raised):
            raise outcome.error
        return outcome

    def iterate(self, source: AsyncIterator[Any]) -> Iterator[Any]:
        """The values of an asynchronous iterator, each awaited when it is asked for."""
        while (value := self.run(_following(source))) is not _END:
            yield value

    def _begun(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="eopiez-async", daemon=True).start()
        return self._loop


async def _outcome(awaitable: Awaitable[Result]) -> Result | _Raised:
    """Its result or its error: some errors would end the loop if they left it as such."""
    try:
        return await awaitable
    except BaseException as error:  # noqa: BLE001 - raised by the caller
        return _Raised(error)


async def _following(source: AsyncIterator[Any]) -> Any:
    return await anext(source, _END)
