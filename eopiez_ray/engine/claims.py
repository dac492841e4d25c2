"""Claiming workflows that nobody drives, sharing them with other orchestrators, and releasing them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import DatabaseUnavailableError
from ..logs import get_logger
from ..machine import Packing
from ..model.policies import Resources
from ..store import Claim, Peers
from ..store.ledger import LOWEST
from .inputs import InputResolver
from .moments import set_within
from .roster import tell
from .run import Run

if TYPE_CHECKING:
    from ..model.ids import OrchestratorId, WorkflowId
    from ..store import Ledger
    from .chronicle import Chronicle
    from .conductor import Conductor
    from .dispatch import Dispatcher
    from .executor import Executor, Inherited
    from .journal import Journal
    from .limits import Limits
    from .roster import Roster

POLL_S = 2.0
"""Seconds between looks at the queue when no notification comes."""
CLAIM_LIMIT = 100
HELD = 1000
"""How many workflows not at rest it holds before it claims no more; the rest stay queued."""
URGENT = 100
"""How many of these are reserved for workflows of a higher priority than the lowest it holds."""
AHEAD = 4
"""Workflows per slot that may wait in one orchestrator when others could drive them."""

log = get_logger(__name__)


class Claims:
    """Claims for one orchestrator."""

    def __init__(
        self,
        orchestrator: OrchestratorId,
        only: Sequence[WorkflowId] | None,
        *,
        ledger: Ledger,
        executor: Executor,
        roster: Roster,
        conductor: Conductor,
        dispatcher: Dispatcher,
        journal: Journal,
        chronicle: Chronicle,
        limits: Limits,
        on_ending: Callable[[], None],
        on_limited: Callable[[], None],
    ) -> None:
        """
        Args:
            orchestrator: who claims.
            only: claim only these workflows; None claims whatever nobody drives.
            on_ending: called when a claimed workflow is to be paused or cancelled.
            on_limited: called when limits may apply to a claimed workflow.
        """
        self._orchestrator = orchestrator
        self._only: list[WorkflowId] | None = None if only is None else list(only)
        self._ledger, self._executor, self._roster = ledger, executor, roster
        self._conductor, self._dispatcher, self._journal = conductor, dispatcher, journal
        self._chronicle, self._limits = chronicle, limits
        self._on_ending, self._on_limited = on_ending, on_limited
        self._has_work = asyncio.Event()
        self._peers = Peers()
        self._leaves_some = False
        """Whether there was more to claim than room for it."""
        self.count = 0
        """How many workflows have been held so far."""

    @property
    def only(self) -> Sequence[WorkflowId] | None:
        """The workflows that it may claim; None for all."""
        return self._only

    def add(self, *workflows: WorkflowId) -> None:
        """Add workflows to those that may be claimed, and look for them now."""
        if self._only is not None:
            known = set(self._only)
            self._only += [workflow for workflow in workflows if workflow not in known]
        self.look()

    def open_up(self) -> None:
        """Claim whatever nobody else drives from now on."""
        self._only = None
        self.look()

    def look(self) -> None:
        """There may be something to claim."""
        self._has_work.set()

    def has_freed(self) -> None:
        """Note that a workflow was released: there may be room for another."""
        if self._leaves_some and (self._peers.takers or len(self._roster) <= HELD - URGENT - CLAIM_LIMIT):
            self.look()

    async def run(self) -> None:
        """Keep claiming."""
        is_new = True
        while True:
            await set_within(self._has_work, POLL_S)
            self._has_work.clear()
            try:
                claims = await self._claimed()
                code = await self._ledger.code(sorted({digest for claim in claims for digest in _digests(claim)}))
                former = {claim.previous for claim in claims if claim.previous is not None}
                dead = await self._ledger.dead_among(former) if former else set()
                if is_new:  # Nobody claims from these, and their workers would hold resources for another minute.
                    dead |= await self._ledger.died_idle(self._executor.cluster)
            except DatabaseUnavailableError:
                continue  # The session is restarting it.
            is_new = False
            inherited = await self._inherited(dead)
            claims.sort(key=lambda claim: (-claim.priority, claim.id))
            held = [(claim, self.hold(claim, code)) for claim in claims]
            runs = {str(run.id): run for run in self._roster} if inherited else {}
            for call in inherited:  # Before they continue: a workflow is not paused while these are in flight.
                self._dispatcher.inherit(runs, call)
            for claim, run in held:
                if run is not None:
                    self.begin(claim, run)
            if len(claims) == CLAIM_LIMIT:
                self.look()

    async def _inherited(self, dead: set[OrchestratorId]) -> list[Inherited]:
        """Calls that dead orchestrators left on their workers; without them, their tasks run again."""
        try:
            return await self._executor.inherit(dead)
        except Exception:
            log.exception("workers of dead orchestrators cannot be taken over")
            return []

    async def _claimed(self) -> list[Claim]:
        """As many workflows as there is room for, or all it was told to drive; only urgent ones if room is short."""
        if self._only is not None:
            return await self._ledger.claim(self._orchestrator, self._only, CLAIM_LIMIT)
        priorities = [run.priority for run in self._roster]
        room, is_scarce = HELD - len(priorities), len(priorities) >= HELD - URGENT
        limit = min(CLAIM_LIMIT, room if is_scarce else room - URGENT)
        if self._peers.takers:
            limit = min(limit, self._ahead() - len([*self._roster.without_calls()]))
        self._leaves_some = limit < CLAIM_LIMIT
        if limit <= 0:
            return []
        driven = Counter(run.owner for run in self._roster)
        above = min(priorities) if is_scarce else LOWEST
        return await self._ledger.claim(self._orchestrator, None, limit, driven=driven, above=above)

    def hold(self, claim: Claim, code: dict[str, bytes]) -> Run | None:
        """The run of a claimed workflow; None if it cannot be driven and was quarantined."""
        try:
            run = self._run_of(claim, code)
            self._roster.add(run)
            run.adopt_policies()
            if self._limits.rules.maxima:
                self._on_limited()
            self._warn_of_shapes(run)
        except Exception as error:
            log.error("workflow quarantined", workflow=str(claim.id), exc_info=error)  # noqa: TRY400 - the error is included
            self._journal.quarantine(claim.id, claim.epoch, error)
            self._conductor.lose(claim.id)
            return None
        log.info("workflow held", workflow=str(claim.id), epoch=claim.epoch)
        return run

    def _run_of(self, claim: Claim, code: dict[str, bytes]) -> Run:
        slots = max((self._executor.slots(shape) for shape in claim.state.plan.shapes), default=1)
        packing = Packing(slots, self._chronicle.profiles, self._limits.closed_phases(claim.owner.project))
        claim.state.memory_limit_bytes = self._executor.memory_limit_bytes()
        self.count += 1
        return Run(
            claim.id,
            claim.epoch,
            claim.state,
            packing,
            InputResolver(claim.id, claim.state, self._ledger, self._journal, claim.owner.project),
            {digest: code[digest] for digest in _digests(claim)},
            claim.owner,
            claim.priority,
            claim.labels,
            self.count,
        )

    def _warn_of_shapes(self, run: Run) -> None:
        shapes = run.state.plan.shapes
        lacking = next((reason for shape in shapes if (reason := self._executor.refusal(shape))), None)
        if lacking is not None:
            log.warning(
                "a step waits for resources that the cluster does not have", workflow=str(run.id), reason=lacking
            )

    def begin(self, claim: Claim, run: Run) -> None:
        """Continue it from its current state."""
        if claim.status.is_ending:
            self._on_ending()  # This also says how long its calls may take.
        self._conductor.begin(run, claim.status)

    def _ahead(self) -> int:
        """How many workflows may wait their turn here while others could drive them."""
        return AHEAD * self._executor.slots(Resources())

    async def see_peers(self) -> bool:
        """Share the cluster and workflows with other orchestrators; give whether its part of the cluster changed.

        Raises:
            DatabaseUnavailableError: nothing has changed.
        """
        peers = await self._ledger.peers(self._orchestrator, self._executor.cluster, takes_any=self._only is None)
        has_changed = peers.neighbours != self._peers.neighbours
        if has_changed:
            self._executor.share(1 + peers.neighbours)
        self._peers = peers
        if peers.takers and self._only is None:
            surplus = [*self._roster.without_calls()][: -2 * self._ahead()]
            if surplus:
                await self._leave_to_others(surplus)
        return has_changed

    async def _leave_to_others(self, runs: Sequence[Run]) -> None:
        """Release workflows that only wait here, once everything they have done is durable."""
        for run in runs:  # Nothing more happens to them here from now on.
            self._roster.drop(run)
        log.info("workflows left to others", workflows=len(runs))
        try:
            await self._journal.flush()
            await self._ledger.release({run.id: run.epoch for run in runs})
        finally:  # If the database is unavailable, their leases expire.
            for run in runs:
                tell(run)


def _digests(claim: Claim) -> set[str]:
    return {step.phase.digest for step in claim.state.plan.steps}
