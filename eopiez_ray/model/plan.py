"""Plans: DAGs of steps, each a phase with its parameters, inputs and policy."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, NamedTuple, cast

from blake3 import blake3
from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, ValidationError

from ..errors import CycleError, PlanError
from .names import fault_of_name
from .policies import Resources, StepPolicy
from .status import PhaseKind

MOST_STEPS = 2**15 - 1


@dataclass(frozen=True, slots=True)
class PhaseRef:
    """Which code a step runs."""

    name: str
    version: str
    kind: PhaseKind
    digest: str
    """Hex BLAKE3 digest of the pickled code, by which any orchestrator finds it again."""


def _kept(parameters: dict[str, Any]) -> dict[str, Any] | str:
    text = json.dumps(parameters)
    return text if _BEYOND.search(text) or not all(map(_is_in_order, parameters.values())) else parameters


def _is_in_order(value: Any) -> bool:
    """Whether ``jsonb`` keeps the order of all keys inside, which it sorts by length first."""
    if isinstance(value, list):
        return all(map(_is_in_order, value))
    if not isinstance(value, dict):
        return True
    return list(value) == sorted(value, key=lambda key: (len(key.encode()), key)) and all(
        map(_is_in_order, value.values())
    )


def _restored(kept: Any) -> Any:
    return json.loads(kept) if isinstance(kept, str) else kept


Parameters = Annotated[dict[str, Any], BeforeValidator(_restored), PlainSerializer(_kept)]
"""Parameters of a step, which the store returns exactly as they were."""


@dataclass(frozen=True, slots=True)
class Step:
    """A phase as used in a plan."""

    name: str
    phase: PhaseRef
    inputs: tuple[str, ...] = ()
    """Names of the steps whose outputs it takes, in the order of the phase's positional arguments."""
    parameters: Parameters = field(default_factory=dict)
    """JSON values for the phase's keyword arguments."""
    policy: StepPolicy = field(default_factory=StepPolicy)
    fan_in: int = 0
    """For a combine: how many partitions each task takes."""


class Wire(NamedTuple):
    """How a step is connected to others, by position."""

    inputs: tuple[int, ...]
    consumers: tuple[int, ...]
    is_single: bool
    """Whether its output is inherently a single value, so that maps take it whole."""


@dataclass(frozen=True)
class PlanSpec:
    """A whole plan, its steps sorted so that each comes after its inputs."""

    name: str
    steps: tuple[Step, ...]

    @cached_property
    def digest(self) -> str:
        """Hex BLAKE3 digest of the plan: equal digests mean equal plans."""
        return blake3(json.dumps(self.to_value(), sort_keys=True).encode()).hexdigest(16)

    @cached_property
    def wires(self) -> tuple[Wire, ...]:
        """The wire of each step."""
        positions = self.index()
        inputs = [tuple(positions[name] for name in step.inputs) for step in self.steps]
        singles: list[bool] = []
        for step, sources in zip(self.steps, inputs, strict=True):
            inherits = step.phase.kind is PhaseKind.MAP and all(singles[source] for source in sources)
            singles.append(step.phase.kind in {PhaseKind.REDUCE, PhaseKind.SINK} or inherits)
        takers: list[list[int]] = [[] for _ in inputs]
        for taker, sources in enumerate(inputs):
            for source in dict.fromkeys(sources):
                takers[source].append(taker)
        return tuple(map(Wire, inputs, map(tuple, takers), singles))

    @cached_property
    def preference(self) -> tuple[int, ...]:
        """Positions in the order in which ready steps start.

        Usually the last one first, so that data drains before more is let in. If every step has one task, those with
        the longest chain of steps behind them first (list scheduling by critical path: Hu, 1961).
        """
        if any(step.phase.kind is PhaseKind.SOURCE for step in self.steps) or not self._is_narrow:
            return tuple(reversed(range(len(self.steps))))
        heights = [0] * len(self.steps)
        for position in reversed(range(len(self.steps))):
            heights[position] = 1 + max((heights[taker] for taker in self.wires[position].consumers), default=0)
        return tuple(sorted(range(len(self.steps)), key=lambda position: (-heights[position], position)))

    @property
    def _is_narrow(self) -> bool:
        """Whether no step has more than one task, as far as the plan shows."""
        given = (step for step in self.steps if step.phase.kind is PhaseKind.VALUES)
        return all(step.parameters["count"] == 1 for step in given)

    @cached_property
    def limited_steps(self) -> tuple[int, ...]:
        """Positions of the steps with a step or wait timeout."""
        policies = [step.policy for step in self.steps]
        return tuple(
            position for position, policy in enumerate(policies) if policy.step_timeout_s or policy.wait_timeout_s
        )

    @cached_property
    def shapes(self) -> frozenset[Resources]:
        """All resources that its tasks request."""
        working = [step for step in self.steps if step.phase.kind is not PhaseKind.VALUES]
        return frozenset(step.policy.resources for step in working)

    @cached_property
    def cached_steps(self) -> frozenset[int]:
        """Positions of the steps whose results are cached."""
        return frozenset(position for position, step in enumerate(self.steps) if step.policy.cache)

    def index(self) -> dict[str, int]:
        """Position of each step by its name."""
        return {step.name: position for position, step in enumerate(self.steps)}

    def to_value(self) -> dict[str, Any]:
        """The plan as JSON values that any store can keep; parameters it could not keep are in it as JSON text."""
        return cast("dict[str, Any]", _ADAPTER.dump_python(self, mode="json"))

    @classmethod
    def from_value(cls, value: dict[str, Any]) -> PlanSpec:
        """The plan that ``to_value`` described.

        Raises:
            PlanError: the stored plan cannot be read; a newer version may have written it.
        """
        try:
            return _ADAPTER.validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the plan"
            raise PlanError(
                f"the stored plan cannot be read: {place}: {first['msg'].lower()}; "
                "if a newer version of eopiez made it, use that one"
            ) from error


