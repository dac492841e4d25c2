"""Plans without an engine: every step in this process, one partition after the other."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest

from eopiez_ray.authoring.context import TaskContext, running
from eopiez_ray.authoring.contract import find_phase
from eopiez_ray.authoring.plans.builder import Plan
from eopiez_ray.model.plan import Step
from eopiez_ray.model.status import PhaseKind
from eopiez_ray.model.tasks import Reject


class Stored(Sequence[Any]):
    """Values as they lie in a store: each is read anew, and what is read cannot be changed."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._stored = [_store(value) for value in values]

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, index: Any) -> Any:
        return _load(*self._stored[index])

    def __iter__(self) -> Iterator[Any]:
        return (_load(*stored) for stored in self._stored)


class Outcome:
    """What the steps of a plan gave."""

    def __init__(self) -> None:
        self.outputs: dict[str, Stored] = {}
        self.single: set[str] = set()
        self.rejects: list[Reject] = []

    def __getitem__(self, step: str) -> Any:
        """The value of a step, or its partitions."""
        return self.outputs[step][0] if step in self.single else self.outputs[step]


def run(plan: Plan) -> Outcome:
    """Run all steps in order."""
    outcome = Outcome()
    for step in plan.spec().steps:
        if step.phase.kind is PhaseKind.VALUES:
            values = pickle.loads(plan.code()[step.phase.digest])
        elif step.phase.kind is PhaseKind.SOURCE:
            values = list(_yielded(step, outcome))
        elif step.phase.kind is PhaseKind.MAP and any(name not in outcome.single for name in step.inputs):
            values = list(_mapped(step, outcome))
        else:
            values = [find_phase(step.phase.name)(*(outcome[name] for name in step.inputs), **step.parameters)]
            outcome.single.add(step.name)
        outcome.outputs[step.name] = Stored(values)
    return outcome


@pytest.fixture(scope="session")
def run_plan() -> Callable[[Plan], Outcome]:
    return run


def _yielded(step: Step, outcome: Outcome) -> Iterator[Any]:
    source = iter(find_phase(step.phase.name)(**step.parameters))
    end = object()
    for partition in range(1_000_000):
        with running(TaskContext("test", step.name, partition)) as task:
            value = next(source, end)
        outcome.rejects.extend(task.rejects)
        if value is end:
            return
        yield value


def _mapped(step: Step, outcome: Outcome) -> Iterator[Any]:
    size = max(len(outcome.outputs[name]) for name in step.inputs if name not in outcome.single)
    for partition in range(size):
        inputs = [outcome.outputs[name][0 if name in outcome.single else partition] for name in step.inputs]
        yield find_phase(step.phase.name)(*inputs, **step.parameters)


def _store(value: Any) -> tuple[bytes, list[bytes]]:
    if isinstance(value, pa.Table):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_table(value)
        return b"", [bytes(sink.getvalue())]
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return head, [bytes(buffer.raw()) for buffer in buffers]


def _load(head: bytes, buffers: list[bytes]) -> Any:
    if not head:
        with pa.ipc.open_stream(buffers[0]) as reader:
            return reader.read_all()
    return pickle.loads(head, buffers=buffers)
