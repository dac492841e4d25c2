"""The asynchronous engine: Postgres, a Ray cluster and an orchestrator in one process."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ClusterError, EopiezError, StoreError
from ..home import open_home
from ..logs import get_logger
from ..model.changes import Change
from ..model.ids import OrchestratorId, uuid7
from ..model.policies import Resources
from ..model.requests import Answer
from ..model.status import WorkflowStatus
from ..settings import Settings, ray_job
from ..store import (
    Database,
    EmbeddedServer,
    Intake,
    NewWorkflow,
    PhaseBook,
    Projects,
    RuleBook,
    Updates,
    Workflows,
    connect,
)
from ..store.backups import BackupDesk
from ..store.erasing import results_folder
from ..store.rejects import Rejects
from ..store.retention import Expired
from .artifacts import Artifacts
from .cluster import RayExecutor
from .collector import spare_all
from .jobs import note_workflow
from .moments import set_within
from .orchestrator import Orchestrator
from .retaining import GRACE_S, Retainer, delete_folders

if TYPE_CHECKING:
    import asyncpg

    from ..authoring.contract import Phase
    from ..model.dealings import Dealt
    from ..model.ids import WorkflowId
    from ..model.plan import PlanSpec
    from ..store import (
        WorkflowView,
    )
    from .accounting import Spent
    from .figures import NodeFigures, StoreFigures
    from .pool import Usage
    from .spans import TracedTask

POLL_S = 0.5
UPDATE_S = 15.0
"""Seconds that a workflow's driver gets to answer an update request."""


log = get_logger(__name__)


class Cleaned(NamedTuple):
    """What was deleted."""

    workflows: int
    artifacts: int
    bytes: int
    """Size of the artifacts."""


