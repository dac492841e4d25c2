"""The one function that moves a workflow: ``advance(state, event, now)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from ..errors import StorageFullError, TooManyRejectsError
from ..model.results import Results
from ..model.status import Outcome, PhaseKind, WorkflowStatus
from ..model.tasks import Failure, Report, TaskKey
from .commands import (
    AdoptPlan,
    Command,
    RecordAttempt,
    RecordEnd,
    RecordInterruption,
    RecordLoss,
    RecordResults,
    RecordTask,
    SetStatus,
    UpdateStep,
)
from .events import (
    Adopted,
    CallLost,
    CallStopped,
    CancelRequested,
    Event,
    PauseRequested,
    PlanUpdated,
    Reported,
    TimePassed,
)
from .state import Limit, StepState, TaskState, WorkflowState, seal_from_inputs, unblock

if TYPE_CHECKING:
    from ..model.plan import PlanSpec
    from ..model.policies import RetryPolicy

MAXIMUM_LOSSES = 4
"""How often a task may lose its worker before it is considered the cause."""
MAXIMUM_SHORTAGES = 5
"""How often a task may run out of memory; each attempt has twice the memory of the one before."""
FULL_PAUSES_S = (2.0, 5.0, 10.0, 20.0, 20.0, 20.0, 20.0, 20.0)
"""Seconds until the next attempt of a task whose result found no space, which is not its fault: for two minutes,
however few attempts its policy allows."""
WHOLE_TAKERS = {PhaseKind.REDUCE, PhaseKind.SINK, PhaseKind.SOURCE}
"""Kinds whose tasks wait for all partitions of their inputs."""
UNKNOWN_BYTES = 2**30
"""Memory assumed for a task that reserved none and was not measured."""
REJECT_SAMPLE = 1000
"""Rows a step must have seen before its share of rejects can end it early."""


def advance(state: WorkflowState, event: Event, now: float) -> list[Command]:
    """Apply ``event`` to ``state`` in place and give what to write.

    The same state, event and time always give the same commands. ``now`` is in Unix seconds.
    """
    commands = _Commands()
    if isinstance(event, Reported):
        for report in event.reports:
            if isinstance(report, Results):
                _take_results(state, report, now, commands)
            else:
                _take_report(state, report, now, commands)
    elif isinstance(event, CallLost):
        _lose(state, event, now, commands)
    elif isinstance(event, CallStopped):
        _take_back(state, event.tasks, now, commands)
    elif isinstance(event, Adopted):
        for key in event.tasks:
            _adopt(state, key)
    elif isinstance(event, TimePassed):
        _wake(state, now)
    elif isinstance(event, PauseRequested):
        _begin_end(state, WorkflowStatus.PAUSING, WorkflowStatus.PAUSED, commands)
    elif isinstance(event, CancelRequested):
        _begin_end(state, WorkflowStatus.CANCELLING, WorkflowStatus.CANCELLED, commands)
    elif isinstance(event, PlanUpdated):
        _update(state, event.plan, commands)
    else:
        assert_never(event)
    if state.limited:
        _watch_limits(state, now, commands)
    commands.extend(map(UpdateStep, sorted(commands.moved)))
    _settle(state, commands)
    return commands


def _lose(state: WorkflowState, event: CallLost, now: float, commands: _Commands) -> None:
    """Handle a lost call. If it had several tasks, none can be blamed, and each runs alone next."""
    if len(event.tasks) == 1 and not event.is_shared:
        outcome, name = _cause(event)
        failure = Failure(name, event.reason, "")
        report = Report(event.tasks[0], outcome, failure=failure, started_at=now, worker=event.worker)
        _take_report(state, report, now, commands)
        return
    lost = [key for key in event.tasks if state.steps[key.step].get(key.partition) == TaskState.RUNNING]
    if lost:
        commands.append(RecordLoss(len(lost), event.reason, event.worker))
    for key in lost:
        state.steps[key.step].suspects.add(key.partition)
        _take_report(state, Report(key, Outcome.NOT_STARTED), now, commands)


def _cause(event: CallLost) -> tuple[Outcome, str]:
    """The outcome of a lost call's only task, and the name of its failure."""
    if event.is_out_of_memory:
        return Outcome.OUT_OF_MEMORY, "OutOfMemory"
    return (Outcome.FAILED, "ProcessEnded") if event.has_ended_itself else (Outcome.LOST, "WorkerLost")


