"""A world for the machine: workers that fail, a disk that commits late or refuses, a machine that raises, orchestrators
that die and come back to life.

Everything that happens is chosen by a sequence of bytes, so that Hypothesis can look for the worst one and replay it.
What a crash can interrupt is a write, so the disk takes whole batches: those of a dead or fenced holder never come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from eopiez_ray.machine import (
    Adopted,
    Call,
    CallLost,
    CallStopped,
    CancelRequested,
    Event,
    Finished,
    Packing,
    PauseRequested,
    PlanUpdated,
    RecordAttempt,
    Reported,
    TimePassed,
    Unfinished,
    WorkflowState,
    advance,
    group,
    next_call,
    refusal,
)
from eopiez_ray.machine.transitions import FULL_PAUSES_S, MAXIMUM_LOSSES, MAXIMUM_SHORTAGES
from eopiez_ray.model.ids import WorkflowId, uuid7
from eopiez_ray.model.plan import PlanSpec
from eopiez_ray.model.policies import Resources
from eopiez_ray.model.results import condensed, expanded
from eopiez_ray.model.status import Outcome, PhaseKind, WorkflowStatus
from eopiez_ray.model.tasks import Failure, Output, Report, TaskKey
from eopiez_ray.store import Batch

WORKFLOW = WorkflowId(uuid7())
RESOURCES = Resources()
OUTPUT = Output(b"digest", 1, "pickle", b"1")
REST = {status for status in WorkflowStatus if status.is_at_rest}
DRIVEN = {WorkflowStatus.RUNNING, WorkflowStatus.PAUSING, WorkflowStatus.CANCELLING}


class BrokenPromiseError(AssertionError):
    """A promise was broken."""


class MachineError(Exception):
    """An error that nobody foresaw: the workflow is set aside, and what was begun is not gone on with."""


def promise(condition: bool, what: str) -> None:
    if not condition:
        raise BrokenPromiseError(what)


@dataclass
class Disk:
    """What is durable of the one workflow, with the rules of the store's statements."""

    status: WorkflowStatus = WorkflowStatus.RUNNING
    epoch: int = 1
    tasks: dict[TaskKey, int] = field(default_factory=dict)
    """The epoch under which each result was written."""
    attempts: list[RecordAttempt] = field(default_factory=list)
    plan: PlanSpec | None = None
    """The plan by which it goes on, if that was updated."""
    sealed: dict[int, int] = field(default_factory=dict)

    def commit(self, batch: Batch) -> bool:
        """Whether the writer still holds the workflow; only then is anything written."""
        if batch.epochs.get(WORKFLOW) != self.epoch:
            return False
        promise(self.status not in REST, "something was written after the workflow had come to rest")
        if batch.quarantined:
            self._quarantine(batch)
            return True
        for report in (*(report for _, report in batch.tasks), *expanded([each for _, each in batch.results])):
            self.tasks.setdefault(report.key, self.epoch)
        self.attempts += [attempt for _, attempt in batch.attempts]
        self.plan = batch.plans.get(WORKFLOW, self.plan)
        for (_, position), row in batch.steps.items():
            if row.partitions is not None:
                self.sealed[position] = row.partitions
        if WORKFLOW in batch.statuses:
            self.status = batch.statuses[WORKFLOW][0]
        return True

    def _quarantine(self, batch: Batch) -> None:
        """Set it aside: the epoch moves, so that nothing more of its holder is written."""
        nothing = Batch()
        nothing.quarantine(WORKFLOW, self.epoch, MachineError())
        others = [name for name in Batch.__slots__ if name not in {"epochs", "quarantined"}]
        written = [name for name in others if getattr(batch, name) != getattr(nothing, name)]
        promise(not written, f"{written} were written of a workflow whose handling had failed")
        promise(self.status in DRIVEN, f"it was {self.status}, and was set aside")
        self.status, self.epoch = WorkflowStatus.QUARANTINED, self.epoch + 1


