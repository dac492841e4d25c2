"""One attempt at one task, from its beginning to its report."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from ..errors import ContractError, ParameterError
from ..model.failures import MESSAGE_CHARACTERS, exact, failure_of
from ..model.spans import MOST_SPANS
from ..model.status import Outcome
from ..model.tasks import Failure, LogLine, Output, Report, TaskKey
from .memory import peak_bytes

if TYPE_CHECKING:
    from ..authoring.context import TaskContext

LOG_LINES = 200
"""Lines kept of what one task logs and prints."""
MEASURED_S = 0.01
"""Shortest task in seconds whose peak memory is read, which costs about 50 µs."""
_REFUSALS = (ContractError, ParameterError)
_TABLES = (pa.Table, pa.RecordBatch)


class Moment(NamedTuple):
    """A reading of the clocks."""

    time: float
    """Unix seconds."""
    clock: float
    """Monotonic seconds."""
    cpu: float
    """CPU seconds of this process, all threads."""

    @classmethod
    def now(cls) -> Moment:
        return cls(time.time(), time.perf_counter(), time.process_time())


class Attempt:
    """What is known about an attempt while it runs."""

    __slots__ = (
        "_began", "_rest", "context", "ended", "failure", "is_last", "key", "logs", "outcome", "output", "value",
    )  # fmt: skip

    def __init__(self, key: TaskKey, context: TaskContext, began: Moment) -> None:
        self.key, self.context = key, context
        self.logs: list[LogLine] = []
        self.output: Output | None = None
        self.value: Any = None
        self.is_last = False
        self.failure: Failure | None = None
        self.outcome = Outcome.SUCCEEDED
        self.ended: Moment | None = None
        """When it was over, if others kept running."""
        self._began = began
        self._rest = ""
        """The beginning of a line that it has printed so far."""

    def note(self, at: float, level: str, message: str) -> None:
        """A line that it logged or printed."""
        if len(self.logs) < LOG_LINES:
            self.logs.append(LogLine(_finite(at), exact(level, 20), exact(message, MESSAGE_CHARACTERS)))

    def note_print(self, at: float, text: str) -> None:
        """Text that it printed, in any pieces."""
        *lines, self._rest = (self._rest[:MESSAGE_CHARACTERS] + exact(text)).split("\n")
        for line in lines:
            self.note(at, "info", line)

    def finish(self, value: Any, output: Output) -> None:
        """Record its result, which is durable."""
        self.value, self.output = value, output

    def fail(self, error: BaseException) -> None:
        """Record whatever it raised."""
        if isinstance(error, MemoryError):
            self.outcome = Outcome.OUT_OF_MEMORY
        else:
            self.outcome = Outcome.REFUSED if isinstance(error, _REFUSALS) else Outcome.FAILED
        self.failure = _told(error)
        self.output = self.value = None

    def report(self, worker: str, ended: Moment, among: int = 1) -> Report:
        """Its report, now that it is over; CPU seconds are divided ``among`` so many."""
        began = self._began
        if self._rest:
            self.note_print(ended.time, "\n")
        spans = self.context.spans
        if spans is not None and spans.dropped:
            self.note(ended.time, "warning", f"{spans.dropped:,} more spans were dropped: a task has {MOST_SPANS:,}")
        is_long = ended.clock - began.clock >= MEASURED_S
        return Report(
            self.key,
            self.outcome,
            self.output,
            _rows(self.value) if self.output else 0,
            began.time,
            ended.clock - began.clock,
            (ended.cpu - began.cpu) / among,
            self.failure,
            tuple(self.context.rejects) if self.context.rejects else (),
            tuple(self.logs),
            worker,
            self.is_last,
            peak_bytes=peak_bytes() if is_long else 0,
            spans=() if spans is None else spans.kept,
        )


def _finite(at: float) -> float:
    return at if math.isfinite(at) else 0.0


def _rows(value: Any) -> int:
    return int(value.num_rows) if isinstance(value, _TABLES) else 1


def _told(error: BaseException) -> Failure:
    """The failure; for an exception meant to end the process, what the phase did."""
    failure = failure_of(error)
    if isinstance(error, SystemExit):
        return failure._replace(message=f"the phase called sys.exit({_code(error.code)})")
    if isinstance(error, KeyboardInterrupt):
        return failure._replace(message=f"the phase raised KeyboardInterrupt {failure.message}".rstrip())
    return failure


def _code(code: object) -> str:
    """The argument of ``sys.exit``, which may be any object."""
    return repr(code) if isinstance(code, int | str | None) else f"a value of type {type(code).__name__}"
