"""What an orchestrator sends to a worker: tasks in order, each with the location of its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .policies import Resources
from .status import PhaseKind
from .tasks import Output, StepSummary, TaskKey

if TYPE_CHECKING:
    from ..encryption.keys import DataKey
    from .results import Results
    from .tasks import Report


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
    """A value provided by the plan."""

    step: int
    number: int


class Elements(NamedTuple):
    """Values of a step that provides them, in order: all, or those from ``start`` up to ``stop``."""

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
    """First attempts of consecutive tasks, each of which takes the value at its own position."""

    step: int
    start: int
    stop: int
    source: int
    """The step that provides the values."""

    def items(self) -> Iterator[WorkItem]:
        """The items, one by one."""
        for partition in range(self.start, self.stop):
            yield WorkItem(TaskKey(self.step, partition), 1, 1, (Element(self.source, partition),))


class WorkStep(NamedTuple):
    """What the worker must know about a step."""

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
    """For a sink: what all steps have done so far."""
    span: WorkSpan | None = None
    """In place of items."""
    project: str = ""
    """Whose workflow it is."""
    key: bytes = b""
    """Id of the data key that encrypts its outputs; empty leaves them plain."""

    def tasks(self) -> Iterator[WorkItem]:
        """Its items in order."""
        return iter(self.items) if self.span is None else self.span.items()

    def step_names(self) -> Iterator[str]:
        """The step of each of its items; once for a span."""
        numbers = (item.key.step for item in self.items) if self.span is None else (self.span.step,)
        return (self.steps[number].name for number in numbers)

    def keys(self) -> tuple[TaskKey, ...]:
        """The keys of its tasks."""
        return tuple(item.key for item in self.tasks())


class WorkCall(NamedTuple):
    """Everything one call needs."""

    id: str
    """Unique across orchestrators: a worker may be handed over with its calls."""
    sender: str
    """The orchestrator that sends it, in hexadecimal."""
    parts: tuple[WorkPart, ...]
    code: dict[str, bytes]
    """Pickled phases and values, by digest, that this worker has not been sent before."""
    slice_s: float
    """Seconds after which the worker starts no further task and hands back the rest."""
    keys: tuple[DataKey, ...] = ()
    """Data keys that this worker has not been sent before."""
    sent_keys: bytes = b""
    """The same on their way, encrypted for the worker's process."""
    heard: tuple[str, ...] = ()
    """Calls whose reports have arrived, so that the worker can drop them."""


class Answer(NamedTuple):
    """What a worker answers to a call."""

    reports: list[list[Report | Results]]
    """Of each part."""
    is_spent: bool
    """Whether its process should be replaced."""


class InHand(NamedTuple):
    """A call that a worker has received, and whose reports may not have arrived."""

    id: str
    tasks: tuple[tuple[str, tuple[TaskKey, ...]], ...]
    """Workflow and tasks of each part."""
    reports: bytes | None
    """The pickled answer; None while it runs."""


class Place(NamedTuple):
    """Where a worker is, in the terms of Ray and the operating system."""

    node: str
    """Ray's id of the node."""
    host: str
    pid: int
    actor: str
    """Ray's id of the actor."""
    printed: str = ""
    """The file that holds what its tasks print."""
    errors: str = ""
    """The file that holds its standard error."""
    public_key: bytes = b""
    """With which data keys are encrypted on their way to it."""


class Handover(NamedTuple):
    """What the next owner of a worker must know about it."""

    resources: Resources
    place: Place
    known: tuple[str, ...]
    """Digests of the code it has been sent."""
    calls: tuple[InHand, ...]
