"""What one process in the system does for the protection of data at a time: carries out erasures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.artifacts import Artifacts
from ..engine.erasing import Eraser
from ..errors import ErasureWaitsError
from ..logs import get_logger

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database

ERASE_S = 5.0
"""Seconds between looks for erasures that were begun."""

log = get_logger(__name__)


class Protection:
    """Chores of data protection. Two that do them at the same time do no harm."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._eraser = Eraser(database, Artifacts(settings.artifacts, database.vault.keys), settings)

    async def erase(self) -> None:
        """Carry out what was begun, here or by a process that is gone."""
        try:
            await self._eraser.resume()
        except ErasureWaitsError as error:
            log.warning("an erasure waits", error=str(error))
