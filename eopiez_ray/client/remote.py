"""A system elsewhere, reached over HTTP: the names of ``ez.local()``, to be awaited."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, Unpack
from uuid import UUID

from ..errors import ForbiddenError, ParameterError, PlanError
from ..model.filters import Order, WorkflowFilter
from ..model.ids import WorkflowId, uuid7
from ..model.limits import LimitKey, LimitKind
from ..model.names import DEFAULT_PROJECT, check_labels, check_priority
from ..model.requests import Answer, Selection, Verb
from ..model.status import WorkflowStatus
from . import reading, sharing
from .pages import PAGE, pages
from .pipeline import AsyncPipeline
from .transport import Call
from .workflow import AsyncRemoteWorkflow, request_body

if TYPE_CHECKING:
    from ..authoring.plans.builder import Plan
    from ..model.limits import Rules, StandingLimit
    from ..model.options import RequestOptions, StartOptions
    from ..model.views import GivenUp, SetAside, WorkflowView
    from .transport import Transport

TOGETHER = 8
"""Requests under way at once."""
ALL, EVERYTHING = WorkflowFilter(), Selection(everything=True)


class AsyncRemote:
    """A system elsewhere: ``async with eopiez_ray.connect_async(url, token) as ez: await ez.start(plan)``."""

    def __init__(self, transport: Transport, project: str | None = None) -> None:
        """
        Args:
            transport: to the gateway.
            project: what new workflows belong to, unless said otherwise; by default the only one you work for.
        """
        self._transport, self._project = transport, project
        self.pipeline = AsyncPipeline(transport, project)

    def __repr__(self) -> str:
        return f"<system at {self.url}>"

    @property
    def url(self) -> str:
        """Where it is."""
        return self._transport.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Workflows go on."""
        await self._transport.close()

    async def start(self, plan: Plan, **options: Unpack[StartOptions]) -> AsyncRemoteWorkflow:
        """Create a workflow, which an orchestrator there drives. It is durable once this returns.

        The code of its phases travels with it. If you may not send code there, a plan of phases that the system
        itself knows is sent as a document instead.

        Raises:
            ForbiddenError: you may not run it there.
            PlanError, ParameterError: the plan or an option is invalid.
            IdempotencyConflictError: the idempotency key was used for another plan.
        """
        body, query, key = _new({"priority": plan.priority, **options}, plan.labels, self._project)
        try:
            made = await self._create(body | _with_code(plan), query, key)
        except ForbiddenError as error:
            document = _document(plan)
            if document is None:
                raise
            try:
                made = await self._create(body | {"plan": document}, query, key)
            except (ForbiddenError, PlanError):  # The phases are not known there, or reach outside.
                raise error from None
        return self._handle(made)

    async def start_registered(
        self, name: str, parameters: Mapping[str, Any] | None = None, **options: Unpack[StartOptions]
    ) -> AsyncRemoteWorkflow:
        """Create a workflow from a plan that a developer has registered there under that name.

        Args:
            name: of the plan.
            parameters: those that the plan lets one choose.
            options: as in ``start``.

        Raises:
            GatewayError: there is no such plan in the project.
            ParameterError: a parameter or an option is invalid.
        """
        body, query, key = _new(options, {}, self._project)
        return self._handle(await self._create(body | {"plan": name, "parameters": dict(parameters or {})}, query, key))

    async def start_many(self, plans: Sequence[Plan], **options: Unpack[StartOptions]) -> list[AsyncRemoteWorkflow]:
        """As ``start``, for many plans, each by itself: if one is refused, others may have been created."""
        gate = asyncio.Semaphore(TOGETHER)

        async def one(plan: Plan) -> AsyncRemoteWorkflow:
            async with gate:
                return await self.start(plan, **options)

        return list(await asyncio.gather(*map(one, plans)))

    async def submit(self, plan: Plan, **options: Unpack[StartOptions]) -> AsyncRemoteWorkflow:
        """As ``start``: an orchestrator there drives it in any case."""
        return await self.start(plan, **options)

    async def workflow(self, text: str, project: str | None = None) -> AsyncRemoteWorkflow:
        """The workflow with that id, or with a unique beginning or end of one; of this project, if one is given.

        Raises:
            WorkflowNotFoundError: there is none that you can see, or several.
        """
        return self._handle(await self._transport.get("workflows/find", id=str(text), project=project))

    async def workflows(
        self,
        status: WorkflowStatus | None = None,
        limit: int = 50,
        *,
        where: WorkflowFilter = ALL,
        order: Order = Order.NEWEST,
        after: WorkflowId | None = None,
    ) -> list[WorkflowView]:
        """Workflows, newest first by default, without their plans.

        Args:
            status: only those with this status.
            limit: how many at most.
            where: only those that meet these conditions.
            order: oldest or newest first.
            after: continues after the last one on an earlier page.
        """
        wanted = where if status is None else replace(where, statuses=(status,))
        query = _conditions(wanted) | {"order": order, "after": after}
        found = pages(self._transport, "workflows", most=limit, **query)
        return [reading.workflow_view(each) async for each in found]

    async def ids(
        self, where: WorkflowFilter = ALL, *, order: Order = Order.NEWEST, limit: int | None = None
    ) -> dict[WorkflowId, WorkflowStatus]:
        """Workflows that you may steer, by id, with their status: to pause, cancel or retry them and no others.

        Args:
            where: only those that meet these conditions.
            order: oldest or newest first.
            limit: how many at most.
        """
        found = pages(self._transport, "workflows/ids", most=limit, **_conditions(where), order=order)
        return {WorkflowId(UUID(each["id"])): WorkflowStatus(each["status"]) async for each in found}

    async def statuses(self, workflows: Collection[WorkflowId]) -> dict[WorkflowId, WorkflowStatus]:
        """The status of these workflows."""
        gate = asyncio.Semaphore(TOGETHER)

        async def one(workflow: WorkflowId) -> tuple[WorkflowId, WorkflowStatus]:
            async with gate:
                return workflow, await AsyncRemoteWorkflow(self._transport, workflow).status()

        return dict(await asyncio.gather(*map(one, workflows)))

    async def count(self, verb: Verb, selection: Selection) -> int:
        """How many workflows a request would apply to now; 1,001 stands for more."""
        if selection.ids is not None:
            return len(selection.ids)
        query = _selected(selection, selection.statuses_for(verb))
        page = await self._transport.get("workflows", limit=1, counted=True, **query)
        return int(page["count"])

    async def given_up(self, selection: Selection = EVERYTHING, limit: int = 1000) -> list[GivenUp]:
        """Tasks of failed or quarantined workflows that have used up their attempts, latest first.

        Args:
            selection: which workflows; all by default.
            limit: how many at most.

        Raises:
            ParameterError: it names workflows by id, which a gateway does not select failures by.
        """
        found = pages(self._transport, "workflows/failures", most=limit, **_selected(selection, selection.statuses))
        return [reading.given_up(each) async for each in found]

    async def set_aside(self, selection: Selection = EVERYTHING, limit: int = 1000) -> list[SetAside]:
        """Quarantined workflows and why they were set aside, newest first. Arguments and errors as in ``given_up``."""
        query = _selected(selection, selection.statuses)
        page = await self._transport.get("workflows/failures", limit=min(limit, PAGE), **query)
        return [reading.set_aside(each) for each in page["quarantined"]]

    async def limit(self, kind: LimitKind | str, name: str, maximum: int | None, project: str = "") -> None:
        """Limit concurrent calls for a project, an owner, a label (``key=value``) or a phase; None lifts the limit.

        With a ``project``, a limit on an owner, label or phase is about the calls of this project alone; without one,
        it counts those of all projects together.

        Raises:
            ForbiddenError: you are no system administrator.
            ParameterError: the maximum is negative, or the label is not named ``key=value``.
        """
        await sharing.limit(self._transport, LimitKey(LimitKind(kind), name, project), maximum)

    async def weigh(self, owner: str, weight: float, project: str = DEFAULT_PROJECT) -> None:
        """Set an owner's share of what the project has, relative to its other owners, who have 1.

        Raises:
            ForbiddenError: you are no system administrator.
            ParameterError: the weight is not above 0.
        """
        await sharing.weigh(self._transport, weight, project, owner)

    async def weigh_project(self, project: str, weight: float) -> None:
        """Set a project's share of the cluster relative to other projects, which have 1. Errors as in ``weigh``."""
        await sharing.weigh(self._transport, weight, project)

    async def limits(self) -> list[StandingLimit]:
        """All limits that you may see, and how much of each is in use."""
        return await sharing.limits(self._transport)

    async def rules(self) -> Rules:
        """All limits and weights that you may see."""
        return await sharing.rules(self._transport)

    async def pause(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Request a pause of all selected workflows, and give the answer for each without waiting."""
        return await self._ask(Verb.PAUSE, selection, options)

    async def cancel(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Request a cancel of all selected workflows, and give the answer for each without waiting."""
        return await self._ask(Verb.CANCEL, selection, options)

    async def resume(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Queue all selected workflows again after a pause."""
        return await self._ask(Verb.RESUME, selection, options)

    async def retry(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Queue all selected workflows again after they failed, were cancelled or quarantined."""
        return await self._ask(Verb.RETRY, selection, options)

    async def queue(self, verb: Verb, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """As ``resume`` or ``retry``: an orchestrator there drives them in any case."""
        return await self._ask(verb, selection, options)

    async def request(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Any:
        """The JSON that any endpoint answers with, for what has no method here. Sent again only if that is safe.

        Raises:
            EopiezError: the gateway refuses, or does not answer for longer than we are patient.
        """
        is_safe = method.upper() in {"GET", "PUT", "DELETE"}
        return await self._transport.json(
            Call(method=method, path=path, query=query, body=body, headers=headers or {}, is_repeatable=is_safe)
        )

    async def performance(self, **query: Any) -> dict[str, Any]:
        """What workflows and tasks took, by group, in a window.

        Args:
            query: as `GET /performance` takes it, such as ``group=["step"], window_s=3600, baseline="week"``.

        Raises:
            ParameterError: the gateway does not understand the question.
        """
        found: dict[str, Any] = await self._transport.get("performance", **{"project": self._project} | query)
        return found

    async def costs(self, **query: Any) -> dict[str, Any]:
        """What tasks used, and what that cost, by group, in a window.

        Args:
            query: as `GET /costs` takes it, such as ``group=["owner"], window_s=86400``.

        Raises:
            ParameterError: the gateway does not understand the question.
        """
        found: dict[str, Any] = await self._transport.get("costs", **{"project": self._project} | query)
        return found

    async def metrics(self) -> list[dict[str, Any]]:
        """All metrics as far as you can see them, each with its kind, unit and samples, as they are now."""
        found = await self._transport.get("metrics", format="json", project=self._project)
        metrics: list[dict[str, Any]] = found["metrics"]
        return metrics

    def _handle(self, made: Mapping[str, Any]) -> AsyncRemoteWorkflow:
        return AsyncRemoteWorkflow(self._transport, WorkflowId(UUID(made["id"])))

    async def _create(self, body: Mapping[str, Any], query: Mapping[str, Any], key: str) -> Any:
        """Create a workflow; under one key it is created once, however often this is sent."""
        headers = {"Idempotency-Key": key}
        return await self._transport.json(
            Call(method="POST", path="workflows", query=query, body=body, headers=headers, is_repeatable=True)
        )

    async def _ask(self, verb: Verb, selection: Selection, options: RequestOptions) -> list[Answer]:
        names = ("labels", "owner", "name", "statuses", "error_type", "everything")
        body = {name: getattr(selection, name) for name in names} | request_body(options)
        body |= {"labels": dict(selection.labels), "ids": selection.ids and [*map(str, selection.ids)]}
        call = Call(
            method="POST", path=f"workflows/{verb}", query={"project": _only(selection.projects)}, body=body,
            is_repeatable=verb is not Verb.RETRY,
        )  # fmt: skip
        return [*map(reading.answer_of, (await self._transport.json(call))["answers"])]


def _new(
    options: StartOptions, plan_labels: Mapping[str, str], project: str | None
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The request for a new workflow, apart from its plan; labels given at the start override the plan's own.

    Raises:
        ParameterError: an option is invalid here.
    """
    if options.get("owner"):
        raise ParameterError("at a gateway, workflows belong to whoever starts them; leave out `owner`")
    body: dict[str, Any] = {"labels": {**plan_labels, **options.get("labels", {})}}
    check_labels(body["labels"])
    if "priority" in options:
        check_priority(options["priority"])
        body["priority"] = options["priority"]
    key = options.get("idempotency_key") or str(uuid7())
    return body, {"project": options.get("project", project)}, key


def _with_code(plan: Plan) -> dict[str, Any]:
    code = {digest: base64.b64encode(each).decode() for digest, each in plan.code().items()}
    return {"spec": plan.spec().to_value(), "code": code}


def _document(plan: Plan) -> dict[str, Any] | None:
    """The plan as a document; None if code of yours is in it."""
    try:
        return plan.to_document()
    except PlanError:
        return None


def _selected(selection: Selection, statuses: Sequence[WorkflowStatus] | None) -> dict[str, Any]:
    """A selection as the query of a list."""
    if selection.ids is not None:
        raise ParameterError("a gateway selects these by labels, owner, name, status or error, not by id")
    where = WorkflowFilter(
        projects=selection.projects, labels=selection.labels, owner=selection.owner, name=selection.name,
        error_type=selection.error_type, statuses=None if statuses is None else tuple(statuses),
    )  # fmt: skip
    return _conditions(where)


def _conditions(where: WorkflowFilter) -> dict[str, Any]:
    """A filter as the query of a list."""
    return {
        "project": _only(where.projects),
        "status": None if where.statuses is None else [*where.statuses],
        "label": [*map(_condition, where.labels, where.labels.values())],
        "owner": where.owner,
        "name": where.name,
        "text": where.text,
        "error_type": where.error_type,
        "plan": where.plan,
        "created_after": where.created_after and where.created_after.isoformat(),
        "created_before": where.created_before and where.created_before.isoformat(),
    }


def _condition(key: str, value: str) -> str:
    if "=" in key:
        raise ParameterError(f"a gateway cannot look for the label {key!r}: its name has a = in it")
    return f"{key}={value}"


def _only(projects: Collection[str] | None) -> str | None:
    if projects is not None and len(projects) != 1:
        raise ParameterError("a gateway answers for one project at a time, or for all of yours: name one, or none")
    return None if projects is None else next(iter(projects))