class Engine:
    """The asynchronous engine. The database is available after ``open``; Ray starts when a workflow is first driven."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        open_home(settings.home)
        self.artifacts = Artifacts(settings.artifacts)
        self._server = EmbeddedServer(settings.home) if settings.database_url is None else None
        self._database: Database | None = None
        self._intake: Intake | None = None
        self._orchestrator: Orchestrator | None = None
        self._driving: asyncio.Task[None] | None = None
        self._executor: RayExecutor | None = None
        self._starting = asyncio.Lock()
        self._has_signed = False
        self._changes: dict[str, asyncio.Event] = {}
        """Set when a workflow that someone waits for has changed."""
        self._listener: asyncpg.Connection[asyncpg.Record] | None = None

    @property
    def database_url(self) -> str:
        """Where the database is."""
        assert self._database is not None, "open the engine first"
        return self._database.url

    @property
    def workflows(self) -> Workflows:
        """The store's users' side."""
        assert self._database is not None, "open the engine first"
        return Workflows(self._database)

    @property
    def updates(self) -> Updates:
        """Of plans, and the plans that workflows have followed."""
        assert self._database is not None, "open the engine first"
        return Updates(self._database)

    @property
    def rejects(self) -> Rejects:
        """Rows that steps could not use."""
        assert self._database is not None, "open the engine first"
        return Rejects(self._database)

    @property
    def projects(self) -> Projects:
        """The projects."""
        assert self._database is not None, "open the engine first"
        return Projects(self._database)

    @property
    def rules(self) -> RuleBook:
        """Limits and weights."""
        assert self._database is not None, "open the engine first"
        return RuleBook(self._database)

    @property
    def phase_book(self) -> PhaseBook:
        """What has been measured about phases."""
        assert self._database is not None, "open the engine first"
        return PhaseBook(self._database)

    async def open(self) -> None:
        """Connect to the database, starting the embedded one if there is no other."""
        url = self.settings.database_url
        if self._server is not None:
            url = await asyncio.to_thread(self._server.start)
        assert url is not None
        self._database = await connect(
            url, self.settings.pooler_url if self._server is None else None, self.settings.at_rest
        )
        self.artifacts.keys = self._database.vault.keys
        self._intake = Intake(self._database)

    async def close(self) -> None:
        """Stop driving, leave the cluster and the database. Workflows that were driven can be claimed at once."""
        if self._orchestrator is not None:
            self._orchestrator.stop()
        elif self._driving is not None:
            self._driving.cancel()
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
        """Like ``close``, but workers on a cluster of yours stay, with their calls, for whoever drives next."""
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
        """Start Ray and the orchestrator, once; again if an error ended the previous one.

        A new orchestrator may claim what the previous one could: what that left is durable, and fenced by epochs.

        Raises:
            ClusterError: Ray does not start.
            StoreError: the database does not answer.
        """
        async with self._starting:
            if self.is_driving:
                return
            assert self._database is not None
            await self._database.vault.check()
            former, self._orchestrator = self._orchestrator, None
            if former is not None:
                log.warning("the orchestrator of this process has ended, starting another")
                await self._leave_cluster()
            identity = OrchestratorId(uuid7())
            self._executor = RayExecutor(self.settings, identity)
            await self._executor.start()
            spare_all()
            orchestrator = Orchestrator(
                self._database,
                self._executor,
                self.artifacts,
                self.settings,
                only=() if former is None else former.only,
                revive=self._revive,
                orchestrator_id=identity,
                name=name or (former.name if former is not None else ""),
            )
            if self.settings.ray_address is None:  # On a cluster of others, nothing is held before there is work.
                self._executor.prepare(Resources())
            self._driving = asyncio.create_task(orchestrator.run())
            self._driving.add_done_callback(lambda done: done.cancelled() or done.exception())
            await self._await_readiness(orchestrator, self._driving)
            self._orchestrator = orchestrator

    async def usage(self) -> Usage | None:
        """What the cluster has, and what is held of it here; None while nothing is driven here."""
        return None if self._executor is None else self._executor.usage()

    async def spent(self) -> Spent | None:
        """Where the time of slots went since this was last asked; None while nothing is driven here."""
        return None if self._orchestrator is None else self._orchestrator.spent()

    async def take_spans(self) -> list[TracedTask]:
        """What phases have measured since this was last asked; nothing while nothing is driven here."""
        return [] if self._orchestrator is None else self._orchestrator.take_spans()

    async def figures(self) -> list[NodeFigures]:
        """What is used on the nodes where this process has workers."""
        return [] if self._executor is None else await self._executor.figures()

    async def object_store(self) -> StoreFigures | None:
        """How the object store of the cluster is used; None while nothing is driven here."""
        return None if self._executor is None else await self._executor.object_store()

    def dealt(self) -> Dealt | None:
        """What this process and its workers have done with the artifact store since this was last asked."""
        of_workers = None if self._executor is None else self._executor.dealt()
        if of_workers is not None:
            self.artifacts.dealings.add(of_workers)
        return self.artifacts.dealings.take()

    @property
    def is_driving(self) -> bool:
        """Whether this process's orchestrator is running."""
        return self._orchestrator is not None and self._driving is not None and not self._driving.done()

    async def _leave_cluster(self) -> None:
        """Leave the cluster of an orchestrator that has ended."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await executor.close()

    async def _await_readiness(self, orchestrator: Orchestrator, driving: asyncio.Task[None]) -> None:
        """Wait until others know the orchestrator and see that it is alive; only then create workflows for it."""
        ready = asyncio.ensure_future(orchestrator.ready.wait())
        try:
            await asyncio.wait({ready, driving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if driving.done():
            await self._leave_cluster()
            self._driving = None
            driving.result()

    async def drive(self, workflow: WorkflowId) -> None:
        """Let this process's orchestrator claim the workflow."""
        await self.start_driving()
        assert self._orchestrator is not None
        self._check((await self.workflows.get(workflow)).plan)
        self._orchestrator.drive(workflow)
        await self._sign(workflow)

    async def drive_granted(self, answers: Sequence[Answer]) -> list[Answer]:
        """Let this process's orchestrator claim what was queued; add to the answers why some can never run here."""
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
        if self._driving is not None and self._driving.done():
            self._driving.result()
        try:
            return await self.workflows.statuses(workflows)
        except StoreError:
            if not self.is_driving:
                raise
            return {}

    async def create(self, *wanted: NewWorkflow) -> list[WorkflowId]:
        """Create workflows and drive them here. They are durable when this returns.

        Raises:
            ClusterError: a step asks for what the cluster can never give.
            IdempotencyConflictError: a key was used for another plan.
        """
        if not self.is_driving:
            await self.start_driving()
        assert self._orchestrator is not None
        for plan in {new.plan.digest: new.plan for new in wanted}.values():
            self._check(plan)
        created = await self._orchestrator.create(*wanted)
        await self._sign(*created)
        return created

    async def _sign(self, *workflows: WorkflowId) -> None:
        """Let the Ray job that this process belongs to say which workflow it drives: the first one."""
        if not self._has_signed and workflows and ray_job() is not None:
            self._has_signed = True
            await note_workflow(workflows[0])

    def offer(self, wanted: Sequence[NewWorkflow]) -> Future[list[WorkflowId]] | None:
        """Like ``create``, from any thread and without a task for it; None if nothing is driven here yet."""
        if self._orchestrator is None or not self.is_driving:
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
        if self.settings.autoscaling or not any(map(self._executor.refusal, plan.shapes)):
            return None
        for step in plan.steps:
            refusal = self._executor.refusal(step.policy.resources)
            if refusal is not None and step.policy.wait_timeout_s is None:
                return (
                    f"step {step.name!r} can never run here: {refusal}; lower its resources, use a larger cluster, "
                    "or give it a wait_timeout_s if nodes will join (EOPIEZ_AUTOSCALING if many do)"
                )
        return None

    async def _revive(self) -> None:
        """Start the embedded server again after it was killed."""
        if self._server is not None:
            with contextlib.suppress(EopiezError):  # The caller retries, and gives up when its own patience ends.
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
        """Whether the workflow is one of the latest that durably succeeded here. Callable from any thread."""
        return self._orchestrator is not None and self._orchestrator.has_succeeded(workflow)

    def has_soon_succeeded(self, workflow: WorkflowId, timeout_s: float | None) -> bool:
        """Wait for a workflow driven here; True if it succeeded. Callable from any thread but the loop's.

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
        assert self._database is not None
        old = await self.workflows.forgettable(before, keep)
        if not dry_run:
            views = [await self.workflows.get(workflow) for workflow in old]
            await self.workflows.forget(old, before)
            folders = [Expired(view.id, results_folder(view.project, view.labels)) for view in views]
            await asyncio.to_thread(delete_folders, self.settings.shared_folder, folders)
            days = (datetime.now(before.tzinfo) - before).total_seconds() / 86_400
            await Retainer(self._database, self.artifacts, self.settings).forget_uploads(days)
        async with BackupDesk(self._database).none_at_work():
            live = await self.workflows.live_digests()
            collected = await asyncio.to_thread(self.artifacts.collect, live, GRACE_S, dry_run=dry_run)
        return Cleaned(len(old), *collected)

    async def update(self, workflow: WorkflowId, change: Change) -> None:
        """As ``Workflow.update``."""
        assert self._database is not None
        updates, view = self.updates, await self.workflows.get(workflow)
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
                await set_within(changed, POLL_S)

    async def _check_parameters(self, plan: PlanSpec, change: Change) -> None:
        """Let the phases check their new parameters, as when a plan is built."""
        changed = [change.applied(plan).steps[plan.index()[each.step]] for each in change.steps if each.parameters]
        code = await self.workflows.code([step.phase.digest for step in changed])
        for step in changed:
            phase: Phase = pickle.loads(code[step.phase.digest])
            phase.checked(step.name, len(step.inputs), step.parameters)

    async def _watched(self, workflow: WorkflowId) -> WorkflowView:
        """The workflow once it is at rest, according to the database."""
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
            await set_within(changed, POLL_S)

    async def _listen(self) -> None:
        if self._listener is None or self._listener.is_closed():
            assert self._database is not None
            self._listener = await self._database.listen(self._hear, "eopiez_status")

    def _hear(self, _channel: str, workflows: str) -> None:
        for workflow in workflows.split(","):
            if workflow in self._changes:
                self._changes[workflow].set()
