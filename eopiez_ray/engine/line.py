"""Blocking calls to Ray, made so that a dead cluster holds up neither their callers nor the end of the program."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")


class Line:
    """Asks Ray on threads of its own, until it is cut.

    Ray answers no question that is under way while the head dies, and gives up no such question by itself. A thread of
    an executor pool that asks one would never end, and Python waits for those threads before it exits.
    """

    def __init__(self) -> None:
        self._open: set[asyncio.Future[Any]] = set()

    async def ask(self, function: Callable[..., Value], *args: object) -> Value:
        """What the function returns.

        Raises:
            ConnectionError: the line was cut before there was an answer.
            Exception: whatever the function raises.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Value] = loop.create_future()

        def asking() -> None:
            value: Value | None = None
            error: BaseException | None = None
            try:
                value = function(*args)
            except BaseException as raised:  # noqa: BLE001 - handed to the waiting task
                error = raised
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(_settle, answer, value, error)

        self._open.add(answer)
        answer.add_done_callback(self._open.discard)
        threading.Thread(target=asking, name=f"ray {function.__name__}", daemon=True).start()
        return await answer

    def cut(self) -> None:
        """Answer all open questions with an error, since the cluster has gone or was left."""
        for answer in list(self._open):
            _settle(answer, None, ConnectionError("the Ray cluster was lost"))


def _settle(answer: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)
