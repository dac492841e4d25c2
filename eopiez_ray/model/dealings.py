"""What was done with the artifact store: how often, how much, how long that took, and how it ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Operation(StrEnum):
    """What is done with artifacts."""

    READ = "read"
    WRITE = "write"
    LOOK = "look"
    """Whether one is there."""
    DELETE = "delete"


class Ending(StrEnum):
    """How that ends."""

    SUCCEEDED = "succeeded"
    FOUND = "found"
    """Nothing had to be written, since the same content was there."""
    SPARED = "spared"
    """It was not deleted, since it is young."""
    MISSING = "missing"
    DAMAGED = "damaged"
    LOCKED = "locked"
    """It is encrypted, and its key is not at hand."""
    FULL = "full"
    FAILED = "failed"


@dataclass(slots=True)
class Dealt:
    """What was done."""

    ends: Counter[tuple[Operation, Ending]] = field(default_factory=Counter)
    bytes: Counter[Operation] = field(default_factory=Counter)
    seconds: dict[Operation, dict[int, float]] = field(default_factory=dict)
    """What operations took that succeeded: sketches, by bucket."""

    def add(self, other: Dealt) -> None:
        """Add what was done elsewhere."""
        self.ends.update(other.ends)
        self.bytes.update(other.bytes)
        for operation, sketch in other.seconds.items():
            own = self.seconds.setdefault(operation, {})
            for bucket, count in sketch.items():
                own[bucket] = own.get(bucket, 0.0) + count
