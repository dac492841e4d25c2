"""A handle on one workflow at a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Unpack

from ..errors import (
    GatewayUnavailableError,
    ParameterError,
    TransitionError,
    WorkflowNotFoundError,
)
from ..model.endings import check_succeeded
from ..model.filters import AttemptFilter, LogFilter, TaskFilter
from ..model.names import check_step, check_version
from ..model.plan import PlanSpec
from ..model.requests import Mode, Timers, Verb
from ..model.status import WorkflowStatus
from . import reading
from .following import Follower, Message
from .pages import PAGE, pages
from .results import Form, Result, result_of
from .transport import Call
from .writing import as_json

if TYPE_CHECKING:
    from ..model.changes import StepChange
    from ..model.ids import WorkflowId
    from ..model.options import RequestOptions
    from ..model.tasks import TaskKey
    from ..model.views import (
        AttemptView,
        DriverView,
        EventView,
        LogView,
        PlanVersion,
        RejectReason,
        RejectView,
        StepFacts,
        StepView,
        TaskView,
        WorkflowView,
    )
    from .transport import Transport

_RESTS = {status.value for status in WorkflowStatus if status.is_at_rest}
"""Events that are called like the status that they lead to."""
LOOK_S = 5.0
"""Seconds that the first look may take, however short the wait."""
STATES_S = 2.0
"""Shorter waits than this are spent on one look at their end: a stream would not be worth its while."""
Told = Callable[[Mapping[str, Any]], None]
"""Told how far a workflow is: ``steps``, ``steps_done``, ``tasks_done``, ``tasks_known``, ``tasks_running``."""


class AsyncRemoteWorkflow:
    """A handle on one workflow at a gateway."""

    def __init__(self, transport: Transport, workflow: WorkflowId) -> None:
        self._transport, self.id = transport, workflow
        self._path = f"workflows/{workflow}"

    def __repr__(self) -> str:
        return f"<workflow {self.id} at {self._transport.url}>"

    async def view(self) -> WorkflowView:
        """The workflow's current state, with its plan."""
        return reading.workflow_view(await self._transport.get(self._path, inside=True))

    async def status(self) -> WorkflowStatus:
        """Its current status."""
        return WorkflowStatus((await self._seen())["status"])

    async def steps(self) -> list[StepView]:
        """Its steps with their counters."""
        return reading.step_views(await self._seen())

    async def step_facts(self) -> list[StepFacts]:
        """Figures for each step besides its counters."""
        return reading.step_facts(await self._transport.get(self._path, inside=True))

    async def performance(self) -> dict[str, Any]:
        """Where its time went: critical path, advice, stragglers, skewed steps, and a forecast while it runs."""
        found: dict[str, Any] = await self._transport.get(f"{self._path}/performance")
        return found

    async def driver(self) -> DriverView | None:
        """The orchestrator that drives it; None if nobody does."""
        return reading.driver_view(await self._transport.get(self._path, inside=True))

    async def settled(self, timeout_s: float | None = None, told: Told | None = None) -> WorkflowView:
        """Wait until it is at rest, however it ended.

        Args:
            timeout_s: how long to wait.
            told: how far it is, whenever that changes.

        Raises:
            TimeoutError: it is still at work.
        """
        async with asyncio.timeout(None if timeout_s is None else max(timeout_s, LOOK_S)):
            seen = await self._seen()
        if WorkflowStatus(seen["status"]).is_at_rest:
            return reading.workflow_view(seen)
        async with asyncio.timeout(timeout_s):
            if timeout_s is not None and timeout_s < STATES_S and told is None:
                await asyncio.sleep(timeout_s + 1)
            async with aclosing(self.follow()) as messages:
                async for message in messages:
                    if told is not None and message.kind == "progress":
                        told(message.data)
                    if message.kind in _RESTS and WorkflowStatus((seen := await self._seen())["status"]).is_at_rest:
                        return reading.workflow_view(seen)
            return reading.workflow_view(await self._seen())

    async def wait(self, timeout_s: float | None = None, told: Told | None = None) -> AsyncRemoteWorkflow:
        """Wait until it has succeeded. Arguments as in ``settled``.

        Raises:
            WorkflowFailedError, WorkflowCancelledError, WorkflowPausedError, WorkflowQuarantinedError: it ended
                otherwise.
            TimeoutError: it is still at work.
        """
        check_succeeded(await self.settled(timeout_s, told))
        return self

    def follow(self, after: int = 0) -> AsyncGenerator[Message, None]:
        """Its events as they happen, and ``progress`` between them, until it is at rest."""
        return Follower(self._transport, f"{self._path}/events").messages(after)

    async def output(self, step: str) -> Result:
        """Where the output of a finished step is, to be loaded by parts.

        Raises:
            KeyError: the plan has no such step.
            WorkflowNotFinishedError: the step is not done.
        """
        return result_of(self._transport, self.id, await self.steps(), step)

    async def result(self, step: str, as_: Form = "value") -> Any:
        """The output of a finished step: a value, or a list of partitions' values. Errors as in ``output``.

        Args:
            step: its name.
            as_: ``value`` as it was returned, ``arrow``, ``pandas`` or ``polars`` for tables, ``json`` for plain data.
        """
        return await (await self.output(step)).as_(form=as_)

    async def events(self, after: int = 0) -> list[EventView]:
        """Its history, up to 1,000 events after the one with that id."""
        page = await self._transport.get(f"{self._path}/events", after=after, limit=PAGE)
        return [reading.event_view(each) for each in page["items"]]

    async def history(self) -> AsyncIterator[EventView]:
        """All its events, oldest first, fetched a page at a time."""
        async for each in pages(self._transport, f"{self._path}/events"):
            yield reading.event_view(each)

    async def logs(
        self, after: int = 0, *, step: str | None = None, partition: int | None = None, level: str | None = None
    ) -> list[LogView]:
        """What its phases logged and printed: up to 1,000 lines after the one with that id.

        Raises:
            PlanError: its plan has no such step.
            ParameterError: there is no such level.
        """
        where = asdict(LogFilter(step=step, partition=partition, level=level))
        page = await self._transport.get(f"{self._path}/logs", after=after, limit=PAGE, **where)
        return [reading.log_view(each) for each in page["items"]]

    async def follow_logs(
        self, after: int = 0, *, step: str | None = None, partition: int | None = None, level: str | None = None
    ) -> AsyncIterator[LogView]:
        """As ``logs``, each line as it comes, until the workflow is at rest."""
        where: dict[str, Any] = {"step": step, "partition": partition, "level": level}
        async for message in Follower(self._transport, f"{self._path}/logs", **where).messages(after):
            yield reading.log_view(message.data)

    async def tasks(
        self, where: TaskFilter | None = None, after: TaskKey | None = None, limit: int | None = None
    ) -> AsyncIterator[TaskView]:
        """Its finished tasks after the given one, in order of step and partition, fetched a page at a time.

        Raises:
            PlanError: its plan has no such step.
        """
        positions = {step.name: step.position for step in await self.steps()}
        query = asdict(where or TaskFilter()) | {"after": after and f"{after.step}/{after.partition}"}
        async for each in pages(self._transport, f"{self._path}/tasks", most=limit, **query):
            yield reading.task_view(each, positions)

    async def each_attempt(
        self, where: AttemptFilter | None = None, after: int = 0, limit: int | None = None
    ) -> AsyncIterator[AttemptView]:
        """Attempts that ended without a result, oldest first, after the one with that id.

        Raises:
            PlanError: its plan has no such step.
        """
        query = asdict(where or AttemptFilter())
        async for each in pages(self._transport, f"{self._path}/attempts", most=limit, after=after, **query):
            yield reading.attempt_view(each)

    async def attempts(
        self, where: AttemptFilter | None = None, after: int = 0, limit: int | None = None
    ) -> list[AttemptView]:
        """As ``each_attempt``, in a list."""
        return [each async for each in self.each_attempt(where, after, limit)]

    async def last_attempts(self, limit: int = 10) -> list[AttemptView]:
        """The newest attempts that ended without a result, the newest last."""
        page = await self._transport.get(f"{self._path}/attempts", latest=True, limit=limit)
        return [reading.attempt_view(each) for each in page["items"]]

    async def plans(self) -> list[PlanVersion]:
        """The plans that it has followed, the latest last: each update makes one."""
        found = await self._transport.get(f"{self._path}/plans")
        return [reading.plan_version(each) for each in found["items"]]

    async def plan(self, version: int) -> PlanSpec:
        """One of these plans.

        Raises:
            ParameterError: it has not followed such a plan, or the plan is not kept.
        """
        kept = [each.version for each in await self.plans()]
        check_version(version, kept)
        return PlanSpec.from_value((await self._transport.get(f"{self._path}/plans/{version}"))["plan"])

    async def rejects(
        self, step: str | None = None, reason: str | None = None, limit: int | None = None
    ) -> AsyncIterator[RejectView]:
        """Rows that its steps could not use, in order of step and partition, fetched a page at a time.

        Args:
            step: only of this step.
            reason: only for this reason.
            limit: how many at most.

        Raises:
            PlanError: its plan has no such step.
        """
        if step is not None:
            check_step([each.name for each in await self.steps()], step)
        async for each in pages(self._transport, f"{self._path}/rejects", most=limit, step=step, reason=reason):
            yield reading.reject_view(each)

    async def reject_reasons(self) -> list[RejectReason]:
        """Why rows were rejected, and how many, by step; most frequent first."""
        found = await self._transport.get(f"{self._path}/rejects/reasons")
        return [reading.reject_reason(each) for each in found["items"]]

    async def pause(self, **options: Unpack[RequestOptions]) -> WorkflowStatus:
        """Start no more tasks; it is ``paused`` once none is in flight."""
        return await self._ask(Verb.PAUSE, options)

    async def resume(self, **options: Unpack[RequestOptions]) -> AsyncRemoteWorkflow:
        """Queue it again after a pause."""
        await self._ask(Verb.RESUME, options)
        return self

    async def retry(self, **options: Unpack[RequestOptions]) -> AsyncRemoteWorkflow:
        """Queue it again after it failed, was cancelled or quarantined; finished tasks keep their results."""
        await self._ask(Verb.RETRY, options)
        return self

    async def cancel(self, **options: Unpack[RequestOptions]) -> WorkflowStatus:
        """Cancel it; finished steps keep their results."""
        if not request_body(options):
            call = Call(method="DELETE", path=self._path, is_repeatable=True)
            return WorkflowStatus((await self._transport.json(call))["status"])
        body = {"ids": [str(self.id)]} | request_body(options)
        call = Call(method="POST", path="workflows/cancel", body=body, is_repeatable=True)
        (answer,) = map(reading.answer_of, (await self._transport.json(call))["answers"])
        if answer.status is None:
            raise WorkflowNotFoundError(str(self.id))
        if answer.refusal:
            raise TransitionError(str(self.id), "cancel", answer.status)
        return answer.status

    async def update(
        self,
        *steps: StepChange,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
        by: str | None = None,
        why: str = "",
    ) -> AsyncRemoteWorkflow:
        """Change what has not started: parameters of steps whose tasks have not begun, policies, priority, labels.

        Raises:
            PlanError, ParameterError: there is no such step, or a phase rejects a parameter.
            UpdateRefusedError, TransitionError: what should change has started, or the workflow has ended.
            TimeoutError: the process that drives it did not answer; the history will show whether it was applied.
        """
        _refuse_name(by)
        changes = [as_json({name: fact for name, fact in asdict(step).items() if fact is not None}) for step in steps]
        body: dict[str, Any] = {"steps": changes, "why": why}
        body |= {name: given for name, given in (("priority", priority), ("labels", labels)) if given is not None}
        try:
            await self._transport.json(Call(method="PUT", path=self._path, body=body))
        except GatewayUnavailableError as error:
            raise TimeoutError(str(error)) from error
        return self

    async def _seen(self) -> Any:
        return await self._transport.get(self._path)

    async def _ask(self, verb: Verb, options: RequestOptions) -> WorkflowStatus:
        """Make a request. A retry is never sent twice: the second would be refused, or start it once more."""
        call = Call(
            method="POST", path=f"{self._path}/{verb}", body=request_body(options), is_repeatable=verb is not Verb.RETRY
        )
        return WorkflowStatus((await self._transport.json(call))["status"])


def request_body(options: RequestOptions) -> dict[str, Any]:
    """How to pause, resume, cancel or retry.

    Raises:
        ParameterError: it names who asks, which the gateway knows.
    """
    _refuse_name(options.get("by"))
    kinds: dict[str, Callable[[Any], Any]] = {"why": str, "mode": Mode, "timers": Timers}
    try:
        return {name: kind(options[name]) for name, kind in kinds.items() if name in options}  # type: ignore[literal-required]
    except ValueError as error:
        raise ParameterError(str(error)) from error


def _refuse_name(by: str | None) -> None:
    if by is not None:
        raise ParameterError("a gateway knows who asks; leave out `by`")
