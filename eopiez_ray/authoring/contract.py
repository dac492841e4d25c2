"""What a phase is: a plain function or class, with a name, a version, a kind and default policies.

The kind decides what a phase's positional arguments, its inputs, and its result, its output, are:

========  ==========================================================  =====================================
kind      each input                                                  output
========  ==========================================================  =====================================
source    none, or as reduce                                          every value it yields is a partition
map       the partition of the same number; a single value whole      one partition
reduce    ``Partitions`` of a partitioned step; a single value whole  a single value
sink      as reduce                                                   a single value; its effect is outside
========  ==========================================================  =====================================

Keyword arguments are parameters: JSON values, checked against the signature when the plan is built.
A class gets the parameters in ``__init__``, once per worker, and the inputs in ``__call__``, once per task.
"""

from __future__ import annotations

import collections.abc
import difflib
import functools
import inspect
import json
import pickle
import sys
import sysconfig
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, overload, runtime_checkable

import cloudpickle
from blake3 import blake3
from pydantic import ConfigDict, Field, ValidationError, create_model
from pydantic_core import to_jsonable_python

from ..errors import ParameterError, PlanError, UnknownPhaseError
from ..model.plan import PhaseRef
from ..model.policies import Resources, RetryPolicy, StepPolicy
from ..model.status import PhaseKind
from .callables import as_function
from .cells import version_of
from .json_values import is_json
from .pickling import UNPICKLABLE

_ITERATORS = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
    collections.abc.AsyncGenerator,
)
CONCURRENCY = 16
"""How many tasks of an asynchronous map a worker runs at once, unless the phase says otherwise."""
_NO_VALUE = inspect.Parameter.empty
FILE_MODULE = "phases_of_file_"
"""Prefix of the names of modules made from a file that a plan names: no worker can import them."""
Value = TypeVar("Value", covariant=True)


