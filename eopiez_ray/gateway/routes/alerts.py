"""Alerts: what is wrong, what has happened to it, and who takes care of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response

from ...model.access import Caller, Role
from ...model.alerts import Alert, AlertFilter, AlertStatus, Severity
from ...store.alerts import NEWEST, AlertStore
from ..access import CallerDep, ProjectParameter, SystemDep, projects_for
from ..alerting import AcknowledgementBody, AlertBody, HappeningBody, check_scope
from ..documented import READS, WRITES
from ..problems import Problem, not_found
from ..representation import CursorParameter, Limit, Page, id_at, number_at, page_of, reply
from ..routing import Resource
from ..system import System

router = Resource(prefix="/alerts", tags=["alerts"])

AlertParameter = Annotated[UUID, Path(description="The alert's id.")]


@router.get("", operation_id="list_alerts", response_model=Page[AlertBody], responses=READS)
async def list_alerts(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    status: Annotated[
        list[AlertStatus] | None, Query(description="Any of these; repeat it. All by default, resolved ones too.")
    ] = None,
    severity: Annotated[Severity | None, Query(description="This severity and above.")] = None,
    rule: Annotated[str | None, Query(max_length=63)] = None,
    is_acknowledged: bool | None = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Response:
    """Alerts about the projects that the caller can see, and for system administrators all; the newest first."""
    where = AlertFilter(
        projects=projects_for(caller, project, Role.VIEWER), statuses=tuple(status) if status else None,
        severity=severity, rule=rule, is_acknowledged=is_acknowledged,
    )  # fmt: skip
    found = await AlertStore(system.database).page(where, id_at(cursor) or NEWEST, limit)
    return reply(page_of([AlertBody.of(each) for each in found], limit, str(found[-1].id) if found else None))


@router.get("/{alert:uuid}", operation_id="get_alert", response_model=AlertBody, responses=READS)
async def get_alert(alert: AlertParameter, system: SystemDep, caller: CallerDep) -> Response:
    """An alert."""
    return reply(AlertBody.of(await _seen(system, caller, alert)))


@router.get(
    "/{alert:uuid}/history", operation_id="list_alert_history", response_model=Page[HappeningBody], responses=READS
)
async def list_alert_history(
    alert: AlertParameter, system: SystemDep, caller: CallerDep, cursor: CursorParameter = None, limit: Limit = 100
) -> Response:
    """What has happened to an alert, oldest first: when it fired, which channels were told, who acknowledged it."""
    await _seen(system, caller, alert)
    found = await AlertStore(system.database).history(alert, number_at(cursor), limit)
    items = [
        HappeningBody(id=number, at=each.at, kind=each.kind, by=each.by, data=dict(each.data)) for number, each in found
    ]
    return reply(page_of(items, limit, found[-1][0] if found else None))


@router.post("/{alert:uuid}/acknowledge", operation_id="acknowledge_alert", response_model=AlertBody, responses=WRITES)
async def acknowledge_alert(
    alert: AlertParameter, body: AcknowledgementBody, system: SystemDep, caller: CallerDep
) -> Response:
    """Say that somebody takes care of it: nobody is told again, and it escalates no further. Takes an operator."""
    await _seen(system, caller, alert, Role.OPERATOR)
    acknowledged = await AlertStore(system.database).acknowledge(alert, caller.name, body.comment)
    if acknowledged is None:
        detail = "the alert is resolved, and needs no acknowledgement"
        raise Problem(
            HTTPStatus.CONFLICT, "transition-refused", detail, "GET /v1/alerts?status=firing lists the others"
        )
    return reply(AlertBody.of(acknowledged))


async def _seen(system: System, caller: Caller, alert: UUID, role: Role = Role.VIEWER) -> Alert:
    """An alert, for a caller who may do with it what the role may.

    Raises:
        Problem: there is none that they can see, or their role is too small.
    """
    found = await AlertStore(system.database).get(alert, projects_for(caller, None, Role.OBSERVER))
    if found is None:
        raise not_found("alert", alert, "GET /v1/alerts lists those that you can see")
    check_scope(caller, found.project, role)
    return found
