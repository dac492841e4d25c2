"""Runs tasks, one after the other, in one process. Knows nothing of Ray: the executor makes an actor of it."""

from __future__ import annotations

import contextlib
import io
import logging
import pickle
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from ..authoring.context import TaskContext, enter
from ..errors import ContractError, ParameterError
from ..model.results import Results, condensed
from ..model.status import Outcome, PhaseKind
from ..model.tasks import Failure, LogLine, Output, Report, TaskKey
from ..model.work import Element, Elements, Gathered, Part, Prior, Whole
from .artifacts import Artifacts, LoadedPartitions, ValueCache
from .memory import peak_bytes

if TYPE_CHECKING:
    from ..model.work import Input, WorkCall, WorkItem, WorkPart, WorkStep

LOG_LINES = 200
"""Lines kept of what one task logs and prints."""
MESSAGE_CHARACTERS = 2000
TRACEBACK_CHARACTERS = 20_000
MEASURED_S = 0.01
"""Seconds from which a task's peak of memory is read, which costs about 50 µs."""
_REFUSALS = (ContractError, ParameterError)


class Worker:
    """Runs calls. Keeps loaded between them: phases, whole inputs, and the sources that it is in the middle of."""

    def __init__(self, artifact_url: str, name: str) -> None:
        self.name = name
        self._artifacts = Artifacts(artifact_url)
        self._shared = ValueCache(self._artifacts)
        self._pickled: dict[str, bytes] = {}
        self._code: dict[str, Any] = {}
        """Phases, and values given with plans, by digest, unpickled when they are first used."""
        self._phases: dict[tuple[str, str], Callable[..., Any]] = {}
        self._last: tuple[WorkStep | None, Callable[..., Any]] = None, _nothing
        """The step that was bound last, most often the one that comes next."""
        self._sources: dict[tuple[str, int], tuple[int, Iterator[Any]]] = {}
        self._notes = _Notes()
        self._moment = Moment.now()
        logging.getLogger().addHandler(self._notes.handler)

    @property
    def known(self) -> Iterable[str]:
        """Digests of the code that it was sent."""
        return self._pickled.keys()

    def run(self, call: WorkCall) -> list[list[Report | Results]]:
        """Run the call's tasks in order until its time slice is over; the reports of each part.

        Every output is durable before this returns.
        """
        self._pickled.update(call.code)
        self._moment = Moment.now()
        ends_at = self._moment.clock + call.slice_s
        with contextlib.redirect_stdout(self._notes):
            reports = [self._run_part(part, ends_at, is_first=not number) for number, part in enumerate(call.parts)]
        enter(None)
        return list(map(condensed, reports))

    def _run_part(self, part: WorkPart, ends_at: float, *, is_first: bool) -> list[Report]:
        reports, outputs = list[Report](), dict[TaskKey, tuple[Output, Any]]()
        for item in part.tasks():
            is_over = (bool(reports) or not is_first) and self._moment.clock > ends_at
            is_stuck = any(isinstance(given, Prior) and given.key not in outputs for given in item.inputs)
            if is_over or is_stuck:
                reports.append(Report(item.key, Outcome.NOT_STARTED))
            elif part.steps[item.key.step].kind is PhaseKind.SOURCE:
                reports.extend(self._yield_partitions(part, item, outputs, ends_at))
            else:
                reports.append(self._attempt(part, item, outputs))
        return reports

    def _attempt(self, part: WorkPart, item: WorkItem, outputs: dict[TaskKey, tuple[Output, Any]]) -> Report:
        attempt = _Attempt(item.key, self._context(part, item, item.key.partition), self._moment)
        self._observe(attempt, self._work, part, item, outputs)
        if attempt.output is not None:
            outputs[item.key] = attempt.output, attempt.value
        return self._report(attempt)

    def _work(
        self, attempt: _Attempt, part: WorkPart, item: WorkItem, outputs: dict[TaskKey, tuple[Output, Any]]
    ) -> None:
        phase = self._phase(part.steps[item.key.step])
        value = phase(*[self._load(part, given, outputs) for given in item.inputs])
        attempt.finish(value, self._artifacts.store(value, item.key.partition))

    def _yield_partitions(
        self, part: WorkPart, item: WorkItem, outputs: dict[TaskKey, tuple[Output, Any]], ends_at: float
    ) -> Iterator[Report]:
        """Up to ``item.quota`` partitions of a source, from ``item.key.partition`` on."""
        for partition in range(item.key.partition, item.key.partition + item.quota):
            key = TaskKey(item.key.step, partition)
            attempt = _Attempt(key, self._context(part, item, partition), self._moment)
            self._observe(attempt, self._yield_one, part, item, outputs)
            if attempt.output is not None:
                outputs[key] = attempt.output, attempt.value
            yield self._report(attempt)
            if attempt.output is None or self._moment.clock > ends_at:
                return

    def _report(self, attempt: _Attempt) -> Report:
        """The attempt is over. The next one begins now, so that what happens between two is counted too."""
        self._moment = Moment.now()
        return attempt.report(self.name, self._moment)

    def _yield_one(
        self, attempt: _Attempt, part: WorkPart, item: WorkItem, outputs: dict[TaskKey, tuple[Output, Any]]
    ) -> None:
        partition = attempt.key.partition
        source = self._source(attempt, part, item, outputs)
        value = next(source, _END)
        if value is _END:
            attempt.is_last = True
        else:
            attempt.finish(value, self._artifacts.store(value, partition))
            self._sources[part.workflow_id, item.key.step] = partition + 1, source

    def _context(self, part: WorkPart, item: WorkItem, partition: int) -> TaskContext:
        name = part.steps[item.key.step].name
        return TaskContext(part.workflow_id, name, partition, item.attempt, steps=part.summaries)

    def _source(
        self, attempt: _Attempt, part: WorkPart, item: WorkItem, outputs: dict[TaskKey, tuple[Output, Any]]
    ) -> Iterator[Any]:
        """The source about to yield the attempt's partition: the one at hand, or a new one wound forward to it."""
        step, partition = part.steps[item.key.step], attempt.key.partition
        position, source = self._sources.pop((part.workflow_id, item.key.step), (-1, iter(())))
        if position == partition:
            return source
        produced = self._phase(step)(*[self._load(part, given, outputs) for given in item.inputs])
        source = produced if isinstance(produced, Iterator) else iter((produced,))
        for _ in range(partition):
            if next(source, _END) is _END:
                raise ContractError(
                    f"source {step.name!r} yielded fewer partitions than before; "
                    "a source must yield the same again when it is resumed"
                )
        attempt.context.rejects.clear()  # Those of the partitions that were skipped are known already.
        return source

    def _phase(self, step: WorkStep) -> Callable[..., Any]:
        """The phase's function with its parameters bound; a class is instantiated once a worker."""
        if step is self._last[0]:
            return self._last[1]
        token = step.digest, repr(step.parameters)
        if token not in self._phases:
            function = self._unpickled(step.digest).function
            bound = function(**step.parameters) if isinstance(function, type) else partial(function, **step.parameters)
            self._phases[token] = bound
        self._last = step, self._phases[token]
        return self._phases[token]

    def _unpickled(self, digest: str) -> Any:
        if digest not in self._code:
            self._code[digest] = pickle.loads(self._pickled[digest])
        return self._code[digest]

    def _load(self, part: WorkPart, given: Input, outputs: dict[TaskKey, tuple[Output, Any]]) -> Any:
        if isinstance(given, Prior):
            return outputs[given.key][1]
        if isinstance(given, Part):
            return self._artifacts.load(given.output)
        if isinstance(given, Whole):
            return self._shared.load(given.output)
        if isinstance(given, Element):
            return self._unpickled(part.steps[given.step].digest)[given.number]
        if isinstance(given, Elements):
            return self._unpickled(part.steps[given.step].digest)[given.start : given.stop]
        if isinstance(given, Gathered):
            return LoadedPartitions(self._artifacts, given.outputs)
        assert_never(given)

    def _observe(
        self,
        attempt: _Attempt,
        work: Callable[[_Attempt, WorkPart, WorkItem, dict[TaskKey, tuple[Output, Any]]], None],
        part: WorkPart,
        item: WorkItem,
        outputs: dict[TaskKey, tuple[Output, Any]],
    ) -> None:
        """Do the attempt's work, and watch its logs and how it fails."""
        self._notes.lines = attempt.logs
        enter(attempt.context)
        try:
            work(attempt, part, item, outputs)
        except Exception as error:  # noqa: BLE001 - the one place where user code is called
            attempt.fail(error)
        finally:
            self._notes.lines = None


