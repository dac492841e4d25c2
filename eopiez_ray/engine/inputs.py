"""From packed tasks to what a worker needs: where each input is."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from ..errors import ContractError
from ..machine import Call, StepState, WorkflowState, group
from ..model.results import Results
from ..model.status import PhaseKind
from ..model.tasks import Output, StepSummary, TaskKey
from ..model.work import Element, Elements, Gathered, Input, Part, Prior, Whole, WorkItem, WorkPart, WorkSpan, WorkStep
from ..store.vault import NO_RING

if TYPE_CHECKING:
    from ..encryption.keys import DataKey
    from ..model.ids import WorkflowId
    from ..store import Ledger
    from .journal import Journal

RECENT_BYTES = 64 * 2**20
"""Inline bytes of outputs kept in memory; older ones are read back from the store."""
ROW_BYTES = 200
SINGLE_TAKERS = {PhaseKind.MAP, PhaseKind.COMBINE}
"""Kinds whose tasks take single partitions."""
REASONS = 20
"""How many reasons for rejects a sink is told."""


class _Source(NamedTuple):
    """A step whose outputs another step takes."""

    position: int
    gives: bool
    """Whether its values came with the plan."""
    is_single: bool
    is_whole: bool
    """Whether every task takes the same one."""

    def key(self, partition: int) -> TaskKey:
        """Which of its outputs this partition's task takes."""
        return TaskKey(self.position, 0 if self.is_whole else partition)


class _Wiring(NamedTuple):
    """Where a step's inputs come from, as far as is known now."""

    takes_all: bool
    """Whether a task takes all partitions, as reduces and sinks do."""
    combine: StepState | None
    """The step itself, if each of its tasks takes a group of partitions."""
    sources: tuple[_Source, ...]


