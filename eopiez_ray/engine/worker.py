"""Runs tasks, one after the other, in one process. Knows nothing of Ray: the executor makes an actor of it."""

from __future__ import annotations

import contextlib
import io
import logging
import pickle
import time
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ArtifactMissingError, ContractError, ParameterError
from ..model.status import Outcome, PhaseKind
from ..model.tasks import Failure, LogLine, Output, Report, TaskKey
from ..model.work import Gathered, Part, Prior, Whole
from ..phases.context import TaskContext, running
from .artifacts import Artifacts, LoadedPartitions, ValueCache

if TYPE_CHECKING:
    from ..model.work import Input, WorkCall, WorkItem, WorkStep
    from ..phases.contract import Phase

LOG_LINES = 200
"""Lines kept of what one task logs and prints."""
MESSAGE_CHARACTERS = 2000
TRACEBACK_CHARACTERS = 20_000
_REFUSALS = (ContractError, ParameterError)


class Worker:
    """Runs calls. Keeps loaded between them: phases, whole inputs, and the sources that it is in the middle of."""

    def __init__(self, artifact_url: str, name: str) -> None:
        self.name = name
        self._artifacts = Artifacts(artifact_url)
        self._shared = ValueCache(self._artifacts)
        self._phases: dict[str, Any] = {}
        self._sources: dict[tuple[str, int], tuple[int, Iterator[Any]]] = {}
        self._logs = _LogCapture()
        logging.getLogger().addHandler(self._logs)

    def run(self, call: WorkCall) -> list[Report]:
        """Run the call's tasks in order until its time slice is over. Every output is durable before this returns."""
        began, reports, outputs = time.perf_counter(), list[Report](), dict[TaskKey, tuple[Output, Any]]()
        for item in call.items:
            is_over = bool(reports) and time.perf_counter() - began > call.slice_s
            is_stuck = any(isinstance(given, Prior) and given.key not in outputs for given in item.inputs)
            if is_over or is_stuck:
                reports.append(Report(item.key, Outcome.NOT_STARTED))
            elif call.steps[item.key.step].kind is PhaseKind.SOURCE:
                reports.extend(self._yield_partitions(call, item, outputs))
            else:
                reports.append(self._attempt(call, item, outputs))
        return reports

    def _attempt(self, call: WorkCall, item: WorkItem, outputs: dict[TaskKey, tuple[Output, Any]]) -> Report:
        step = call.steps[item.key.step]
        context = TaskContext(call.workflow_id, step.name, item.key.partition, item.attempt)
        with self._observed(item.key, context) as attempt:
            inputs = [self._load(given, outputs) for given in item.inputs]
            value = self._phase(step)(*inputs)
            attempt.finish(value, self._artifacts.store(value, item.key.partition))
        if attempt.output is not None:
            outputs[item.key] = attempt.output, attempt.value
        return attempt.report(self.name)

    def _yield_partitions(
        self, call: WorkCall, item: WorkItem, outputs: dict[TaskKey, tuple[Output, Any]]
    ) -> Iterator[Report]:
        """Up to ``item.quota`` partitions of a source, from ``item.key.partition`` on."""
        step, began, partition = call.steps[item.key.step], time.perf_counter(), item.key.partition
        place = call.workflow_id, item.key.step
        for _ in range(item.quota):
            key = TaskKey(item.key.step, partition)
            with self._observed(key, TaskContext(call.workflow_id, step.name, partition, item.attempt)) as attempt:
                source = self._source(call, step, place, partition)
                value = next(source, _END)
                if value is _END:
                    attempt.is_last = True
                else:
                    attempt.finish(value, self._artifacts.store(value, partition))
            if attempt.output is None:
                self._sources.pop(place, None)
            else:
                self._sources[place] = partition + 1, source
                outputs[key] = attempt.output, attempt.value
            yield attempt.report(self.name)
            partition += 1
            if attempt.output is None or time.perf_counter() - began > call.slice_s:
                return

    def _source(self, call: WorkCall, step: WorkStep, place: tuple[str, int], partition: int) -> Iterator[Any]:
        """The source about to yield ``partition``: the one at hand, or a new one wound forward to it."""
        position, source = self._sources.pop(place, (-1, iter(())))
        if position == partition:
            return source
        produced = self._phase(step)()
        source = produced if isinstance(produced, Iterator) else iter((produced,))
        for _ in range(partition):
            if next(source, _END) is _END:
                raise ContractError(
                    f"source {step.name!r} yielded fewer partitions than before; "
                    "a source must yield the same again when it is resumed"
                )
        return source

    def _phase(self, step: WorkStep) -> Any:
        """The phase's function with its parameters bound; a class is instantiated once a worker."""
        token = f"{step.digest}{sorted(step.parameters.items())!r}"
        if token not in self._phases:
            loaded: Phase = pickle.loads(step.code)
            if isinstance(loaded.function, type):
                self._phases[token] = loaded.function(**step.parameters)
            else:
                function, parameters = loaded.function, step.parameters
                self._phases[token] = lambda *inputs: function(*inputs, **parameters)
        return self._phases[token]

    def _load(self, given: Input, outputs: dict[TaskKey, tuple[Output, Any]]) -> Any:
        if isinstance(given, Prior):
            return outputs[given.key][1]
        if isinstance(given, Part):
            return self._artifacts.load(given.output)
        if isinstance(given, Whole):
            return self._shared.load(given.output)
        assert isinstance(given, Gathered)
        return LoadedPartitions(self._artifacts, given.outputs)

    @contextlib.contextmanager
    def _observed(self, key: TaskKey, context: TaskContext) -> Iterator[_Attempt]:
        """Watch one attempt: its time, its logs, what it rejects, and how it fails."""
        attempt = _Attempt(key, context)
        self._logs.lines = attempt.logs
        try:
            with running(context), contextlib.redirect_stdout(_PrintCapture(attempt.logs)):
                yield attempt
        except Exception as error:  # noqa: BLE001 - the one place where user code is called
            attempt.fail(error)
        finally:
            self._logs.lines = None


