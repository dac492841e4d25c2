"""Requests that create workflows: each is the root of its workflow's trace, or a part of its caller's."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from ...model.ids import WorkflowId, uuid7


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