@runtime_checkable
class Partitions(Protocol[Value]):
    """All partitions of an input, in order, each loaded when asked for; iterate as often as you like."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Value]: ...
    def __getitem__(self, partition: int) -> Value: ...


class Tree(NamedTuple):
    """How a reduce becomes a tree."""

    combine: Callable[..., Any]
    """Combines results of the reduce, or its own, in order, into one; associative, so grouping changes nothing."""
    fan_in: int
    """How many values one task takes."""


class Phase:
    """A registered, versioned unit of work. Call it like the function it wraps."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str,
        version: str,
        kind: PhaseKind,
        policy: StepPolicy,
        tree: Tree | None = None,
        keeps_inputs: bool = False,
    ) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function, self.name, self.version, self.kind, self.policy = function, name, version, kind, policy
        self.tree, self.keeps_inputs = tree, keeps_inputs

    def __call__(self, *inputs: Any, **parameters: Any) -> Any:
        if isinstance(self.function, type):
            return self.function(**parameters)(*inputs)
        return self.function(*inputs, **parameters)

    def __repr__(self) -> str:
        return f"<{self.kind} phase {self.name!r} version {self.version}>"

    def __reduce__(self) -> Any:
        if _is_installed(self.function):
            return self.function.__qualname__
        told = (self.function, self.name, self.version, self.kind, self.policy, self.tree, self.keeps_inputs)
        return _rebuild, told

    def with_function(self, function: Callable[..., Any], kind: PhaseKind) -> Phase:
        """The same phase with different code: a level of its tree."""
        name = self.name if function is self.function else f"{self.name}.{function.__name__}"
        return Phase(
            function,
            name=name,
            version=self.version,
            kind=kind,
            policy=self.policy,
            keeps_inputs=self.keeps_inputs,
        )

    @functools.cached_property
    def code(self) -> bytes:
        """The phase in a form that any process can load: by reference if its module is installed, else by value.

        Raises:
            PlanError: it refers to something that cannot be pickled.
        """
        if _is_installed(self.function):
            return pickle.dumps(self)
        module = sys.modules.get(self.function.__module__)
        by_value = module is not None and module.__name__ != "__main__"
        if by_value:
            cloudpickle.register_pickle_by_value(module)
        try:
            return bytes(cloudpickle.dumps(self))
        except UNPICKLABLE as error:
            raise PlanError(
                f"phase {self.name!r} cannot be sent to workers: {str(error)[:200]}; "
                "let it open or import what it needs inside, or take it as a parameter"
            ) from error
        finally:
            if by_value:
                cloudpickle.unregister_pickle_by_value(module)

    @functools.cached_property
    def ref(self) -> PhaseRef:
        """The phase's name in a plan."""
        return PhaseRef(self.name, self.version, self.kind, blake3(self.code).hexdigest(16))

    def checked(self, step: str, input_count: int, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters as JSON values, without the phase's defaults.

        Raises:
            PlanError: the phase takes a different number of inputs.
            ParameterError: a parameter is unknown, missing, of the wrong type or out of range.
        """
        self._check_inputs(step, input_count)
        model = self._parameter_model
        taken = [] if isinstance(self.function, type) else self._positional(self.function)[:input_count]
        free = [name for name in (str(field.alias) for field in model.model_fields.values()) if name not in taken]
        if model.model_config["extra"] == "forbid":
            for unknown in parameters.keys() - set(free):
                near = difflib.get_close_matches(unknown, free, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(free) or 'none'}"
                raise ParameterError(
                    f"step {step!r}: phase {self.name!r} has no parameter {unknown!r}; {hint}", (unknown,)
                )
        values = _json_values(step, parameters)
        try:
            model.__pydantic_validator__.validate_python(_encodable(parameters) | dict.fromkeys(taken, _SKIP))
        except ValidationError as error:
            raise ParameterError(f"step {step!r}: " + _first_problem(error), error.errors()[0]["loc"]) from error
        return values

    @staticmethod
    def _positional(called: Callable[..., Any]) -> list[str]:
        """Names of the arguments that can be given by position."""
        kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
        return [name for name, given in inspect.signature(called).parameters.items() if given.kind in kinds]

    def _check_inputs(self, step: str, input_count: int) -> None:
        if self.kind in {PhaseKind.REDUCE, PhaseKind.SINK} and not input_count:
            raise PlanError(f"step {step!r}: phase {self.name!r} is a {self.kind} and needs at least one input")
        called = self.function.__call__ if isinstance(self.function, type) else self.function
        positional = self._positional(called)
        if isinstance(self.function, type):
            positional = positional[1:]
        variadic = any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(called).parameters.values())
        if input_count > len(positional) and not variadic:
            raise PlanError(
                f"step {step!r}: phase {self.name!r} takes at most {len(positional)} input(s), not {input_count}"
            )

    @functools.cached_property
    def _parameter_model(self) -> Any:
        """A pydantic model of the signature: its types, ranges (``Annotated[int, Field(ge=1)]``) and defaults.

        The names are aliases, since models reserve some names and ignore those with a leading underscore.
        """
        takes_parameters = (
            vars(self.function).get("__init__", self.function) if isinstance(self.function, type) else self.function
        )
        try:
            hints = typing.get_type_hints(takes_parameters, include_extras=True)
        except NameError:  # A type imported only for type checkers: its parameters go unchecked.
            hints = {}
        signature = inspect.signature(self.function)
        fields: dict[str, Any] = {}
        for parameter in signature.parameters.values():
            if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
                continue
            hint = hints.get(parameter.name, Any)
            default = ... if parameter.default is _NO_VALUE else parameter.default
            fields[f"parameter_{len(fields)}"] = (
                hint | _Skip if parameter.kind is not parameter.KEYWORD_ONLY else hint,
                Field(default, alias=parameter.name),
            )
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        config = ConfigDict(
            extra="allow" if takes_any else "forbid", arbitrary_types_allowed=True, protected_namespaces=()
        )
        return create_model(f"{self.name} parameters", __config__=config, **fields)


class _Skip:
    """Stands in for an input while parameters are checked."""


_SKIP = _Skip()


def _json_values(step: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters after a round trip through JSON.

    Raises:
        ParameterError: JSON cannot express one of them.
    """
    try:
        text = json.dumps(parameters if is_json(parameters) else to_jsonable_python(parameters))
        return typing.cast("dict[str, Any]", json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise ParameterError(
            f"step {step!r}: its parameters cannot be written as JSON ({str(error)[:200]}); "
            "pass large or special values with plan.values(…)"
        ) from error


def _encodable(value: Any) -> Any:
    """The value with text that pydantic accepts: without the undecodable bytes of file names."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if type(value) is list:
        return [_encodable(inner) for inner in value]
    if type(value) is dict:
        return {key: _encodable(inner) for key, inner in value.items()}
    return value


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = problem["loc"][0] if problem["loc"] else "?"
    if problem["type"] == "missing":
        return f"parameter {place!r} is missing"
    return f"parameter {place!r} is {problem['input']!r}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def _rebuild(
    function: Callable[..., Any],
    name: str,
    version: str,
    kind: PhaseKind,
    policy: StepPolicy,
    tree: Tree | None,
    keeps_inputs: bool,
) -> Phase:
    return Phase(function, name=name, version=version, kind=kind, policy=policy, tree=tree, keeps_inputs=keeps_inputs)


@functools.cache
def _installed_roots() -> tuple[Path, ...]:
    return (
        *(Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib", "stdlib")),
        Path(__file__).parents[1],
    )


def _is_installed(function: Callable[..., Any]) -> bool:
    """Whether every worker can import the function by name."""
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    return (
        file is not None
        and not function.__module__.startswith(FILE_MODULE)
        and any(Path(file).is_relative_to(root) for root in _installed_roots())
        and "<locals>" not in function.__qualname__
    )


def _inferred_kind(function: Callable[..., Any]) -> PhaseKind:
    called = function.__call__ if isinstance(function, type) else function
    annotation = (
        typing.get_type_hints(called).get("return") if not isinstance(called, types.BuiltinFunctionType) else None
    )
    yields = (
        inspect.isgeneratorfunction(called)
        or inspect.isasyncgenfunction(called)
        or typing.get_origin(annotation) in _ITERATORS
    )
    return PhaseKind.SOURCE if yields else PhaseKind.MAP


def _is_awaited(function: Callable[..., Any]) -> bool:
    """Whether its results are awaited, so that many of its tasks can run at once."""
    return inspect.iscoroutinefunction(function.__call__ if isinstance(function, type) else function)


_REGISTRY: dict[str, Phase] = {}


@overload
def phase(function: Callable[..., Any], /) -> Phase: ...
@overload
def phase(
    *,
    version: str | None = ...,
    name: str | None = ...,
    kind: str | PhaseKind | None = ...,
    resources: Resources | None = ...,
    retry: RetryPolicy | None = ...,
    timeout_s: float | None = ...,
    step_timeout_s: float | None = ...,
    wait_timeout_s: float | None = ...,
    cache: bool = ...,
    max_rejects: float = ...,
    combine: Callable[..., Any] | None = ...,
    fan_in: int = ...,
    concurrency: int | None = ...,
    keeps_inputs: bool = ...,
) -> Callable[[Callable[..., Any]], Phase]: ...
def phase(
    function: Callable[..., Any] | None = None,
    /,
    *,
    version: str | None = None,
    name: str | None = None,
    kind: str | PhaseKind | None = None,
    resources: Resources | None = None,
    retry: RetryPolicy | None = None,
    timeout_s: float | None = None,
    step_timeout_s: float | None = None,
    wait_timeout_s: float | None = None,
    cache: bool = False,
    max_rejects: float = 1.0,
    combine: Callable[..., Any] | None = None,
    fan_in: int = 32,
    concurrency: int | None = None,
    keeps_inputs: bool = False,
) -> Phase | Callable[[Callable[..., Any]], Phase]:
    """Turn a function, a class or anything else that can be called into a phase, and register it by name.

    Args:
        version: change it when results change; cached results of other versions are not used. By default 1, and in a
            notebook a digest of the phase's text.
        name: the function's own name by default.
        kind: ``source``, ``map``, ``reduce`` or ``sink``; by default a generator is a source, anything else a map.
        resources: what each of its tasks needs; one CPU by default.
        retry: whether and when a failed attempt is retried.
        timeout_s: seconds that an attempt may take.
        cache: whether equal tasks of any workflow share their result.
        max_rejects: share of rejected rows above which the step fails.
        step_timeout_s: seconds that the whole step may take, from the start of its first task.
        wait_timeout_s: seconds that ready tasks may wait while none of the step runs.
        combine: turns a reduce into a tree: the phase is applied to every ``fan_in`` partitions as soon as they exist,
            and ``combine``, which turns ``Partitions`` of such results into one, is applied to its results. It must be
            associative, and gets those of the parameters that it names.
        fan_in: how many values one task of the tree takes.
        concurrency: how many tasks of an asynchronous map (``async def``) a worker runs at once; 16 by default.
        keeps_inputs: promises that the phase does not change its inputs in place: large values that many tasks take
            are then loaded once per worker instead of once per task.

    Raises:
        PlanError: ``combine`` is given for anything but a reduce, ``fan_in`` is below 2, ``concurrency`` is given
            for anything but an asynchronous map, or what is to be a phase cannot be called.
    """
    tree = None if combine is None else Tree(combine, fan_in)
    if fan_in < 2:
        raise PlanError(f"fan_in is {fan_in}; a task of a tree takes at least 2 values")
    if tree is not None and kind != PhaseKind.REDUCE:
        raise PlanError("only a reduce can have a combine; add kind='reduce'")

    def register(given: Callable[..., Any]) -> Phase:
        target = as_function(given, name)
        chosen = _inferred_kind(target) if kind is None else PhaseKind(kind)
        policy = StepPolicy(
            resources=resources or Resources(),
            retry=retry or RetryPolicy(),
            timeout_s=timeout_s,
            step_timeout_s=step_timeout_s,
            wait_timeout_s=wait_timeout_s,
            cache=cache,
            max_rejects=max_rejects,
            concurrency=_concurrency(target, chosen, concurrency),
        )
        made = Phase(
            target,
            name=name or target.__name__,
            version=version_of(target) if version is None else version,
            kind=chosen,
            policy=policy,
            tree=tree,
            keeps_inputs=keeps_inputs,
        )
        _REGISTRY[made.name] = made
        return made

    return register if function is None else register(function)


def _concurrency(target: Callable[..., Any], kind: PhaseKind, wanted: int | None) -> int:
    is_able = kind is PhaseKind.MAP and _is_awaited(target)
    if wanted is not None and wanted != 1 and not is_able:
        raise PlanError(
            f"phase {target.__name__!r} cannot run {wanted} tasks at once in a worker: it is not an async def map; "
            "leave out concurrency, and its tasks are spread over workers"
        )
    if wanted is not None and wanted < 1:
        raise PlanError(f"the concurrency of phase {target.__name__!r} is {wanted}; it must be at least 1")
    return (wanted or CONCURRENCY) if is_able else 1


def find_phase(name: str) -> Phase:
    """The phase registered under ``name``.

    Raises:
        UnknownPhaseError: there is none; the nearest names are suggested.
    """
    if name not in _REGISTRY:
        raise UnknownPhaseError(name, difflib.get_close_matches(name, _REGISTRY, 2))
    return _REGISTRY[name]


def registered_phases() -> Sequence[Phase]:
    """All registered phases by name."""
    return [_REGISTRY[name] for name in sorted(_REGISTRY)]


def restore(known: Phase) -> None:
    """Register the phase by its name, in place of any other of that name."""
    _REGISTRY[known.name] = known


def with_policy(policy: StepPolicy, **changes: Any) -> StepPolicy:
    """The policy with the changes that are not None."""
    return replace(policy, **{name: value for name, value in changes.items() if value is not None})
