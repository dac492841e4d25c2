"""Erasures outlive the backups from before them: the repository knows them, and a restore begins them again.

The note has ids alone, and of a data subject nothing that tells who it was.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..store.backups import Erased

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .repository import Repository


def remember(repository: Repository, erased: Iterable[Erased]) -> None:
    """Let the repository know them, besides those that it knows; it is durable when this returns."""
    known = {each.id: each for each in remembered(repository)}
    wanted = known | {each.id: each for each in erased}
    if wanted.keys() != known.keys():
        repository.put_erasures(json.dumps([asdict(each) for each in wanted.values()], default=str).encode())


def remembered(repository: Repository) -> list[Erased]:
    """All that was erased in the systems of this repository.

    Raises:
        DamagedBackupError: the note was changed.
    """
    return [_read(value) for value in json.loads(repository.erasures() or b"[]")]


def _read(value: dict[str, Any]) -> Erased:
    ids = {name: tuple(map(UUID, value[name])) for name in ("workflows", "uploads")}
    at = datetime.fromisoformat(value["requested_at"])
    return Erased(**value | ids | {"id": UUID(value["id"]), "requested_at": at})
