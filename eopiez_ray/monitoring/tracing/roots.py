"""Spans of the requests that create workflows: each is the root of its workflow's trace, or a part of its caller's.

The process that has answered sends them; if it dies within seconds, the collector never knows the latest.
"""

from __future__ import annotations

import contextlib
import secrets
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import NotDeliveredError
from ...model.ids import WorkflowId, uuid7

if TYPE_CHECKING:
    from .collector import Collector
    from .spans import Span

SEND_S = 5.0
"""Seconds between two times that they are sent."""
MOST_KEPT = 10_000
"""Spans that wait for a collector that is away; then the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request that creates a workflow stands in a trace."""

    workflow: WorkflowId
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    """The caller's span; empty if the request is the root."""
    flags: str = "01"

    @classmethod
    def below(cls, caller: str | None) -> Place:
        """A new place below the caller's, given as a ``traceparent``; without one, in the new workflow's own trace."""
        workflow, span_id = WorkflowId(uuid7()), secrets.token_bytes(8)
        if caller is None:
            return cls(workflow, workflow.bytes, span_id, b"")
        _, trace_id, parent_id, flags = caller.split("-")
        return cls(workflow, bytes.fromhex(trace_id), span_id, bytes.fromhex(parent_id), flags)

    @property
    def traceparent(self) -> str:
        """Where the workflow stands: below the request."""
        return f"00-{self.trace_id.hex()}-{self.span_id.hex()}-{self.flags}"


class Roots:
    """Keeps such spans until they are sent."""

    def __init__(self) -> None:
        self._waiting: deque[Span] = deque(maxlen=MOST_KEPT)

    def add(self, span: Span) -> None:
        """Keep a span to be sent."""
        self._waiting.append(span)

    async def send(self, collector: Collector) -> None:
        """Send all that wait; a collector that cannot be reached gets them next time."""
        if not self._waiting:
            return
        sent = [*self._waiting]
        with contextlib.suppress(NotDeliveredError):  # It is logged where it is found out.
            async with collector.client() as client:
                await collector.send(client, sent)
            while self._waiting and sent and self._waiting[0] is sent[0]:
                self._waiting.popleft()
                sent.pop(0)
