"""One process that does it all: Postgres, a Ray cluster, an orchestrator; and handles on workflows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import getpass
import pickle
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypedDict, TypeVar, Unpack

from ..errors import (
    ClusterError,
    EopiezError,
    StoreError,
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowNotFinishedError,
    WorkflowPausedError,
)
from ..model.changes import Change, StepChange
from ..model.filters import AttemptFilter, LogFilter, TaskFilter
from ..model.ids import OrchestratorId, uuid7
from ..model.limits import LimitKey, LimitKind, Rules
from ..model.policies import Resources
from ..model.requests import Answer, Mode, Request, Selection, Timers, Verb
from ..model.status import PhaseKind, StepStatus, WorkflowStatus
from ..settings import Settings
from ..store import (
    EVERYTHING,
    Database,
    EmbeddedServer,
    Intake,
    NewWorkflow,
    PhaseBook,
    RuleBook,
    Updates,
    Workflows,
    connect,
)
from .artifacts import Artifacts, LoadedPartitions
from .cluster import RayExecutor
from .orchestrator import Orchestrator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import asyncpg

    from ..model.ids import WorkflowId
    from ..model.plan import PlanSpec
    from ..model.tasks import TaskKey
    from ..phases.builder import Plan
    from ..phases.contract import Phase
    from ..store import (
        AttemptView,
        DriverView,
        EventView,
        GivenUp,
        KnownPhase,
        LogView,
        RejectView,
        StandingLimit,
        StepFacts,
        StepView,
        TaskTime,
        TaskView,
        WorkflowView,
    )

Result = TypeVar("Result")
Row = TypeVar("Row")
Key = TypeVar("Key")
POLL_S = 0.5
YOUNG_OBJECTS = 10_000
"""New objects after which Python looks for cycles among them; 700 is its own choice."""
PAGE = 1000
"""Rows of history that are fetched at a time."""
UPDATE_S = 15.0
"""Seconds that the driver of a workflow gets to answer a wish for an update."""
GRACE_S = 3600.0
"""Seconds for which an artifact is kept though nothing refers to it: its task may be about to be committed."""


class Cleaned(NamedTuple):
    """What was deleted."""

    workflows: int
    artifacts: int
    bytes: int
    """Of the artifacts."""


class Engine:
    """The asynchronous whole. The database is there from ``open`` on; Ray starts with the first workflow to drive."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.artifacts = Artifacts(settings.artifacts)
        self._server = EmbeddedServer(settings.home) if settings.database_url is None else None
        self._database: Database | None = None
        self._intake: Intake | None = None
        self._orchestrator: Orchestrator | None = None
        self._driving: asyncio.Task[None] | None = None
        self._executor: RayExecutor | None = None
        self._starting = asyncio.Lock()
        self._changes: dict[str, asyncio.Event] = {}
        """Set when a workflow that somebody waits for has changed."""
        self._listener: asyncpg.Connection[asyncpg.Record] | None = None

    @property
    def workflows(self) -> Workflows:
        """The store's users' side."""
        assert self._database is not None, "open the engine first"
        return Workflows(self._database)

    @property
    def rules(self) -> RuleBook:
        """Limits and weights."""
        assert self._database is not None, "open the engine first"
        return RuleBook(self._database)

    @property
    def phase_book(self) -> PhaseBook:
        """What is known of phases."""
        assert self._database is not None, "open the engine first"
        return PhaseBook(self._database)

    async def open(self) -> None:
        """Reach the database, the embedded one started if there is no other."""
        url = self.settings.database_url
        if self._server is not None:
            url = await asyncio.to_thread(self._server.start)
        assert url is not None
        self._database = await connect(url)
        self._intake = Intake(self._database, self.settings.lease_s)

    async def close(self) -> None:
        """Stop driving, leave the cluster and the database. Workflows that were driven can be claimed at once."""
        if self._orchestrator is not None:
            self._orchestrator.stop()
        if self._driving is not None:
            await asyncio.gather(self._driving, return_exceptions=True)
        if self._executor is not None:
            await self._executor.close()
        if self._listener is not None:
            self._listener.terminate()
        if self._database is not None:
            await self._database.close()
        if self._server is not None:
            await asyncio.to_thread(self._server.leave)

    async def hand_over(self) -> None:
        """As ``close``, but workers on a cluster of yours stay, with what they have in hand, for who drives next."""
        if self._orchestrator is not None and self._executor is not None and self.settings.ray_address is not None:
            assert self._driving is not None
            self._orchestrator.hand_over()
            await asyncio.gather(self._driving, return_exceptions=True)
            await self._executor.leave()
            self._executor = None
        await self.close()

    async def drive_all(self, name: str) -> None:
        """Let this process's orchestrator claim whatever nobody drives. Errors as in ``start_driving``."""
        await self.start_driving(name)
        assert self._orchestrator is not None
        self._orchestrator.drive_all()

    async def gave_up(self) -> None:
        """Wait until the orchestrator of this process has ended; raises what ended it."""
        assert self._driving is not None, "drive something first"
        await asyncio.shield(self._driving)

    async def start_driving(self, name: str = "") -> None:
        """Start Ray and the orchestrator, once.

        Raises:
            ClusterError: Ray does not start.
        """
        async with self._starting:
            if self._driving is not None:
                return
            assert self._database is not None
            identity = OrchestratorId(uuid7())
            self._executor = RayExecutor(self.settings, identity)
            await self._executor.start()
            _spare_the_collector()
            self._orchestrator = Orchestrator(
                self._database,
                self._executor,
                self.artifacts,
                self.settings,
                only=(),
                revive=self._revive,
                orchestrator_id=identity,
                name=name,
            )
            if self.settings.ray_address is None:  # On a cluster of others, nothing is held before there is work.
                self._executor.prepare(Resources())
            self._driving = asyncio.create_task(self._orchestrator.run())
            self._driving.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def drive(self, workflow: WorkflowId) -> None:
        """Let this process's orchestrator claim the workflow."""
        await self.start_driving()
        assert self._orchestrator is not None
        self._check((await self.workflows.get(workflow)).plan)
        self._orchestrator.drive(workflow)

    async def drive_granted(self, answers: Sequence[Answer]) -> list[Answer]:
        """Let this process's orchestrator claim what was queued; the answers, with why some can never run here."""
        granted = [answer.id for answer in answers if not answer.refusal]
        if not granted:
            return [*answers]
        await self.start_driving()
        assert self._orchestrator is not None
        refusals: dict[WorkflowId, str] = {}
        for plan, following in await self.workflows.plans(granted):
            refusal = self._refusal(plan)
            if refusal is not None:
                refusals |= dict.fromkeys(following, f"it waits for another process to drive it: {refusal}")
        self._orchestrator.drive(*(workflow for workflow in granted if workflow not in refusals))
        return [replace(answer, refusal=refusals.get(answer.id, answer.refusal)) for answer in answers]

    async def statuses(self, workflows: Sequence[WorkflowId]) -> dict[WorkflowId, WorkflowStatus]:
        """Where these workflows stand; nothing while the orchestrator of this process brings the database back.

        Raises:
            EopiezError: the orchestrator of this process gave up.
        """
        is_driving = self._driving is not None and not self._driving.done()
        if self._driving is not None and not is_driving:
            self._driving.result()
        try:
            return await self.workflows.statuses(workflows)
        except StoreError:
            if not is_driving:
                raise
            return {}

    async def create(self, *wanted: NewWorkflow) -> list[WorkflowId]:
        """Create workflows and drive them here. They are durable when this returns.

        Raises:
            ClusterError: a step asks for what the cluster can never give.
            IdempotencyConflictError: a key was used for another plan.
        """
        if self._orchestrator is None:
            await self.start_driving()
        assert self._orchestrator is not None
        for plan in {new.plan.digest: new.plan for new in wanted}.values():
            self._check(plan)
        return await self._orchestrator.create(*wanted)

    def offer(self, wanted: Sequence[NewWorkflow]) -> Future[list[WorkflowId]] | None:
        """As ``create``, from any thread and without a task for it; None if nothing is driven here yet."""
        if self._orchestrator is None or self._driving is None or self._driving.done():
            return None
        for plan in {new.plan.digest: new.plan for new in wanted}.values():
            self._check(plan)
        return self._orchestrator.offer(wanted)

    async def submit(self, *wanted: NewWorkflow) -> list[WorkflowId]:
        """Create workflows for another process to drive."""
        assert self._intake is not None, "open the engine first"
        return [created.id for created in await self._intake.create(*wanted)]

    def _check(self, plan: PlanSpec) -> None:
        refusal = self._refusal(plan)
        if refusal is not None:
            raise ClusterError(refusal)

    def _refusal(self, plan: PlanSpec) -> str | None:
        """Why the plan can never run on this cluster; None if it can."""
        assert self._executor is not None
        if not any(map(self._executor.refusal, plan.shapes)):
            return None
        for step in plan.steps:
            refusal = self._executor.refusal(step.policy.resources)
            if refusal is not None and step.policy.wait_timeout_s is None:
                return (
                    f"step {step.name!r} can never run here: {refusal}; lower its resources, use a larger cluster, "
                    "or give it a wait_timeout_s if nodes will join"
                )
        return None

    async def _revive(self) -> None:
        """Start the embedded server again after it was killed."""
        if self._server is not None:
            with contextlib.suppress(EopiezError):  # The caller tries again, and gives up by its own patience.
                await asyncio.to_thread(self._server.start)

    async def settled(self, workflow: WorkflowId) -> WorkflowView:
        """Wait until the workflow is at rest.

        Raises:
            EopiezError: the orchestrator of this process gave up.
        """
        while self._orchestrator is not None and await self._orchestrator.settled(workflow):
            view = await self.workflows.get(workflow)
            if view.status.is_at_rest:
                return view
        return await self._watched(workflow)

    def has_succeeded(self, workflow: WorkflowId) -> bool:
        """Whether the workflow is one of the last that have succeeded here, durably. From any thread."""
        return self._orchestrator is not None and self._orchestrator.has_succeeded(workflow)

    def has_soon_succeeded(self, workflow: WorkflowId, timeout_s: float | None) -> bool:
        """Wait for a workflow that is driven here; True if it has succeeded. From any thread, but the loop's.

        Raises:
            TimeoutError: it is still at work.
        """
        if self._orchestrator is None:
            return False
        ending = self._orchestrator.ending(workflow)
        if ending is not None:
            ending.result(timeout_s)
        return self._orchestrator.has_succeeded(workflow)

    async def clean(self, before: datetime, keep: int, *, dry_run: bool) -> Cleaned:
        """As ``Local.clean``."""
        old = await self.workflows.forgettable(before, keep)
        if not dry_run:
            await self.workflows.forget(old, before)
        live = await self.workflows.live_digests()
        collected = await asyncio.to_thread(self.artifacts.collect, live, GRACE_S, dry_run=dry_run)
        return Cleaned(len(old), *collected)

    async def update(self, workflow: WorkflowId, change: Change) -> None:
        """As ``Workflow.update``."""
        assert self._database is not None
        updates, view = Updates(self._database), await self.workflows.get(workflow)
        await self._check_parameters(view.plan, change)
        wanted = change.applied(view.plan)
        if self._executor is not None:
            self._check(wanted)
        await self._listen()
        asked = await updates.ask(workflow, change)
        async with asyncio.timeout(UPDATE_S):
            while True:
                changed = self._changes.setdefault(str(workflow), asyncio.Event())
                changed.clear()
                if await updates.answer(workflow, asked):
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), POLL_S)

    async def _check_parameters(self, plan: PlanSpec, change: Change) -> None:
        """Let the phases look at their new parameters, as they do when a plan is built."""
        changed = [change.applied(plan).steps[plan.index()[each.step]] for each in change.steps if each.parameters]
        code = await self.workflows.code([step.phase.digest for step in changed])
        for step in changed:
            phase: Phase = pickle.loads(code[step.phase.digest])
            phase.checked(step.name, len(step.inputs), step.parameters)

    async def _watched(self, workflow: WorkflowId) -> WorkflowView:
        """The workflow once it is at rest, by what the database tells."""
        await self._listen()
        while True:
            changed = self._changes.setdefault(str(workflow), asyncio.Event())
            changed.clear()
            try:
                view = await self.workflows.get(workflow)
            except EopiezError:
                if self._driving is None or self._driving.done():
                    raise
            else:
                if view.status.is_at_rest:
                    self._changes.pop(str(workflow), None)
                    return view
            if self._driving is not None and self._driving.done():
                self._driving.result()
            with contextlib.suppress(TimeoutError):  # Not by ``wait_for``, which may forget that its caller gave up.
                async with asyncio.timeout(POLL_S):
                    await changed.wait()

    async def _listen(self) -> None:
        if self._listener is None or self._listener.is_closed():
            assert self._database is not None
            self._listener = await self._database.listen(self._hear, "eopiez_status")

    def _hear(self, _channel: str, workflows: str) -> None:
        for workflow in workflows.split(","):
            if workflow in self._changes:
                self._changes[workflow].set()


