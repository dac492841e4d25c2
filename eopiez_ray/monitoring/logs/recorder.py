"""Writes what a process logs to the database, from a thread of its own: whatever its event loops do, lines get out."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...encryption.masters import PLAIN
from ...errors import StoreError, WriteRefusedError
from ...store.database import Writer
from ...store.log_lines import append, read_levels
from ...store.vault import Vault
from .buffer import Buffer, be_silent_here
from .levels import Levels
from .lines import dropped_line, line_of
from .redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...encryption.masters import Encryption
    from ...model.log_lines import NewLine, Part
    from ...settings import Settings
    from .buffer import Waiting

BATCH = 500
"""Lines in one transaction."""
DELAY_S = 0.5
"""Seconds for which a line waits for others."""
LEVELS_S = 2.0
"""Seconds between looks for levels that somebody has set."""
PAUSE_S = 1.0
"""Seconds before the next try after the database was lost."""
LAST_S = 3.0
"""Seconds that the last lines get at the end."""


class Recorder:
    """Records a process's log; lines wait while the database is away, as many as the buffer holds."""

    def __init__(
        self,
        url: str,
        part: Part,
        redaction: Redaction,
        buffer: Buffer | None = None,
        encryption: Encryption = PLAIN,
    ) -> None:
        """
        Args:
            url: of the database.
            part: what the process is.
            redaction: keeps secrets out.
            buffer: where records wait; ``Buffer()`` by default.
            encryption: how lines are encrypted.
        """
        self.url, self._part, self._redaction = url, part, redaction
        self._encryption = encryption
        self._vault: Vault | None = None
        self.buffer = Buffer() if buffer is None else buffer
        self._levels = Levels()
        self.failures = 0
        """How often in a row the database did not take lines."""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="eopiez-log", daemon=True)

    def start(self) -> None:
        """Begin to record whatever this process logs."""
        self._levels.begin()
        logging.getLogger().addHandler(self.buffer)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, if the database answers soon, and end."""
        logging.getLogger().removeHandler(self.buffer)
        self._levels.end()
        self._is_over.set()
        self.buffer.filled.set()
        self._thread.join(LAST_S)

    def _run(self) -> None:
        be_silent_here()
        asyncio.run(self._record())

    async def _record(self) -> None:
        while not self._is_over.is_set():
            writer = Writer(self.url)
            self._vault = Vault(writer, self._encryption)
            try:
                await self._keep_recording(writer)
            finally:
                writer.close()
            self.failures += 1
            await asyncio.to_thread(self._is_over.wait, PAUSE_S)

    async def _keep_recording(self, writer: Writer) -> None:
        """Write lines as they come, until the end, or until the database does not take them."""
        looked_at = float("-inf")
        while not self._is_over.is_set():
            await asyncio.to_thread(self.buffer.filled.wait, DELAY_S)
            if not await self._flush(writer):
                return
            self.failures = 0
            if time.monotonic() - looked_at >= LEVELS_S and not self._is_over.is_set():
                looked_at = time.monotonic()
                if not await self._look_at_levels(writer):
                    return
        await self._flush(writer)

    async def _flush(self, writer: Writer) -> bool:
        """Write all that waits; False if the database does not take it now."""
        while len(self.buffer):
            taken, dropped = self.buffer.take(BATCH)
            try:
                is_written = await self._write(writer, taken, dropped)
            except Exception:  # noqa: BLE001 - the outermost guard: a record that cannot be a line is a dropped one.
                self.buffer.give_back([], dropped + len(taken))
                continue
            if not is_written:
                self.buffer.give_back(taken, dropped)
                return False
        return True

    async def _write(self, writer: Writer, taken: list[Waiting], dropped: int) -> bool:
        lines = [line_of(each, self._part, self._redaction) for each in taken]
        try:
            await append(writer, [*lines, *self._missing(dropped)], self._vault)
        except WriteRefusedError:
            await self._write_apart(writer, lines)
        except StoreError:
            return False
        return True

    async def _write_apart(self, writer: Writer, lines: list[NewLine]) -> None:
        """Write lines one by one of which the database refuses some; those count as dropped."""
        refused = 0
        for line in lines:
            try:
                await append(writer, [line], self._vault)
            except WriteRefusedError:
                refused += 1
        self.buffer.give_back([], refused)

    def _missing(self, dropped: int) -> list[NewLine]:
        return [dropped_line(dropped, time.time(), self._part)] if dropped else []

    async def _look_at_levels(self, writer: Writer) -> bool:
        try:
            settings = await read_levels(writer)
        except StoreError:
            return False
        if not self._is_over.is_set():
            self._levels.apply(settings)
        return True


@contextmanager
def recorded(settings: Settings, url: str, part: Part) -> Iterator[Recorder]:
    """Record what this process logs, as long as the block lasts."""
    recorder = Recorder(url, part, Redaction.of(settings), encryption=settings.at_rest)
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()