class _Commands(list[Command]):
    """Commands so far, and the steps whose counters must be updated."""

    def __init__(self) -> None:
        super().__init__()
        self.moved: set[int] = set()


def _take_report(state: WorkflowState, report: Report, now: float, commands: _Commands) -> None:
    step = state.steps[report.key.step]
    if report.outcome is Outcome.SUCCEEDED and step.get(report.key.partition) == TaskState.READY:
        # One call of a source yields many partitions, and each makes the next one ready. The call of an orchestrator
        # that died brings a whole chain, in which each result makes the next task ready.
        _adopt(state, report.key)
    if step.get(report.key.partition) != TaskState.RUNNING:
        return  # The first report of a task wins; this one is late.
    if report.outcome is Outcome.SUCCEEDED:
        _finish_task(state, step, report, commands)
    elif report.outcome is Outcome.NOT_STARTED:
        _hand_back(state, step, report.key.partition)
    else:
        _fail_attempt(state, step, report, now, commands)
    if report.outcome is not Outcome.NOT_STARTED:
        step.ended_at = max(step.ended_at, report.started_at + report.wall_s)
        step.started_at = min(step.started_at or report.started_at, report.started_at)
    commands.moved.add(step.position)


def _take_results(state: WorkflowState, results: Results, now: float, commands: _Commands) -> None:
    """Like ``_take_report`` for each, but all at once if all are in flight and nobody waits for a single one."""
    step = state.steps[results.step]
    is_plain = step.kind is PhaseKind.MAP and not step.rejects and not step.is_single
    waits_for_all = all(state.steps[position].kind in WHOLE_TAKERS for position in step.consumers)
    if not (is_plain and waits_for_all and step.all_run(results.partitions)):
        for report in results.reports():
            _take_report(state, report, now, commands)
        return
    step.finish_all(results)
    commands.append(RecordResults(results))
    commands.moved.add(step.position)
    _tell_consumers(state, step, results.partitions[-1], commands)


def _take_back(state: WorkflowState, tasks: tuple[TaskKey, ...], now: float, commands: _Commands) -> None:
    """Requeue the tasks in flight of a call that was stopped on purpose; this counts against nothing."""
    stopped = [key for key in tasks if state.steps[key.step].get(key.partition) == TaskState.RUNNING]
    if stopped:
        commands.append(RecordInterruption(len(stopped)))
    for key in stopped:
        _take_report(state, Report(key, Outcome.NOT_STARTED), now, commands)


def _adopt(state: WorkflowState, key: TaskKey) -> None:
    """Adopt a task that is already running; one whose inputs do not exist yet is adopted with its report."""
    step = state.steps[key.step]
    if step.get(key.partition) == TaskState.READY:
        step.take(key.partition)


def _finish_task(state: WorkflowState, step: StepState, report: Report, commands: _Commands) -> None:
    partition = report.key.partition
    if report.is_last:
        step.set(partition, TaskState.BLOCKED)
        step.sealed = partition
        del step.tasks[partition:]
        commands.append(RecordEnd(report))
    else:
        step.set(partition, TaskState.DONE)
        step.done += 1
        step.rows += report.rows
        step.cached += report.is_cached
        step.suspects.discard(partition)
        commands.append(RecordTask(report))
    if report.rejects:
        step.rejects += report.rejected
        for reject in report.rejects:
            step.reasons[reject.reason] = step.reasons.get(reject.reason, 0) + reject.rows
    step.wall_s += report.wall_s
    step.cpu_s += report.cpu_s
    _check_rejects(state, step, partition, commands)
    if step.kind is PhaseKind.SOURCE and not report.is_last:
        unblock(state, step)
    _tell_consumers(state, step, partition, commands)