def _spare_the_collector() -> None:
    """Let Python's cycle collector pass over all that was loaded so far, and run less often.

    What was imported lives as long as the process; looking through it again and again took a quarter of the time of
    many small workflows.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(max(YOUNG_OBJECTS, gc.get_threshold()[0]), *gc.get_threshold()[1:])


def _new(plan: Plan, options: StartOptions) -> NewWorkflow:
    """What is said when it is started wins over what the plan itself says."""
    said = {"priority": plan.priority, **options, "labels": {**plan.labels, **options.get("labels", {})}}
    return NewWorkflow(plan.spec(), plan.code(), **said)  # type: ignore[arg-type]


class StartOptions(TypedDict, total=False):
    """What may be said of a new workflow beside its plan."""

    owner: str
    """Whose it is: owners share the cluster alike. Empty by default."""
    priority: int
    """Higher goes first; 0 by default."""
    labels: Mapping[str, str]
    idempotency_key: str
    """The same owner, key and plan give the same workflow, however often it is started."""


class RequestOptions(TypedDict, total=False):
    """What may be said with a pause, resume, cancel or retry."""

    by: str
    """Who asks; the login name by default."""
    why: str
    mode: Mode | Literal["drain", "now"]
    """Of a pause or a cancel: ``drain`` lets tasks in flight end, ``now`` stops them and hands them back."""
    timers: Timers | Literal["running", "frozen"]
    """Of a pause: whether attempts that wait for their moment wait on meanwhile."""


def _request(options: RequestOptions) -> Request:
    given: dict[str, Any] = {"by": login_name(), **options}
    return Request(**given)


def login_name() -> str:
    """The name of the user who runs this process; empty if the machine does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # A container may run a user id without a name.
        return ""


