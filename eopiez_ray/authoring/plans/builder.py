"""Building plans in Python: a step is a phase with inputs and parameters."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import cloudpickle
from blake3 import blake3

from ...errors import PlanError
from ...model.plan import PhaseRef, PlanSpec, Step, ordered
from ...model.status import PhaseKind
from ..contract import Phase, Tree, find_phase, phase, with_policy
from ..json_values import is_json
from ..pickling import UNPICKLABLE, culprit
from .declared import Declaration, Declared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ...model.policies import Resources, RetryPolicy


@dataclass(frozen=True, slots=True)
class StepHandle:
    """A step of a plan, to pass as an input to later steps."""

    name: str


class Plan:
    """A plan in the making.

    >>> plan = Plan("tidy")
    >>> loaded = plan.step("load", load, folder="corpus")
    >>> plan.step("tidy", tidy, loaded, lower=False)

    Args:
        name: what its workflows are called.
        labels: for its workflows, like ``priority``; whoever starts one can override them.
    """

    def __init__(self, name: str, *, labels: Mapping[str, str] | None = None, priority: int = 0) -> None:
        self.name, self.labels, self.priority = name, dict(labels or {}), priority
        self.declared: list[Declared] = []
        self._steps: list[Step] = []
        self._code: dict[str, bytes] = {}
        self._spec: PlanSpec | None = None

    def step(
        self,
        name: str,
        phase_or_name: Phase | Callable[..., Any] | str,
        /,
        *inputs: StepHandle | str,
        **parameters: Any,
    ) -> StepHandle:
        """Add a step.

        Args:
            name: unique in the plan; results are looked up by it.
            phase_or_name: a phase, the name of a registered one, or a plain function, which becomes a phase.
            inputs: handles or names of the steps whose outputs it takes.
            parameters: keyword arguments of the phase.

        Raises:
            UnknownPhaseError: no phase has that name.
            ParameterError: a parameter is unknown, missing or wrong.
            PlanError: the phase takes a different number of inputs.
        """
        used = self._resolve(phase_or_name)
        checked = used.checked(name, len(inputs), parameters)
        sources = tuple(given.name if isinstance(given, StepHandle) else given for given in inputs)
        before = len(self._steps)
        if used.tree is not None:
            self._tree(name, used, used.tree, sources, checked)
        else:
            self._add(name, used, sources, checked)
        levels = tuple(step.name for step in self._steps[before:])
        self.declared.append(Declared(name, used, sources, checked, [], levels))
        return StepHandle(name)

    def _add(
        self, name: str, used: Phase, sources: tuple[str, ...], parameters: dict[str, Any], fan_in: int = 0
    ) -> StepHandle:
        self._steps.append(Step(name, used.ref, sources, parameters, used.policy, fan_in))
        self._code[used.ref.digest] = used.code
        self._spec = None
        return StepHandle(name)

    def _tree(
        self, name: str, used: Phase, tree: Tree, sources: tuple[str, ...], parameters: dict[str, Any]
    ) -> StepHandle:
        """Add two levels whose tasks start as soon as their group of values exists, and a root that waits for all."""
        if len(sources) != 1:
            raise PlanError(f"step {name!r}: a reduce with a combine takes one input, not {len(sources)}")
        named = inspect.signature(tree.combine).parameters
        passed = {key: value for key, value in parameters.items() if key in named}
        leaves = used.with_function(used.function, PhaseKind.COMBINE)
        branches = used.with_function(tree.combine, PhaseKind.COMBINE)
        root = used.with_function(tree.combine, PhaseKind.REDUCE)
        lower = self._add(f"{name}.leaves", leaves, sources, parameters, tree.fan_in)
        upper = self._add(f"{name}.branches", branches, (lower.name,), passed, tree.fan_in)
        return self._add(name, root, (upper.name,), passed)

    def values(self, name: str, values: Iterable[Any], /) -> StepHandle:
        """Add a step that provides these values, one partition each: a map over it runs once per value.

        They are pickled and kept with the plan, so use them for parameters and paths, not for collections of data.

        Raises:
            PlanError: a value cannot be pickled.
        """
        given = list(values)
        try:
            code = bytes(cloudpickle.dumps(_unshared(given)))
        except UNPICKLABLE as error:
            raise PlanError(
                f"the values of step {name!r} cannot be kept with the plan: {culprit(given, 'values')}; give plain data"
            ) from error
        digest = blake3(code).hexdigest(16)
        self._steps.append(Step(name, PhaseRef("values", "1", PhaseKind.VALUES, digest), (), {"count": len(given)}))
        self._code[digest] = code
        self._spec = None
        self.declared.append(Declared(name, None, (), {}, given, (name,)))
        return StepHandle(name)

    def tune(
        self,
        step: StepHandle | str,
        *,
        resources: Resources | None = None,
        retry: RetryPolicy | None = None,
        timeout_s: float | None = None,
        step_timeout_s: float | None = None,
        wait_timeout_s: float | None = None,
        cache: bool | None = None,
        max_rejects: float | None = None,
        concurrency: int | None = None,
    ) -> StepHandle:
        """Override policies of one step and all its levels; the others stay as the phase defines them."""
        name = step.name if isinstance(step, StepHandle) else step
        levels = next((declared.levels for declared in self.declared if declared.name == name), (name,))
        is_there = False
        for position, existing in enumerate(self._steps):
            if existing.name in levels:
                policy = with_policy(
                    existing.policy,
                    resources=resources,
                    retry=retry,
                    timeout_s=timeout_s,
                    step_timeout_s=step_timeout_s,
                    wait_timeout_s=wait_timeout_s,
                    cache=cache,
                    max_rejects=max_rejects,
                    concurrency=concurrency,
                )
                self._steps[position] = replace(existing, policy=policy)
                self._spec = None
                is_there = True
        if not is_there:
            raise PlanError(f"plan {self.name!r} has no step {name!r}")
        return StepHandle(name)

    def spec(self) -> PlanSpec:
        """The finished plan, checked as a whole.

        Raises:
            CycleError, PlanError: it cannot run.
        """
        if self._spec is None:
            self._spec = ordered(self.name, self._steps)
        return self._spec

    def code(self) -> dict[str, bytes]:
        """Pickled phases and values by digest, kept with the plan so that any process can continue it."""
        return self._code

    def _repr_html_(self) -> str:
        from ...display import plan_html

        return plan_html(self.spec())

    def to_document(self) -> dict[str, Any]:
        """The plan as JSON values, from which ``read_plan`` reads an equal plan.

        Raises:
            PlanError: a phase is not registered by an import, or a value is not a JSON value.
        """
        from .writing import document_of

        return document_of(Declaration(self.name, self.labels, self.priority, self.declared, self.spec()))

    def to_yaml(self) -> str:
        """As ``to_document``, as YAML text."""
        from .notation import to_yaml

        return to_yaml(self.to_document())

    @staticmethod
    def _resolve(phase_or_name: Phase | Callable[..., Any] | str) -> Phase:
        if isinstance(phase_or_name, Phase):
            return phase_or_name
        if isinstance(phase_or_name, str):
            return find_phase(phase_or_name)
        return phase(phase_or_name)


def _unshared(values: list[Any]) -> list[Any]:
    """JSON values in a form whose pickles are equal if they are; plain pickles also encode object identity."""
    return cast("list[Any]", json.loads(json.dumps(values))) if is_json(values) else values