class _Attempt:
    """What is known of an attempt while it runs."""

    def __init__(self, key: TaskKey, context: TaskContext) -> None:
        self.key, self.context = key, context
        self.logs: list[LogLine] = []
        self.output: Output | None = None
        self.value: Any = None
        self.is_last = False
        self.failure: Failure | None = None
        self.outcome = Outcome.SUCCEEDED
        self._began = time.time(), time.perf_counter(), time.process_time()

    def finish(self, value: Any, output: Output) -> None:
        self.value, self.output = value, output

    def fail(self, error: Exception) -> None:
        if isinstance(error, ArtifactMissingError):
            self.outcome = Outcome.FAILED
        else:
            self.outcome = Outcome.REFUSED if isinstance(error, _REFUSALS) else Outcome.FAILED
        text = "".join(traceback.format_exception(error))
        self.failure = Failure(type(error).__name__, str(error)[:MESSAGE_CHARACTERS], text[-TRACEBACK_CHARACTERS:])
        self.output = self.value = None

    def report(self, worker: str) -> Report:
        started_at, wall, cpu = self._began
        return Report(
            self.key,
            self.outcome,
            self.output,
            rows=getattr(self.value, "num_rows", 1) if self.output else 0,
            started_at=started_at,
            wall_s=time.perf_counter() - wall,
            cpu_s=time.process_time() - cpu,
            failure=self.failure,
            rejects=tuple(self.context.rejects),
            logs=tuple(self.logs),
            worker=worker,
            is_last=self.is_last,
        )


class _LogCapture(logging.Handler):
    """Hands log records to the attempt that is running."""

    lines: list[LogLine] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.lines is not None and len(self.lines) < LOG_LINES:
            self.lines.append(
                LogLine(record.created, record.levelname.lower(), record.getMessage()[:MESSAGE_CHARACTERS])
            )


class _PrintCapture(io.TextIOBase):
    """Makes log lines of what is printed."""

    def __init__(self, lines: list[LogLine]) -> None:
        self._lines, self._rest = lines, ""

    def write(self, text: str) -> int:
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            if len(self._lines) < LOG_LINES:
                self._lines.append(LogLine(time.time(), "info", line[:MESSAGE_CHARACTERS]))
        return len(text)


_END = object()
