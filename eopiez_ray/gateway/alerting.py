"""Whose alerts, rules, channels and silences a request is about, and how they look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Path, Query
from pydantic import BaseModel, Field

from ..errors import ForbiddenError, ParameterError
from ..model.access import Caller, Role
from ..model.alerts import Alert, AlertStatus, Severity, Silence, StoredChannel, StoredRule
from ..monitoring.alerts.rules import NAME
from ..store.alert_desk import Check
from .access import CallerDep, ProjectParameter, project_for
from .acting import same_version
from .bodies import ViewBody
from .problems import Problem
from .representation import Body, Moment, bad_cursor, place

Name = Annotated[str, Path(pattern=NAME, max_length=63, description="Its name in the project.")]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of the version that was read.")]
SystemParameter = Annotated[
    bool, Query(alias="system", description="The system's own, instead of a project's; for system administrators.")
]


class Scope:
    """A dependency: the project that a request is about, for a caller who has the role; None for the system."""

    def __init__(self, role: Role) -> None:
        self._role = role

    async def __call__(
        self, caller: CallerDep, project: ProjectParameter = None, system: SystemParameter = False
    ) -> str | None:
        """The project.

        Raises:
            ForbiddenError: it is about the system, and the caller does not manage it.
            ParameterError: it is about the system and a project.
            Problem: the caller may not do there what the role may.
        """
        if not system:
            return project_for(caller, project, self._role)
        if not caller.is_system_administrator:
            raise ForbiddenError("only system administrators may do this")
        if project is not None:
            raise ParameterError("give one of `project` and `system`")
        return None


ViewedScope = Annotated[str | None, Depends(Scope(Role.VIEWER))]
OperatedScope = Annotated[str | None, Depends(Scope(Role.OPERATOR))]
KeptScope = Annotated[str | None, Depends(Scope(Role.ADMINISTRATOR))]


def check_scope(caller: Caller, project: str | None, role: Role) -> None:
    """Check that the caller, who can see something, may change it.

    Raises:
        ForbiddenError: they may not.
    """
    if project is None and not caller.is_system_administrator:
        raise ForbiddenError("only system administrators may do this")
    if project is not None and not caller.may(role, project):
        detail = f"this takes the role {role} in project {project}"
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", detail, "ask an administrator of the project")


def based_on(if_match: str | None) -> Check:
    """Checks that a change is based on the version that holds; what does not exist yet needs none."""

    def check(version: int | None) -> None:
        if version is not None:
            same_version(if_match, version)
        elif if_match is not None:
            hint = "leave If-Match out to create it"
            raise Problem(HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile", "it does not exist any more", hint)

    return check


def name_at(cursor: str | None) -> tuple[str, str]:
    """Where a list by project and name goes on.

    Raises:
        Problem: the cursor is none of this list.
    """
    held = place(cursor)
    if held is None:
        return "", ""
    if not (isinstance(held, list) and [type(each) for each in held] == [str, str]):
        raise bad_cursor()
    return held[0], held[1]


def tag_of(version: int) -> Mapping[str, str]:
    """The headers that tell a version."""
    return {"ETag": f'"{version}"'}


class AlertBody(ViewBody):
    """Something that is or was wrong."""

    id: UUID
    rule: str
    rule_project: str | None = Field(description="Whose rule it is; null for a rule of the system.")
    project: str | None = Field(description="What it is about; null for the system.")
    labels: dict[str, str]
    severity: Severity
    summary: str
    status: AlertStatus
    value: float
    started_at: datetime = Field(description="When its condition began to hold.")
    fired_at: datetime | None
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    comment: str

    @classmethod
    def of(cls, alert: Alert) -> AlertBody:
        """What is shown of it."""
        return cls(**{name: getattr(alert, name) for name in cls.model_fields})


class HappeningBody(BaseModel):
    """A row of an alert's history."""

    id: int
    at: datetime
    kind: str = Field(examples=["fired"], description="`pending`, `fired`, `told`, `acknowledged` or `resolved`.")
    by: str
    data: dict[str, Any]


class AcknowledgementBody(Body):
    """What is said with an acknowledgement."""

    comment: str = Field(default="", max_length=1000, examples=["on it"])


class RuleBody(ViewBody):
    """A rule as somebody has written it."""

    project: str | None = Field(description="Null for a rule of the system.")
    name: str
    version: int
    updated_by: str
    updated_at: datetime
    spec: dict[str, Any]

    @classmethod
    def of(cls, stored: StoredRule) -> RuleBody:
        """What is shown of it."""
        facts = {name: getattr(stored, name) for name in ("project", "name", "version", "updated_by", "updated_at")}
        return cls(**facts, spec={name: value for name, value in stored.document.items() if name != "name"})


class BuiltInBody(BaseModel):
    """A rule that holds unless somebody has written one of the system with its name."""

    name: str
    spec: dict[str, Any]


class BuiltInsBody(BaseModel):
    """All built-in rules."""

    items: list[BuiltInBody]


class ChannelBody(ViewBody):
    """Who is told."""

    id: UUID
    project: str | None = Field(description="Null for a channel of the system.")
    name: str
    version: int
    updated_by: str
    updated_at: datetime
    spec: dict[str, Any] = Field(description="Without its URL and secret, which are shown to nobody.")

    @classmethod
    def of(cls, stored: StoredChannel) -> ChannelBody:
        """What is shown of it."""
        names = ("id", "project", "name", "version", "updated_by", "updated_at")
        spec = {name: value for name, value in stored.document.items() if name != "name"}
        return cls(**{name: getattr(stored, name) for name in names}, spec=spec)


class TestBody(BaseModel):
    """What became of a message that was sent for a try."""

    is_delivered: bool
    error: str = Field(description="Why it was not delivered.")


class DeliveryBody(ViewBody):
    """A message, and what became of it."""

    id: int
    title: str
    created_at: datetime
    due_at: datetime = Field(description="When it is tried next, unless it was delivered or given up.")
    attempts: int
    delivered_at: datetime | None
    given_up_at: datetime | None
    error: str


class NewSilenceBody(Body):
    """What is to be silent, and until when."""

    rule: str | None = Field(default=None, max_length=63, examples=["backlog-old"], description="Null means any rule.")
    labels: dict[str, Annotated[str, Field(max_length=255)]] = Field(
        default_factory=dict,
        max_length=20,
        examples=[{"node": "rack-1"}],
        description="It matches alerts with all these.",
    )
    starts_at: Moment | None = Field(default=None, description="Now by default.")
    ends_at: Moment = Field(examples=["2031-11-29T18:00:00Z"])
    comment: str = Field(default="", max_length=1000)


class SilenceChangeBody(Body):
    """Until when a silence lasts."""

    ends_at: Moment = Field(examples=["2031-11-29T18:00:00Z"])
    comment: str = Field(default="", max_length=1000)


class SilenceBody(ViewBody):
    """Nobody is told of what it matches, for a while."""

    id: UUID
    project: str | None = Field(description="Null for a silence of the system.")
    rule: str | None
    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    comment: str
    created_by: str
    created_at: datetime
    version: int

    @classmethod
    def of(cls, silence: Silence) -> SilenceBody:
        """What is shown of it."""
        return cls(**{name: getattr(silence, name) for name in cls.model_fields})
