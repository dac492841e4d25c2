"""Samples of longer periods, made from those of shorter ones, and the end of those that are kept no longer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from ..store.samples import Sample, Totals
from .blocks import Block, added, merged, unpacked
from .catalogue import CATALOGUE, Kind
from .folding import FINEST_S, period_of
from .station import SYSTEM

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store.samples import SampleStore
    from .folding import Folder
    from .station import Station

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
LEVELS = (FINEST_S, MINUTE_S, HOUR_S, DAY_S)
"""Seconds of all periods, shortest first; each is a multiple of the one before."""
MOST_PERIODS = 500
"""Periods rolled up at a time, so that what was missed in a long absence delays nothing else."""
EPOCH = datetime.fromtimestamp(0, UTC)


class Rollups:
    """Rolls up, keeps the totals, and forgets. Each step is a transaction, fenced, and repeatable."""

    def __init__(self, station: Station, store: SampleStore, folder: Folder, settings: Settings) -> None:
        self._station, self._store, self._folder = station, store, folder
        self._kept = retention(settings)

    async def roll(self) -> None:
        """Roll up all periods that are complete."""
        for finer, coarser in pairwise(LEVELS):
            for _ in range(MOST_PERIODS):
                if not await self._roll_one(finer, coarser):
                    break

    async def keep_house(self) -> None:
        """Write down what has been counted in all, and forget what is kept no longer."""
        await self._keep_totals()
        now = datetime.now(UTC)
        for level in LEVELS:
            await self._store.forget(level, now - self._kept[level])
        await self._store.forget_series(max(self._kept.values()))
        self._folder.forget_book()
        await self._store.forget_reports()
        await self._station.watches.forget()

    async def _roll_one(self, finer: int, coarser: int) -> bool:
        """Roll up the next period of a level that has samples; False if none such is complete."""
        async with self._station.watches.held(SYSTEM) as connection:
            if connection is None:
                return False
            done = await self._store.rolled_up()
            through = done.get(coarser, EPOCH)
            known = period_of(await self._complete(finer, done), coarser)
            first = await self._store.oldest(finer, through)
            begin = known if first is None else period_of(first, coarser)
            if begin >= known:  # Nothing was measured until then.
                if known > through:
                    await self._store.note_rollup(connection, coarser, known)
                return False
            end = begin + timedelta(seconds=coarser)
            blocks = rolled(await self._store.everything(finer, begin, end))
            samples = [Sample(coarser, metric, begin, 0, block.packed()) for metric, block in blocks.items()]
            await self._store.save(connection, samples)
            await self._store.note_rollup(connection, coarser, end)
        return True

    async def _complete(self, level: int, done: Mapping[int, datetime]) -> datetime:
        """Until when no more samples of a level will come."""
        return await self._store.measured_through() if level == FINEST_S else done.get(level, EPOCH)

    async def _keep_totals(self) -> None:
        async with self._station.watches.held(SYSTEM) as connection:
            if connection is None:
                return
            totals = await self._store.totals()
            fold = max((each.fold for each in totals), default=0)
            new = await self._store.after(fold, EPOCH)
            grown = accumulated({each.metric: unpacked(each.packed) for each in totals}, new)
            latest = max((each.fold for each in new), default=fold)
            changed = {each.metric for each in new}
            changed_ones = {metric: grown[metric] for metric in changed & grown.keys()}
            await self._store.save_totals(
                connection,
                [Totals(metric, latest, block.packed(is_exact=True)) for metric, block in changed_ones.items()],
            )


def retention(settings: Settings) -> dict[int, timedelta]:
    """For how long samples of each level are kept."""
    return {
        FINEST_S: timedelta(hours=settings.metrics_fine_hours),
        MINUTE_S: timedelta(hours=settings.metrics_minute_hours),
        HOUR_S: timedelta(days=settings.metrics_hour_days),
        DAY_S: timedelta(days=settings.metrics_day_days),
    }


def rolled(samples: Iterable[Sample]) -> dict[str, Block]:
    """Samples of one longer period, a block for each metric."""
    blocks: defaultdict[str, list[Block]] = defaultdict(list)
    for sample in samples:
        if sample.metric in CATALOGUE:
            blocks[sample.metric].append(unpacked(sample.packed))
    return {metric: merged(each, CATALOGUE[metric].kind) for metric, each in blocks.items()}


def accumulated(totals: Mapping[str, Block], new: Iterable[Sample]) -> dict[str, Block]:
    """What counters and histograms have come to with what was added to them."""
    blocks: defaultdict[str, list[Block]] = defaultdict(list)
    for metric, block in totals.items():
        blocks[metric].append(block)
    for sample in new:
        if sample.metric in CATALOGUE and CATALOGUE[sample.metric].kind is not Kind.GAUGE:
            blocks[sample.metric].append(unpacked(sample.packed))
    return {metric: added(each) if len(each) > 1 else each[0] for metric, each in blocks.items()}