def _tell_consumers(state: WorkflowState, step: StepState, partition: int, commands: _Commands) -> None:
    counts_for_all = step.is_single or step.sealed is not None
    for position in step.consumers:
        consumer = state.steps[position]
        was_sealed = consumer.sealed is not None
        try:
            seal_from_inputs(state, consumer)
        except ValueError as error:
            state.fail(Failure("ContractError", str(error), ""), TaskKey(position, 0))
            continue
        if consumer.kind is PhaseKind.COMBINE:
            _unblock_groups(state, consumer, step, partition)
        else:
            unblock(state, consumer, None if counts_for_all and (step.is_single or step.sealed == 1) else partition)
        if consumer.sealed is not None and not was_sealed:
            commands.moved.add(position)
            _tell_consumers(state, consumer, partition, commands)


def _unblock_groups(state: WorkflowState, consumer: StepState, step: StepState, partition: int) -> None:
    """Queue the finished partition's group if it is complete; once their number is known, the last group too."""
    if step.sealed is None or partition < step.sealed:
        unblock(state, consumer, partition // consumer.spec.fan_in)
    if step.sealed is not None:
        unblock(state, consumer, max(0, step.sealed - 1) // consumer.spec.fan_in)


def _hand_back(state: WorkflowState, step: StepState, partition: int) -> None:
    """Requeue the task if its inputs exist; those that its call was to make may be lost with it."""
    if step.kind is PhaseKind.SOURCE:
        step.make_ready(partition, first=True)
        return
    step.set(partition, TaskState.BLOCKED)
    unblock(state, step, partition)


def _fail_attempt(state: WorkflowState, step: StepState, report: Report, now: float, commands: _Commands) -> None:
    partition, failure = report.key.partition, report.failure or Failure(report.outcome, "", "")
    counter = _counter(step, report.outcome)
    counter[partition] = counter.get(partition, 0) + 1
    delay = _delay_s(step.spec.policy.retry, report.outcome, failure, counter[partition])
    memory_bytes = 0
    if report.outcome is Outcome.OUT_OF_MEMORY and delay is not None:
        memory_bytes = _enlarge(state, step, report)
        delay = delay if memory_bytes else None
    retry_at = None if delay is None else now + delay
    commands.append(RecordAttempt(report._replace(failure=failure), step.attempts(partition), retry_at, memory_bytes))
    if retry_at is None:
        step.set(partition, TaskState.FAILED)
        step.has_failed = True
        state.fail(failure, report.key)
    elif delay == 0:
        _hand_back(state, step, partition)
    else:
        step.set(partition, TaskState.WAITING)
        state.waiting[report.key] = retry_at


def _counter(step: StepState, outcome: Outcome) -> dict[int, int]:
    """The counter for attempts that ended this way: each kind has its own bound."""
    if outcome is Outcome.LOST:
        return step.losses
    return step.shortages if outcome is Outcome.OUT_OF_MEMORY else step.failures


def _enlarge(state: WorkflowState, step: StepState, report: Report) -> int:
    """Memory of the next attempt: double this one's, up to all of the largest machine; 0 if it already had that."""
    had = step.resources(report.key.partition).memory_bytes or report.peak_bytes or UNKNOWN_BYTES
    wanted = int(min(2 * had, state.memory_limit_bytes))
    if wanted <= step.memory_bytes.get(report.key.partition, 0):
        return 0
    step.memory_bytes[report.key.partition] = wanted
    return wanted


def _delay_s(policy: RetryPolicy, outcome: Outcome, failure: Failure, count: int) -> float | None:
    """Seconds until the next attempt; None if there is none."""
    if outcome is Outcome.REFUSED or failure.error_type in policy.non_retryable_errors:
        return None
    if outcome is Outcome.LOST:
        return 0.0 if count <= MAXIMUM_LOSSES else None
    if outcome is Outcome.OUT_OF_MEMORY:
        return 0.0 if count <= MAXIMUM_SHORTAGES else None
    delay = policy.delay_s(count) if count < policy.maximum_attempts else None
    if failure.error_type == StorageFullError.__name__ and count <= len(FULL_PAUSES_S):
        return max(delay or 0.0, FULL_PAUSES_S[count - 1])
    return delay


def _check_rejects(state: WorkflowState, step: StepState, partition: int, commands: _Commands) -> None:
    limit, seen = step.spec.policy.max_rejects, step.rows + step.rejects
    has_seen_enough = seen >= REJECT_SAMPLE or step.is_done
    if step.rejects and has_seen_enough and step.rejects > limit * seen and not step.has_failed:
        step.has_failed = True
        error = TooManyRejectsError(step.spec.name, step.rejects, seen, limit)
        failure = Failure("TooManyRejectsError", str(error), "")
        report = Report(TaskKey(step.position, partition), Outcome.REFUSED, failure=failure)
        commands.append(RecordAttempt(report, 1, None))
        state.fail(failure, report.key)


def _wake(state: WorkflowState, now: float) -> None:
    for key in [key for key, at in state.waiting.items() if at <= now]:
        del state.waiting[key]
        _hand_back(state, state.steps[key.step], key.partition)


def _watch_limits(state: WorkflowState, now: float, commands: _Commands) -> None:
    """Note since when steps with time limits run or wait, and fail those that have done so for too long."""
    for step in state.limited:
        is_waiting = bool(step.ready or step.ready_larger) and not step.running and state.ending is None
        step.waiting_since = (step.waiting_since or now) if is_waiting else 0.0
        if step.running and not step.begun_at:
            step.begun_at = now
        passed = [limit for limit in step.limits() if limit.at <= now]
        if passed and not step.has_failed and not state.status.is_at_rest:
            _outlast(state, step, passed[0], commands)


def _outlast(state: WorkflowState, step: StepState, limit: Limit, commands: _Commands) -> None:
    policy, name = step.spec.policy, step.spec.name
    if limit.error_type == "WaitTimedOut":
        message = f"step {name!r} has waited for {policy.wait_timeout_s:g} s, its limit" + (
            f": {step.reason}" if step.reason else ""
        )
    else:
        message = f"step {name!r} has taken longer than its limit of {policy.step_timeout_s:g} s"
        state.is_overdue = True
    partition = next(iter((*step.ready_larger, *step.ready)), 0)
    failure = Failure(limit.error_type, message, "")
    report = Report(TaskKey(step.position, partition), Outcome.TIMED_OUT, failure=failure, started_at=limit.at)
    step.has_failed = True
    commands.append(RecordAttempt(report, step.attempts(partition) + 1, None))
    commands.moved.add(step.position)
    state.fail(failure, report.key)


def _update(state: WorkflowState, plan: PlanSpec, commands: _Commands) -> None:
    """Make the steps follow the new plan; tasks that were given more memory keep it."""
    for step, spec in zip(state.steps, plan.steps, strict=True):
        step.spec = spec
    state.plan = plan
    state.adopt_policies()
    commands.append(AdoptPlan(plan))


def _begin_end(state: WorkflowState, meanwhile: WorkflowStatus, ending: WorkflowStatus, commands: _Commands) -> None:
    if state.status.is_terminal or state.ending in {WorkflowStatus.FAILED, WorkflowStatus.CANCELLED}:
        return
    state.ending, state.status = ending, meanwhile
    commands.append(SetStatus(meanwhile))
    commands.moved.update(
        step.position for step in state.steps if step.running
    )  # So that users see what is waited for.


def _settle(state: WorkflowState, commands: _Commands) -> None:
    """Reach the final status once nothing is in flight; a workflow with nothing left to do has succeeded regardless."""
    if state.status.is_at_rest or state.in_flight:
        return
    if state.failure is None and all(step.is_done for step in state.steps):
        state.status = WorkflowStatus.SUCCEEDED
        commands.append(SetStatus(state.status))
    elif state.ending is not None:
        state.status = state.ending
        failure, key = state.failure if state.failure else (None, None)
        if state.status is WorkflowStatus.FAILED and key is not None:
            commands.append(SetStatus(state.status, failure, key.step, key.partition))
        else:
            commands.append(SetStatus(state.status))
