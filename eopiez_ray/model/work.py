"""What an orchestrator sends to a worker: tasks in order, each with where its inputs are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .policies import Resources
from .status import PhaseKind
from .tasks import Output, StepSummary, TaskKey


class Part(NamedTuple):
    """One partition."""

    output: Output


class Whole(NamedTuple):
    """A value that every task of a step takes; workers keep it loaded."""

    output: Output


class Gathered(NamedTuple):
    """All partitions of a step, in order."""

    outputs: tuple[Output, ...]


class Prior(NamedTuple):
    """The output of a task that runs earlier in the same call."""

    key: TaskKey


class Element(NamedTuple):
    """A value given with the plan."""

    step: int
    number: int


class Elements(NamedTuple):
    """Values of a step that gives them, in order: all, or those from ``start`` up to ``stop``."""

    step: int
    start: int = 0
    stop: int | None = None


Input = Part | Whole | Gathered | Prior | Element | Elements


class WorkItem(NamedTuple):
    """One task."""

    key: TaskKey
    attempt: int
    quota: int
    """For a source: how many partitions to yield at most."""
    inputs: tuple[Input, ...]


class WorkSpan(NamedTuple):
    """First attempts of consecutive tasks, each of which takes the value of its number."""

    step: int
    start: int
    stop: int
    source: int
    """The step that gives the values."""

    def items(self) -> Iterator[WorkItem]:
        """The same, one by one."""
        for partition in range(self.start, self.stop):
            yield WorkItem(TaskKey(self.step, partition), 1, 1, (Element(self.source, partition),))


class WorkStep(NamedTuple):
    """What the worker must know of a step."""

    name: str
    kind: PhaseKind
    digest: str
    parameters: dict[str, Any]
    concurrency: int = 1
    """How many of its tasks a worker may run at once."""


class WorkPart(NamedTuple):
    """The tasks of one workflow in a call, in order."""

    workflow_id: str
    steps: dict[int, WorkStep]
    items: tuple[WorkItem, ...]
    summaries: tuple[StepSummary, ...] = ()
    """For a sink: what all steps have done."""
    span: WorkSpan | None = None
    """In place of items."""

    def tasks(self) -> Iterator[WorkItem]:
        """Its tasks in order."""
        return iter(self.items) if self.span is None else self.span.items()

    def keys(self) -> tuple[TaskKey, ...]:
        """Which tasks they are."""
        return tuple(item.key for item in self.tasks())


class WorkCall(NamedTuple):
    """All that one call needs."""

    id: str
    """Not used by any other orchestrator either: a worker may be handed over with what it has in hand."""
    sender: str
    """The orchestrator that sends it, in hexadecimal digits."""
    parts: tuple[WorkPart, ...]
    code: dict[str, bytes]
    """Pickled phases and values, by digest, that the worker was not sent before."""
    slice_s: float
    """The worker starts no further task after so many seconds, and hands the rest back."""
    heard: tuple[str, ...] = ()
    """Calls whose reports have arrived, so that the worker need not keep them."""


class InHand(NamedTuple):
    """A call that a worker has got, and whose reports may not have been heard."""

    id: str
    tasks: tuple[tuple[str, tuple[TaskKey, ...]], ...]
    """Workflow and tasks of each part."""
    reports: bytes | None
    """Pickled reports of each part; None while it runs."""


class Place(NamedTuple):
    """Where a worker is, by Ray's names and the operating system's."""

    node: str
    """Ray's id of the node."""
    host: str
    pid: int
    actor: str
    """Ray's id of the actor."""
    printed: str = ""
    """The file of what its tasks print."""
    errors: str = ""
    """The file of its standard error."""


class Handover(NamedTuple):
    """What the next owner of a worker must know."""

    resources: Resources
    place: Place
    known: tuple[str, ...]
    """Digests of the code that it was sent."""
    calls: tuple[InHand, ...]