class InputResolver:
    """Finds the inputs of one workflow's tasks."""

    def __init__(
        self,
        workflow: WorkflowId,
        state: WorkflowState,
        ledger: Ledger,
        journal: Journal,
        project: str,
    ) -> None:
        self._workflow, self._state, self._ledger, self._journal = workflow, state, ledger, journal
        self._project, self._ring = project, NO_RING
        self._steps: dict[int, WorkStep] = {}
        self._recent: OrderedDict[TaskKey, Output] = OrderedDict()
        self._recent_bytes = 0
        self._gathered: dict[int, tuple[Output, ...]] = {}

    def remember(self, key: TaskKey, output: Output | None) -> None:
        """Keep an output in memory for the tasks that take it next."""
        if output is None or not self._is_taken_singly(key.step):
            return
        self._recent[key] = output
        self._recent_bytes += ROW_BYTES + len(output.inline or b"")
        while self._recent_bytes > RECENT_BYTES:
            _, dropped = self._recent.popitem(last=False)
            self._recent_bytes -= ROW_BYTES + len(dropped.inline or b"")

    def forget_steps(self) -> None:
        """Reread what workers must know about steps, since the plan has changed."""
        self._steps.clear()

    def remember_all(self, results: Results) -> None:
        """Keep many outputs in memory, if any are taken individually."""
        if self._is_taken_singly(results.step):
            for number, partition in enumerate(results.partitions):
                self.remember(TaskKey(results.step, partition), results.output(number))

    def _is_taken_singly(self, position: int) -> bool:
        """Whether some task takes an individual output of the step; tasks that take all read them from the store."""
        step = self._state.steps[position]
        return any(step.is_single or self._state.steps[taker].kind in SINGLE_TAKERS for taker in step.consumers)

    async def resolve(self, call: Call) -> WorkPart:
        """The tasks in the form a worker takes. The inputs of reduces and sinks are durable before this returns."""
        self._ring = await self._ledger.ring(self._project)
        members = {task.key for task in call.tasks}
        wirings = {position: self._wiring(position) for position in {key.step for key in members}}
        for wiring in wirings.values():
            if wiring.takes_all:
                await self._gather(wiring)
        await self._fetch(self._outside(call, wirings, members))
        steps = {position: self._step(position) for position in self._involved(call)}
        span = self._span(call, wirings)
        if span is not None:
            return WorkPart(str(self._workflow), steps, (), (), span, self._project, self._key)
        items = [
            WorkItem(task.key, task.attempt, task.quota, self._inputs(wirings[task.key.step], task.key, members))
            for task in call.tasks
        ]
        has_sink = any(self._state.steps[position].kind is PhaseKind.SINK for position in wirings)
        summaries = self._summaries() if has_sink else ()
        return WorkPart(str(self._workflow), steps, tuple(items), summaries, None, self._project, self._key)

    @property
    def keys(self) -> tuple[DataKey, ...]:
        """The keys of its project's data, as ``resolve`` has found them."""
        return self._ring.keys

    @property
    def _key(self) -> bytes:
        """Id of the key that encrypts outputs; empty if nothing does."""
        return b"" if self._ring.current is None else self._ring.current.id

    def _span(self, call: Call, wirings: dict[int, _Wiring]) -> WorkSpan | None:
        """The call's tasks in short form, if they are first attempts at consecutive values of the plan."""
        first, last = call.tasks[0], call.tasks[-1]
        wiring = wirings[first.key.step]
        is_value_map = len(wirings) == 1 and not wiring.takes_all and wiring.combine is None
        if not is_value_map or len(wiring.sources) != 1 or not wiring.sources[0].gives or wiring.sources[0].is_whole:
            return None
        start, count = first.key.partition, len(call.tasks)
        is_row = last.key.partition - start == count - 1 and all(
            task.attempt == 1 and task.key.partition == start + number for number, task in enumerate(call.tasks)
        )
        return WorkSpan(first.key.step, start, start + count, wiring.sources[0].position) if is_row else None

    def _wiring(self, position: int) -> _Wiring:
        step = self._state.steps[position]
        takes_all = step.kind not in {PhaseKind.MAP, PhaseKind.COMBINE}
        sources = tuple(
            _Source(source, self._gives(source), self._state.steps[source].is_single, self._is_whole(source))
            for source in step.inputs
        )
        return _Wiring(takes_all, step if step.kind is PhaseKind.COMBINE else None, sources)

    def _outside(self, call: Call, wirings: dict[int, _Wiring], members: set[TaskKey]) -> list[TaskKey]:
        """The individual outputs that the call's tasks take and do not make themselves."""
        return [
            key
            for task in call.tasks
            for source in wirings[task.key.step].sources
            if not source.gives and (source.is_single or not wirings[task.key.step].takes_all)
            for key in self._keys(wirings[task.key.step], source, task.key.partition)
            if key not in members
        ]

    def _keys(self, wiring: _Wiring, source: _Source, partition: int) -> list[TaskKey]:
        """Which outputs of a source a task takes, if not all of them."""
        if wiring.combine is None:
            return [source.key(partition)]
        return [TaskKey(source.position, member) for member in group(self._state, wiring.combine, partition)]

    def _involved(self, call: Call) -> set[int]:
        """The steps of the call's tasks, and those that provide their values."""
        working = {task.key.step for task in call.tasks}
        given = (source for position in working for source in self._state.steps[position].inputs)
        return working | {source for source in given if self._gives(source)}

    def _gives(self, position: int) -> bool:
        return self._state.steps[position].kind is PhaseKind.VALUES

    def _step(self, position: int) -> WorkStep:
        if position not in self._steps:
            spec = self._state.steps[position].spec
            self._steps[position] = WorkStep(
                spec.name, spec.phase.kind, spec.phase.digest, spec.parameters, spec.policy.concurrency
            )
        return self._steps[position]

    def _summaries(self) -> tuple[StepSummary, ...]:
        return tuple(
            StepSummary(
                step.spec.name, step.done, step.rows, step.rejects,
                _most_frequent(step.reasons), step.cached, step.wall_s, step.cpu_s,
                step.started_at, step.ended_at,
            )
            for step in self._state.steps
        )  # fmt: skip

    def cache_key(self, key: TaskKey) -> bytes | None:
        """What makes tasks equal: phase, version, parameters, digests of all inputs. None for sources and sinks.

        Call it right after ``resolve``, while the inputs are in memory.
        """
        step = self._state.steps[key.step]
        if step.kind in {PhaseKind.SOURCE, PhaseKind.SINK}:
            return None
        identity = [step.spec.phase.name, step.spec.phase.version, step.spec.parameters, step.kind]
        hasher = blake3(json.dumps(identity, sort_keys=True).encode())
        if self._key:  # Nobody learns from a cached result what another project has computed.
            hasher.update(self._project.encode())
        wiring = self._wiring(key.step)
        for source in wiring.sources:
            if source.gives:
                index = -1 if wiring.takes_all else key.partition
                hasher.update(
                    f"{self._state.steps[source.position].spec.phase.digest}:{index}:{step.spec.fan_in}".encode()
                )
                continue
            outputs = self._gathered.get(source.position) or [
                self._recent[taken] for taken in self._keys(wiring, source, key.partition)
            ]
            for output in outputs:
                hasher.update(output.digest)
            hasher.update(len(outputs).to_bytes(8, "big"))
        return hasher.digest(16)

    def _is_whole(self, position: int) -> bool:
        source = self._state.steps[position]
        return source.is_single or source.sealed == 1

    def _inputs(self, wiring: _Wiring, task: TaskKey, members: set[TaskKey]) -> tuple[Input, ...]:
        return tuple([self._input(wiring, source, task.partition, members) for source in wiring.sources])

    def _input(self, wiring: _Wiring, source: _Source, partition: int, members: set[TaskKey]) -> Input:
        if wiring.combine is not None:
            members_of_group = group(self._state, wiring.combine, partition)
            if source.gives:
                return Elements(source.position, members_of_group.start, members_of_group.stop)
            return Gathered(tuple(self._recent[key] for key in self._keys(wiring, source, partition)))
        key = source.key(partition)
        if source.gives:
            return Elements(source.position) if wiring.takes_all else Element(key.step, key.partition)
        if key in members:
            return Prior(key)
        if wiring.takes_all and not source.is_single:
            return Gathered(self._gathered[source.position])
        output = self._recent[key]
        return Whole(output) if source.is_whole else Part(output)

    async def _gather(self, wiring: _Wiring) -> None:
        await self._journal.flush()
        for position in [source.position for source in wiring.sources if not source.is_single and not source.gives]:
            if position in self._gathered:
                continue
            source = self._state.steps[position]
            outputs = tuple(await self._ledger.step_outputs(self._workflow, position))
            if len(outputs) != source.sealed:
                raise ContractError(
                    f"step {source.spec.name!r} has {source.sealed} partitions, but {len(outputs)} are in the store"
                )
            self._gathered[position] = outputs

    async def _fetch(self, keys: list[TaskKey]) -> None:
        """Read back outputs that are no longer in memory."""
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


def _most_frequent(reasons: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(reasons.items(), key=lambda both: -both[1])[:REASONS])
