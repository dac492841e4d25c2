"""Tries a backup: restores it into a scratch home, and counts what is there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..engine.artifacts import Artifacts
from ..settings import Settings
from ..store.audit import AuditLog
from ..store.backups import BackupDesk
from .restoring import restore
from .system import Source, Tells, opened

if TYPE_CHECKING:
    from .repository import Repository


@dataclass(frozen=True, slots=True)
class Verified:
    """What a backup holds, as it was found after a restore."""

    backup: str
    workflows: int
    unfinished: int
    tasks: int
    artifacts: int
    rows: int
    """Of all tables together, each of which was read."""
    audit_rows: int
    files: int
    took_s: float
    faults: tuple[str, ...]
    """What is missing or wrong."""


async def verify(settings: Settings, repository: Repository, tell: Tells, backup: str, scratch: Path) -> Verified:
    """Restore a backup into a folder that is gone afterwards, start its database, read all of it, and look for each
    artifact that it names.

    Args:
        settings: of the system; nothing of it is touched.
        repository: has the backup.
        tell: is told how it goes on.
        backup: its id.
        scratch: where there is room for it.

    Raises:
        DamagedBackupError: it cannot be restored.
        BackupNotFoundError: there is none of this id.
    """
    began = time.monotonic()
    with TemporaryDirectory(prefix="eopiez-verify-", dir=scratch) as folder:
        trial = scratch_settings(settings, Path(folder, "home"))
        restored = await restore(trial, repository, tell, backup=backup)
        tell("counting")
        async with opened(trial) as source:
            faults, artifacts = await _missing(source)
            audit_rows, found = await AuditLog(source.database).verify([])
            rows = await BackupDesk(source.database).rows()
    held = restored.inventory
    return Verified(
        backup, held.workflows, held.unfinished, held.tasks, artifacts, sum(rows.values()), audit_rows, restored.files,
        time.monotonic() - began, (*faults, *map(str, found)),
    )  # fmt: skip


async def note_verification(settings: Settings, url: str, backup: str) -> None:
    """Let the system remember that a backup was verified, if it is on this machine or elsewhere, and not lost."""
    has_own = (settings.home.expanduser() / "postgres" / "data").exists()
    if has_own or settings.database_url is not None:
        async with opened(settings) as source:
            await BackupDesk(source.database).note_verification(url, backup)


def scratch_settings(settings: Settings, home: Path) -> Settings:
    """The same settings for a system of its own in another home."""
    elsewhere = {"home": home, "database_url": None, "pooler_url": None, "artifact_url": None, "gateway_folder": None}
    return Settings(**{**settings.model_dump(exclude_unset=True), **elsewhere})


async def _missing(source: Source) -> tuple[list[str], int]:
    """What artifacts are missing or damaged, and how many there are."""
    artifacts, outputs = Artifacts(source.settings.artifacts), await BackupDesk(source.database).outputs()
    faults = [(each, fault) for each in outputs if (fault := artifacts.fault(each)) is not None]
    return [f"artifact {each.digest.hex()} ({each.size:,} bytes) is {fault}" for each, fault in faults], len(outputs)
