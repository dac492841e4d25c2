"""Values that travel between the orchestrator, its workers and the store."""

from __future__ import annotations

from typing import NamedTuple

from .status import Outcome

Attribute = str | int | float | bool
"""Of a span."""
SEALED = "+sealed"


class TaskKey(NamedTuple):
    """One step on one partition, within a workflow."""

    step: int
    """Position of the step in its plan."""
    partition: int


class Output(NamedTuple):
    """A durable value: its bytes if it is small, otherwise the name of its artifact."""

    digest: bytes
    """16-byte BLAKE3 digest of the stored form; equal digests mean equal values."""
    size: int
    """Size of the stored form in bytes."""
    form: str
    """How it is stored: ``pickle``, ``buffers`` or ``arrow``, followed by ``+sealed`` if it is encrypted."""
    inline: bytes | None
    """The stored form itself, sealed if ``form`` says so; None if it is an artifact."""

    @property
    def is_sealed(self) -> bool:
        """Whether it is encrypted. Then its digest is keyed, and its size is that of the content."""
        return self.form.endswith(SEALED)

    @property
    def content_form(self) -> str:
        """The form of its content."""
        return self.form.removesuffix(SEALED)


class Reject(NamedTuple):
    """A row that a phase could not use, or many with the same reason."""

    source: str
    """Where it is: file, and line or row."""
    reason: str
    sample: str
    """The beginning of its content."""
    rows: int = 1
    """How many rows it represents."""


class StepSummary(NamedTuple):
    """What a step of a workflow has done so far."""

    name: str
    partitions: int
    """Finished partitions."""
    rows: int
    rejects: int
    reasons: tuple[tuple[str, int], ...]
    """Why rows were rejected and how often, most frequent first."""
    cached: int
    wall_s: float
    """Summed over its tasks."""
    cpu_s: float
    started_at: float
    """Start of its first task in Unix seconds; 0 if none has begun."""
    finished_at: float
    """End of its last task so far in Unix seconds; 0 if none has ended."""


class LogLine(NamedTuple):
    """A line that a phase logged or printed."""

    at: float
    """Unix seconds."""
    level: str
    message: str


class Failure(NamedTuple):
    """Why an attempt failed."""

    error_type: str
    message: str
    traceback: str


class TaskSpan(NamedTuple):
    """A part of an attempt at a task, as its phase has measured it."""

    attempt: int
    """Counted from 1."""
    number: int
    """Of the span within the attempt, counted from 1."""
    parent: int
    """The number of the span around it; 0 if there is none."""
    name: str
    started_at: float
    """Unix seconds, by the worker's clock."""
    wall_s: float
    error_type: str
    """Of the exception that ended it; empty if none did."""
    attributes: dict[str, Attribute]


class Report(NamedTuple):
    """A worker's report on one attempt of one task. The output is durable before it is reported."""

    key: TaskKey
    outcome: Outcome
    output: Output | None = None
    rows: int = 0
    """Rows of the output when it is a table, otherwise 1."""
    started_at: float = 0.0
    """Unix seconds, by the worker's clock."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    """CPU seconds of the worker's process during it, all threads."""
    failure: Failure | None = None
    rejects: tuple[Reject, ...] = ()
    logs: tuple[LogLine, ...] = ()
    worker: str = ""
    is_last: bool = False
    """For a source: its partitions end here. ``key.partition`` is then their number and there is no output."""
    is_cached: bool = False
    peak_bytes: int = 0
    """Peak memory of the worker's process during it; 0 if not measured."""
    spans: tuple[TaskSpan, ...] = ()
    """Parts of it, if traces are exported."""

    @property
    def rejected(self) -> int:
        """How many rows it put into quarantine."""
        return sum(reject.rows for reject in self.rejects)