class _Attempt:
    """What is known of an attempt while it runs."""

    def __init__(self, key: TaskKey, context: TaskContext, began: Moment) -> None:
        self.key, self.context = key, context
        self.logs: list[LogLine] = []
        self.output: Output | None = None
        self.value: Any = None
        self.is_last = False
        self.failure: Failure | None = None
        self.outcome = Outcome.SUCCEEDED
        self._began = began

    def finish(self, value: Any, output: Output) -> None:
        self.value, self.output = value, output

    def fail(self, error: Exception) -> None:
        if isinstance(error, MemoryError):
            self.outcome = Outcome.OUT_OF_MEMORY
        else:
            self.outcome = Outcome.REFUSED if isinstance(error, _REFUSALS) else Outcome.FAILED
        text = "".join(traceback.format_exception(error))
        self.failure = Failure(type(error).__name__, str(error)[:MESSAGE_CHARACTERS], text[-TRACEBACK_CHARACTERS:])
        self.output = self.value = None

    def report(self, worker: str, ended: Moment) -> Report:
        began = self._began
        is_long = ended.clock - began.clock >= MEASURED_S
        return Report(
            self.key,
            self.outcome,
            self.output,
            getattr(self.value, "num_rows", 1) if self.output else 0,
            began.time,
            ended.clock - began.clock,
            ended.cpu - began.cpu,
            self.failure,
            tuple(self.context.rejects),
            tuple(self.logs),
            worker,
            self.is_last,
            peak_bytes=peak_bytes() if is_long else 0,
        )


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


class _Notes(io.TextIOBase):
    """Makes log lines of what the running attempt logs and prints."""

    def __init__(self) -> None:
        self.lines: list[LogLine] | None = None
        self.handler = logging.Handler()
        self.handler.emit = self._take  # type: ignore[method-assign]
        self._rest = ""

    def write(self, text: str) -> int:
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            self._add(time.time(), "info", line)
        return len(text)

    def _take(self, record: logging.LogRecord) -> None:
        self._add(record.created, record.levelname.lower(), record.getMessage())

    def _add(self, at: float, level: str, message: str) -> None:
        if self.lines is not None and len(self.lines) < LOG_LINES:
            self.lines.append(LogLine(at, level, message[:MESSAGE_CHARACTERS]))


def _nothing() -> None:
    """No phase is bound yet."""


_END = object()
