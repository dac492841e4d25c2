"""From a packed call to what a worker needs: where each input is, and the code."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING

from blake3 import blake3

from ..errors import ContractError
from ..machine import Call, WorkflowState
from ..machine.packing import CALL_S
from ..model.status import PhaseKind
from ..model.tasks import Output, Report, TaskKey
from ..model.work import Gathered, Input, Part, Prior, Whole, WorkCall, WorkItem, WorkStep

if TYPE_CHECKING:
    from ..machine import CallTask, StepState
    from ..model.ids import WorkflowId
    from ..store import Ledger
    from .journal import Journal

RECENT_BYTES = 64 * 2**20
"""Inline bytes of outputs kept at hand; older ones are read back from the store."""
ROW_BYTES = 200


class InputResolver:
    """Finds the inputs of one workflow's tasks."""

    def __init__(
        self,
        workflow: WorkflowId,
        state: WorkflowState,
        ledger: Ledger,
        journal: Journal,
        code: dict[str, bytes],
    ) -> None:
        self._workflow, self._state, self._ledger, self._journal = workflow, state, ledger, journal
        self._steps = {step.position: _work_step(step, code) for step in state.steps}
        self._recent: OrderedDict[TaskKey, Output] = OrderedDict()
        self._recent_bytes = 0
        self._gathered: dict[int, tuple[Output, ...]] = {}

    def remember(self, report: Report) -> None:
        """Keep an output at hand for the tasks that take it next."""
        if report.output is None:
            return
        self._recent[report.key] = report.output
        self._recent_bytes += ROW_BYTES + len(report.output.inline or b"")
        while self._recent_bytes > RECENT_BYTES:
            _, dropped = self._recent.popitem(last=False)
            self._recent_bytes -= ROW_BYTES + len(dropped.inline or b"")

    async def resolve(self, call: Call) -> WorkCall:
        """The call as a worker takes it. What reduces and sinks take is durable before this returns."""
        members = {task.key for task in call.tasks}
        for task in call.tasks:
            if self._takes_all(task.key):
                await self._gather(task.key)
        await self._fetch([key for task in call.tasks for key in self._single_inputs(task.key) if key not in members])
        items = [WorkItem(task.key, task.attempt, task.quota, self._inputs(task, members)) for task in call.tasks]
        steps = {position: self._steps[position] for position in {key.step for key in members}}
        return WorkCall(str(self._workflow), steps, tuple(items), CALL_S)

    def _takes_all(self, key: TaskKey) -> bool:
        return self._state.steps[key.step].kind in {PhaseKind.REDUCE, PhaseKind.SINK}

    def cache_key(self, key: TaskKey) -> bytes | None:
        """What makes tasks equal: phase, version, parameters, digests of all inputs. None for sources and sinks.

        Ask right after ``resolve``, while the inputs are at hand.
        """
        step = self._state.steps[key.step]
        if step.kind in {PhaseKind.SOURCE, PhaseKind.SINK}:
            return None
        identity = [step.spec.phase.name, step.spec.phase.version, step.spec.parameters, step.kind]
        hasher = blake3(json.dumps(identity, sort_keys=True).encode())
        for position in step.inputs:
            outputs = self._gathered.get(position) or (self._recent[self._key_of(position, key.partition)],)
            for output in outputs:
                hasher.update(output.digest)
            hasher.update(len(outputs).to_bytes(8, "big"))
        return hasher.digest(16)

    def _single_inputs(self, key: TaskKey) -> list[TaskKey]:
        """The inputs that are one value each."""
        step = self._state.steps[key.step]
        takes_all = self._takes_all(key)
        return [
            self._key_of(position, key.partition)
            for position in step.inputs
            if not takes_all or self._state.steps[position].is_single
        ]

    def _key_of(self, position: int, partition: int) -> TaskKey:
        return TaskKey(position, 0 if self._is_whole(position) else partition)

    def _is_whole(self, position: int) -> bool:
        source = self._state.steps[position]
        return source.is_single or source.sealed == 1

    def _inputs(self, task: CallTask, members: set[TaskKey]) -> tuple[Input, ...]:
        step = self._state.steps[task.key.step]
        return tuple(self._input(step, position, task.key.partition, members) for position in step.inputs)

    def _input(self, step: StepState, position: int, partition: int, members: set[TaskKey]) -> Input:
        key = self._key_of(position, partition)
        if key in members:
            return Prior(key)
        if step.kind in {PhaseKind.REDUCE, PhaseKind.SINK} and not self._state.steps[position].is_single:
            return Gathered(self._gathered[position])
        output = self._recent[key]
        return Whole(output) if self._is_whole(position) else Part(output)

    async def _gather(self, key: TaskKey) -> None:
        await self._journal.flush()
        for position in self._state.steps[key.step].inputs:
            source = self._state.steps[position]
            if source.is_single or position in self._gathered:
                continue
            outputs = tuple(await self._ledger.step_outputs(self._workflow, position))
            if len(outputs) != source.sealed:
                raise ContractError(
                    f"step {source.spec.name!r} has {source.sealed} partitions, {len(outputs)} are in the store"
                )
            self._gathered[position] = outputs

    async def _fetch(self, keys: list[TaskKey]) -> None:
        """Read outputs back that are no longer at hand."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._recent]
        for key in keys:
            if key in self._recent:
                self._recent.move_to_end(key)
        if not missing:
            return
        await self._journal.flush()
        for key, output in (await self._ledger.outputs(self._workflow, missing)).items():
            self._recent[key] = output
            self._recent_bytes += ROW_BYTES + len(output.inline or b"")


def _work_step(step: StepState, code: dict[str, bytes]) -> WorkStep:
    phase = step.spec.phase
    return WorkStep(step.spec.name, phase.kind, phase.digest, step.spec.parameters, code[phase.digest])
