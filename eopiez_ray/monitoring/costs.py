"""What work has cost: the resources that tasks used, and their price, by whom and for what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .catalogue import COST, CPU_SECONDS, GPU_SECONDS, MEMORY_SECONDS

if TYPE_CHECKING:
    from datetime import datetime

    from .samples import Samples

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Cost:
    """What the tasks of a group used, and what that cost."""

    group: Mapping[str, str]
    cpu_hours: float
    gpu_hours: float
    memory_gib_hours: float
    cost: float
    """By the prices that were set when the tasks were counted, in the operator's currency."""


async def costs(
    samples: Samples, by: Sequence[str], *, projects: Collection[str] | None, since: datetime, until: datetime
) -> list[Cost]:
    """What was used in a window, those groups first that cost or else used most.

    Args:
        samples: what was measured.
        by: what to tell apart: ``project``, ``owner``, ``plan``, ``phase``.
        projects: which projects may be read; None for all.
        since, until: the window, without its end.
    """
    used, gpu, memory, cost = await samples.totals_together(
        (CPU_SECONDS, GPU_SECONDS, MEMORY_SECONDS, COST), projects=projects, since=since, until=until, by=by
    )
    found = [
        Cost(
            dict(zip(by, labels, strict=True)), used.get(labels, 0.0) / HOUR_S, gpu.get(labels, 0.0) / HOUR_S,
            memory.get(labels, 0.0) / HOUR_S, cost.get(labels, 0.0),
        )
        for labels in {**used, **gpu, **memory, **cost}
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each.cost, each.cpu_hours, each.gpu_hours), reverse=True)
