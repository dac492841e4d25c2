"""How a step is run: resources, retries, limits."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resources:
    """What one task of a step needs while it runs. Equal resources share a pool of workers."""

    cpu: float = 1.0
    """Logical CPUs."""
    gpu: float = 0.0
    """Logical GPUs; fractions share one."""
    memory_bytes: int = 0
    """Memory that Ray sets aside, in bytes; 0 sets none aside."""
    custom: tuple[tuple[str, float], ...] = ()
    """Ray custom resources, as sorted pairs of name and amount."""

    def __post_init__(self) -> None:
        if self.cpu < 0 or self.gpu < 0 or self.memory_bytes < 0:
            raise ValueError(f"resources cannot be negative: {self}")

    def totals(self) -> dict[str, float]:
        """The same by Ray's names; zeros left out."""
        named = {"CPU": self.cpu, "GPU": self.gpu, "memory": float(self.memory_bytes), **dict(self.custom)}
        return {name: amount for name, amount in named.items() if amount > 0}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed attempt is tried again: after ``initial_interval_s * backoff_coefficient ** (attempt - 1)``."""

    initial_interval_s: float = 1.0
    backoff_coefficient: float = 2.0
    maximum_interval_s: float = 60.0
    maximum_attempts: int = 3
    """Attempts in all, the first among them; 1 never retries."""
    non_retryable_errors: tuple[str, ...] = ()
    """Class names of exceptions that end the task at once."""

    def __post_init__(self) -> None:
        if self.maximum_attempts < 1:
            raise ValueError("maximum_attempts must be at least 1")
        if self.initial_interval_s < 0 or self.backoff_coefficient < 1:
            raise ValueError("initial_interval_s must not be negative, backoff_coefficient not below 1")

    def delay_s(self, attempt: int) -> float:
        """Seconds to wait after the failed ``attempt`` (counted from 1)."""
        return min(self.maximum_interval_s, self.initial_interval_s * self.backoff_coefficient ** (attempt - 1))


@dataclass(frozen=True, slots=True)
class StepPolicy:
    """All that a step may say about how its tasks run."""

    resources: Resources = field(default_factory=Resources)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout_s: float | None = None
    """Seconds that one attempt may take; None sets no limit."""
    cache: bool = False
    """Whether an equal task (phase, version, code, parameters, inputs) of any workflow lends its result."""
    max_rejects: float = 1.0
    """Share of quarantined rows above which the step fails."""

    def __post_init__(self) -> None:
        if self.timeout_s is not None and self.timeout_s <= 0:
            raise ValueError("timeout_s must be above 0")
        if not 0 <= self.max_rejects <= 1:
            raise ValueError("max_rejects is a share between 0 and 1")
