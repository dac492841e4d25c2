"""What is erased for good, and how far that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Scope(StrEnum):
    """What an erasure is about."""

    PROJECT = "project"
    """All data of a project; the project itself stays, empty."""
    WORKFLOW = "workflow"
    SUBJECT = "subject"
    """Whatever holds a value: whole workflows, whole uploads, lines of the system's log."""


@dataclass(frozen=True, slots=True)
class Found:
    """What would be erased."""

    scope: Scope
    target: str
    """As ``ErasureView.target``."""
    project: str
    workflows: tuple[UUID, ...]
    uploads: tuple[UUID, ...]
    lines: tuple[int, ...] = ()
    """Lines of the system's own log."""
    at_work: tuple[UUID, ...] = ()
    """Those of the workflows that are not at rest, and so cannot be erased now."""


@dataclass(frozen=True, slots=True)
class ErasureView:
    """An erasure that was begun."""

    id: UUID
    kind: Scope
    target: str
    """The project's name or the workflow's id; of a data subject, nothing that tells who it was."""
    project: str
    """Empty for all of them."""
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, int]
    """How many workflows, results, artifacts, cached results, uploads, folders and lines have gone."""
    digests_hash: str
    """SHA-256 over the digests of all results that have gone, each after the hash before it; in hexadecimal."""
    workflows: int
    """How many belong to it."""
