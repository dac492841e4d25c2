"""The state of one workflow: one byte per task, a few counters per step."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..model.status import PhaseKind, StepStatus, WorkflowStatus
from ..model.tasks import Failure, TaskKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..model.plan import PlanSpec, Step
    from ..model.policies import Resources
    from ..model.results import Results


class TaskState:
    """The value of a task's byte."""

    BLOCKED = 0
    """Some input does not exist yet."""
    READY = 1
    RUNNING = 2
    DONE = 3
    WAITING = 4
    """Waits for the backoff before its next attempt."""
    FAILED = 5


class Finished(NamedTuple):
    """The finished tasks of a step, as the store remembers them."""

    step: int
    partitions: Sequence[int]
    """In any order."""
    rows: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    cached: int = 0
    started_at: float = 0.0
    """Unix seconds of the first one."""
    ended_at: float = 0.0
    """Unix seconds of the end of the last one."""


class Unfinished(NamedTuple):
    """Attempts of a task that has no result yet, as the store remembers them."""

    step: int
    partition: int
    failures: int
    """Attempts that count against the retry policy."""
    losses: int
    retry_at: float
    shortages: int = 0
    """Attempts that ran out of memory."""
    memory_bytes: int = 0
    """Memory of its next attempt, if its step's policy gave too little."""


class Limit(NamedTuple):
    """The time at which a step fails."""

    at: float
    """Unix seconds."""
    error_type: str


