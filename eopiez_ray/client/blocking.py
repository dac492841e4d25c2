"""The client for programs that wait: each call runs the asynchronous one to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from ..display import Rows, attempts_html, partitions_html, steps_html, watch, workflow_html, workflows_html
from ..model.filters import Order, WorkflowFilter
from ..model.names import DEFAULT_PROJECT
from .progress import bar
from .remote import ALL, EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from ..authoring.plans.builder import Plan
    from ..model.changes import StepChange
    from ..model.filters import AttemptFilter, TaskFilter
    from ..model.ids import WorkflowId
    from ..model.limits import LimitKind, Rules, StandingLimit
    from ..model.options import RequestOptions, StartOptions
    from ..model.plan import PlanSpec
    from ..model.requests import Answer, Selection, Verb
    from ..model.status import WorkflowStatus
    from ..model.tasks import TaskKey
    from ..model.views import (
        AttemptView,
        DriverView,
        EventView,
        GivenUp,
        LogView,
        PlanVersion,
        RejectReason,
        RejectView,
        SetAside,
        StepFacts,
        StepView,
        TaskView,
        WorkflowView,
    )
    from .following import Message
    from .loop import Loop
    from .pipeline import AsyncPipeline, AsyncRun, Document, ExecuteOptions, Themes
    from .remote import AsyncRemote
    from .results import Form, Result
    from .uploading import Progress
    from .workflow import AsyncRemoteWorkflow, Told


class Remote:
    """A system elsewhere: ``with eopiez_ray.connect(url, token) as ez: ez.start(plan).wait()``.

    Every method does what the one of the same name in ``AsyncRemote`` does, and raises the same errors.
    """

    is_remote: Literal[True] = True

    def __init__(self, loop: Loop, remote: AsyncRemote) -> None:
        self._loop, self._remote = loop, remote
        self.pipeline = Pipeline(loop, remote.pipeline)

    def __repr__(self) -> str:
        return repr(self._remote)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._remote.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; a second call does nothing. Workflows go on."""
        if self._loop.is_closed:
            return
        self._loop.run(self._remote.close())
        self._loop.close()

    def start(self, plan: Plan, **options: Unpack[StartOptions]) -> RemoteWorkflow:
        """Create a workflow, which an orchestrator there drives. It is durable once this returns."""
        return self._handle(self._loop.run(self._remote.start(plan, **options)))

    def start_registered(
        self, name: str, parameters: Mapping[str, Any] | None = None, **options: Unpack[StartOptions]
    ) -> RemoteWorkflow:
        """Create a workflow from a plan that a developer has registered there under that name."""
        return self._handle(self._loop.run(self._remote.start_registered(name, parameters, **options)))

    def start_many(self, plans: Sequence[Plan], **options: Unpack[StartOptions]) -> list[RemoteWorkflow]:
        """As ``start``, for many plans, each by itself."""
        return [*map(self._handle, self._loop.run(self._remote.start_many(plans, **options)))]

    def submit(self, plan: Plan, **options: Unpack[StartOptions]) -> RemoteWorkflow:
        """As ``start``: an orchestrator there drives it in any case."""
        return self.start(plan, **options)

    def request(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Any:
        """The JSON that any endpoint answers with, for what has no method here."""
        return self._loop.run(self._remote.request(method, path, body, headers=headers, **query))

    def workflow(self, text: str, project: str | None = None) -> RemoteWorkflow:
        """The workflow with that id, or with a unique beginning or end of one."""
        return self._handle(self._loop.run(self._remote.workflow(text, project)))

    def workflows(
        self,
        status: WorkflowStatus | None = None,
        limit: int = 50,
        *,
        where: WorkflowFilter = ALL,
        order: Order = Order.NEWEST,
        after: WorkflowId | None = None,
    ) -> list[WorkflowView]:
        """Workflows, newest first by default, without their plans."""
        found = self._loop.run(self._remote.workflows(status, limit, where=where, order=order, after=after))
        return Rows(found, workflows_html)

    def ids(
        self, where: WorkflowFilter = ALL, *, order: Order = Order.NEWEST, limit: int | None = None
    ) -> dict[WorkflowId, WorkflowStatus]:
        """Workflows that you may steer, by id, with their status: to pause, cancel or retry them and no others."""
        return self._loop.run(self._remote.ids(where, order=order, limit=limit))

    def statuses(self, workflows: Collection[WorkflowId]) -> dict[WorkflowId, WorkflowStatus]:
        """The status of these workflows."""
        return self._loop.run(self._remote.statuses(workflows))

    def count(self, verb: Verb, selection: Selection) -> int:
        """How many workflows a request would apply to now; 1,001 stands for more."""
        return self._loop.run(self._remote.count(verb, selection))

    def given_up(self, selection: Selection = EVERYTHING, *, limit: int = 1000) -> list[GivenUp]:
        """Tasks of failed or quarantined workflows that have used up their attempts, latest first."""
        return self._loop.run(self._remote.given_up(selection, limit))

    def set_aside(self, selection: Selection = EVERYTHING, limit: int = 1000) -> list[SetAside]:
        """Quarantined workflows and why they were set aside, newest first."""
        return self._loop.run(self._remote.set_aside(selection, limit))

    def limit(self, kind: LimitKind | str, name: str, maximum: int | None, project: str = "") -> None:
        """Limit concurrent calls for a project, an owner, a label (``key=value``) or a phase; None lifts the limit."""
        self._loop.run(self._remote.limit(kind, name, maximum, project))

    def weigh(self, owner: str, weight: float, project: str = DEFAULT_PROJECT) -> None:
        """Set an owner's share of what the project has, relative to its other owners, who have 1."""
        self._loop.run(self._remote.weigh(owner, weight, project))

    def weigh_project(self, project: str, weight: float) -> None:
        """Set a project's share of the cluster relative to other projects, which have 1."""
        self._loop.run(self._remote.weigh_project(project, weight))

    def limits(self) -> list[StandingLimit]:
        """All limits that you may see, and how much of each is in use."""
        return self._loop.run(self._remote.limits())

    def rules(self) -> Rules:
        """All limits and weights that you may see."""
        return self._loop.run(self._remote.rules())

    def pause(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Request a pause of all selected workflows."""
        return self._loop.run(self._remote.pause(selection, **options))

    def cancel(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Request a cancel of all selected workflows."""
        return self._loop.run(self._remote.cancel(selection, **options))

    def resume(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Queue all selected workflows again after a pause."""
        return self._loop.run(self._remote.resume(selection, **options))

    def retry(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Queue all selected workflows again after they failed, were cancelled or quarantined."""
        return self._loop.run(self._remote.retry(selection, **options))

    def queue(self, verb: Verb, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """As ``resume`` or ``retry``: an orchestrator there drives them in any case."""
        return self._loop.run(self._remote.queue(verb, selection, **options))

    def performance(self, **query: Any) -> dict[str, Any]:
        """What workflows and tasks took, by group, in a window; ``query`` as `GET /performance` takes it."""
        return self._loop.run(self._remote.performance(**query))

    def costs(self, **query: Any) -> dict[str, Any]:
        """What tasks used, and what that cost, by group, in a window; ``query`` as `GET /costs` takes it."""
        return self._loop.run(self._remote.costs(**query))

    def metrics(self) -> list[dict[str, Any]]:
        """All metrics as far as you can see them, as they are now."""
        return self._loop.run(self._remote.metrics())

    def _handle(self, workflow: AsyncRemoteWorkflow) -> RemoteWorkflow:
        return RemoteWorkflow(self._loop, workflow)


class RemoteWorkflow:
    """A handle on one workflow at a gateway; see ``AsyncRemoteWorkflow``."""

    is_remote: Literal[True] = True

    def __init__(self, loop: Loop, workflow: AsyncRemoteWorkflow) -> None:
        self._loop, self._workflow = loop, workflow

    def __repr__(self) -> str:
        return repr(self._workflow)

    def _repr_html_(self) -> str:
        return workflow_html(self.view(), self.steps())

    @property
    def id(self) -> WorkflowId:
        """Its id."""
        return self._workflow.id

    def view(self) -> WorkflowView:
        """The workflow's current state, with its plan."""
        return self._loop.run(self._workflow.view())

    @property
    def status(self) -> WorkflowStatus:
        """Its current status."""
        return self._loop.run(self._workflow.status())

    def performance(self) -> dict[str, Any]:
        """Where its time went: critical path, advice, stragglers, skewed steps, and a forecast while it runs."""
        return self._loop.run(self._workflow.performance())

    @property
    def driver(self) -> DriverView | None:
        """The orchestrator that drives it."""
        return self._loop.run(self._workflow.driver())

    @property
    def is_driven(self) -> bool:
        """Whether some orchestrator drives it."""
        return self.driver is not None

    def steps(self) -> list[StepView]:
        """Its steps with their counters."""
        return Rows(self._loop.run(self._workflow.steps()), steps_html)

    def step_facts(self) -> list[StepFacts]:
        """Figures for each step besides its counters."""
        return self._loop.run(self._workflow.step_facts())

    def wait(self, timeout_s: float | None = None, *, progress: bool | None = None) -> Self:
        """Wait until it has succeeded, with a bar if standard error is a terminal or ``progress`` is true."""
        with bar(str(self.id)[-8:], is_wanted=progress) as told:
            self._loop.run(self._workflow.wait(timeout_s, told))
        return self

    def settled(self, timeout_s: float | None = None, told: Told | None = None) -> WorkflowView:
        """Wait until it is at rest, however it ended. ``told`` is called in another thread."""
        return self._loop.run(self._workflow.settled(timeout_s, told))

    def watch(self, every_s: float = 0.5) -> None:
        """Show it in a notebook, and keep the picture up to date until it is at rest; an interrupt ends the watching.

        Raises:
            EopiezError: this is no notebook.
        """
        watch(self._repr_html_, lambda: self.status.is_at_rest, every_s)

    def follow(self, after: int = 0) -> Iterator[Message]:
        """Its events as they happen, and ``progress`` between them, until it is at rest."""
        return self._loop.iterate(self._workflow.follow(after))

    def result(self, step: str, as_: Form = "value") -> Any:
        """The output of a finished step: a value, or a sequence of partitions, each loaded on access.

        Args:
            step: its name.
            as_: ``value`` as it was returned, ``arrow``, ``pandas`` or ``polars`` for tables, ``json`` for plain data.
        """
        found = self._loop.run(self._workflow.output(step))
        if as_ == "value" and not found.is_one:
            return RemotePartitions(self._loop, found, range(found.partitions))
        return self._loop.run(found.as_(as_))

    def events(self, after: int = 0) -> list[EventView]:
        """Its history, up to 1,000 events after the one with that id."""
        return self._loop.run(self._workflow.events(after))

    def history(self) -> Iterator[EventView]:
        """All its events, oldest first, fetched a page at a time."""
        return self._loop.iterate(self._workflow.history())

    def logs(
        self, after: int = 0, *, step: str | None = None, partition: int | None = None, level: str | None = None
    ) -> list[LogView]:
        """What its phases logged and printed: up to 1,000 lines after the one with that id."""
        return self._loop.run(self._workflow.logs(after, step=step, partition=partition, level=level))

    def follow_logs(
        self, after: int = 0, *, step: str | None = None, partition: int | None = None, level: str | None = None
    ) -> Iterator[LogView]:
        """As ``logs``, each line as it comes, until the workflow is at rest."""
        return self._loop.iterate(self._workflow.follow_logs(after, step=step, partition=partition, level=level))

    def tasks(
        self, where: TaskFilter | None = None, after: TaskKey | None = None, limit: int | None = None
    ) -> Iterator[TaskView]:
        """Its finished tasks after the given one, in order of step and partition, fetched a page at a time."""
        return self._loop.iterate(self._workflow.tasks(where, after, limit))

    def each_attempt(
        self, where: AttemptFilter | None = None, after: int = 0, limit: int | None = None
    ) -> Iterator[AttemptView]:
        """Attempts that ended without a result, oldest first, fetched a page at a time."""
        return self._loop.iterate(self._workflow.each_attempt(where, after, limit))

    def attempts(
        self, where: AttemptFilter | None = None, after: int = 0, limit: int | None = None
    ) -> list[AttemptView]:
        """As ``each_attempt``, in a list."""
        return Rows(self._loop.run(self._workflow.attempts(where, after, limit)), attempts_html)

    def last_attempts(self, limit: int = 10) -> list[AttemptView]:
        """The newest attempts that ended without a result, the newest last."""
        return Rows(self._loop.run(self._workflow.last_attempts(limit)), attempts_html)

    def plans(self) -> list[PlanVersion]:
        """The plans that it has followed, the latest last: each update makes one."""
        return self._loop.run(self._workflow.plans())

    def plan(self, version: int) -> PlanSpec:
        """One of these plans."""
        return self._loop.run(self._workflow.plan(version))

    def rejects(
        self, step: str | None = None, reason: str | None = None, limit: int | None = None
    ) -> Iterator[RejectView]:
        """Rows that its steps could not use, in order of step and partition, fetched a page at a time."""
        return self._loop.iterate(self._workflow.rejects(step, reason, limit))

    def reject_reasons(self) -> list[RejectReason]:
        """Why rows were rejected, and how many, by step; most frequent first."""
        return self._loop.run(self._workflow.reject_reasons())

    def pause(self, **options: Unpack[RequestOptions]) -> WorkflowStatus:
        """Start no more tasks; it is ``paused`` once none is in flight."""
        return self._loop.run(self._workflow.pause(**options))

    def resume(self, **options: Unpack[RequestOptions]) -> Self:
        """Queue it again after a pause."""
        self._loop.run(self._workflow.resume(**options))
        return self

    def retry(self, **options: Unpack[RequestOptions]) -> Self:
        """Queue it again after it failed, was cancelled or quarantined."""
        self._loop.run(self._workflow.retry(**options))
        return self

    def cancel(self, **options: Unpack[RequestOptions]) -> WorkflowStatus:
        """Cancel it; finished steps keep their results."""
        return self._loop.run(self._workflow.cancel(**options))

    def update(
        self,
        *steps: StepChange,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
        by: str | None = None,
        why: str = "",
    ) -> Self:
        """Change what has not started: parameters, policies, the priority, labels."""
        self._loop.run(self._workflow.update(*steps, priority=priority, labels=labels, by=by, why=why))
        return self


class RemotePartitions(Sequence[Any]):
    """The partitions of a result, each downloaded on access."""

    def __init__(self, loop: Loop, result: Result, chosen: range) -> None:
        self._loop, self._result, self._chosen = loop, result, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> RemotePartitions: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return RemotePartitions(self._loop, self._result, self._chosen[index])
        return self._loop.run(self._result.partition(self._chosen[index]))

    def __iter__(self) -> Iterator[Any]:
        return self._loop.iterate(self._result.each(self._chosen))

    def __repr__(self) -> str:
        return f"<{len(self)} partitions>"

    def _repr_html_(self) -> str:
        return partitions_html(self)


class Pipeline:
    """The content pipeline of a gateway; see ``AsyncPipeline``."""

    def __init__(self, loop: Loop, pipeline: AsyncPipeline) -> None:
        self._loop, self._pipeline = loop, pipeline

    def execute(
        self,
        documents: Iterable[Document] = (),
        *,
        files: Iterable[str | Path] = (),
        paths: Sequence[str] = (),
        urls: Sequence[str] = (),
        told: Progress | None = None,
        **how: Unpack[ExecuteOptions],
    ) -> RemoteWorkflow:
        """Analyse a collection: motifs, themes, a report, an archive. It is durable once this returns."""
        made = self._pipeline.execute(documents, files=files, paths=paths, urls=urls, told=told, **how)
        return RemoteWorkflow(self._loop, self._loop.run(made))

    def run(self, workflow: WorkflowId | str) -> PipelineRun:
        """What a run has found."""
        return PipelineRun(self._loop, self._pipeline.run(workflow))


class PipelineRun:
    """What a run of the pipeline has found; see ``AsyncRun``."""

    def __init__(self, loop: Loop, run: AsyncRun) -> None:
        self._loop, self._run = loop, run

    def themes(self) -> Iterator[dict[str, Any]]:
        """Themes, the largest first."""
        return self._loop.iterate(self._run.themes())

    def motifs(self) -> Iterator[dict[str, Any]]:
        """Motifs, the best first."""
        return self._loop.iterate(self._run.motifs())

    def documents(self, theme: int | None = None) -> Iterator[dict[str, Any]]:
        """Documents with their themes, in the order of the collection; of one theme, if it is given."""
        return self._loop.iterate(self._run.documents(theme))

    def search(self, query: str, limit: int = 10) -> list[dict[str, Any]]:
        """See ``AsyncRun.search``."""
        return self._loop.run(self._run.search(query, limit))

    def similar(self, document: str, limit: int = 10) -> list[dict[str, Any]]:
        """The documents closest in meaning to one of them, the closest first."""
        return self._loop.run(self._run.similar(document, limit))

    def tree(self) -> list[dict[str, Any]]:
        """Themes as a tree, each node before those below it; the root is the first."""
        return self._loop.run(self._run.tree())

    def timeline(self, *, since: datetime | None = None, until: datetime | None = None) -> dict[str, Any]:
        """Documents over time by theme, and when a theme was spoken of much more than usual."""
        return self._loop.run(self._run.timeline(since=since, until=until))

    def disagreements(self, themes: Sequence[int] = (), limit: int = 10) -> list[dict[str, Any]]:
        """Neighbouring documents that disagree most, the worst first."""
        return self._loop.run(self._run.disagreements(themes, limit))

    def compare(self, before: WorkflowId | str, by: str | None = None) -> dict[str, Any]:
        """Its themes beside those of another run: what was kept, split, merged, is gone or new; what moved."""
        return self._loop.run(self._run.compare(before, by))

    def changed(
        self, before: WorkflowId | str, change: str = "moved", *, by: str | None = None, **themes: Unpack[Themes]
    ) -> Iterator[dict[str, Any]]:
        """Documents that ``stayed``, ``moved``, are ``gone`` or ``new`` since another run, each with both themes."""
        return self._loop.iterate(self._run.changed(before, change, by=by, **themes))

    def facts(self) -> dict[str, Any]:
        """The facts of the report."""
        return self._loop.run(self._run.facts())

    def report(self, path: str | Path) -> Path:
        """Save the report, a page that needs nothing else."""
        return self._loop.run(self._run.report(path))

    def archive(self, path: str | Path) -> Path:
        """Save the archive of all documents (``.eopz``)."""
        return self._loop.run(self._run.archive(path))

    def table(self, name: str) -> pa.Table:
        """A whole table: documents, copies, facets, motifs, occurrences, vectors, assignments or themes."""
        return self._loop.run(self._run.table(name))
