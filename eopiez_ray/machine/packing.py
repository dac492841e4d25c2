"""Which tasks go into the next call to a worker: coalescing and chains.

A call is an ordered list of tasks; one may take the output of another before it. Workers stop at the first task
boundary after ``CALL_S`` and hand back what they have not begun, so a wrong estimate costs little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..model.status import PhaseKind
from ..model.tasks import TaskKey
from .profiles import Profiles
from .state import StepState, TaskState, WorkflowState

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..model.policies import Resources

CALL_S = 0.05
"""Target seconds of work in one call, short enough to keep pause, cancel and fairness quick."""
SPREAD_S = 0.002
"""Estimated seconds of work below which it is not spread over workers: a call costs about half a millisecond itself."""
UNKNOWN_S = 0.001
"""Seconds assumed for a task of a phase never measured."""
RAMP = 4
"""Factor by which a call may extend what a source has yielded so far: most sources have few partitions."""
MAXIMUM_TASKS = 1000
"""Maximum tasks in one call."""


class CallTask(NamedTuple):
    """A task in a call."""

    key: TaskKey
    attempt: int
    quota: int = 1
    """For a source: how many partitions to yield at most, from ``key.partition`` on."""


@dataclass(frozen=True, slots=True)
class Call:
    """Tasks for one worker, in order."""

    tasks: tuple[CallTask, ...]
    resources: Resources
    estimate_s: float
    is_alone: bool = False
    """Whether it has a call to itself: it has a time limit, a cache key or a history of lost workers."""


@dataclass(slots=True)
class Packing:
    """What packing must know besides the workflow's state."""

    slots: int = 2
    """Calls that the cluster can run at once."""
    profiles: Profiles = field(default_factory=Profiles)
    """What has been measured about phases."""
    closed_phases: Collection[str] = ()
    """Phases of which no more may start now."""
    cached_steps: frozenset[int] = frozenset()
    """Steps whose tasks go one by one, since their keys must be looked up first."""

    def estimate_s(self, step: StepState) -> float:
        """Seconds that a task of the step is expected to take on a worker."""
        return self.profiles.wall_s(step.spec.phase.digest, UNKNOWN_S)

    def knows(self, step: StepState) -> bool:
        """Whether tasks of the step's phase were measured."""
        return step.spec.phase.digest in self.profiles


def next_call(
    state: WorkflowState, resources: Resources, packing: Packing, budget_s: float | None = None
) -> Call | None:
    """Take the next call for a worker with these resources out of ``state``; None if nothing may start on it.

    Steps go in the plan's order of preference. With a budget, take only work expected to fit in it, and no task that
    needs a call to itself.
    """
    if state.ending is not None:
        return None
    for position in state.plan.preference:
        step = state.steps[position]
        if step.spec.phase.name in packing.closed_phases:
            continue
        if step.ready_larger and budget_s is None:
            larger = _larger_call(step, resources, packing)
            if larger is not None:
                return larger
        if not step.ready or step.spec.policy.resources != resources or not _may_start(state, step, packing):
            continue
        is_alone = _goes_alone(step, step.ready[0], packing)
        if budget_s is not None and (is_alone or packing.estimate_s(step) > budget_s):
            return None
        step.reason = ""
        budget_s = min(CALL_S, CALL_S if budget_s is None else budget_s)
        if step.kind is PhaseKind.SOURCE:
            return _source_call(state, step, packing, budget_s, is_alone=is_alone)
        return _task_call(state, step, packing, budget_s)
    return None


def _larger_call(step: StepState, resources: Resources, packing: Packing) -> Call | None:
    """One of the tasks that ran out of memory, for a worker with exactly as much as it needs now."""
    for partition in step.ready_larger:
        if step.resources(partition) == resources:
            step.reason = ""
            step.take(partition)
            return Call((_call_task(step, partition),), resources, packing.estimate_s(step), is_alone=True)
    return None


def _may_start(state: WorkflowState, step: StepState, packing: Packing) -> bool:
    if step.kind is not PhaseKind.SOURCE:
        return True
    return state.ready < _window(state, step, packing)


def _window(state: WorkflowState, step: StepState, packing: Packing) -> int:
    """Backpressure: number of ready tasks up to which a source may yield more, two calls per slot."""
    quickest = min((packing.estimate_s(state.steps[consumer]) for consumer in step.consumers), default=CALL_S)
    return 2 * packing.slots * _tasks_a_call(quickest) + 2


def _tasks_a_call(estimate_s: float) -> int:
    return max(1, min(MAXIMUM_TASKS, int(CALL_S / max(estimate_s, 1e-6))))


def _source_call(state: WorkflowState, step: StepState, packing: Packing, budget_s: float, *, is_alone: bool) -> Call:
    partition = step.ready.popleft()
    step.set(partition, TaskState.RUNNING)
    estimate = packing.estimate_s(step)
    count = min(_tasks_a_call(estimate), _window(state, step, packing) - state.ready) if packing.knows(step) else 1
    count = 1 if is_alone else min(count, RAMP * (partition + 1))
    tasks = [_call_task(step, partition, max(1, count))]
    spent = max(1, count) * estimate
    if count == 1 and not is_alone:
        spent = _chain(state, step, partition, packing, tasks, spent, budget_s)
    return Call(tuple(tasks), step.spec.policy.resources, spent, is_alone=is_alone)


