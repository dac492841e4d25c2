"""A system of your own: one process that does everything, for programs, notebooks and the command line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, Self, Unpack

from ..display import Rows, workflows_html
from ..model.filters import Order
from ..model.limits import LimitKey, LimitKind, Rules, StandingLimit
from ..model.names import DEFAULT_PROJECT
from ..model.options import RequestOptions, StartOptions, request_of
from ..model.requests import Answer, Selection, Verb
from ..model.status import WorkflowStatus
from ..settings import Settings
from ..store import ALL, EVERYTHING
from .handle import PAGE, Workflow, paged
from .options import new_workflow
from .system import Cleaned
from .thread import EngineThread

if TYPE_CHECKING:
    from ..authoring.plans.builder import Plan
    from ..model.dealings import Dealt
    from ..model.filters import WorkflowFilter
    from ..model.ids import WorkflowId
    from ..store import (
        GivenUp,
        KnownPhase,
        ProjectView,
        SetAside,
        WorkflowView,
    )
    from .accounting import Spent
    from .figures import NodeFigures, StoreFigures
    from .pool import Usage
    from .spans import TracedTask


class Local:
    """A system of your own on this machine: ``with eopiez_ray.local() as ez: ez.start(plan).wait()``."""

    is_remote: Literal[False] = False

    def __init__(self, settings: Settings | None = None) -> None:
        self._thread = EngineThread(settings or Settings())
        self._engine, self._run = self._thread.engine, self._thread.run

    @property
    def settings(self) -> Settings:
        """The settings of this system."""
        return self._thread.settings

    @property
    def database_url(self) -> str:
        """Where its database is."""
        return self._engine.database_url

    def usage(self) -> Usage | None:
        """What the cluster has, and what this process holds of it; None while it drives nothing."""
        return self._run(self._engine.usage())

    def spent(self) -> Spent | None:
        """Where the time of slots went since this was last asked; None while it drives nothing."""
        return self._run(self._engine.spent())

    def take_spans(self) -> list[TracedTask]:
        """What phases have measured since this was last asked, if traces are exported."""
        return self._run(self._engine.take_spans())

    def figures(self) -> list[NodeFigures]:
        """What is used on the nodes where this process has workers."""
        return self._run(self._engine.figures())

    def object_store(self) -> StoreFigures | None:
        """How the object store of the cluster is used; None while this process drives nothing."""
        return self._run(self._engine.object_store())

    def dealt(self) -> Dealt | None:
        """What this process and its workers have done with the artifact store since this was last asked."""
        return self._engine.dealt()

    def start(self, plan: Plan, **options: Unpack[StartOptions]) -> Workflow:
        """Create a workflow and drive it in this process. It is durable once this returns.

        Raises:
            ClusterError: a step requests resources that the cluster can never provide.
            IdempotencyConflictError: the idempotency key was used for another plan.
        """
        return self.start_many([plan], **options)[0]

    def start_many(self, plans: Sequence[Plan], **options: Unpack[StartOptions]) -> list[Workflow]:
        """As ``start``, for many plans in one transaction."""
        wanted = [new_workflow(plan, options) for plan in plans]
        made = self._engine.offer(wanted)
        created = self._run(self._engine.create(*wanted)) if made is None else made.result()
        return [Workflow(self._thread, workflow, new.plan) for workflow, new in zip(created, wanted, strict=True)]

    def submit(self, plan: Plan, **options: Unpack[StartOptions]) -> Workflow:
        """Create a workflow for another process to drive."""
        (workflow,) = self._run(self._engine.submit(new_workflow(plan, options)))
        return Workflow(self._thread, workflow)

    def warm_up(self) -> None:
        """Start Ray now rather than with the first workflow."""
        self._run(self._engine.start_driving())

    def drive_all(self, name: str = "") -> None:
        """Drive every workflow in the database that nobody else drives, until ``close`` or ``hand_over``.

        Without this, a process drives only the workflows it has started, resumed or retried itself.

        Args:
            name: display name of this orchestrator, shown with its workflows.

        Raises:
            ClusterError: Ray does not start.
        """
        self._run(self._engine.drive_all(name))

    def keep_driving(self, seconds: float) -> None:
        """Wait this long while this process drives.

        Raises:
            EopiezError: it can no longer drive: the database stayed unavailable, or the cluster does not answer.
        """
        with contextlib.suppress(TimeoutError):
            self._run(asyncio.wait_for(self._engine.gave_up(), seconds))

    def workflow(self, text: str, project: str | None = None) -> Workflow:
        """The workflow with that id, or with a unique beginning or end of one; of this project, if one is given."""
        among = None if project is None else (project,)
        return Workflow(self._thread, self._run(self._engine.workflows.resolve(text, among)))

    def workflows(
        self,
        status: WorkflowStatus | None = None,
        limit: int = 50,
        *,
        where: WorkflowFilter = ALL,
        order: Order = Order.NEWEST,
        after: WorkflowId | None = None,
    ) -> list[WorkflowView]:
        """Workflows, newest first by default.

        Args:
            status: only those with this status.
            limit: how many at most.
            where: only those that meet these conditions.
            order: oldest or newest first.
            after: continues after the last one on an earlier page.
        """
        wanted = where if status is None else replace(where, statuses=(status,))
        return Rows(self._run(self._engine.workflows.page(wanted, order, after, limit)), workflows_html)

    def ids(
        self, where: WorkflowFilter = ALL, *, order: Order = Order.NEWEST, limit: int | None = None
    ) -> dict[WorkflowId, WorkflowStatus]:
        """Workflows by id, with their status: to pause, cancel or retry them and no others.

        Args:
            where: only those that meet these conditions.
            order: oldest or newest first.
            limit: how many at most.
        """

        def page(after: WorkflowId | None, size: int) -> list[WorkflowId]:
            return self._run(self._engine.workflows.listed_ids(where, order, after, size))

        ids = [*paged(page, lambda each: each, None, limit)]
        statuses = self._run(self._engine.workflows.statuses(ids))
        return {workflow: statuses[workflow] for workflow in ids if workflow in statuses}

    def projects(self) -> list[ProjectView]:
        """All projects."""
        return self._run(self._engine.projects.list())

    def create_project(self, name: str, title: str = "") -> ProjectView:
        """A new project.

        Raises:
            ParameterError: it cannot be called so.
            ProjectExistsError: there is one of this name.
        """
        return self._run(self._engine.projects.create(name, title))

    def delete_project(self, name: str) -> None:
        """Delete a project that has no workflows.

        Raises:
            ParameterError: it is ``default``, which stays.
            ProjectNotEmptyError: it still has workflows.
            ProjectNotFoundError: there is no such project.
        """
        self._run(self._engine.projects.delete(name))

    def limit(self, kind: LimitKind | str, name: str, maximum: int | None, project: str = "") -> None:
        """Limit concurrent calls for a project, an owner, a label (``key=value``) or a phase; None lifts the limit.

        With a ``project``, a limit on an owner, label or phase is about the calls of this project alone; without one,
        it counts those of all projects together. It takes effect within a second, for workflows under way too; running
        calls are left to finish.

        Raises:
            ParameterError: the maximum is negative, or the label is not named ``key=value``.
        """
        self._run(self._engine.rules.limit(LimitKey(LimitKind(kind), name, project), maximum))

    def weigh(self, owner: str, weight: float, project: str = DEFAULT_PROJECT) -> None:
        """Set an owner's share of what the project has, relative to its other owners, who have 1.

        Raises:
            ParameterError: the weight is not above 0.
        """
        self._run(self._engine.rules.weigh(owner, weight, project))

    def weigh_project(self, project: str, weight: float) -> None:
        """Set a project's share of the cluster relative to other projects, which have 1.

        Raises:
            ParameterError: the weight is not above 0.
            ProjectNotFoundError: there is no such project.
        """
        self._run(self._engine.rules.weigh_project(project, weight))

    def rules(self) -> Rules:
        """All limits and weights."""
        return self._run(self._engine.rules.read())

    def statuses(self, workflows: Sequence[WorkflowId]) -> dict[WorkflowId, WorkflowStatus]:
        """The status of these workflows; nothing while this process's orchestrator is restarting the database.

        Raises:
            EopiezError: this process's orchestrator gave up.
        """
        return self._run(self._engine.statuses(workflows))

    @property
    def driven(self) -> frozenset[WorkflowId]:
        """The workflows that this process drives now."""
        orchestrator = self._engine._orchestrator
        return frozenset(orchestrator.held) if orchestrator is not None else frozenset()

    def count(self, verb: Verb, selection: Selection) -> int:
        """How many workflows a request would apply to now."""
        return self._run(self._engine.workflows.count(verb, selection))

    def pause(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Request a pause of all selected workflows, and give the answer for each without waiting."""
        return self._run(self._engine.workflows.pause_all(selection, request_of(options)))

    def cancel(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Request a cancel of all selected workflows, and give the answer for each without waiting."""
        return self._run(self._engine.workflows.cancel_all(selection, request_of(options)))

    def resume(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Resume all selected workflows, in this process unless another one drives them.

        Raises:
            ClusterError: Ray does not start; they are queued anyway.
        """
        answers = self._run(self._engine.workflows.resume_all(selection, request_of(options)))
        return self._run(self._engine.drive_granted(answers))

    def retry(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Retry the given-up tasks of all selected workflows, in this process. Errors as in ``resume``."""
        answers = self._run(self._engine.workflows.retry_all(selection, request_of(options)))
        return self._run(self._engine.drive_granted(answers))

    def queue(self, verb: Verb, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Like ``resume`` or ``retry``, for another process to drive."""
        workflows = self._engine.workflows
        ask = workflows.resume_all if verb is Verb.RESUME else workflows.retry_all
        return self._run(ask(selection, request_of(options)))

    def given_up(
        self, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 1000
    ) -> list[GivenUp]:
        """Tasks of failed or quarantined workflows that have used up their attempts, latest first.

        Args:
            selection: which workflows; all by default.
            before: continues after the ``id`` of the last one on an earlier page.
            limit: how many at most.
        """
        return self._run(self._engine.workflows.given_up(selection, before, limit))

    def set_aside(self, selection: Selection = EVERYTHING, limit: int = 1000) -> list[SetAside]:
        """Quarantined workflows and why they were set aside, newest first."""
        return self._run(self._engine.workflows.set_aside(selection, limit))

    def limits(self) -> list[StandingLimit]:
        """All limits, and how much of each is in use."""
        return self._run(self._engine.rules.standing())

    def profiles(self, limit: int = PAGE) -> list[KnownPhase]:
        """What has been measured about phases by running them, most recently used first."""
        return self._run(self._engine.phase_book.read(limit))

    def clean(self, older_than: timedelta, keep: int = 0, *, dry_run: bool = False) -> Cleaned:
        """Forget workflows that ended long ago, and delete artifacts that nothing refers to any more.

        Args:
            older_than: how long ago a workflow must have ended; cached results live just as long.
            keep: how many of the workflows that ended last to keep, whatever their age.
            dry_run: only say what would be forgotten, not counting the artifacts this would free.

        Raises:
            ArtifactError: artifacts are in an object store; the workflows are forgotten anyway.
        """
        return self._run(self._engine.clean(datetime.now(UTC) - older_than, keep, dry_run=dry_run))

    def close(self) -> None:
        """Stop what was started here. Unfinished workflows stay, and ``Workflow.resume`` continues them."""
        self._thread.end(self._engine.close)

    def hand_over(self) -> None:
        """Close, and let other orchestrators take over at once.

        On a cluster of yours they take over the workers with their tasks in flight, so that nothing runs twice;
        workers that nobody takes over exit after a minute.
        """
        self._thread.end(self._engine.hand_over)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
