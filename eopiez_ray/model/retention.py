"""How long data is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kept(StrEnum):
    """Kinds of data that are kept for a time, which begins when their workflow has ended."""

    RESULTS = "results"
    """Whole workflows: with their results goes everything else of theirs."""
    LOGS = "logs"
    """Lines that tasks log and print."""
    REJECTS = "rejects"
    """Rejected rows."""
    ERRORS = "errors"
    """What errors say; that there was one, and of which type, stays as long as the workflow."""
    UPLOADS = "uploads"
    """Uploads, from the moment that they began to arrive; those that a registered plan, or a workflow under way, names
    are kept."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How long a project keeps a kind of data."""

    project: str
    kind: Kept
    days: float | None
    """None for ever."""
