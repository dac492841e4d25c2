"""The newest lines of the system's log, read once for all who follow it here."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from ..model.log_lines import LineFilter
from ..store.log_lines import LogLines

if TYPE_CHECKING:
    from ..model.log_lines import LineView
    from ..store import Database

LOOK_S = 0.5
"""Seconds between looks for new lines, however many follow."""
FORGOTTEN_S = 5.0
"""Seconds without a look after which what is known is too old to be gone on from."""
KEPT = 2000
"""Latest lines kept for followers; older ones are read from the database."""
PAGE = 1000
EVERYTHING = LineFilter()


class Tail:
    """The end of the stream. It is read while somebody asks."""

    def __init__(self, database: Database) -> None:
        self.lines = LogLines(database)
        self._known: deque[LineView] = deque(maxlen=KEPT)
        self._floor = self._newest = 0
        """All lines after the first id, up to the second, are known."""
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    async def after(self, where: LineFilter, last: int) -> tuple[list[LineView], int]:
        """Lines after one, and the id after which to go on; none is left out, even if the caller comes late."""
        await self._look()
        if last < self._floor:
            newest = self._newest
            found = await self.lines.after(where, last, PAGE)
            end = found[-1].id if found else last
            return found, end if len(found) == PAGE else max(end, newest)
        return [line for line in self._known if line.id > last and where.matches(line)], max(last, self._newest)

    async def _look(self) -> None:
        """Read what is new, unless somebody has just done so."""
        async with self._looking:
            since_s = time.monotonic() - self._looked_at
            if since_s < LOOK_S:
                return
            if since_s > FORGOTTEN_S:
                self._known.clear()
                self._floor = self._newest = await self.lines.last()
            else:
                await self._read()
            self._looked_at = time.monotonic()

    async def _read(self) -> None:
        while True:
            new = await self.lines.after(EVERYTHING, self._newest, PAGE)
            for line in new:
                if len(self._known) == KEPT:
                    self._floor = self._known[0].id
                self._known.append(line)
                self._newest = line.id
            if len(new) < PAGE:
                return
