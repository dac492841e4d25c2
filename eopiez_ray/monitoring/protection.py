"""Chores of data protection, for one process in the system at a time: erasures, and what is kept too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.artifacts import Artifacts
from ..engine.erasing import Eraser
from ..engine.retaining import Retainer
from ..errors import ErasureWaitsError
from ..logs import get_logger

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database

ERASE_S = 5.0
"""Seconds between looks for erasures that were begun."""
RETAIN_S = 300.0
"""Seconds between looks for what is kept too long."""

log = get_logger(__name__)


class Protection:
    """Chores of data protection. Two that do them at the same time do no harm."""

    def __init__(self, database: Database, settings: Settings) -> None:
        artifacts = Artifacts(settings.artifacts, database.vault.keys)
        self._eraser, self._retainer = Eraser(database, artifacts, settings), Retainer(database, artifacts, settings)

    async def erase(self) -> None:
        """Carry out what was begun, here or by a process that is gone."""
        try:
            await self._eraser.resume()
        except ErasureWaitsError as error:
            log.warning("an erasure waits", error=str(error))

    async def retain(self) -> None:
        """Forget what is kept too long."""
        counts = {kind.value: count for kind, count in (await self._retainer.apply()).items() if count}
        if counts:
            log.info("forgot what was kept long enough", **counts)
