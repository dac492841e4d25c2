"""Reads that many callers share: what is asked for while others are under way is read next, by one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar, cast

K = TypeVar("K")
V = TypeVar("V")
MOST_READERS = 2
"""Reads at once, so that a slow one does not hold back all others."""
MOST_KEYS = 100
"""Keys that one statement looks up."""

Waiting = dict[K, list[asyncio.Future[V | None]]]


class Gathered(Generic[K, V]):
    """Looks up values by their keys, many with one statement.

    A read begins after the question that it answers, so an answer is never older than its question. Under little load,
    each question is read at once and by itself. A key whose read fails does not hurt those beside it.
    """

    def __init__(self, read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        """
        Args:
            read: gives the values of some keys; a key without one is left out.
        """
        self._read = read
        self._waiting: Waiting[K, V] = {}
        self._readers: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """The value of a key; None if it has none. Errors are those of reading it."""
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if len(self._readers) < MOST_READERS:
            self._readers.add(asyncio.create_task(self._work()))
        return await future

    async def _work(self) -> None:
        """Read until nothing is asked for. A reader that looks no more must not be counted as one, not even until the
        loop runs its callbacks: who asks then would wait for it for ever."""
        try:
            await self._answer()
        finally:
            self._readers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _answer(self) -> None:
        while self._waiting:
            asked = {key: self._waiting.pop(key) for key in list(self._waiting)[:MOST_KEYS]}
            try:
                _give(asked, await self._read(asked.keys()))
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                await self._answer_each(asked, error)

    async def _answer_each(self, asked: Waiting[K, V], error: Exception) -> None:
        """Read each key by itself, so that only those fail that have to."""
        if len(asked) == 1:
            _fail(asked, error)
            return
        for key, futures in asked.items():
            alone = {key: futures}
            try:
                _give(alone, await self._read(alone.keys()))
            except Exception as own:  # noqa: BLE001 - handed to whoever asked
                _fail(alone, own)


def _give(asked: Waiting[K, V], values: Mapping[K, V]) -> None:
    for key, futures in asked.items():
        for future in futures:
            if not future.done():  # Nobody waits any more.
                future.set_result(values.get(key))


def _fail(asked: Waiting[K, V], error: Exception) -> None:
    for futures in asked.values():
        for future in futures:
            if not future.done():
                future.set_exception(error)
