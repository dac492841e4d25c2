"""Following a workflow by server-sent events, however often the connection breaks."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from ..errors import GatewayError, GatewayUnavailableError
from ..model.status import WorkflowStatus
from .patience import Patience
from .transport import Call, Unanswered

if TYPE_CHECKING:
    from .transport import Transport

SILENCE_S = 45.0
"""Seconds without a byte after which a stream is dead: a living one sends a comment every 15."""
FAILURES = 3
"""Streams that break in a row without a message before we poll: something in between may hold streams back."""
POLL_S = 1.0
STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Message:
    """A server-sent event."""

    kind: str
    data: Any
    id: int | None
    """Where the stream goes on after a break; None for what has no place in the history."""


class Follower:
    """The messages of a stream, each once, across all broken connections, until the workflow is at rest."""

    def __init__(self, transport: Transport, path: str, patience: Patience | None = None, **query: Any) -> None:
        """
        Args:
            transport: to the gateway.
            path: of a list that can be followed.
            patience: how long to try without a sign of life.
            query: what of it.
        """
        self._transport, self._path, self._query = transport, path, query
        self._workflow = path.rsplit("/", 1)[0]
        self._patience = patience or Patience()
        self._failures, self._silent_s = 0, 0.0
        self._is_over = False

    async def messages(self, after: int = 0) -> AsyncIterator[Message]:
        """All messages after the one with that id.

        Raises:
            EopiezError: the gateway refuses, or does not answer for longer than we are patient.
        """
        while not self._is_over:
            each = self._polled(after) if self._failures >= FAILURES else self._streamed(after)
            try:
                async for message in each:
                    self._failures, self._silent_s = 0, 0.0
                    after = after if message.id is None else message.id
                    yield message
            except Unanswered as caught:
                await self._pause(caught)

    async def _pause(self, caught: Unanswered) -> None:
        self._failures += 1
        pause = max(caught.after_s, self._patience.pause_s(self._failures, random.random()))
        if not self._patience.allows(self._silent_s, pause):
            raise caught.error from caught
        self._silent_s += pause
        await asyncio.sleep(pause)

    async def _streamed(self, after: int) -> AsyncIterator[Message]:
        """What one connection gives."""
        call = Call(
            method="GET", path=self._path, query=self._query, is_repeatable=True, follows_redirects=True,
            headers={"Accept": STREAM, "Last-Event-ID": str(after)},
            timeout=httpx.Timeout(SILENCE_S, connect=10.0),
        )  # fmt: skip
        is_empty = True
        async with self._transport.stream(call) as answer:
            if answer.status_code == HTTPStatus.OK and STREAM not in answer.headers.get("content-type", ""):
                raise Unanswered(GatewayError("something between here and the gateway holds streams back"), True)
            async for message in messages(answer.aiter_lines()):
                after, is_empty = message.id or after, False
                yield message
        await self._conclude(after, is_empty=is_empty)

    async def _conclude(self, after: int, *, is_empty: bool) -> None:
        """A stream ended in order: because the workflow is at rest, or because the gateway is being restarted."""
        workflow = await self._transport.get(self._workflow)
        if WorkflowStatus(workflow["status"]).is_at_rest:
            rest = await self._transport.get(self._path, after=after, limit=1, **self._query)
            self._is_over = not rest["items"]
        elif is_empty:
            raise Unanswered(GatewayUnavailableError("the stream ended before the workflow did"), True)

    async def _polled(self, after: int) -> AsyncIterator[Message]:
        """The same by plain questions, for as long as something in between holds streams back."""
        while True:
            workflow = await self._transport.get(self._workflow)
            is_at_rest = WorkflowStatus(workflow["status"]).is_at_rest  # Before the page, so that nothing comes after.
            page = await self._transport.get(self._path, after=after, limit=1000, **self._query)
            for each in page["items"]:
                after = each["id"]
                yield Message(each.get("kind", "log"), each, each["id"])
            if is_at_rest and page["next"] is None:
                self._is_over = True
                return
            await asyncio.sleep(POLL_S)


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[Message]:
    """Lines as messages (HTML standard, 9.2.6); a message that a break cut off is dropped."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            number = fields.get("id", "")
            place = int(number) if number.isdigit() else None
            yield Message(fields.get("event", "message"), json.loads(fields["data"]), place)
        fields = {}
