"""Channels: who is told of alerts."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from ...errors import NotDeliveredError, ParameterError
from ...model.access import Role
from ...model.alerts import StoredChannel
from ...monitoring.alerts.book import place_of, receiver_of
from ...monitoring.alerts.channels import Channel, ChannelSpec, open_part, sealed_part
from ...store.alert_desk import AlertDesk
from ...store.alerts import LAST, AlertStore
from ...store.encoding import to_json
from ..access import CallerDep, ProjectParameter, SystemDep, projects_for
from ..alerting import (
    ChannelBody,
    DeliveryBody,
    IfMatch,
    KeptScope,
    Name,
    TestBody,
    ViewedScope,
    based_on,
    name_at,
    tag_of,
)
from ..documented import READS, WRITES, answers
from ..problems import Problem, not_found
from ..representation import CursorParameter, Limit, Page, number_at, page_of, reply
from ..routing import Resource
from ..system import System

router = Resource(prefix="/alerts/channels", tags=["alerts"])

CHANGES = answers(400, 403, 409, 412, 413, 428)


@router.get("", operation_id="list_alert_channels", response_model=Page[ChannelBody], responses=READS)
async def list_alert_channels(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Channels by project and name, without their URLs; for system administrators those of the system, too."""
    projects = projects_for(caller, project, Role.VIEWER)
    found = await AlertDesk(system.database).channels(projects, name_at(cursor), limit)
    end = [found[-1].project or "", found[-1].name] if found else None
    return reply(page_of([ChannelBody.of(each) for each in found], limit, end))


@router.get("/{name}", operation_id="get_alert_channel", response_model=ChannelBody, responses=READS)
async def get_alert_channel(name: Name, scope: ViewedScope, system: SystemDep) -> Response:
    """A channel, with the ETag of its version."""
    stored = await _found(system, scope, name)
    return reply(ChannelBody.of(stored), headers=tag_of(stored.version))


@router.put("/{name}", operation_id="put_alert_channel", response_model=ChannelBody, responses=CHANGES)
async def put_alert_channel(
    name: Name, body: ChannelSpec, scope: KeptScope, system: SystemDep, caller: CallerDep, if_match: IfMatch = None
) -> Response:
    """Write a channel. One that exists is replaced, if `If-Match` names its version. Takes an administrator.

    Its URL may lead where `EOPIEZ_ALERT_TARGETS` allows.
    """
    channel = Channel(name=name, **body.model_dump(by_alias=True))
    await _check_target(system, channel)
    target = system.seal.close(to_json(sealed_part(channel)), place_of(scope, name))
    desk = AlertDesk(system.database)
    stored = await desk.put_channel(scope, name, target, open_part(channel), caller.name, based_on(if_match))
    return reply(ChannelBody.of(stored), headers=tag_of(stored.version))


@router.delete(
    "/{name}", operation_id="delete_alert_channel", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=CHANGES,
)  # fmt: skip
async def delete_alert_channel(name: Name, scope: KeptScope, system: SystemDep, if_match: IfMatch = None) -> Response:
    """Delete a channel, and what was still to be sent to it. Takes an administrator."""
    if not await AlertDesk(system.database).drop_channel(scope, name, based_on(if_match)):
        raise _no_channel(name)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/{name}/test", operation_id="test_alert_channel", response_model=TestBody, responses=WRITES)
async def test_alert_channel(name: Name, scope: KeptScope, system: SystemDep, caller: CallerDep) -> Response:
    """Send a message for a try, now, and say what became of it. Takes an administrator."""
    channel = receiver_of(await _found(system, scope, name), system.seal).channel
    body = f"This is a try. {caller.name} has sent it to see whether alerts arrive here."
    try:
        await system.sender.send(channel, f"test_{name}", "TEST: eopiez", body, {"kind": "test"})
    except NotDeliveredError as error:
        return reply(TestBody(is_delivered=False, error=str(error)))
    return reply(TestBody(is_delivered=True, error=""))


@router.get(
    "/{name}/deliveries", operation_id="list_alert_deliveries", response_model=Page[DeliveryBody], responses=READS
)
async def list_alert_deliveries(
    name: Name, scope: ViewedScope, system: SystemDep, cursor: CursorParameter = None, limit: Limit = 50
) -> Response:
    """What was sent to a channel or waits to be, the newest first, and why it was not delivered."""
    stored = await _found(system, scope, name)
    found = await AlertStore(system.database).deliveries(stored.id, number_at(cursor, LAST), limit)
    return reply(page_of([DeliveryBody.model_validate(each) for each in found], limit, found[-1].id if found else None))


async def _check_target(system: System, channel: Channel) -> None:
    """Check that messages may be sent there. What a name leads to is not told: names may be internal.

    Raises:
        ParameterError: they may not.
    """
    system.sender.check(channel)
    if channel.is_webhook and not await system.sender.resolver.leads_somewhere(channel.url):
        raise ParameterError("the URL leads to no address at which a webhook may be: EOPIEZ_ALERT_TARGETS")


async def _found(system: System, scope: str | None, name: str) -> StoredChannel:
    stored = await AlertDesk(system.database).channel(scope, name)
    if stored is None:
        raise _no_channel(name)
    return stored


def _no_channel(name: str) -> Problem:
    return not_found("channel", name, "GET /v1/alerts/channels lists those that you can see")
