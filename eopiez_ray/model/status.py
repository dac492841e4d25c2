"""The closed sets of statuses, kinds and outcomes, spelled the same in Python, SQL, JSON and on every screen."""

from __future__ import annotations

from enum import StrEnum


class WorkflowStatus(StrEnum):
    """The status of a workflow."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"
    """An unexpected error while handling it: it was set aside so that others continue; a retry picks it up again."""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing will change any more unless a user asks for a retry."""
        return self in _TERMINAL

    @property
    def is_ending(self) -> bool:
        """Whether it only waits for tasks in flight."""
        return self in {WorkflowStatus.PAUSING, WorkflowStatus.CANCELLING}

    @property
    def is_at_rest(self) -> bool:
        """Whether no orchestrator will continue it unasked."""
        return self.is_terminal or self is WorkflowStatus.PAUSED


_TERMINAL = {
    WorkflowStatus.SUCCEEDED,
    WorkflowStatus.FAILED,
    WorkflowStatus.CANCELLED,
    WorkflowStatus.QUARANTINED,
}


class StepStatus(StrEnum):
    """The status of a step."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class PhaseKind(StrEnum):
    """What a phase does with partitions."""

    VALUES = "values"
    """Given with the plan: partitions that exist from the start."""
    SOURCE = "source"
    """Nothing in; each value it yields is a partition."""
    MAP = "map"
    """One partition in, one out."""
    COMBINE = "combine"
    """Some consecutive partitions in, one out: a level of a tree of reduces."""
    REDUCE = "reduce"
    """All partitions in, one value out."""
    SINK = "sink"
    """All partitions in, an effect outside; runs only on committed results."""

    @property
    def gives_one(self) -> bool:
        """Whether its result is one value rather than partitions."""
        return self in {PhaseKind.REDUCE, PhaseKind.SINK}


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The phase raised: retried by the step's policy."""
    TIMED_OUT = "timed_out"
    """Retried by the step's policy."""
    LOST = "lost"
    """Its worker or node died: retried elsewhere, within a bound of its own."""
    OUT_OF_MEMORY = "out_of_memory"
    """It needed more memory than there was: retried with twice as much, within a bound of its own."""
    REFUSED = "refused"
    """It broke its contract or rejected its parameters: never retried."""
    NOT_STARTED = "not_started"
    """Handed back without a result; does not count as an attempt."""