@dataclass(slots=True)
class StepState:
    """The state of one step."""

    spec: Step
    position: int
    inputs: tuple[int, ...]
    consumers: tuple[int, ...] = ()
    is_single: bool = False
    """Whether its output is inherently a single value, so that maps take it whole."""
    tasks: bytearray = field(default_factory=bytearray)
    """A ``TaskState`` for each partition known so far."""
    sealed: int | None = None
    """Number of its partitions, once known."""
    ready: deque[int] = field(default_factory=deque)
    ready_larger: deque[int] = field(default_factory=deque)
    """Ready tasks that need more memory than the policy says."""
    done: int = 0
    running: int = 0
    rows: int = 0
    rejects: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """Why rows were rejected, and how often."""
    cached: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    started_at: float = 0.0
    """Start of its first attempt in Unix seconds; 0 before that."""
    ended_at: float = 0.0
    """End of its last attempt so far, in Unix seconds."""
    has_failed: bool = False
    reason: str = ""
    """Why none of its tasks runs though some could."""
    failures: dict[int, int] = field(default_factory=dict)
    """Failed attempts by partition."""
    losses: dict[int, int] = field(default_factory=dict)
    """Lost attempts by partition."""
    shortages: dict[int, int] = field(default_factory=dict)
    """Attempts that ran out of memory, by partition."""
    memory_bytes: dict[int, int] = field(default_factory=dict)
    """Memory of the next attempt by partition, where the policy's was too little."""
    suspects: set[int] = field(default_factory=set)
    """Partitions of tasks that shared a lost call with others: each is retried alone."""
    begun_at: float = 0.0
    """Unix seconds from which its time limit counts, later by pauses in which timers stood still; 0 before its first
    task, or without a limit."""
    waiting_since: float = 0.0
    """Unix seconds since which tasks are ready and none runs; 0 while one does, or without a limit."""

    @property
    def kind(self) -> PhaseKind:
        return self.spec.phase.kind

    @property
    def is_given(self) -> bool:
        """Whether its values came with the plan."""
        return self.kind is PhaseKind.VALUES

    @property
    def is_done(self) -> bool:
        return self.sealed is not None and self.done >= self.sealed

    @property
    def status(self) -> StepStatus:
        if self.has_failed:
            return StepStatus.FAILED
        if self.is_done:
            return StepStatus.SUCCEEDED
        return StepStatus.RUNNING if self.done or self.running else StepStatus.WAITING

    def get(self, partition: int) -> int:
        """The task's state; unknown partitions are blocked."""
        return self.tasks[partition] if partition < len(self.tasks) else TaskState.BLOCKED

    @property
    def is_untroubled(self) -> bool:
        """Whether no attempt has ended without a result yet."""
        return not (self.failures or self.losses or self.shortages or self.suspects)

    def attempts(self, partition: int) -> int:
        """Attempts of the task that ended without a result."""
        return sum(ended.get(partition, 0) for ended in (self.failures, self.losses, self.shortages))

    def resources(self, partition: int) -> Resources:
        """What the task's next attempt needs."""
        if partition not in self.memory_bytes:
            return self.spec.policy.resources
        return self.spec.policy.resources.with_memory(self.memory_bytes[partition])

    def wanted(self) -> set[Resources]:
        """What its ready tasks need."""
        wanted = {self.resources(partition) for partition in self.ready_larger}
        return wanted | {self.spec.policy.resources} if self.ready else wanted

    def set(self, partition: int, state: int) -> None:
        """Set the task's state, keeping the count of those that run."""
        if partition >= len(self.tasks):
            self.tasks.extend(bytes(partition + 1 - len(self.tasks)))
        self.running += (state == TaskState.RUNNING) - (self.tasks[partition] == TaskState.RUNNING)
        self.tasks[partition] = state

    def finish(self, tasks: Finished) -> None:
        """Note tasks that were finished before."""
        self.tasks.extend(bytes(max(0, max(tasks.partitions) + 1 - len(self.tasks))))
        for partition in tasks.partitions:
            self.tasks[partition] = TaskState.DONE
        self.done, self.rows, self.cached = len(tasks.partitions), tasks.rows, tasks.cached
        self.wall_s, self.cpu_s = tasks.wall_s, tasks.cpu_s
        self.started_at, self.ended_at = tasks.started_at, tasks.ended_at

    def limits(self) -> list[Limit]:
        """The times at which it will have taken or waited too long, as far as known."""
        policy, found = self.spec.policy, list[Limit]()
        if policy.step_timeout_s and self.begun_at and not self.is_done:
            found.append(Limit(self.begun_at + policy.step_timeout_s, "StepTimedOut"))
        if policy.wait_timeout_s and self.waiting_since:
            found.append(Limit(self.waiting_since + policy.wait_timeout_s, "WaitTimedOut"))
        return found

    def note_attempts(self, tried: Unfinished) -> None:
        """Note earlier attempts of a task."""
        ended = ((self.failures, tried.failures), (self.losses, tried.losses), (self.shortages, tried.shortages))
        for counter, count in ended:
            if count:
                counter[tried.partition] = count
        if tried.memory_bytes:
            self.memory_bytes[tried.partition] = tried.memory_bytes

    def all_run(self, partitions: range) -> bool:
        """Whether all of these tasks are in flight."""
        count = len(partitions)
        return self.tasks[partitions.start : partitions.stop] == bytes([TaskState.RUNNING]) * count

    def finish_all(self, results: Results) -> None:
        """Note results of tasks that are all in flight."""
        self.tasks[results.first : results.first + results.count] = bytes([TaskState.DONE]) * results.count
        self.running -= results.count
        self.done += results.count
        self.rows += sum(results.rows)
        self.wall_s += sum(results.wall_s)
        self.cpu_s += sum(results.cpu_s)
        began, last = min(results.started_at), max(zip(results.started_at, results.wall_s, strict=True))
        self.started_at = min(self.started_at or began, began)
        self.ended_at = max(self.ended_at, sum(last))

    def make_ready(self, partition: int, *, first: bool = False) -> None:
        """Queue the task, at the head if it had started before."""
        self.set(partition, TaskState.READY)
        ready = self.ready_larger if partition in self.memory_bytes else self.ready
        (ready.appendleft if first else ready.append)(partition)

    def take(self, partition: int) -> None:
        """Let a ready task run."""
        (self.ready_larger if partition in self.memory_bytes else self.ready).remove(partition)
        self.set(partition, TaskState.RUNNING)

    def offers(self, partition: int) -> bool:
        """Whether a consumer's task with this number finds its input here."""
        if self.is_single or self.sealed == 1:
            return self.get(0) == TaskState.DONE
        return self.get(partition) == TaskState.DONE


