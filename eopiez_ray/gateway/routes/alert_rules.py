"""Rules of alerts: of projects, and of the system."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response
from pydantic_core import to_json

from ...errors import ParameterError
from ...model.access import Role
from ...monitoring.alerts.built_in import BUILT_IN
from ...monitoring.alerts.rules import Rule, RuleFile, RuleSpec, check_project, to_document
from ...store.alert_desk import AlertDesk
from ..access import CallerDep, ProjectParameter, SystemDep, projects_for
from ..alerting import (
    BuiltInBody,
    BuiltInsBody,
    IfMatch,
    KeptScope,
    Name,
    RuleBody,
    ViewedScope,
    based_on,
    name_at,
    tag_of,
)
from ..documented import READS, answers
from ..problems import Problem, not_found
from ..representation import CursorParameter, Limit, Page, page_of, reply
from ..routing import Resource

router = Resource(prefix="/alerts", tags=["alerts"])

CHANGES = answers(400, 403, 409, 412, 413, 428)


@router.get("/rules", operation_id="list_alert_rules", response_model=Page[RuleBody], responses=READS)
async def list_alert_rules(
    system: SystemDep,
    caller: CallerDep,
    project: ProjectParameter = None,
    cursor: CursorParameter = None,
    limit: Limit = 100,
) -> Response:
    """Rules that somebody has written, by project and name; for system administrators those of the system, too."""
    projects = projects_for(caller, project, Role.VIEWER)
    found = await AlertDesk(system.database).rules(projects, name_at(cursor), limit)
    end = [found[-1].project or "", found[-1].name] if found else None
    return reply(page_of([RuleBody.of(each) for each in found], limit, end))


@router.get("/built-in-rules", operation_id="list_built_in_rules", response_model=BuiltInsBody, responses=READS)
async def list_built_in_rules(_: CallerDep) -> Response:
    """Rules that hold from the beginning, unless somebody has written one of the system with the same name."""
    items = [BuiltInBody(name=name, spec=_spec(rule)) for name, rule in BUILT_IN.items()]
    return reply(BuiltInsBody(items=items))


@router.get("/rule-schema", operation_id="get_rule_schema", responses=READS)
async def get_rule_schema(_: CallerDep) -> Response:
    """The JSON Schema of files of rules, for editors and validators."""
    return Response(to_json(RuleFile.model_json_schema()), media_type="application/json")


@router.get("/rules/{name}", operation_id="get_alert_rule", response_model=RuleBody, responses=READS)
async def get_alert_rule(name: Name, scope: ViewedScope, system: SystemDep) -> Response:
    """A rule, with the ETag of its version."""
    stored = await AlertDesk(system.database).rule(scope, name)
    if stored is None:
        raise _no_rule(name)
    return reply(RuleBody.of(stored), headers=tag_of(stored.version))


@router.put("/rules/{name}", operation_id="put_alert_rule", response_model=RuleBody, responses=CHANGES)
async def put_alert_rule(
    name: Name, body: RuleSpec, scope: KeptScope, system: SystemDep, caller: CallerDep, if_match: IfMatch = None
) -> Response:
    """Write a rule. One that exists is replaced, if `If-Match` names its version. Takes an administrator.

    A rule of the system that is called like a built-in one takes its place; with `enabled: false` it switches it off.
    """
    rule = Rule(name=name, **body.model_dump(by_alias=True))
    if scope is not None:
        try:
            check_project(rule)
        except ValueError as error:
            raise ParameterError(str(error)) from error
    desk = AlertDesk(system.database)
    (stored,) = await desk.put_rules(scope, {name: to_document(rule)}, caller.name, based_on(if_match))
    return reply(RuleBody.of(stored), headers=tag_of(stored.version))


@router.delete(
    "/rules/{name}", operation_id="delete_alert_rule", status_code=HTTPStatus.NO_CONTENT, response_class=Response,
    responses=CHANGES,
)  # fmt: skip
async def delete_alert_rule(name: Name, scope: KeptScope, system: SystemDep, if_match: IfMatch = None) -> Response:
    """Delete a rule; its alerts end. Takes an administrator."""
    if not await AlertDesk(system.database).drop_rule(scope, name, based_on(if_match)):
        raise _no_rule(name)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _spec(rule: Rule) -> dict[str, object]:
    return {key: value for key, value in to_document(rule).items() if key != "name"}


def _no_rule(name: str) -> Problem:
    return not_found("rule", name, "GET /v1/alerts/rules lists those that you can see")
