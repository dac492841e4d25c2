"""Which backups are kept: pure decisions about their times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .manifest import Manifest

Period = Callable[[datetime], object]
"""The day, week or month of a moment, in UTC."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How many backups are kept: the latest ones, and the last of each day, week and month that has any."""

    last: int
    days: int = 0
    weeks: int = 0
    months: int = 0

    def kept(self, manifests: Sequence[Manifest]) -> dict[str, str]:
        """Why each backup is kept that is.

        Args:
            manifests: all of them, oldest first.
        """
        reasons: dict[str, str] = {}
        rules: list[tuple[str, int, Period]] = [
            ("latest", self.last, lambda at: at),
            ("daily", self.days, lambda at: at.date()),
            ("weekly", self.weeks, lambda at: at.isocalendar()[:2]),
            ("monthly", self.months, lambda at: (at.year, at.month)),
        ]
        for reason, count, period in rules:
            for manifest in _last_of_each(manifests, period)[-count:] if count else ():
                reasons.setdefault(manifest.id, reason)
        return reasons | _bases(manifests, reasons)


def _last_of_each(manifests: Sequence[Manifest], period: Period) -> list[Manifest]:
    return [*{period(manifest.started_at): manifest for manifest in manifests}.values()]


def _bases(manifests: Sequence[Manifest], kept: dict[str, str]) -> dict[str, str]:
    """What the kept ones build on."""
    parents = {manifest.id: manifest.database.parent for manifest in manifests}
    found: dict[str, str] = {}
    for backup in kept:
        parent = parents[backup]
        while parent is not None and parent not in found:
            if parent not in kept:
                found[parent] = "others build on it"
            parent = parents.get(parent)
    return found


class Pruned(NamedTuple):
    """What was, or would be, deleted."""

    backups: tuple[str, ...]
    objects: int
    segments: int
    bytes: int
