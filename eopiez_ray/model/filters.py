"""Filters for workflows, tasks, attempts and log lines. Fields that are None or false exclude nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ..errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from .status import Outcome, WorkflowStatus


class Order(StrEnum):
    """In which order workflows are listed."""

    NEWEST = "newest"
    """Those created last come first."""
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFilter:
    """Selects workflows for a list: all that meet every condition given."""

    projects: tuple[str, ...] | None = None
    """Workflows of these projects; for a caller who may see no others, there are no others."""
    statuses: tuple[WorkflowStatus, ...] | None = None
    owner: str | None = None
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Workflows that have all of these labels, and possibly others."""
    plan: str | None = None
    """Workflows that follow the plan with this digest."""
    created_after: datetime | None = None
    """Workflows created at this time or later."""
    created_before: datetime | None = None
    """Workflows created before this time."""
    error_type: str | None = None
    """Workflows that ended with an error of this class name."""
    text: str | None = None
    """Workflows whose name or id begins with this."""


LEVELS = ("debug", "info", "warning", "error", "critical")
"""Levels of log lines, the least important first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a task or attempt ran."""

    worker: str | None = None
    host: str | None = None
    node: str | None = None
    """Ray's id of the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter(Whereabouts):
    """Selects finished tasks."""

    step: str | None = None
    slower_than_s: float | None = None
    more_than_bytes: int | None = None
    """Peak memory of its worker while it ran; tasks too short to be measured never match."""
    is_cached: bool = False
    """Only tasks whose result came from the cache."""
    has_rejects: bool = False
    """Only tasks that put rows into quarantine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFilter(Whereabouts):
    """Selects attempts without a result."""

    step: str | None = None
    slower_than_s: float | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Selects log lines."""

    step: str | None = None
    """A step, or a content phase such as ``themes``: the steps whose names begin with it and a dot."""
    partition: int | None = None
    level: str | None = None
    """The least important level: one of ``LEVELS``."""

    def levels(self) -> list[str] | None:
        """The levels to show; None for all.

        Raises:
            ParameterError: there is no such level.
        """
        if self.level is None:
            return None
        if self.level not in LEVELS:
            raise ParameterError(f"there is no log level {self.level!r}; the levels are {', '.join(LEVELS)}")
        return list(LEVELS[LEVELS.index(self.level) :])
