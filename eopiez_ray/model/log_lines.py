"""Lines of the system's log: of its parts and of all tasks, in one stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from .filters import LEVELS, LogFilter

TASK = "task"
"""The part of whatever tasks log and print."""
LONGEST_MESSAGE = 8192
"""Characters that are kept of a line."""


class Part(StrEnum):
    """Which part of the system says something."""

    GATEWAY = "gateway"
    ORCHESTRATOR = "orchestrator"
    SUPERVISOR = "supervisor"
    TASK = "task"
    """What phases log and print while a task runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """What a part of the system says."""

    at: float
    """Unix seconds."""
    level: str
    """One of ``LEVELS``."""
    part: Part
    process: str
    """The process that says it: ``host:pid``."""
    logger: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    trace_id: str = ""
    workflow_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of the stream."""

    id: int
    """Lines have the order of their ids, in which they were written down."""
    at: datetime
    level: str
    part: Part
    project: str | None
    """None for what is the system's own."""
    process: str
    logger: str
    message: str
    fields: dict[str, Any]
    request_id: str
    trace_id: str
    workflow_id: UUID | None
    workflow: str | None
    """Its name."""
    step: str | None
    partition: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFilter:
    """Selects lines; fields that are None exclude nothing."""

    projects: tuple[str, ...] | None = None
    """Lines of these projects alone; None adds those of the system itself."""
    since: datetime | None = None
    until: datetime | None = None
    level: str | None = None
    """The least important level."""
    part: Part | None = None
    workflow: UUID | None = None
    step: str | None = None
    """A step, or a content phase: the steps whose names begin with it and a dot."""
    request_id: str | None = None
    trace_id: str | None = None
    text: str | None = None
    """Lines that contain this, whatever the case."""

    def levels(self) -> list[str] | None:
        """The levels to show; None for all. Errors as in ``LogFilter.levels``."""
        return LogFilter(level=self.level).levels()

    def matches(self, line: LineView) -> bool:
        """Whether a line is selected."""
        levels = self.levels()
        return (
            (self.projects is None or line.project in self.projects)
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at < self.until)
            and (levels is None or line.level in levels)
            and self.part in {None, line.part}
            and self.workflow in {None, line.workflow_id}
            and (self.step is None or line.step == self.step or (line.step or "").startswith(f"{self.step}."))
            and self.request_id in {None, line.request_id}
            and self.trace_id in {None, line.trace_id}
            and (self.text is None or self.text.lower() in line.message.lower())
        )


@dataclass(frozen=True, slots=True)
class LevelSetting:
    """From which level on a logger and those below it say something, until it is lifted."""

    logger: str
    level: str
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How long lines are kept, and how many of them."""

    age_s: float
    bytes: int
    """All lines together, without indexes."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """How many lines of tasks came into the stream, and how many were left out because they were too many."""

    lines: int
    left_out: int


def at_least(level: str) -> str:
    """The level of the standard library's as one of ``LEVELS``: names of others' own levels become the next below."""
    lowered = level.lower()
    return lowered if lowered in LEVELS else {"warn": "warning", "fatal": "critical"}.get(lowered, "info")
