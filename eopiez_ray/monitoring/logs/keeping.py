"""What one process in the system does for the log at a time: brings lines of tasks into it, and forgets old ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...model.log_lines import LogLimits, NewLine, Part
from ...store.log_lines import TURN, LogLines, append

if TYPE_CHECKING:
    from ...settings import Settings
    from ...store import Database

GATHER_S = 1.0
"""Seconds between looks for lines of tasks."""
FORGET_S = 300.0
"""Seconds between looks for lines to forget."""
DAY_S = 86_400.0


class LogKeeper:
    """Keeps the stream of lines complete and bounded. Two that do it at the same time do no harm."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._lines = database, LogLines(database)
        self._limits = LogLimits(settings.log_days * DAY_S, settings.log_bytes)

    async def gather(self) -> None:
        """Bring all lines of tasks that are new into the stream; where they are too many, say how many are left out."""
        while True:
            gathered = await self._lines.gather()
            if gathered.left_out:
                await append(self._database, [_left_out(gathered.left_out)], self._database.vault)
            elif gathered.lines < TURN:
                return

    async def forget(self) -> None:
        """Forget lines that are too old or too many."""
        await self._lines.forget(self._limits)


def _left_out(lines: int) -> NewLine:
    message = f"lines of tasks were left out, which are in their workflows' own logs: dropped={lines}"
    return NewLine(
        at=datetime.now(UTC).timestamp(), level="warning", part=Part.ORCHESTRATOR, process="", logger=__name__,
        message=message, fields={"dropped": lines},
    )  # fmt: skip
