"""Whether the system can do its work: each part is looked at, at most once a second, whoever asks how often."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from ..errors import EopiezError
from ..store import Vitals

if TYPE_CHECKING:
    from ..engine.artifacts import Artifacts
    from ..store import Database

CHECK_S = 3.0
"""Seconds within which a part has to answer."""
KEPT_S = 1.0
"""Seconds for which an answer holds: anybody may ask, and a look writes to disk."""
FREE_BYTES = 512 * 2**20
"""Free disk space below which the system is not ready."""

State = Literal["ok", "down"]


class PartBody(BaseModel):
    """A part of the system."""

    name: str = Field(examples=["database"])
    status: State
    detail: str = Field(default="", description="What to do, if it is down.")


class HealthBody(BaseModel):
    """Whether the system can do its work."""

    status: State
    parts: list[PartBody]


class Readiness:
    """Looks at the parts of the system."""

    def __init__(self, database: Database, artifacts: Artifacts, home: Path) -> None:
        self._database, self._artifacts, self._home = database, artifacts, home
        self._looking = asyncio.Lock()
        self._last: HealthBody | None = None
        self._looked_at = 0.0

    async def look(self) -> HealthBody:
        """How the system is, as of the last second."""
        async with self._looking:
            if self._last is None or time.monotonic() - self._looked_at > KEPT_S:
                self._last = await self._looked()
                self._looked_at = time.monotonic()
            return self._last

    async def _looked(self) -> HealthBody:
        looks = (self._of_database(), self._of_orchestrators(), self._of_artifacts(), self._of_disk())
        parts = list(await asyncio.gather(*looks))
        return HealthBody(status="ok" if all(part.status == "ok" for part in parts) else "down", parts=parts)

    async def _of_database(self) -> PartBody:
        try:
            async with asyncio.timeout(CHECK_S):
                await self._database.fetch("select 1")
        except (EopiezError, TimeoutError):
            return PartBody(name="database", status="down", detail="it does not answer; is it running?")
        return PartBody(name="database", status="ok")

    async def _of_orchestrators(self) -> PartBody:
        try:
            async with asyncio.timeout(CHECK_S):
                drivers = await Vitals(self._database).drivers()
        except (EopiezError, TimeoutError):
            detail = "unknown while the database does not answer"
            return PartBody(name="orchestrator", status="down", detail=detail)
        if not drivers.takers:
            detail = "none takes workflows; start one with `eopiez orchestrate`"
            return PartBody(name="orchestrator", status="down", detail=detail)
        known = f"{drivers.orchestrators} on {drivers.clusters} cluster(s)"
        return PartBody(name="orchestrator", status="ok", detail=known)

    async def _of_artifacts(self) -> PartBody:
        try:
            async with asyncio.timeout(CHECK_S):
                await asyncio.to_thread(self._artifacts.probe)
        except (EopiezError, TimeoutError):
            return PartBody(name="artifacts", status="down", detail="their store cannot be read or written")
        return PartBody(name="artifacts", status="ok")

    async def _of_disk(self) -> PartBody:
        free = await asyncio.to_thread(_free_bytes, self._home.expanduser().absolute())
        if free < FREE_BYTES:
            return PartBody(name="disk", status="down", detail=f"only {free // 2**20:,} MiB are free; make room")
        return PartBody(name="disk", status="ok")


def _free_bytes(folder: Path) -> int:
    """What is free where the folder is, or will be."""
    return shutil.disk_usage(next(parent for parent in (folder, *folder.parents) if parent.exists())).free