@dataclass(slots=True)
class WorkflowState:
    """The state of a workflow. Only ``advance`` and ``next_call`` change it."""

    plan: PlanSpec
    steps: list[StepState]
    status: WorkflowStatus = WorkflowStatus.RUNNING
    ending: WorkflowStatus | None = None
    """Its status once nothing is in flight; nothing starts meanwhile."""
    failure: tuple[Failure, TaskKey] | None = None
    waiting: dict[TaskKey, float] = field(default_factory=dict)
    """Unix seconds at which failed tasks are retried."""
    limited: list[StepState] = field(default_factory=list)
    """Steps with a step or wait timeout."""
    memory_limit_bytes: float = math.inf
    """The most memory that any machine of the cluster can reserve for a task."""
    is_overdue: bool = False
    """Whether a step has exceeded its time limit, so that tasks in flight are to be stopped."""

    @classmethod
    def restore(
        cls,
        plan: PlanSpec,
        finished: Iterable[Finished] = (),
        sealed: dict[int, int] | None = None,
        unfinished: Iterable[Unfinished] = (),
        rejects: dict[int, dict[str, int]] | None = None,
        begun_at: dict[int, float] | None = None,
    ) -> WorkflowState:
        """The state that the store remembers: of a new workflow, nothing.

        Args:
            plan: what it runs.
            finished: its finished tasks, in any order.
            sealed: the number of partitions of each source that has ended, by step.
            unfinished: its tasks with failed or lost attempts.
            rejects: the number of quarantined rows, by step and reason.
            begun_at: Unix seconds from which the time limits of steps that have begun count, by step.
        """
        steps = _wired(plan)
        state = cls(plan, steps)
        state.adopt_policies()
        for tasks in finished:
            steps[tasks.step].finish(tasks)
        for tried in unfinished:
            step = steps[tried.step]
            step.note_attempts(tried)
            if step.get(tried.partition) != TaskState.DONE and tried.retry_at:
                step.set(tried.partition, TaskState.WAITING)
                state.waiting[TaskKey(tried.step, tried.partition)] = tried.retry_at
        for step in steps:
            step.begun_at = (begun_at or {}).get(step.position, 0.0)
            step.reasons.update((rejects or {}).get(step.position, {}))
            step.rejects = sum(step.reasons.values())
            if step.kind is PhaseKind.SOURCE:
                step.sealed = (sealed or {}).get(step.position)
            elif step.kind is PhaseKind.VALUES:
                step.sealed = step.done = int(step.spec.parameters["count"])
                step.tasks = bytearray([TaskState.DONE]) * step.done
            try:
                seal_from_inputs(state, step)
            except ValueError as error:
                state.fail(Failure("ContractError", str(error), ""), TaskKey(step.position, 0))
            unblock(state, step)
        return state

    def adopt_policies(self) -> None:
        """Update which steps have time limits."""
        self.limited = [self.steps[position] for position in self.plan.limited_steps]

    def fail(self, failure: Failure, key: TaskKey) -> None:
        """Make it fail once nothing is in flight; the first reason is kept, and a cancel takes precedence."""
        if self.failure is None:
            self.failure = failure, key
        if self.ending is not WorkflowStatus.CANCELLED:
            self.ending = WorkflowStatus.FAILED

    @property
    def in_flight(self) -> int:
        """Number of tasks in flight: handed out and not reported."""
        return sum(step.running for step in self.steps)

    @property
    def ready(self) -> int:
        """Number of ready tasks of maps, reduces and sinks."""
        return sum(len(step.ready) for step in self.steps if step.kind is not PhaseKind.SOURCE)

    @property
    def wake_at(self) -> float | None:
        """Unix seconds of the next retry or time limit."""
        limits = (limit.at for step in self.limited for limit in step.limits())
        return min((*self.waiting.values(), *limits), default=None)


