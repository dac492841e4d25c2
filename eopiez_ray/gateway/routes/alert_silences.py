"""Silences: what nobody is told of for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from ...errors import ChangedMeanwhileError, ParameterError
from ...model.access import Caller, Role
from ...model.alerts import Silence
from ...store.alert_desk import FIRST, AlertDesk
from ..access import CallerDep, ProjectParameter, SystemDep, projects_for
from ..acting import same_version
from ..alerting import IfMatch, NewSilenceBody, OperatedScope, SilenceBody, SilenceChangeBody, check_scope, tag_of
from ..documented import READS, WRITES, answers
from ..problems import not_found
from ..representation import CursorParameter, Limit, Page, id_at, page_of, reply
from ..routing import Resource
from ..system import System

router = Resource(prefix="/alerts/silences", tags=["alerts"])

SilenceParameter = Annotated[UUID, Path(description="The silence's id.")]


@router.get("", operation_id="list_alert_silences", response_model=Page[SilenceBody], responses=READS)
async def list_alert_silences(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Silences that have not ended; for system administrators those of the system, too."""
    projects = projects_for(caller, project, Role.VIEWER)
    now = datetime.now(UTC)
    found = await AlertDesk(system.database).silences(projects, now, id_at(cursor) or FIRST, limit)
    return reply(page_of([SilenceBody.of(each) for each in found], limit, str(found[-1].id) if found else None))


@router.post(
    "", operation_id="create_alert_silence", status_code=HTTPStatus.CREATED, response_model=SilenceBody,
    responses=WRITES,
)  # fmt: skip
async def create_alert_silence(
    body: NewSilenceBody, scope: OperatedScope, system: SystemDep, caller: CallerDep
) -> Response:
    """Let nobody be told, until a time. A project's silence holds for the project's channels. Takes an operator."""
    begin = body.starts_at or datetime.now(UTC)
    _check_end(begin, body.ends_at)
    made = await AlertDesk(system.database).add_silence(
        scope, body.rule, body.labels, begin, body.ends_at, body.comment, caller.name
    )
    return reply(SilenceBody.of(made), HTTPStatus.CREATED, tag_of(made.version))


@router.get("/{silence:uuid}", operation_id="get_alert_silence", response_model=SilenceBody, responses=READS)
async def get_alert_silence(silence: SilenceParameter, system: SystemDep, caller: CallerDep) -> Response:
    """A silence, with the ETag of its version."""
    found = await _seen(system, caller, silence)
    return reply(SilenceBody.of(found), headers=tag_of(found.version))


@router.put(
    "/{silence:uuid}", operation_id="change_alert_silence", response_model=SilenceBody, responses=answers(400, 412, 428)
)
async def change_alert_silence(
    silence: SilenceParameter, body: SilenceChangeBody, system: SystemDep, caller: CallerDep, if_match: IfMatch = None
) -> Response:
    """Let a silence end at another time, if `If-Match` names its version. Takes an operator."""
    found = await _seen(system, caller, silence, Role.OPERATOR)
    same_version(if_match, found.version)
    _check_end(found.starts_at, body.ends_at)
    changed = await AlertDesk(system.database).change_silence(silence, found.version, body.ends_at, body.comment)
    if changed is None:
        raise ChangedMeanwhileError("it has changed since you read it")
    return reply(SilenceBody.of(changed), headers=tag_of(changed.version))


@router.delete(
    "/{silence:uuid}", operation_id="end_alert_silence", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=WRITES,
)  # fmt: skip
async def end_alert_silence(silence: SilenceParameter, system: SystemDep, caller: CallerDep) -> Response:
    """End a silence: whatever still fires is told now. Takes an operator."""
    await _seen(system, caller, silence, Role.OPERATOR)
    await AlertDesk(system.database).end_silence(silence)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _check_end(begin: datetime, end: datetime) -> None:
    if end <= begin or end <= datetime.now(UTC):
        raise ParameterError("a silence ends after it begins, and not in the past")


async def _seen(system: System, caller: Caller, silence: UUID, role: Role = Role.VIEWER) -> Silence:
    found = await AlertDesk(system.database).silence(silence, projects_for(caller, None, Role.OBSERVER))
    if found is None:
        raise not_found("silence", silence, "GET /v1/alerts/silences lists those that you can see")
    check_scope(caller, found.project, role)
    return found
