"""Chores of data protection, for one process in the system at a time: erasures, and what is kept too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.artifacts import Artifacts
from ..engine.erasing import Eraser
from ..engine.retaining import Retainer
from ..errors import ErasureWaitsError
from ..logs import get_logger
from .processes import count_dealings

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database
    from .meter import Meter

ERASE_S = 5.0
"""Seconds between looks for erasures that were begun."""
RETAIN_S = 300.0
"""Seconds between looks for what is kept too long."""

log = get_logger(__name__)


class Protection:
    """Chores of data protection. Two that do them at the same time do no harm."""

    def __init__(self, database: Database, settings: Settings, meter: Meter) -> None:
        self._meter, self._artifacts = meter, Artifacts(settings.artifacts, database.vault.keys)
        artifacts = self._artifacts
        self._eraser, self._retainer = Eraser(database, artifacts, settings), Retainer(database, artifacts, settings)

    async def erase(self) -> None:
        """Carry out what was begun, here or by a process that is gone."""
        try:
            await self._eraser.resume()
        except ErasureWaitsError as error:
            log.warning("an erasure waits", error=str(error))
        finally:
            self._count()

    async def retain(self) -> None:
        """Forget what is kept too long."""
        counts = {kind.value: count for kind, count in (await self._retainer.apply()).items() if count}
        self._count()
        if counts:
            log.info("forgot what was kept long enough", **counts)

    def _count(self) -> None:
        """Count what was done with artifacts."""
        count_dealings(self._meter, self._artifacts.dealings.take())
