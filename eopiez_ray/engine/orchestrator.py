"""Drives the workflows that it holds leases on: its duties, and how they fit together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..logs import get_logger
from ..model.ids import OrchestratorId, WorkflowId, uuid7
from ..store import Database, Intake, Ledger, NewWorkflow, RuleBook
from .accounting import Accounts
from .chronicle import Chronicle
from .claims import Claims
from .conductor import Conductor
from .creation import Creation
from .dispatch import Dispatcher
from .duties import Duties
from .executor import Executor
from .explaining import Explainer
from .journal import Journal
from .leases import Leases
from .limits import Limits
from .roster import Roster
from .rules import Rules
from .session import Session
from .spans import SpanBox
from .turns import Turns
from .wishes import Wishes

if TYPE_CHECKING:
    from ..settings import Settings
    from .accounting import Spent
    from .artifacts import Artifacts
    from .spans import TracedTask

IDLE_S = 10.0
"""Seconds without a workflow after which the workers' resources are released."""

log = get_logger(__name__)


class Orchestrator:
    """A driver of workflows. ``run`` it; ``stop`` ends it and leaves everything for another to claim."""

    def __init__(
        self,
        database: Database,
        executor: Executor,
        artifacts: Artifacts,
        settings: Settings,
        *,
        only: Sequence[WorkflowId] | None = None,
        revive: Callable[[], Awaitable[None]] | None = None,
        orchestrator_id: OrchestratorId | None = None,
        name: str = "",
    ) -> None:
        """
        Args:
            database: where the workflows are.
            executor: where their tasks run.
            artifacts: where their outputs are.
            settings: leases and patience.
            only: drive only these workflows; None drives all.
            revive: called when the database is lost, to restart it if it is ours.
            orchestrator_id: its own id, where the executor must know it too.
            name: its display name.
        """
        self.id = orchestrator_id or OrchestratorId(uuid7())
        self.name = name
        self._executor = executor
        self._has_news = asyncio.Event()
        """Set when something may start."""
        revive, news = revive or _leave_it, self._has_news.set
        limits = Limits()
        turns = Turns(limits)
        self._ledger = Ledger(database, settings.lease_s)
        self._chronicle = Chronicle(database, self._ledger, self.id)
        self._roster = Roster(turns)
        self._journal = Journal(self._ledger, settings.database_patience_s, self._lose, revive)
        self._conductor = Conductor(
            self._roster, turns, self._journal, self._chronicle, executor, on_news=news, on_free=self._has_freed
        )
        self._spans = None if settings.otlp_url is None else SpanBox()
        self._dispatcher = Dispatcher(
            executor, self._ledger, self._journal, artifacts,
            sender=self.id, limits=limits, turns=turns, conductor=self._conductor, on_room=news, spans=self._spans,
        )  # fmt: skip
        self._explainer = Explainer(self._roster, self._dispatcher.room, self._journal, self._conductor)
        self._accounts = Accounts(self._roster, limits, executor, self._conductor)
        self._wishes = Wishes(self.id, self._ledger, self._roster, turns, self._conductor, news)
        self._claims = Claims(
            self.id, only,
            ledger=self._ledger, executor=executor, roster=self._roster, conductor=self._conductor,
            dispatcher=self._dispatcher, journal=self._journal, chronicle=self._chronicle, limits=limits,
            on_ending=self._wishes.look, on_limited=lambda: self._rules.look(),
        )  # fmt: skip
        self._rules = Rules(
            self.id, RuleBook(database), limits, self._claims, self._roster, self._conductor, executor, news
        )
        self._creation = Creation(self.id, Intake(database), self._claims)
        self._leases = Leases(
            self.id, settings.lease_s, self._ledger, self._roster, self._creation, self._journal, self._conductor
        )
        heard = {
            "eopiez_work": self._claims.look,
            "eopiez_request": self._wishes.look,
            "eopiez_rules": self._rules.look,
        }
        self._session = Session(database, self._ledger, heard, revive, on_open=self._leases.doubt)
        self._stopping = asyncio.Event()
        self._is_handing_over = False

    @property
    def ready(self) -> asyncio.Event:
        """Set once others see that it is alive: workflows may be created for it."""
        return self._session.ready

    @property
    def held(self) -> dict[WorkflowId, int]:
        """Epochs of the workflows it holds."""
        return self._roster.epochs

    def spent(self) -> Spent:
        """Where the time of its slots went since this was last asked."""
        return self._accounts.take()

    def take_spans(self) -> list[TracedTask]:
        """What phases have measured since this was last asked, if traces are exported."""
        return [] if self._spans is None else self._spans.take()

    @property
    def only(self) -> Sequence[WorkflowId] | None:
        """The workflows that it may claim; None for all."""
        return self._claims.only

    def drive(self, *workflows: WorkflowId) -> None:
        """Add workflows to those that it may claim, and look for them now."""
        self._claims.add(*workflows)

    def drive_all(self) -> None:
        """Claim whatever nobody else drives from now on."""
        self._claims.open_up()

    async def create(self, *wanted: NewWorkflow) -> list[WorkflowId]:
        """Create workflows and drive them from the start. They are durable when this returns.

        Raises:
            IdempotencyConflictError: a key was used for another plan.
        """
        return await asyncio.wrap_future(self.offer(wanted))

    def offer(self, wanted: Sequence[NewWorkflow]) -> Future[list[WorkflowId]]:
        """As ``create``, from any thread."""
        return self._creation.offer(wanted)

    async def settled(self, workflow: WorkflowId) -> bool:
        """Wait until a workflow held here is durably at rest; False at once if it is not held here."""
        ending = self.ending(workflow)
        if ending is not None:
            await asyncio.wrap_future(ending)
        return ending is not None

    def ending(self, workflow: WorkflowId) -> Future[None] | None:
        """Resolved when a workflow held here is durably at rest, or no longer held. Callable from any thread."""
        return self._roster.ending(workflow)

    def has_succeeded(self, workflow: WorkflowId) -> bool:
        """Whether the workflow is one of the latest that durably succeeded here."""
        return self._roster.has_succeeded(workflow)

    def stop(self) -> None:
        """End soon: no more tasks start, running calls are dropped, leases are released."""
        self._stopping.set()

    def hand_over(self) -> None:
        """End soon, like ``stop``, but let the next holder of its workflows take over the workers with their calls.

        The executor must leave the workers alive.
        """
        self._is_handing_over = True
        self._stopping.set()

    async def run(self) -> None:
        """Drive workflows until ``stop``.

        Raises:
            StoreError: the database stayed unavailable for longer than the patience.
            ClusterError: the cluster is gone and is not ours to restart.
            Exception: one of its duties keeps failing unexpectedly.
        """
        links = duties = Duties({})
        try:
            self._session.lock(await self._ledger.register(self.id, self.name, self._executor.cluster))
            await self._chronicle.read()
            await self._rules.read()
            links = Duties({"commits": self._journal.run, "session": self._session.run})
            duties = Duties(
                {
                    "cluster": lambda: self._executor.watch(self._has_news.set, self._chronicle.note_worker),
                    "admission": self._admit,
                    "reasons": self._explainer.run,
                    "accounts": self._accounts.run,
                    "claims": self._claims.run,
                    "wishes": self._wishes.run,
                    "leases": self._leases.run,
                    "rules": self._rules.run,
                    "profiles": self._chronicle.keep_profiles,
                    "workers": self._chronicle.keep_workers,
                    "stop": self._stopping.wait,
                }
            )
            done, _ = await asyncio.wait([*links.tasks, *duties.tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._creation.end()
            await self._wind_up(links, duties)

    async def _wind_up(self, links: Duties, duties: Duties) -> None:
        """End all duties first, so that nothing starts in the place of what is dropped; those of the database
        connection last, since a handover still needs it."""
        await duties.end()
        held = self._creation.coming | self.held
        is_handing_over = self._is_handing_over and not links.are_over
        runs = self._roster.clear()
        calls = {call for run in runs for call in run.calls}
        in_flight = sum(step.running for run in runs for step in run.state.steps)
        log.info("ending", workflows=len(held), calls_in_flight=len(calls), tasks_in_flight=in_flight)
        if is_handing_over and not held:
            self._executor.release_idle()  # Otherwise whoever claims next takes them over, idle ones too.
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        if is_handing_over:
            await self._session.bequeath(self._journal)
        await links.end()
        with contextlib.suppress(StoreError):  # The lease then expires.
            if held and not is_handing_over:
                await self._ledger.release(held)
            await self._chronicle.save_profiles()

    async def _admit(self) -> None:
        """Start what may start, once for everything that happens in a turn of the event loop."""
        self._has_news.set()  # If it failed before, it was in the middle of something.
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            self._dispatcher.start_what_fits()
            self._explainer.has_moved = True

    def _lose(self, workflow: WorkflowId) -> None:
        self._conductor.lose(workflow)

    def _has_freed(self) -> None:
        """Note that a workflow was released."""
        self._claims.has_freed()
        if not len(self._roster):
            asyncio.get_running_loop().call_later(IDLE_S, self._rest, self._claims.count)

    def _rest(self, count: int) -> None:
        """Release the resources if no workflow has come since this many."""
        if not len(self._roster) and self._claims.count == count:
            self._executor.release_idle()
            self._creation.rest()


async def _leave_it() -> None:
    """Do nothing, since the database is not ours to restart."""