class Local:
    """A system of your own on this machine: ``with eopiez_ray.local() as ez: ez.start(plan).wait()``."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="eopiez", daemon=True)
        self._thread.start()
        self._engine = self._run(self._open())
        self._is_open = True

    async def _open(self) -> Engine:
        engine = Engine(self.settings)
        try:
            await engine.open()
        except BaseException:
            await engine.close()
            raise
        return engine

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def start(self, plan: Plan, **options: Unpack[StartOptions]) -> Workflow:
        """Create a workflow and drive it in this process. Once this returns it is durable.

        Raises:
            ClusterError: a step asks for what the cluster can never give.
            IdempotencyConflictError: the idempotency key was used for another plan.
        """
        return self.start_many([plan], **options)[0]

    def start_many(self, plans: Sequence[Plan], **options: Unpack[StartOptions]) -> list[Workflow]:
        """As ``start``, for many plans in one transaction."""
        wanted = [_new(plan, options) for plan in plans]
        made = self._engine.offer(wanted)
        created = self._run(self._engine.create(*wanted)) if made is None else made.result()
        return [Workflow(self, workflow, new.plan) for workflow, new in zip(created, wanted, strict=True)]

    def submit(self, plan: Plan, **options: Unpack[StartOptions]) -> Workflow:
        """Create a workflow for another process to drive."""
        (workflow,) = self._run(self._engine.submit(_new(plan, options)))
        return Workflow(self, workflow)

    def warm_up(self) -> None:
        """Start Ray now instead of with the first workflow."""
        self._run(self._engine.start_driving())

    def drive_all(self, name: str = "") -> None:
        """Drive every workflow of the database that nobody else drives, until ``close`` or ``hand_over``.

        Without this, a process drives only what it has started, resumed or retried itself.

        Args:
            name: what people call this orchestrator; shown where its workflows are.

        Raises:
            ClusterError: Ray does not start.
        """
        self._run(self._engine.drive_all(name))

    def keep_driving(self, seconds: float) -> None:
        """Wait so long while this process drives.

        Raises:
            EopiezError: it cannot drive any more; the database stayed away, or the cluster does not answer.
        """
        with contextlib.suppress(TimeoutError):
            self._run(asyncio.wait_for(self._engine.gave_up(), seconds))

    def workflow(self, text: str) -> Workflow:
        """The workflow of that id, or of a beginning or end of it that only one has."""
        return Workflow(self, self._run(self._engine.workflows.resolve(text)))

    def workflows(self, status: WorkflowStatus | None = None, limit: int = 50) -> list[WorkflowView]:
        """Workflows, newest first."""
        return self._run(self._engine.workflows.page(status, None, limit))

    def limit(self, kind: LimitKind | str, name: str, maximum: int | None) -> None:
        """Let at most so many calls be at work at once for an owner, a label (``key=value``) or a phase; None lifts it.

        It holds within a second, also for what is under way: what runs is let run.

        Raises:
            ParameterError: the maximum is negative, or the label is not named ``key=value``.
        """
        self._run(self._engine.rules.limit(LimitKey(LimitKind(kind), name), maximum))

    def weigh(self, owner: str, weight: float) -> None:
        """Give an owner this part of the cluster beside other owners, who have 1.

        Raises:
            ParameterError: the weight is not above 0.
        """
        self._run(self._engine.rules.weigh(owner, weight))

    def rules(self) -> Rules:
        """All limits and weights."""
        return self._run(self._engine.rules.read())

    def statuses(self, workflows: Sequence[WorkflowId]) -> dict[WorkflowId, WorkflowStatus]:
        """Where these workflows stand; nothing while the orchestrator of this process brings the database back.

        Raises:
            EopiezError: the orchestrator of this process gave up.
        """
        return self._run(self._engine.statuses(workflows))

    @property
    def driven(self) -> frozenset[WorkflowId]:
        """Workflows that this process drives now."""
        orchestrator = self._engine._orchestrator
        return frozenset(orchestrator.held) if orchestrator is not None else frozenset()

    def count(self, verb: Verb, selection: Selection) -> int:
        """How many workflows a request would mean now."""
        return self._run(self._engine.workflows.count(verb, selection))

    def pause(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Pause all that are selected; what became of each, as soon as it is asked for."""
        return self._run(self._engine.workflows.pause_all(selection, _request(options)))

    def cancel(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """End all that are selected; what became of each, as soon as it is asked for."""
        return self._run(self._engine.workflows.cancel_all(selection, _request(options)))

    def resume(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Go on with all that are selected, in this process unless another one drives them.

        Raises:
            ClusterError: Ray does not start; they are queued all the same.
        """
        answers = self._run(self._engine.workflows.resume_all(selection, _request(options)))
        return self._run(self._engine.drive_granted(answers))

    def retry(self, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """Start what was given up by all that are selected anew, in this process. Errors as in ``resume``."""
        answers = self._run(self._engine.workflows.retry_all(selection, _request(options)))
        return self._run(self._engine.drive_granted(answers))

    def queue(self, verb: Verb, selection: Selection, **options: Unpack[RequestOptions]) -> list[Answer]:
        """As ``resume`` or ``retry``, for another process to drive."""
        workflows = self._engine.workflows
        ask = workflows.resume_all if verb is Verb.RESUME else workflows.retry_all
        return self._run(ask(selection, _request(options)))

    def given_up(
        self, selection: Selection = EVERYTHING, before: int | None = None, limit: int = 1000
    ) -> list[GivenUp]:
        """Tasks of failed workflows that have used up their attempts, the last ones first.

        Args:
            selection: which workflows; all by default.
            before: goes on from the ``id`` of the last one of an earlier page.
            limit: how many at most.
        """
        return self._run(self._engine.workflows.given_up(selection, before, limit))

    def limits(self) -> list[StandingLimit]:
        """All limits, with how much of them is taken now."""
        return self._run(self._engine.rules.standing())

    def profiles(self, limit: int = PAGE) -> list[KnownPhase]:
        """What has been learned of phases by running them, those used last first."""
        return self._run(self._engine.phase_book.read(limit))

    def clean(self, older_than: timedelta, keep: int = 0, *, dry_run: bool = False) -> Cleaned:
        """Forget workflows that ended long ago, and delete the artifacts that nothing refers to any more.

        Args:
            older_than: how long ago a workflow must have ended; cached results live as long.
            keep: how many of the workflows that ended last are kept however old they are.
            dry_run: only say what would be forgotten. Artifacts of what would be forgotten are then not counted.

        Raises:
            ArtifactError: artifacts are in an object store; the workflows are forgotten all the same.
        """
        return self._run(self._engine.clean(datetime.now(UTC) - older_than, keep, dry_run=dry_run))

    def close(self) -> None:
        """Stop what was started here. Unfinished workflows stay, and are resumed by ``Workflow.resume``."""
        self._end(self._engine.close)

    def hand_over(self) -> None:
        """Close, and let others go on at once.

        On a cluster of yours they take over the workers with what those have in hand, so that nothing runs twice;
        workers that nobody takes over end themselves after a minute.
        """
        self._end(self._engine.hand_over)

    def _end(self, ending: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._run(ending())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _paged(
    page: Callable[[Key, int], list[Row]], key: Callable[[Row], Key], after: Key, limit: int | None
) -> Iterator[Row]:
    """Rows page after page, each from the last row of the one before on."""
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        rows = page(after, size)
        yield from rows
        if len(rows) < size:
            return
        after, left = key(rows[-1]), None if left is None else left - size


class Workflow:
    """A handle on one workflow."""

    def __init__(self, local: Local, workflow: WorkflowId, plan: PlanSpec | None = None) -> None:
        self._local, self.id, self._plan = local, workflow, plan

    def __repr__(self) -> str:
        return f"<workflow {self.id}>"

    @property
    def _workflows(self) -> Workflows:
        return self._local._engine.workflows

    def view(self) -> WorkflowView:
        """How it stands."""
        return self._local._run(self._workflows.get(self.id))

    @property
    def status(self) -> WorkflowStatus:
        """Its status now."""
        return self.view().status

    @property
    def settings(self) -> Settings:
        """Of the system that it is in."""
        return self._local.settings

    @property
    def driver(self) -> DriverView | None:
        """The orchestrator that is at work on it, in this process or another."""
        return self._local._run(self._workflows.driver(self.id))

    @property
    def is_driven(self) -> bool:
        """Whether some process, this one or another, is at work on it."""
        return self._local._run(self._workflows.is_held(self.id))

    def wait(self, timeout_s: float | None = None) -> Self:
        """Wait until it has succeeded.

        Raises:
            WorkflowFailedError, WorkflowCancelledError, WorkflowPausedError: it ended otherwise.
            TimeoutError: it is still at work.
        """
        if self._local._engine.has_soon_succeeded(self.id, timeout_s):
            return self
        view = self._local._run(asyncio.wait_for(self._local._engine.settled(self.id), timeout_s))
        if view.status is WorkflowStatus.SUCCEEDED:
            return self
        if view.status is WorkflowStatus.FAILED:
            error = view.error or {}
            place = f"step {error.get('step')!r}, partition {error.get('partition')}, attempt {error.get('attempts')}"
            raise WorkflowFailedError(
                f"workflow {self.id} failed: {place}: {error.get('error_type')}: {error.get('message')}"
            )
        if view.status is WorkflowStatus.CANCELLED:
            raise WorkflowCancelledError(f"workflow {self.id} was cancelled")
        raise WorkflowPausedError(f"workflow {self.id} was paused; resume it to go on")

    def settled(self, timeout_s: float | None = None) -> WorkflowView:
        """Wait until it is at rest, however it ended.

        Raises:
            TimeoutError: it is still at work.
        """
        return self._local._run(asyncio.wait_for(self._local._engine.settled(self.id), timeout_s))

    def result(self, step: str) -> Any:
        """The output of a finished step: a value, or a sequence of partitions, each loaded when asked for.

        Raises:
            KeyError: the plan has no such step.
            WorkflowNotFinishedError: the step is not done.
        """
        if self._plan is None:
            self._plan = self.view().plan
        positions = self._plan.index()
        if step not in positions:
            raise KeyError(f"workflow {self.id} has no step {step!r}; it has {', '.join(positions)}")
        position = positions[step]
        if not self._local._engine.has_succeeded(self.id):
            status = self.steps()[position].status
            if status is not StepStatus.SUCCEEDED:
                raise WorkflowNotFinishedError(f"step {step!r} of workflow {self.id} is {status}; wait for it first")
        outputs = self._local._run(self._workflows.outputs(self.id, position))
        values = LoadedPartitions(self._local._engine.artifacts, outputs)
        is_one = self._plan.steps[position].phase.kind in {PhaseKind.REDUCE, PhaseKind.SINK}
        return values[0] if is_one else values

    def pause(self, **options: Unpack[RequestOptions]) -> WorkflowStatus:
        """Start nothing more; ``paused`` once nothing is in flight."""
        return self._local._run(self._workflows.pause(self.id, _request(options)))

    def resume(self, **options: Unpack[RequestOptions]) -> Self:
        """Go on, in this process: after a pause, or after the process that drove it died."""
        self._local._run(self._workflows.resume(self.id, _request(options)))
        self._local._run(self._local._engine.drive(self.id))
        return self

    def retry(self, **options: Unpack[RequestOptions]) -> Self:
        """Start failed tasks anew, in this process; finished ones keep their results."""
        self._local._run(self._workflows.retry(self.id, _request(options)))
        self._local._run(self._local._engine.drive(self.id))
        return self

    def cancel(self, **options: Unpack[RequestOptions]) -> WorkflowStatus:
        """End it; finished steps keep their results."""
        return self._local._run(self._workflows.cancel(self.id, _request(options)))

    def update(
        self,
        *steps: StepChange,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
        by: str = "",
        why: str = "",
    ) -> Self:
        """Change what has not started: parameters of steps without a task that has begun, policies of steps that are
        not done, the priority, labels.

        Raises:
            PlanError: its plan has no such step.
            ParameterError: a phase refuses a parameter.
            UpdateRefusedError: what was to be changed has started; nothing was changed.
            TransitionError: it has ended.
            TimeoutError: the process that drives it did not answer; the history says later whether it did it.
        """
        change = Change(steps, priority, labels, by, why)
        self._local._run(self._local._engine.update(self.id, change))
        return self

    def steps(self) -> list[StepView]:
        """Its steps with their counters."""
        return self._local._run(self._workflows.steps(self.id))

    def events(self, after: int = 0) -> list[EventView]:
        """Its history."""
        return self._local._run(self._workflows.events(self.id, after))

    def history(self) -> Iterator[EventView]:
        """All its events, oldest first; they are fetched a page at a time."""

        def page(after: int, size: int) -> list[EventView]:
            return self._local._run(self._workflows.events(self.id, after, size))

        return _paged(page, lambda event: event.id, 0, None)

    def logs(
        self, after: int = 0, *, step: str | None = None, partition: int | None = None, level: str | None = None
    ) -> list[LogView]:
        """What its phases logged and printed: up to 1,000 lines after the one of that id.

        Args:
            after: id of the last line that is known; 0 begins with the first.
            step: only this step, or the steps of a phase such as ``themes``.
            partition: only the tasks of this partition.
            level: only lines of this level, or more important ones: debug, info, warning, error, critical.

        Raises:
            PlanError: its plan has no such step.
            ParameterError: there is no such level.
        """
        where = LogFilter(step=step, partition=partition, level=level)
        return self._local._run(self._workflows.logs(self.id, after, PAGE, where))

    def tasks(
        self, where: TaskFilter | None = None, after: TaskKey | None = None, limit: int | None = None
    ) -> Iterator[TaskView]:
        """Its finished tasks, in order of step and partition; they are fetched a page at a time.

        Args:
            where: which of them; all by default.
            after: begin after this one.
            limit: how many at most.

        Raises:
            PlanError: its plan has no such step.
        """

        def page(after: TaskKey | None, size: int) -> list[TaskView]:
            return self._local._run(self._workflows.tasks(self.id, where or TaskFilter(), after, size))

        return _paged(page, lambda task: task.key, after, limit)

    def attempts(
        self, where: AttemptFilter | None = None, after: int = 0, limit: int | None = None
    ) -> list[AttemptView]:
        """Attempts that ended without a result, oldest first. Arguments and errors as in ``each_attempt``."""
        return list(self.each_attempt(where, after, limit))

    def each_attempt(
        self, where: AttemptFilter | None = None, after: int = 0, limit: int | None = None
    ) -> Iterator[AttemptView]:
        """Attempts that ended without a result, oldest first; they are fetched a page at a time.

        Args:
            where: which of them; all by default.
            after: id of the last one that is known; 0 begins with the first.
            limit: how many at most.

        Raises:
            PlanError: its plan has no such step.
        """

        def page(after: int, size: int) -> list[AttemptView]:
            return self._local._run(self._workflows.attempts(self.id, where or AttemptFilter(), after, size))

        return _paged(page, lambda attempt: attempt.id, after, limit)

    def last_attempts(self, limit: int = 10) -> list[AttemptView]:
        """The newest attempts that ended without a result, the newest last."""
        return self._local._run(self._workflows.last_attempts(self.id, limit))

    def step_facts(self) -> list[StepFacts]:
        """What each step comes down to beside its counters: its peak of memory, its attempts without a result."""
        return self._local._run(self._workflows.step_facts(self.id))

    def rejects(self) -> Iterable[RejectView]:
        """Quarantined rows."""
        return self._local._run(self._workflows.rejects(self.id))

    def task_times(self) -> list[TaskTime]:
        """When its tasks ran."""
        return self._local._run(self._workflows.task_times(self.id))