_BEYOND = re.compile(r"\\u0000|\\ud[89a-f]|NaN|Infinity|\d[eE][+-]?\d|-0\.0|\d{19}")
"""What JSON text contains where ``jsonb`` would refuse a value or change it: NUL, surrogates, non-finite numbers, very
large or very small ones."""


_ADAPTER = TypeAdapter(PlanSpec)


def ordered(name: str, steps: list[Step]) -> PlanSpec:
    """The plan with its steps sorted so that inputs come first.

    Raises:
        PlanError: it is empty, or a name is used twice or unknown.
        CycleError: steps wait for each other.
    """
    by_name = {step.name: step for step in steps}
    if not steps:
        raise PlanError(f"plan {name!r} has no steps; add one with plan.step(name, phase, …)")
    if len(steps) > MOST_STEPS:
        raise PlanError(f"plan {name!r} has {len(steps):,} steps; the maximum is {MOST_STEPS:,}; use maps instead")
    _check_names(name, steps)
    if len(by_name) < len(steps):
        twice = next(step.name for step in steps if [other.name for other in steps].count(step.name) > 1)
        raise PlanError(f"plan {name!r} has two steps named {twice!r}; rename one of them")
    for step in steps:
        for source in step.inputs:
            if source not in by_name:
                raise PlanError(
                    f"step {step.name!r} takes its input from {source!r}, which plan {name!r} does not have"
                )
    return PlanSpec(name, tuple(_topological(name, by_name)))


def _check_names(name: str, steps: list[Step]) -> None:
    named = [("plan", name), *(("step", step.name) for step in steps)]
    named += [("phase", text) for step in steps for text in (step.phase.name, step.phase.version)]
    for what, text in named:
        fault = fault_of_name(text)
        if fault is not None:
            raise PlanError(f"{what} {str(text)[:40]!r}: its name or version {fault}")


def _topological(name: str, by_name: dict[str, Step]) -> list[Step]:
    """Kahn's algorithm, keeping the given order where it can."""
    placed: dict[str, Step] = {}
    waiting = dict(by_name)
    while waiting:
        free = [step for step in waiting.values() if all(source in placed for source in step.inputs)]
        if not free:
            raise CycleError(name, _cycle(waiting))
        for step in free:
            placed[step.name] = waiting.pop(step.name)
    return list(placed.values())


def _cycle(waiting: dict[str, Step]) -> list[str]:
    path = [next(iter(waiting))]
    while True:
        following = next(source for source in waiting[path[-1]].inputs if source in waiting)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)
