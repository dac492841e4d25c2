"""Runs tasks, one after the other, in one process. Knows nothing of Ray: the executor makes it an actor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from ..authoring.context import TaskContext, enter
from ..authoring.encoding import copied
from ..encryption.streams import KEYS
from ..errors import ContractError
from ..model.results import Results, condensed
from ..model.spans import Spans
from ..model.status import Outcome, PhaseKind
from ..model.tasks import Output, Report, TaskKey
from ..model.work import Element, Elements, Gathered, Part, Prior, Whole
from .artifacts import Artifacts, LoadedPartitions, ValueCache
from .attempt import Attempt, Moment
from .capture import Capture
from .library import Library
from .loop import Loop
from .premises import Premises
from .sharing import is_frozen

if TYPE_CHECKING:
    from ..model.dealings import Dealt
    from ..model.work import Input, WorkCall, WorkItem, WorkPart

Outputs = dict[TaskKey, tuple[Output, Any]]
_END = object()
_AT_WORK: ContextVar[Attempt | None] = ContextVar("eopiez_attempt", default=None)
"""Which of several concurrent attempts is writing output."""


class Worker:
    """Runs calls. Between them, keeps phases, whole inputs and unfinished sources loaded."""

    def __init__(self, artifact_url: str, name: str, folder: Path) -> None:
        """
        Args:
            artifact_url: where outputs are kept.
            name: its own name.
            folder: an existing one, where it keeps what tasks print while they run.
        """
        self.name = name
        self._artifacts = Artifacts(artifact_url, KEYS)
        self._shared = ValueCache(self._artifacts)
        self._premises = Premises()
        self._library, self._loop = Library(self._premises), Loop()
        self._sources: dict[tuple[str, int], tuple[int, Iterator[Any]]] = {}
        self._attempt: Attempt | None = None
        """The running attempt, if there is only one."""
        self._moment = Moment.now()
        self._is_traced = False
        self._capture = Capture(folder / f"{name}.out", self._note_print, _listener)
        self._records = _Records(self._note_record)

    @property
    def known(self) -> Iterable[str]:
        """Digests of the code, and ids of the data keys, that it has been sent."""
        return [*self._library.known, *(key.hex() for key in self._artifacts.keys.ids)]

    @property
    def is_spent(self) -> bool:
        """Whether its process will soon be of no use, and should be replaced."""
        return self._premises.are_spent

    def dealt(self) -> Dealt | None:
        """What it has done with the artifact store since this was last asked; None if nothing."""
        return self._artifacts.dealings.take()

    @property
    def printed(self) -> Path:
        """The file that holds what the last call's tasks printed."""
        return self._capture.path

    def run(self, call: WorkCall) -> list[list[Report | Results]]:
        """Run the call's tasks in order until its time slice is over, and give the reports of each part.

        Every output is durable before this returns.
        """
        self._library.add(call.code)
        self._artifacts.keys.add(call.keys)
        self._is_traced = call.is_traced
        self._moment = Moment.now()
        ends_at = self._moment.clock + call.slice_s
        with self._capture, self._records:
            reports = [self._run_part(part, ends_at, is_first=not number) for number, part in enumerate(call.parts)]
        enter(None)
        return list(map(condensed, reports))

    def _run_part(self, part: WorkPart, ends_at: float, *, is_first: bool) -> list[Report]:
        if self._premises.admit(part.workflow_id):
            self._library.forget_leaning()
        reports, outputs = list[Report](), Outputs()
        for step, items in groupby(part.tasks(), lambda item: item.key.step):
            if part.steps[step].concurrency > 1:
                reports += self._run_together(part, [*items], ends_at)
                continue
            for item in items:
                is_over = (bool(reports) or not is_first) and self._moment.clock > ends_at
                if is_over or _is_stuck(item.inputs, outputs):
                    reports.append(Report(item.key, Outcome.NOT_STARTED))
                elif part.steps[step].kind is PhaseKind.SOURCE:
                    reports += self._yield_partitions(part, item, outputs, ends_at)
                else:
                    reports.append(self._run_one(part, item, outputs))
        return reports

    def _run_one(self, part: WorkPart, item: WorkItem, outputs: Outputs) -> Report:
        attempt = Attempt(item.key, self._context(part, item, item.key.partition), self._moment)
        self._observe(attempt, partial(self._work, attempt, part, item, outputs))
        if attempt.output is not None:
            outputs[item.key] = attempt.output, attempt.value
        return self._report(attempt)

    def _work(self, attempt: Attempt, part: WorkPart, item: WorkItem, outputs: Outputs) -> None:
        value = self._called(part, item, outputs)
        if hasattr(type(value), "__await__"):
            value = self._loop.run(value)
        self._finish(attempt, value, part.key)

    def _called(self, part: WorkPart, item: WorkItem, outputs: Outputs) -> Any:
        """The phase's result for the task's inputs."""
        phase = self._library.bound(part.steps[item.key.step])
        return phase.call(*[self._load(part, given, outputs, phase.keeps_inputs) for given in item.inputs])

    def _finish(self, attempt: Attempt, value: Any, key: bytes) -> None:
        """Make the result durable."""
        attempt.finish(value, self._artifacts.store(value, attempt.key.partition, attempt.context.step, key))

    def _yield_partitions(self, part: WorkPart, item: WorkItem, outputs: Outputs, ends_at: float) -> Iterator[Report]:
        """Up to ``item.quota`` partitions of a source, starting at ``item.key.partition``."""
        for partition in range(item.key.partition, item.key.partition + item.quota):
            key = TaskKey(item.key.step, partition)
            attempt = Attempt(key, self._context(part, item, partition), self._moment)
            self._observe(attempt, partial(self._yield_one, attempt, part, item, outputs))
            if attempt.output is not None:
                outputs[key] = attempt.output, attempt.value
            yield self._report(attempt)
            if attempt.output is None or self._moment.clock > ends_at:
                return

    def _yield_one(self, attempt: Attempt, part: WorkPart, item: WorkItem, outputs: Outputs) -> None:
        source = self._source(attempt, part, item, outputs)
        value = next(source, _END)
        if value is _END:
            attempt.is_last = True
        else:
            self._finish(attempt, value, part.key)
            self._sources[part.workflow_id, item.key.step] = attempt.key.partition + 1, source

    def _source(self, attempt: Attempt, part: WorkPart, item: WorkItem, outputs: Outputs) -> Iterator[Any]:
        """The source about to yield the attempt's partition: the loaded one, or a new one wound forward to it."""
        partition = attempt.key.partition
        position, source = self._sources.pop((part.workflow_id, item.key.step), (-1, iter(())))
        if position == partition:
            return source
        source = self._iterator(self._called(part, item, outputs))
        for _ in range(partition):
            if next(source, _END) is _END:
                raise ContractError(
                    f"source {attempt.context.step!r} yielded fewer partitions than before; "
                    "a source must yield the same values again when it is resumed"
                )
        attempt.context.forget()  # What the skipped partitions had to say is already known.
        return source

    def _iterator(self, produced: Any) -> Iterator[Any]:
        """The partitions of a source's values."""
        if hasattr(type(produced), "__anext__"):
            return self._loop.iterate(produced)
        if hasattr(type(produced), "__await__"):
            produced = self._loop.run(produced)
        return produced if isinstance(produced, Iterator) else iter((produced,))

    def _run_together(self, part: WorkPart, items: Sequence[WorkItem], ends_at: float) -> list[Report]:
        """Run tasks of an asynchronous phase, as many at once as it allows; the first one always starts."""
        attempts = self._loop.run(self._gathered(part, items, ends_at))
        self._attempt = next((attempt for attempt in attempts if attempt is not None), None)
        self._capture.drain()  # What child processes printed belongs to all of them.
        self._attempt = None
        self._moment = Moment.now()
        return [
            Report(item.key, Outcome.NOT_STARTED)
            if attempt is None
            else attempt.report(self.name, attempt.ended or self._moment, among=len(items))
            for item, attempt in zip(items, attempts, strict=True)
        ]

    async def _gathered(self, part: WorkPart, items: Sequence[WorkItem], ends_at: float) -> list[Attempt | None]:
        gate = asyncio.Semaphore(part.steps[items[0].key.step].concurrency)

        async def one(item: WorkItem) -> Attempt | None:
            async with gate:
                began = Moment.now()
                if item is not items[0] and began.clock > ends_at:
                    return None
                attempt = Attempt(item.key, self._context(part, item, item.key.partition), began)
                await self._await_one(attempt, partial(self._called, part, item, {}), part.key)
                attempt.ended = Moment.now()
                return attempt

        return await asyncio.gather(*map(one, items))

    async def _await_one(self, attempt: Attempt, call: Callable[[], Awaitable[Any]], key: bytes) -> None:
        """Like ``_observe``, in a task of its own, whose context tells the attempts apart."""
        _AT_WORK.set(attempt)
        enter(attempt.context)
        try:
            self._finish(attempt, await call(), key)
        except BaseException as error:  # noqa: BLE001 - code of users, which may raise anything
            attempt.fail(error)

    def _context(self, part: WorkPart, item: WorkItem, partition: int) -> TaskContext:
        name = part.steps[item.key.step].name
        spans = Spans() if self._is_traced else None
        return TaskContext(
            part.workflow_id, name, partition, item.attempt, steps=part.summaries, project=part.project, spans=spans
        )

    def _load(self, part: WorkPart, given: Input, outputs: Outputs, keeps_inputs: bool) -> Any:
        """An input as an object that nobody else holds, or that is immutable.

        So it never matters which tasks share a call: no task sees another change its input, nor a phase change its
        output.
        """
        if isinstance(given, Element):
            value = self._library.values(part.steps[given.step].digest)[given.number]
            return value if keeps_inputs or is_frozen(value) else copied(value)
        if isinstance(given, Prior):
            output, value = outputs[given.key]
            return value if is_frozen(value) else self._artifacts.load(output)
        if isinstance(given, Part):
            return self._artifacts.load(given.output)
        if isinstance(given, Whole):
            return self._shared.load(given.output, may_share=keeps_inputs)
        if isinstance(given, Elements):
            values = self._library.values(part.steps[given.step].digest)[given.start : given.stop]
            return values if keeps_inputs else [value if is_frozen(value) else copied(value) for value in values]
        if isinstance(given, Gathered):
            return LoadedPartitions(self._artifacts, given.outputs)
        assert_never(given)

    def _observe(self, attempt: Attempt, work: Callable[[], None]) -> None:
        """Do the attempt's work, and capture what it prints and how it fails."""
        self._attempt = attempt
        enter(attempt.context)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - code of users, which may raise anything
            attempt.fail(error)
        finally:
            self._premises.leave_if_forked()
            self._capture.drain()
            self._attempt = None

    def _report(self, attempt: Attempt) -> Report:
        """End the attempt. The next one begins now, so that the time between two is counted too."""
        self._moment = Moment.now()
        return attempt.report(self.name, self._moment)

    def _note_print(self, at: float, line: str) -> None:
        if self._attempt is not None:
            self._attempt.note(at, "info", line)

    def _note_record(self, at: float, level: str, message: str) -> None:
        attempt = _AT_WORK.get()
        if attempt is None:
            self._capture.drain()  # What was printed earlier comes first.
            attempt = self._attempt
        if attempt is not None:
            attempt.note(at, level, message)


def _is_stuck(inputs: Sequence[Input], outputs: Outputs) -> bool:
    """Whether one of the inputs should have been made by this call, and was not."""
    for given in inputs:  # noqa: SIM110 - `any` would cost each task a generator
        if isinstance(given, Prior) and given.key not in outputs:
            return True
    return False


class _Records(logging.Handler):
    """Passes log records on as lines: all of those inside its block."""

    def __init__(self, take: Callable[[float, str, str], None]) -> None:
        super().__init__()
        self._take = take

    def __enter__(self) -> None:
        logging.getLogger().addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass it on, with as much as possible of a message whose arguments do not fit."""
        try:
            message = record.getMessage()
        except Exception as error:  # noqa: BLE001 - objects of users
            message = f"{record.msg!s} (its arguments cannot be formatted: {type(error).__name__})"
        self._take(float(record.created), str(record.levelname).lower(), message)


def _listener() -> Callable[[float, str], None] | None:
    """Which attempt takes what Python prints now, where several run at once."""
    attempt = _AT_WORK.get()
    return None if attempt is None else attempt.note_print
