"""Where all metrics stand, for whoever scrapes: totals since the beginning, and the latest of each gauge.

Each replica keeps this in memory and reads only what was folded since it last looked, so that any replica answers for
the whole system, and a scrape costs the same however much has been measured.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ..store.samples import SampleStore
from .blocks import Block, unpacked
from .catalogue import CATALOGUE, Kind
from .rollups import accumulated

if TYPE_CHECKING:
    from ..store import Database
    from ..store.samples import Sample

FRESH = timedelta(seconds=60)
"""How old the latest sample of a gauge may be."""
LOOK_S = 2.0
"""Seconds for which what was read is new enough."""
LONGEST_GAP_S = 900.0
"""Seconds without a look after which everything is read anew: what was folded since may be forgotten."""


class Stand(NamedTuple):
    """Where metrics stand, by name."""

    fold: int
    """The last fold that is in it."""
    totals: Mapping[str, Block]
    gauges: Mapping[str, Block]
    labels: Mapping[int, Mapping[str, str]]
    """Of each series."""
    memory: dict[str, Any]
    """What readers remember from one look to the next, by metric."""


EMPTY = Stand(0, {}, {}, {}, {})


class Standing:
    """Keeps up with what is folded."""

    def __init__(self, database: Database) -> None:
        self._store = SampleStore(database)
        self._looking = asyncio.Lock()
        self._looked_at = -math.inf
        self._stand = EMPTY
        self._noted: dict[str, tuple[datetime, Block]] = {}
        self._labels: dict[int, Mapping[str, str]] = {}

    async def look(self) -> Stand:
        """Where they stand now, or did a moment ago."""
        async with self._looking:
            since = time.monotonic() - self._looked_at
            if since > LONGEST_GAP_S:
                await self._begin()
            if since > LOOK_S:
                await self._catch_up()
                self._looked_at = time.monotonic()
            return self._stand

    async def _begin(self) -> None:
        totals = await self._store.totals()
        fold = max((each.fold for each in totals), default=0)
        known = {each.metric: unpacked(each.packed) for each in totals if each.metric in CATALOGUE}
        self._labels = {}
        self._stand = Stand(fold, known, {}, self._labels, {})

    async def _catch_up(self) -> None:
        new_series = await self._store.series(max(self._labels, default=0))
        self._labels |= {row.id: row.labels for row in new_series}
        now = datetime.now(UTC)
        new = await self._store.after(self._stand.fold, now - timedelta(days=1))
        for sample in _gauges(new):
            self._noted[sample.metric] = sample.at, unpacked(sample.packed)
        self._stand = Stand(
            max((each.fold for each in new), default=self._stand.fold),
            accumulated(self._stand.totals, new),
            {metric: block for metric, (at, block) in self._noted.items() if now - at < FRESH},
            self._labels,
            self._stand.memory,
        )


def _gauges(samples: Iterable[Sample]) -> Iterable[Sample]:
    return (each for each in samples if each.metric in CATALOGUE and CATALOGUE[each.metric].kind is Kind.GAUGE)