def _task_call(state: WorkflowState, step: StepState, packing: Packing, budget_s: float) -> Call:
    """As many ready tasks of the step as fit, each followed by its chain."""
    if _goes_alone(step, step.ready[0], packing):
        partition = step.ready.popleft()
        step.set(partition, TaskState.RUNNING)
        return Call((_call_task(step, partition),), step.spec.policy.resources, packing.estimate_s(step), is_alone=True)
    if step.spec.policy.concurrency > 1:
        return _concurrent_call(step, packing)
    tasks: list[CallTask] = []
    spent, estimate = 0.0, packing.estimate_s(step)
    limit = len(step.ready)
    if _is_worth_spreading(state, step, packing):
        limit = -(-limit // packing.slots)
    while step.ready and limit and len(tasks) < MAXIMUM_TASKS and (not tasks or spent + estimate <= budget_s):
        if tasks and _goes_alone(step, step.ready[0], packing):
            break
        partition = step.ready.popleft()
        step.set(partition, TaskState.RUNNING)
        tasks.append(_call_task(step, partition))
        limit -= 1
        spent += estimate
        if step.consumers and step.kind is PhaseKind.MAP:
            spent = _chain(state, step, partition, packing, tasks, spent, budget_s)
    return Call(tuple(tasks), step.spec.policy.resources, spent)


def _concurrent_call(step: StepState, packing: Packing) -> Call:
    """Ready tasks of an asynchronous phase: as many as a worker runs at once, or more if they are short."""
    concurrency, estimate = step.spec.policy.concurrency, packing.estimate_s(step)
    share = -(-(len(step.ready) + step.running) // packing.slots)
    count = min(share, MAXIMUM_TASKS, concurrency * _tasks_a_call(estimate))
    tasks: list[CallTask] = []
    while step.ready and len(tasks) < count and not (tasks and _goes_alone(step, step.ready[0], packing)):
        partition = step.ready.popleft()
        step.set(partition, TaskState.RUNNING)
        tasks.append(_call_task(step, partition))
    return Call(tuple(tasks), step.spec.policy.resources, -(-len(tasks) // concurrency) * estimate)


def _is_worth_spreading(state: WorkflowState, step: StepState, packing: Packing) -> bool:
    """Whether the ready tasks, with the maps that may follow them in chains, take longer than a call is worth."""
    pending, seen, seconds = [step.position], {step.position}, 0.0
    while pending and seconds < SPREAD_S:
        current = state.steps[pending.pop()]
        seconds += len(step.ready) * packing.estimate_s(current)
        following = {position for position in current.consumers if state.steps[position].kind is PhaseKind.MAP} - seen
        pending += following
        seen |= following
    return seconds >= SPREAD_S


def _chain(
    state: WorkflowState,
    step: StepState,
    partition: int,
    packing: Packing,
    tasks: list[CallTask],
    spent: float,
    budget_s: float,
) -> float:
    """Append the maps that only wait for this task, then those that wait for them; give the seconds spent."""
    pending, members = [step.position], {step.position}
    while pending:
        for position in state.steps[pending.pop()].consumers:
            consumer = state.steps[position]
            estimate = packing.estimate_s(consumer)
            if (
                spent + estimate > budget_s
                or len(tasks) >= MAXIMUM_TASKS
                or not _continues(state, consumer, partition, members, packing)
            ):
                continue
            consumer.set(partition, TaskState.RUNNING)
            tasks.append(_call_task(consumer, partition))
            pending.append(position)
            members.add(position)
            spent += estimate
    return spent


def _continues(state: WorkflowState, consumer: StepState, partition: int, members: set[int], packing: Packing) -> bool:
    """Whether the consumer's task could run next: its inputs exist, or come from ``members``, run before it."""
    producer = state.steps[next(iter(members))]
    if consumer.kind is not PhaseKind.MAP or consumer.spec.policy.resources != producer.spec.policy.resources:
        return False
    if consumer.spec.policy.concurrency > 1:
        return False
    if consumer.spec.phase.name in packing.closed_phases:
        return False
    if consumer.get(partition) != TaskState.BLOCKED or _goes_alone(consumer, partition, packing):
        return False
    if consumer.sealed is not None and partition >= consumer.sealed:
        return False
    return all(source in members or state.steps[source].offers(partition) for source in consumer.inputs)


def _goes_alone(step: StepState, partition: int, packing: Packing) -> bool:
    """Whether the task needs a call to itself: it has a time limit, a cache key or a history of losses."""
    has_limit = step.spec.policy.timeout_s is not None
    had_trouble = not step.is_untroubled and any(
        partition in troubled for troubled in (step.losses, step.shortages, step.suspects)
    )
    return has_limit or had_trouble or step.position in packing.cached_steps


def _call_task(step: StepState, partition: int, quota: int = 1) -> CallTask:
    attempt = 1 if step.is_untroubled else step.attempts(partition) + 1
    return CallTask(TaskKey(step.position, partition), attempt, quota)