def _wired(plan: PlanSpec) -> list[StepState]:
    return [
        StepState(step, position, wire.inputs, wire.consumers, wire.is_single)
        for position, (step, wire) in enumerate(zip(plan.steps, plan.wires, strict=True))
    ]


def partition_count(state: WorkflowState, step: StepState) -> int | None:
    """How many partitions a map gets from its inputs: the same number from each, or one for all. None while unknown.

    Raises:
        ValueError: the inputs have different numbers of partitions.
    """
    counts = [1 if state.steps[source].is_single else state.steps[source].sealed for source in step.inputs]
    if any(count is None for count in counts):
        return None
    several = {count for count in counts if count is not None and count != 1}
    if len(several) > 1:
        raise ValueError(
            f"inputs of step {step.spec.name!r} have {' and '.join(map(str, sorted(several)))} partitions; "
            "a map needs the same number in each, or one"
        )
    return several.pop() if several else 1


def seal_from_inputs(state: WorkflowState, step: StepState) -> None:
    """Set the step's number of tasks as soon as its inputs determine it."""
    if step.sealed is not None or step.kind in {PhaseKind.SOURCE, PhaseKind.VALUES}:
        return
    if step.kind is PhaseKind.MAP:
        step.sealed = partition_count(state, step)
    elif step.kind is PhaseKind.COMBINE:
        count = state.steps[step.inputs[0]].sealed
        step.sealed = None if count is None else max(1, -(-count // step.spec.fan_in))
    else:
        step.sealed = 1


def unblock(state: WorkflowState, step: StepState, partition: int | None = None) -> None:
    """Queue the tasks of ``step`` whose inputs all exist: every such task, or just the one named."""
    if step.kind is PhaseKind.SOURCE:
        following = step.done
        is_free = step.sealed is None and step.get(following) == TaskState.BLOCKED
        if is_free and all(state.steps[source].is_done for source in step.inputs):
            step.make_ready(following)
    elif step.kind is PhaseKind.MAP:
        for candidate in _known_partitions(state, step) if partition is None else (partition,):
            is_free = step.get(candidate) == TaskState.BLOCKED and (step.sealed is None or candidate < step.sealed)
            if is_free and all(state.steps[source].offers(candidate) for source in step.inputs):
                step.make_ready(candidate)
    elif step.kind is PhaseKind.COMBINE:
        for candidate in _known_partitions(state, step) if partition is None else (partition,):
            if step.get(candidate) == TaskState.BLOCKED and _has_group(state, step, candidate):
                step.make_ready(candidate)
    elif step.kind is not PhaseKind.VALUES:
        if step.get(0) == TaskState.BLOCKED and all(state.steps[source].is_done for source in step.inputs):
            step.make_ready(0)


def _known_partitions(state: WorkflowState, step: StepState) -> range:
    if step.sealed is not None:
        return range(step.sealed)
    known = max(len(state.steps[source].tasks) for source in step.inputs)
    return range(-(-known // step.spec.fan_in) if step.kind is PhaseKind.COMBINE else known)


def group(state: WorkflowState, step: StepState, partition: int) -> range:
    """The partitions of its input that a combine's task takes."""
    count = state.steps[step.inputs[0]].sealed
    first = partition * step.spec.fan_in
    return range(first, first + step.spec.fan_in if count is None else min(first + step.spec.fan_in, count))


def _has_group(state: WorkflowState, step: StepState, partition: int) -> bool:
    source = state.steps[step.inputs[0]]
    members = group(state, step, partition)
    return (bool(members) or source.sealed == 0) and all(source.get(member) == TaskState.DONE for member in members)