@dataclass
class Sent:
    """A call on a worker, and the inputs that its tasks were given."""

    call: Call
    inputs: dict[TaskKey, set[TaskKey]]


@dataclass
class Holder:
    """An orchestrator, as far as this workflow goes."""

    epoch: int
    state: WorkflowState
    packing: Packing
    pending: Batch = field(default_factory=Batch)
    calls: list[Sent] = field(default_factory=list)
    is_out: bool = False
    """Whether it has set the workflow aside, and does nothing more of it."""


class Choices:
    """What happens next, one byte a choice; the kindest, 0, once they are used up."""

    def __init__(self, given: bytes) -> None:
        self._given = iter(given)
        self.are_left = True

    def below(self, limit: int) -> int:
        chosen = next(self._given, None)
        self.are_left = chosen is not None
        return (chosen or 0) % limit


class World:
    """One workflow and all that can happen to it."""

    def __init__(self, plan: PlanSpec, yields: dict[int, int], choices: bytes) -> None:
        self.plan, self.yields, self._choices = plan, yields, Choices(choices)
        self.now = 1000.0
        self.disk = Disk()
        self.zombies: list[Holder] = []
        self.delivered: list[Report] = []
        self.is_refusing = False
        """Whether the disk will refuse the next batch."""
        self.is_failing = False
        """Whether the machine will raise at the next event."""
        self._known: set[TaskKey] = set()
        self._without_space: set[TaskKey] = set()
        """Tasks that were finished once."""
        self.holder = self._claim()
        self.act(self.holder, TimePassed())

    def choose(self, below: int) -> int:
        return self._choices.below(below)

    def live(self) -> None:
        """Let things happen while there are choices left; then let everything go well until the workflow rests."""
        actions: tuple[Callable[[], None], ...] = (
            self.start, self.start, self.finish, self.finish, self.commit, self.lose, self.crash, self.zombie_acts,
            self.pause, self.resume, self.wait, self.cancel, self.repeat, self.stop_now, self.exhaust, self.update,
            self.refuse, self.fail, self.retry,
        )  # fmt: skip
        while self._choices.are_left:
            which = self.choose(3 * len(actions))
            self._do(actions[which % len(actions) if which < 2 * len(actions) else which % 5])
        self.recover()

    def recover(self) -> None:
        """Without further mishaps the workflow comes to rest, and if it succeeded, nothing is missing."""
        self.is_refusing = self.is_failing = False
        for _ in range(3000):
            self._do(self.resume)
            self._do(self.retry)
            if self.disk.status.is_terminal and not self.holder.pending:
                break
            for action in (self.start, self.finish, self.commit, self.wait):
                self._do(action)
        promise(self.disk.status.is_terminal, f"it never ended: {self.disk.status}")
        if self.disk.status is WorkflowStatus.SUCCEEDED:
            wrong = set(self.disk.tasks) ^ self._everything()
            promise(not wrong, f"it succeeded, and these are missing or surplus: {wrong}")

    def _do(self, action: Callable[[], None]) -> None:
        """Let one thing happen, and see that all promises hold."""
        try:
            action()
        except MachineError as error:
            self._set_aside(error)
        self.check()

    # What can happen.

    def start(self) -> None:
        if len(self.holder.calls) < 3 and not self.is_idle:
            wanted = {RESOURCES, *(shape for step in self.holder.state.steps for shape in step.wanted())}
            shapes = sorted(wanted, key=lambda shape: shape.memory_bytes, reverse=bool(self.choose(2)))
            calls = (next_call(self.holder.state, shape, self.holder.packing) for shape in shapes)
            call = next((call for call in calls if call is not None), None)
            if call is not None:
                sent = Sent(call, {task.key: self._given(task.key) for task in call.tasks})
                self.examine(sent)
                if not self.holder.is_out:
                    self.holder.calls.append(sent)

    def finish(self) -> None:
        if self.holder.calls:
            call = self.holder.calls.pop(self.choose(len(self.holder.calls)))
            reports = tuple(self._reports(call))
            self.delivered += [report for report in reports if report.output is not None]
            self.act(self.holder, Reported(tuple(condensed(reports, fewest=2))))

    def repeat(self) -> None:
        """A result arrives a second time."""
        if self.delivered and not self.is_idle:
            report = self.delivered[self.choose(len(self.delivered))]
            if self._is_done(report.key):
                self.act(self.holder, Reported((report,)))

    def lose(self) -> None:
        if self.holder.calls:
            call = self.holder.calls.pop(self.choose(len(self.holder.calls)))
            self.act(self.holder, CallLost(tuple(task.key for task in call.call.tasks), "killed"))

    def exhaust(self) -> None:
        """A worker is killed for the memory that it used."""
        if self.holder.calls:
            call = self.holder.calls.pop(self.choose(len(self.holder.calls)))
            lost = CallLost(tuple(task.key for task in call.call.tasks), "no memory", is_out_of_memory=True)
            self.act(self.holder, lost)

    def update(self) -> None:
        """Somebody wants a step to run by other parameters, if it still can."""
        position = self.choose(len(self.plan.steps))
        old = self.holder.state.plan.steps[position]
        if old.phase.kind is PhaseKind.VALUES or self.is_idle:
            return
        changed = replace(old, parameters={"changed": self.holder.state.plan.digest})
        steps = (*self.holder.state.plan.steps[:position], changed, *self.holder.state.plan.steps[position + 1 :])
        wanted = PlanSpec(self.plan.name, steps)
        has_begun = any(key.step == position for key in {*self.disk.tasks, *self._in_flight()})
        refused = refusal(self.holder.state, wanted)
        promise(refused is not None or not has_begun, f"step {position} was updated after it had begun")
        if refused is None:
            self.act(self.holder, PlanUpdated(wanted))

    def _in_flight(self) -> set[TaskKey]:
        return {task.key for sent in self.holder.calls for task in sent.call.tasks}

    def commit(self) -> None:
        batch, self.holder.pending = self.holder.pending, Batch()
        if not batch:
            return
        if self.is_refusing and not batch.quarantined:
            self.is_refusing = False
            self.take_refusal()
            return
        promise(self.disk.commit(batch), "the one who holds the workflow was fenced")

    def refuse(self) -> None:
        """The disk will not take what is to be written next."""
        self.is_refusing = True

    def take_refusal(self) -> None:
        """Nothing of the batch is written: the journal sets the workflow aside, and its holder hears of it later."""
        if self.choose(2):
            self.zombies.append(replace(self.holder, calls=[*self.holder.calls]))
        self._set_aside(MachineError("the disk refuses a batch"))
        promise(self.disk.commit(self.holder.pending), "the one who sets it aside was fenced")
        self.holder.pending = Batch()

    def fail(self) -> None:
        """The machine will raise at the next event, for a reason that nobody has thought of."""
        self.is_failing = True

    def _set_aside(self, error: Exception) -> None:
        """What is not yet on its way to the disk is dropped, and calls are stopped."""
        self.holder.pending.quarantine(WORKFLOW, self.holder.epoch, error)
        self.holder.calls.clear()
        self.holder.is_out = True

    def retry(self) -> None:
        """Somebody takes up again what was set aside: a new holder knows what the disk knows."""
        if self.disk.status is WorkflowStatus.QUARANTINED:
            self.disk.status, self.disk.epoch, self.disk.attempts = WorkflowStatus.RUNNING, self.disk.epoch + 1, []
            self.holder = self._claim()
            self._ask_again()

    @property
    def is_idle(self) -> bool:
        """Whether the holder does nothing more."""
        return self.holder.is_out or self.holder.state.status.is_at_rest

    def crash(self) -> None:
        """The holder stops, perhaps for a while only; another one claims."""
        if self.disk.status in REST:
            return
        if self.choose(2):
            self.zombies.append(self.holder)
        calls = self.holder.calls if self.choose(2) else []
        self.disk.epoch += 1
        self.holder = self._claim()
        self._ask_again()
        for sent in calls:
            self._inherit(sent)

    def _inherit(self, sent: Sent) -> None:
        """The workers live on, and the new holder takes what the dead one has left with them."""
        keys = tuple(task.key for task in sent.call.tasks)
        if self.is_idle:
            return
        self.act(self.holder, Adopted(keys))
        reports = tuple(condensed(self._reports(sent), fewest=2))
        if self.choose(3):
            self.act(self.holder, Reported(reports))
        else:
            self.act(self.holder, CallLost(keys, "killed after all"))

    def zombie_acts(self) -> None:
        """A holder that was thought dead goes on: it finishes what it began and tries to write."""
        if not self.zombies:
            return
        zombie = self.zombies[self.choose(len(self.zombies))]
        if zombie.calls:
            call = zombie.calls.pop()
            zombie.pending.add(
                WORKFLOW,
                zombie.epoch,
                zombie.state,
                advance(zombie.state, Reported(tuple(self._reports(call))), self.now),
            )
        before = dict(self.disk.tasks), self.disk.status
        if zombie.pending:
            promise(not self.disk.commit(zombie.pending), "a fenced holder wrote")
        promise(before == (self.disk.tasks, self.disk.status), "a fenced holder changed something")

    def pause(self) -> None:
        if self.disk.status is WorkflowStatus.RUNNING:
            self.disk.status = WorkflowStatus.PAUSING
            self.act(self.holder, PauseRequested())

    def stop_now(self) -> None:
        """Somebody wants it paused now, or its cancel takes too long: calls are stopped, and that is no attempt."""
        self.pause()
        state = self.holder.state
        if state.ending is None or self.is_idle:
            return
        before, waited_for = self._counted(), state.in_flight
        while self.holder.calls:
            sent = self.holder.calls.pop(self.choose(len(self.holder.calls)))
            self.act(self.holder, CallStopped(tuple(task.key for task in sent.call.tasks)))
        promise(self._counted() == before, "a task that was stopped on purpose was counted as tried")
        promise(state.status.is_at_rest, f"nothing is in flight, and it is still {state.status}")
        told = self.holder.pending.interruptions.get(WORKFLOW, 0)
        promise(told >= waited_for, f"{waited_for} tasks were stopped, {told} are told of")

    def cancel(self) -> None:
        if self.disk.status in {WorkflowStatus.RUNNING, WorkflowStatus.PAUSING} and not self.choose(4):
            self.disk.status = WorkflowStatus.CANCELLING
            self.act(self.holder, CancelRequested())

    def resume(self) -> None:
        if self.disk.status is WorkflowStatus.PAUSED:
            self.disk.status, self.disk.epoch = WorkflowStatus.RUNNING, self.disk.epoch + 1
            self.holder = self._claim()
            self._ask_again()

    def wait(self) -> None:
        self.now += 40.0
        if not self.is_idle:
            self.act(self.holder, TimePassed())

    # What follows from it.

    def act(self, holder: Holder, event: Event) -> None:
        """Let the machine take an event.

        Raises:
            MachineError: it has begun to, and nobody knows how far it came.
        """
        if holder.is_out:
            return
        commands = advance(holder.state, event, self.now)
        if self.is_failing:
            self.is_failing = False
            self.break_down()
            return
        holder.pending.add(WORKFLOW, holder.epoch, holder.state, commands)

    def break_down(self) -> None:
        """The machine raises when its state has changed already, and its commands are lost."""
        raise MachineError("nobody has thought of this")

    def _claim(self) -> Holder:
        """A new holder, knowing what the disk knows."""
        by_step: dict[int, list[int]] = {}
        for key in self.disk.tasks:
            by_step.setdefault(key.step, []).append(key.partition)
        sources = {position for position, step in enumerate(self.plan.steps) if step.phase.kind is PhaseKind.SOURCE}
        state = WorkflowState.restore(
            self.disk.plan or self.plan,
            [Finished(position, partitions) for position, partitions in by_step.items()],
            {position: count for position, count in self.disk.sealed.items() if position in sources},
            self._unfinished(),
        )
        return Holder(self.disk.epoch, state, Packing(slots=2))

    def _unfinished(self) -> list[Unfinished]:
        found: dict[TaskKey, list[RecordAttempt]] = {}
        for attempt in self.disk.attempts:
            found.setdefault(attempt.report.key, []).append(attempt)
        return [self._tried(key, attempts) for key, attempts in found.items()]

    def _tried(self, key: TaskKey, attempts: list[RecordAttempt]) -> Unfinished:
        lost = sum(attempt.report.outcome is Outcome.LOST for attempt in attempts)
        short = sum(attempt.report.outcome is Outcome.OUT_OF_MEMORY for attempt in attempts)
        own = {Outcome.LOST, Outcome.OUT_OF_MEMORY}
        retries = [attempt.retry_at or 0.0 for attempt in attempts if attempt.report.outcome not in own]
        memory_bytes = max(attempt.retry_memory_bytes for attempt in attempts)
        failed = len(attempts) - lost - short
        return Unfinished(*key, failed, lost, max(retries, default=0.0), short, memory_bytes)

    def _ask_again(self) -> None:
        requests: dict[WorkflowStatus, Event] = {
            WorkflowStatus.PAUSING: PauseRequested(),
            WorkflowStatus.CANCELLING: CancelRequested(),
        }
        self.act(self.holder, requests.get(self.disk.status, TimePassed()))

    def _given(self, task: TaskKey) -> set[TaskKey]:
        """The inputs of a task, as the shell finds them: by what is known when its call is sent."""
        steps = self.holder.state.steps
        step = steps[task.step]
        given: set[TaskKey] = set()
        for source in (steps[position] for position in step.inputs):
            if source.kind is PhaseKind.VALUES:
                continue
            if step.kind is PhaseKind.MAP:
                is_whole = source.is_single or source.sealed == 1
                given.add(TaskKey(source.position, 0 if is_whole else task.partition))
            elif step.kind is PhaseKind.COMBINE:
                members = group(self.holder.state, step, task.partition)
                given |= {TaskKey(source.position, partition) for partition in members}
            else:
                given |= {TaskKey(source.position, partition) for partition in range(source.sealed or 0)}
        return given

    def _reports(self, sent: Sent) -> Iterator[Report]:
        """What a worker says of a call: tasks run in order, and those whose input is missing are handed back."""
        done: set[TaskKey] = set()
        is_over = False
        members = {task.key for task in sent.call.tasks}
        for task in sent.call.tasks:
            is_over = is_over or (bool(done) and self.choose(8) == 7)
            if is_over or not sent.inputs[task.key] & members <= done:
                yield Report(task.key, Outcome.NOT_STARTED)
                continue
            for partition in range(task.key.partition, task.key.partition + task.quota):
                report = self._report(TaskKey(task.key.step, partition))
                if report.output is not None:
                    promise(sent.inputs[task.key] == self._inputs(task.key), f"{task.key} ran on wrong inputs")
                yield report
                if report.output is None:
                    break
                done.add(report.key)

    def _report(self, key: TaskKey) -> Report:
        if self.plan.steps[key.step].phase.kind is PhaseKind.SOURCE and key.partition >= self.yields[key.step]:
            return Report(key, Outcome.SUCCEEDED, is_last=True)
        outcome = (Outcome.SUCCEEDED,) * 10 + (Outcome.FAILED,) * 3 + (Outcome.TIMED_OUT,) * 2 + (Outcome.REFUSED,)
        chosen = outcome[self.choose(16)]
        if chosen is Outcome.SUCCEEDED:
            return Report(key, chosen, OUTPUT, rows=1, started_at=self.now)
        name = ("Error", "StorageFullError")[self.choose(4) == 3]
        if name != "Error":
            self._without_space.add(key)
        return Report(key, chosen, failure=Failure(name, "it failed", ""), started_at=self.now)

    # What must hold.

    def examine(self, sent: Sent) -> None:
        """No finished task starts again, and each finds its inputs."""
        before: set[TaskKey] = set()
        for key, inputs in sent.inputs.items():
            promise(key not in self.disk.tasks, f"{key} is finished, and started again")
            if self.plan.steps[key.step].phase.kind not in {PhaseKind.MAP, PhaseKind.COMBINE}:
                self.commit()  # The shell waits for the journal before it gathers.
                if self.holder.is_out:
                    return  # The flush was refused and the workflow set aside, so the call is never sent.
                missing = inputs - self.disk.tasks.keys()
            else:
                missing = {given for given in inputs - before if not self._is_done(given)}
            promise(not missing, f"{key} started without {missing}")
            before.add(key)

    def check(self) -> None:
        promise(self._known <= self.disk.tasks.keys(), "a finished task was forgotten")
        self._known |= self.disk.tasks.keys()
        if self.holder.is_out:
            return
        state = self.holder.state
        in_flight = sum(len(sent.call.tasks) for sent in self.holder.calls)
        promise(state.in_flight == in_flight, f"{state.in_flight} tasks are said to run, {in_flight} do")
        if state.status.is_at_rest:
            promise(not self.holder.calls, f"it is {state.status}, and tasks are in flight")
        for tried in self._unfinished():
            key, policy = TaskKey(tried.step, tried.partition), self.plan.steps[tried.step].policy
            most = max(policy.retry.maximum_attempts, (len(FULL_PAUSES_S) + 1) * (key in self._without_space))
            promise(tried.failures <= most, f"{key} was tried too often")
            promise(tried.losses <= MAXIMUM_LOSSES + 1, f"{key} was lost too often")
            promise(tried.shortages <= MAXIMUM_SHORTAGES + 1, f"{key} ran out of memory too often")
        for key in self.disk.tasks:
            promise(state.steps[key.step].get(key.partition) == 3, f"{key} is finished and forgotten")

    def _counted(self) -> list[tuple[dict[int, int], dict[int, int]]]:
        """Failed and lost attempts of each step."""
        return [(dict(step.failures), dict(step.losses)) for step in self.holder.state.steps]

    def _is_done(self, key: TaskKey) -> bool:
        return self.holder.state.steps[key.step].get(key.partition) == 3

    def _counts(self) -> list[int]:
        """Partitions of each step, from the definition of the kinds."""
        counts: list[int] = []
        for position, step in enumerate(self.plan.steps):
            sources = [self.plan.index()[name] for name in step.inputs]
            if step.phase.kind is PhaseKind.SOURCE:
                counts.append(self.yields[position])
            elif step.phase.kind is PhaseKind.VALUES:
                counts.append(int(step.parameters["count"]))
            elif step.phase.kind is PhaseKind.MAP:
                wide = [counts[source] for source in sources if counts[source] != 1]
                counts.append(wide[0] if wide else 1)
            elif step.phase.kind is PhaseKind.COMBINE:
                counts.append(max(1, -(-counts[sources[0]] // step.fan_in)))
            else:
                counts.append(1)
        return counts

    def _everything(self) -> set[TaskKey]:
        return {
            TaskKey(position, partition)
            for position, count in enumerate(self._counts())
            if self.plan.steps[position].phase.kind is not PhaseKind.VALUES
            for partition in range(count)
        }

    def _inputs(self, key: TaskKey) -> set[TaskKey]:
        counts, step = self._counts(), self.plan.steps[key.step]
        needed: set[TaskKey] = set()
        for name in step.inputs:
            source = self.plan.index()[name]
            if self.plan.steps[source].phase.kind is PhaseKind.VALUES:
                continue
            if step.phase.kind is PhaseKind.MAP:
                needed.add(TaskKey(source, key.partition if counts[source] != 1 else 0))
            elif step.phase.kind is PhaseKind.COMBINE:
                last = min((key.partition + 1) * step.fan_in, counts[source])
                needed |= {TaskKey(source, partition) for partition in range(key.partition * step.fan_in, last)}
            else:
                needed |= {TaskKey(source, partition) for partition in range(counts[source])}
        return needed
