"""How a step is run: resources, retries, limits."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

Value = TypeVar("Value")


Labels = Mapping[str, str] | tuple[tuple[str, str], ...]
"""Labels of nodes; kept as sorted pairs."""


class Spread(StrEnum):
    """How tasks, or the bundles of a gang, are placed on nodes."""

    PACK = "pack"
    """On as few nodes as possible."""
    SPREAD = "spread"
    """On as many nodes as possible."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The nodes that a task may run on."""

    labels: Labels = ()
    """Labels that the node must have. A value can be ``!value``, ``in(a,b)`` or ``!in(a,b)``."""
    fallback: tuple[Labels, ...] = ()
    """Alternatives, in order of preference, if no node has those labels. Not for a gang."""
    layout: Spread = Spread.PACK
    gang: int = 1
    """Bundles of the task's resources that are reserved together, all or none. The task runs in the first; Ray tasks
    and actors that it starts can use the others."""

    def __post_init__(self) -> None:
        if self.gang < 1:
            raise ValueError(f"gang must be at least 1, not {self.gang}")
        if self.gang > 1 and self.fallback:
            raise ValueError("a gang cannot have a fallback: Ray reserves all its bundles by one set of labels")
        object.__setattr__(self, "labels", _pairs(self.labels))
        object.__setattr__(self, "fallback", tuple(map(_pairs, self.fallback)))

    @property
    def choices(self) -> tuple[Mapping[str, str], ...]:
        """Acceptable sets of labels, the preferred one first."""
        return tuple(dict(labels) for labels in (self.labels, *self.fallback))


@dataclass(frozen=True, slots=True)
class Resources:
    """What one task of a step needs while it runs. Equal resources share a pool of workers."""

    cpu: float = 1.0
    """Logical CPUs."""
    gpu: float = 0.0
    """Logical GPUs; fractions share one."""
    memory_bytes: int = 0
    """Memory that Ray reserves, in bytes; 0 reserves none."""
    custom: Mapping[str, float] | tuple[tuple[str, float], ...] = ()
    """Ray custom resources by name; kept as sorted pairs."""
    placement: Placement = field(default_factory=Placement)
    runtime_env: Mapping[str, Any] | str = ""
    """Ray runtime environment of the workers, such as ``{"pip": ["spacy"]}``; kept as JSON."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "custom", _pairs(self.custom))
        amounts = (self.cpu, self.gpu, self.memory_bytes, *dict(self.custom).values())
        if any(not math.isfinite(amount) for amount in amounts) or self.memory_bytes >= 2**63:
            raise ValueError(f"resources must be finite, and memory_bytes below 2**63: {self}")
        if min(amounts) < 0:
            raise ValueError(f"resources cannot be negative: {self}")
        if not isinstance(self.runtime_env, str):
            text = json.dumps(self.runtime_env, sort_keys=True) if self.runtime_env else ""
            object.__setattr__(self, "runtime_env", text)

    def totals(self) -> dict[str, float]:
        """The resources by Ray's names, without zeros."""
        named = {"CPU": self.cpu, "GPU": self.gpu, "memory": float(self.memory_bytes), **dict(self.custom)}
        return {name: amount for name, amount in named.items() if amount > 0}

    def with_memory(self, memory_bytes: int) -> Resources:
        """The same resources, with this much memory reserved."""
        return replace(self, memory_bytes=memory_bytes)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed attempt is retried: after ``initial_interval_s * backoff_coefficient ** (attempt - 1)``."""

    initial_interval_s: float = 1.0
    backoff_coefficient: float = 2.0
    maximum_interval_s: float = 60.0
    maximum_attempts: int = 3
    """Attempts in total, including the first; 1 never retries."""
    non_retryable_errors: tuple[str, ...] = ()
    """Class names of exceptions that end the task at once."""

    def __post_init__(self) -> None:
        if self.maximum_attempts < 1:
            raise ValueError("maximum_attempts must be at least 1")
        if self.initial_interval_s < 0 or self.backoff_coefficient < 1:
            raise ValueError("initial_interval_s must not be negative, and backoff_coefficient not below 1")
        for name in ("initial_interval_s", "backoff_coefficient", "maximum_interval_s"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite")

    def delay_s(self, attempt: int) -> float:
        """Seconds to wait after the failed ``attempt`` (counted from 1)."""
        try:
            return min(self.maximum_interval_s, self.initial_interval_s * self.backoff_coefficient ** (attempt - 1))
        except OverflowError:
            return self.maximum_interval_s


@dataclass(frozen=True, slots=True)
class StepPolicy:
    """Everything a step can specify about how its tasks run."""

    resources: Resources = field(default_factory=Resources)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout_s: float | None = None
    """Seconds that one attempt may take; None sets no limit."""
    step_timeout_s: float | None = None
    """Seconds that the whole step may take, from the start of its first task."""
    wait_timeout_s: float | None = None
    """Seconds that ready tasks may wait while none of the step runs."""
    cache: bool = False
    """Whether to reuse the result of an equal task (phase, version, code, parameters, inputs) of any workflow."""
    max_rejects: float = 1.0
    """Share of quarantined rows above which the step fails."""
    concurrency: int = 1
    """How many tasks of an asynchronous phase a worker runs at once."""

    @property
    def alone(self) -> frozenset[Resources]:
        """Its resources and no others."""
        return frozenset((self.resources,))

    def __post_init__(self) -> None:
        for option, kind in (("resources", Resources), ("retry", RetryPolicy)):
            if not isinstance(getattr(self, option), kind):
                given = type(getattr(self, option)).__name__
                raise TypeError(f"{option} is of type {given}; write {option}=ez.{kind.__name__}(…)")
        for name in ("timeout_s", "step_timeout_s", "wait_timeout_s"):
            seconds = getattr(self, name)
            if seconds is not None and not 0 < seconds < math.inf:
                raise ValueError(f"{name} must be above 0 and finite; None sets no limit")
        if not 0 <= self.max_rejects <= 1:
            raise ValueError("max_rejects must be a share between 0 and 1")
        if self.concurrency < 1:
            raise ValueError("concurrency must be at least 1")


def _pairs(given: Mapping[str, Value] | tuple[tuple[str, Value], ...]) -> tuple[tuple[str, Value], ...]:
    return tuple(sorted(dict(given).items()))
