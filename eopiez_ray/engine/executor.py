"""Where calls run. The orchestrator knows only this interface, which ``cluster.py`` implements with Ray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..model.ids import OrchestratorId
    from ..model.policies import Resources
    from ..model.results import Results
    from ..model.tasks import Report, TaskKey
    from ..model.work import Place, WorkCall

SHORT_S = 0.1
"""Estimated seconds up to which a worker's call is short enough to queue a second one behind it."""


class WorkerLostError(Exception):
    """The worker, its node or the cluster died with the call."""

    def __init__(
        self,
        worker: str,
        reason: str,
        *,
        is_out_of_memory: bool = False,
        has_ended_itself: bool = False,
        had_begun: bool = True,
    ) -> None:
        """
        Args:
            worker: its name.
            reason: how it ended, as far as is known.
            is_out_of_memory: whether it was killed for its memory use.
            has_ended_itself: whether code that it ran ended the process.
            had_begun: whether it may have begun this call; a call that was only queued is not to blame.
        """
        super().__init__(worker, reason)
        self.worker, self.reason, self.is_out_of_memory = worker, reason, is_out_of_memory
        self.has_ended_itself, self.had_begun = has_ended_itself, had_begun


class WorkerStoppedError(Exception):
    """The call did not finish, and nobody is to blame: its worker was stopped or taken over."""

    def __init__(self, worker: str) -> None:
        super().__init__(worker)
        self.worker = worker


class CallTimedOutError(Exception):
    """The call took longer than its limit; its worker was stopped."""

    def __init__(self, worker: str, seconds: float) -> None:
        super().__init__(worker, seconds)
        self.worker, self.seconds = worker, seconds


@dataclass(slots=True)
class Slot:
    """Room for one call on a worker. Pass it to ``run``, or release it with ``give_back``."""

    worker: str
    resources: Resources
    known: set[str]
    """Digests of the code, and ids of the data keys, that the worker has been sent."""


class Inherited(NamedTuple):
    """A call that a dead orchestrator left on one of its workers, which is now ours."""

    slot: Slot
    call: str
    tasks: tuple[tuple[str, tuple[TaskKey, ...]], ...]
    """Workflow and tasks of each part."""


class Expected(NamedTuple):
    """How long a call is expected to last."""

    seconds: float
    is_known: bool
    """Whether the phases of all its tasks have been measured, so that another call may queue behind it."""


class Executor(Protocol):
    """Runs calls on workers, with one worker pool per shape of resources."""

    async def start(self) -> None:
        """Reach the cluster."""

    async def close(self) -> None:
        """Stop all workers and leave the cluster."""

    @property
    def cluster(self) -> str:
        """What identifies the cluster among others."""

    def share(self, parts: int) -> None:
        """Use one of so many equal shares of the cluster: others drive workflows there too."""

    def refusal(self, resources: Resources) -> str | None:
        """Why the cluster can never run a task with these resources; None if it can."""

    def memory_limit_bytes(self) -> float:
        """The most memory that any machine can reserve for a task."""

    def slots(self, resources: Resources) -> int:
        """How many calls with these resources could run at once if nothing else ran."""

    def held(self) -> float:
        """How many CPUs its workers hold that are at work."""

    def free(self, resources: Resources) -> Mapping[str, float]:
        """How much of each resource that such a task needs is free, by Ray's names."""

    def take(
        self,
        resources: Resources,
        wanted: Collection[Resources],
        ahead: Sequence[Resources],
        seconds: float,
        may_queue: Callable[[], bool],
    ) -> Slot | None:
        """Room for one more call now; None if there is none.

        Args:
            resources: the shape of the worker.
            wanted: all shapes that work waits for; workers starting for them do not make way for this one.
            ahead: shapes that lack room and go before this one; what they could use soon is left to them.
            seconds: how long the call is expected to last; counts only if other shapes are ahead.
            may_queue: asked, if no worker is idle, whether the call may wait behind a short one.
        """

    def lacks_room(self, resources: Resources, wanted: Collection[Resources]) -> bool:
        """Whether there would be room for one more worker of this shape if others were not busy."""

    def delay_s(self, worker: str) -> float | None:
        """Estimated seconds until a call to that worker would begin; None if the worker is gone."""

    def queue(self, worker: str) -> Slot:
        """A place behind all the worker's calls."""

    def give_back(self, slot: Slot) -> None:
        """Release a slot that is not used after all."""

    def expect(self, slot: Slot, expected: Expected) -> None:
        """Say at once how long the slot's call should last, since it may decide where the next one goes."""

    async def run(self, slot: Slot, call: WorkCall, timeout_s: float | None) -> Sequence[Sequence[Report | Results]]:
        """Run the call and give the reports of each of its parts.

        Raises:
            WorkerLostError: the fate of its tasks is unknown.
            WorkerStoppedError: ``stop_workers`` ended its process, or another orchestrator took it over.
            CallTimedOutError: it exceeded ``timeout_s``.
        """

    async def inherit(self, dead: Collection[OrchestratorId]) -> list[Inherited]:
        """Take over the workers of dead orchestrators, with their calls."""

    async def collect(self, inherited: Inherited) -> Sequence[Sequence[Report | Results]]:
        """The reports of an inherited call, once it is over. Errors as in ``run``; its slot is free then."""

    async def watch(self, on_room: Callable[[], None], on_worker: Callable[[str, Place], None]) -> None:
        """Supervise the cluster; call ``on_room`` when there may be room, and ``on_worker`` for each new worker.

        Raises:
            ClusterError: the cluster is gone and is not ours to restart.
        """

    def stop_workers(self, names: Collection[str]) -> None:
        """Kill these workers at once; running calls raise ``WorkerStoppedError``."""

    def prepare(self, resources: Resources) -> None:
        """Start workers for tasks that will come."""

    def release_idle(self) -> None:
        """Release the resources of idle workers to the cluster."""
