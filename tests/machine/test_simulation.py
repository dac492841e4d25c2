"""The promises, under random plans, outcomes, crashes and requests, against the real machine and batches."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from eopiez_ray.machine import WorkflowState, transitions
from eopiez_ray.machine.state import StepState, TaskState, unblock
from eopiez_ray.model.plan import PlanSpec, Step
from eopiez_ray.model.policies import RetryPolicy
from eopiez_ray.model.status import Outcome, WorkflowStatus
from eopiez_ray.model.tasks import Failure, Report, TaskKey
from eopiez_ray.store import Batch

from .plans import FAN_IN, ONCE, QUICK, plan, step
from .world import WORKFLOW, BrokenPromiseError, Disk, World

SCHEDULES = int(os.environ.get("EOPIEZ_SCHEDULES", "6000"))


def random_plan(choices: bytes) -> tuple[PlanSpec, dict[int, int]]:
    """A plan of two to six steps, and how many partitions each of its sources yields."""
    given_bytes = iter(choices + bytes(40))
    steps: list[Step] = []
    yields: dict[int, int] = {}
    width: dict[str, int] = {}
    for position in range(2 + next(given_bytes) % 5):
        chosen = next(given_bytes)
        kind = ("source", "map", "map", "reduce", "values", "sink", "map", "source", "combine")[chosen % 9]
        policy = ONCE if chosen >= 128 else QUICK
        kind = kind if steps or kind == "values" else "source"
        name = f"s{position}"
        fitting = [other.name for other in steps]
        first = fitting[next(given_bytes) % len(fitting)] if fitting else ""
        second = fitting[next(given_bytes) % len(fitting)] if fitting else ""
        if kind in {"source", "values"}:
            feeds = [first] if kind == "source" and first and chosen >= 64 else []
            width[name] = next(given_bytes) % 8
            yields[position] = width[name]
            steps.append(step(name, kind, *feeds, count=width[name], policy=policy))
            continue
        if kind == "combine":
            width[name] = max(1, -(-width[first] // FAN_IN))
            steps.append(step(name, kind, first, policy=policy))
            continue
        inputs = [first] if first == second else [first, second]
        wide = {width[given] for given in inputs if width[given] != 1}
        if kind == "map" and len(wide) > 1:
            inputs, wide = [first], {width[first]} - {1}
        width[name] = (wide.pop() if wide else 1) if kind == "map" else 1
        steps.append(step(name, kind, *inputs, policy=policy))
    return plan(*steps), yields


def simulate(shape: bytes, choices: bytes) -> None:
    """Live through one schedule."""
    made, yields = random_plan(shape)
    World(made, yields, choices).live()


shapes = st.binary(min_size=4, max_size=32)
schedules = st.binary(max_size=160)
quietly = settings(
    max_examples=SCHEDULES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


def test_simulation_keeps_every_promise(capsys: pytest.CaptureFixture[str]) -> None:
    lived = 0

    @quietly
    @example(shape=b"\x01\xaf\x00'\x00\x000\x01", choices=b"\x00\x00\x00\x00#\xa1\x00\x00")  # A flush is refused.
    @given(shape=shapes, choices=schedules)
    def live(shape: bytes, choices: bytes) -> None:
        nonlocal lived
        lived += 1
        simulate(shape, choices)

    live()
    with capsys.disabled():
        print(f"\n{lived:,} schedules")
    assert lived >= SCHEDULES


def commit_without_fence(disk: Disk, batch: Batch) -> bool:
    """The epoch is not checked."""
    batch.epochs[WORKFLOW] = disk.epoch
    return original_commit(disk, batch)


original_commit = Disk.commit


def take_every_report(state: WorkflowState, report: Report, now: float, commands: Any) -> None:
    """Late reports are taken as if their task still ran."""
    step_state = state.steps[report.key.step]
    if step_state.get(report.key.partition) == TaskState.DONE:
        step_state.set(report.key.partition, TaskState.RUNNING)
    original_take(state, report, now, commands)


original_take = transitions._take_report


def retry_for_ever(policy: RetryPolicy, outcome: Outcome, failure: Failure, count: int) -> float:
    """Attempts are not bounded."""
    return 0.0


def rest_while_tasks_run(state: WorkflowState, commands: Any) -> None:
    """What is in flight is not waited for."""
    counts = [step_state.running for step_state in state.steps]
    for step_state in state.steps:
        step_state.running = 0
    original_settle(state, commands)
    for step_state, count in zip(state.steps, counts, strict=True):
        step_state.running = count


original_settle = transitions._settle


def start_before_inputs(state: WorkflowState, step_state: StepState, partition: int | None = None) -> None:
    """The first task of every step is ready at once."""
    original_unblock(state, step_state, partition)
    if step_state.kind in {"reduce", "sink"} and step_state.get(0) == TaskState.BLOCKED:
        step_state.make_ready(0)


original_unblock = unblock


def drop_acknowledgments(batch: Batch, *arguments: Any) -> None:
    """Results are not written."""
    original_add(batch, *arguments)
    batch.tasks.clear()


original_add = Batch.add


def never_hand_back(state: WorkflowState, step_state: StepState, partition: int) -> None:
    """A task that a worker gave back is not queued again."""
    step_state.set(partition, TaskState.BLOCKED)


def count_what_was_stopped(state: WorkflowState, tasks: tuple[TaskKey, ...], now: float, commands: Any) -> None:
    """A call that was stopped on purpose is taken for a lost one."""
    for key in tasks:
        original_take(state, Report(key, Outcome.LOST, started_at=now), now, commands)


def keep_pending_writes(batch: Batch, workflows: Any) -> None:
    """A quarantine writes what was pending besides."""


def quarantine_within_the_epoch(disk: Disk, batch: Batch) -> None:
    """A quarantine does not fence its holder."""
    disk.status = WorkflowStatus.QUARANTINED


def go_on(world: World) -> None:
    """What was refused, or what the machine could not say, is forgotten, and the holder goes on."""


def forget_on_retry(world: World) -> None:
    """A retry begins from the start."""
    if world.disk.status is WorkflowStatus.QUARANTINED:
        world.disk.tasks.clear()
    original_retry(world)


original_retry = World.retry


class Mutation(NamedTuple):
    """A broken machine, and a schedule in which it shows."""

    owner: Any
    name: str
    replacement: Callable[..., Any]
    seed: int
    """Of the first schedule in which a promise is broken; ``python -m tests.machine.test_simulation`` finds them."""


MUTATIONS = {
    "no fence": Mutation(Disk, "commit", commit_without_fence, 0),
    "late reports are taken": Mutation(transitions, "_take_report", take_every_report, 22),
    "attempts are not bounded": Mutation(transitions, "_delay_s", retry_for_ever, 38),
    "rest does not wait for tasks in flight": Mutation(transitions, "_settle", rest_while_tasks_run, 3),
    "reduces do not wait for their inputs": Mutation(transitions, "unblock", start_before_inputs, 4),
    "results are not written": Mutation(Batch, "add", drop_acknowledgments, 0),
    "handed-back tasks are forgotten": Mutation(transitions, "_hand_back", never_hand_back, 67),
    "a deliberate stop is a loss": Mutation(transitions, "_take_back", count_what_was_stopped, 3),
    "a refused batch is forgotten": Mutation(World, "take_refusal", go_on, 4),
    "an error of the machine is forgotten": Mutation(World, "break_down", go_on, 6),
    "a quarantine writes what was pending": Mutation(Batch, "drop", keep_pending_writes, 19),
    "a quarantine does not fence": Mutation(Disk, "_quarantine", quarantine_within_the_epoch, 19),
    "a retry forgets what has finished": Mutation(World, "retry", forget_on_retry, 3),
}
SEEDS = 20_000
"""Schedules among which one is looked for, from the known one on: a change of the machine may have moved it."""
BROKEN = (BrokenPromiseError, AssertionError, KeyError, IndexError, ValueError)


def schedule(seed: int) -> tuple[bytes, bytes]:
    """The shape of a plan and the choices of a schedule, the same for ever."""
    given = random.Random(seed)
    return given.randbytes(given.randint(4, 32)), given.randbytes(given.randint(0, 160))


def first_broken(seeds: range) -> int | None:
    """The first schedule in which a promise is broken."""
    return next((seed for seed in seeds if is_broken(seed)), None)


def is_broken(seed: int) -> bool:
    try:
        simulate(*schedule(seed))
    except BROKEN:
        return True
    return False


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_simulation_notices_a_broken_machine(mutation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, replacement, seed = MUTATIONS[mutation]
    assert not is_broken(seed)
    monkeypatch.setattr(owner, name, replacement)
    assert first_broken(range(seed, seed + SEEDS)) is not None


def find_seeds() -> None:
    """Print where each mutation shows first."""
    for mutation, (owner, name, replacement, _) in MUTATIONS.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, replacement)
            print(f"{mutation}: {first_broken(range(SEEDS))}")


if __name__ == "__main__":
    find_seeds()
