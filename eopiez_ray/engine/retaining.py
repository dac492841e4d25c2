"""Forgets what is kept too long: rows, then folders; artifacts that nothing refers to any more are collected."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import ArtifactError
from ..home import delete_below
from ..model.ids import WorkflowId
from ..model.retention import Kept
from ..store.backups import BackupDesk
from ..store.retention import STATEMENTS, Expired, Retention
from ..store.uploads import Uploads
from ..store.workflows import Workflows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..settings import Settings
    from ..store import Database
    from .artifacts import Artifacts

GRACE_S = 3600.0
"""Seconds for which an unreferenced artifact is kept: its task may be about to be committed."""
EPOCH = datetime.fromtimestamp(0, UTC)


class Retainer:
    """Applies the rules."""

    def __init__(self, database: Database, artifacts: Artifacts, settings: Settings) -> None:
        self._database, self._artifacts, self._settings = database, artifacts, settings
        self._retention, self._workflows, self._uploads = Retention(database), Workflows(database), Uploads(database)

    async def apply(self) -> dict[Kept, int]:
        """Forget what is kept too long; gives how many workflows or uploads of each kind that were."""
        counts = {kind: await self._retention.expire(kind, self._days(kind)) for kind in STATEMENTS}
        counts[Kept.RESULTS] = await self._forget_workflows()
        counts[Kept.UPLOADS] = await self.forget_uploads(self._days(Kept.UPLOADS))
        return counts

    async def forget_uploads(self, days: float | None) -> int:
        """Forget uploads that are kept too long."""
        count = 0
        while uploads := await self._retention.expired_uploads(days):
            for upload in uploads:
                await asyncio.to_thread(delete_folders, self._settings.shared_folder, [upload])
                await self._uploads.delete(upload.id)
            count += len(uploads)
        return count

    async def _forget_workflows(self) -> int:
        count = 0
        while expired := await self._retention.expired_workflows(self._days(Kept.RESULTS)):
            await self._workflows.forget([WorkflowId(each.id) for each in expired], EPOCH)
            await asyncio.to_thread(delete_folders, self._settings.shared_folder, expired)
            count += len(expired)
        if count:
            async with BackupDesk(self._database).none_at_work():
                live = await self._workflows.live_digests()
                with contextlib.suppress(ArtifactError):  # They are in an object store, whose own rules do it.
                    await asyncio.to_thread(self._artifacts.collect, live, GRACE_S)
        return count

    def _days(self, kind: Kept) -> float | None:
        days: float | None = getattr(self._settings, f"retain_{kind.value}_days")
        return days


def delete_folders(root: Path, expired: Sequence[Expired]) -> None:
    """Delete the folders of these, as far as they have any below the gateway's folder."""
    for each in expired:
        if each.folder is not None:
            delete_below(root, each.folder)
