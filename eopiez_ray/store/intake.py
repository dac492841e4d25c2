"""New workflows: those that arrive together are made durable in one statement."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from ..errors import (
    DatabaseUnavailableError,
    IdempotencyConflictError,
    PlanError,
    ProjectNotFoundError,
    WriteRefusedError,
)
from ..model.ids import WorkflowId, uuid7
from ..model.names import DEFAULT_PROJECT
from .code import code_row
from .payloads import cipher_of
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from ..model.ids import OrchestratorId
    from ..model.plan import PhaseRef, PlanSpec
    from .database import Database

GATHER_S = 0.003
"""Maximum seconds to wait for as many offers as came last time; a statement takes about as long."""
MOST_AT_ONCE = 1000
"""Maximum workflows in one statement."""
DIGEST_BYTES = 16
"""Bytes of the digest of a phase's code."""
CODE_AT_HAND = 10_000
"""Maximum pieces of code of which it is remembered that they match their digests."""


class NewWorkflow(NamedTuple):
    """A workflow to create."""

    plan: PlanSpec
    code: Mapping[str, bytes]
    """Pickled phases and values by digest."""
    project: str = DEFAULT_PROJECT
    owner: str = ""
    priority: int = 0
    """Higher goes first, from -32,768 to 32,767."""
    labels: Mapping[str, str] = {}
    idempotency_key: str | None = None
    """The same project, owner, key and plan give the same workflow."""
    holder: OrchestratorId | None = None
    """The orchestrator that drives it from the start; None leaves it in the queue."""
    traceparent: str | None = None
    """Where it stands in its caller's trace, in the form of W3C Trace Context; None makes it a trace of its own."""
    id: WorkflowId | None = None
    """What it is called; None for any id that is new."""


class Created(NamedTuple):
    """The outcome of asking for a workflow."""

    id: WorkflowId
    is_new: bool
    """False if the idempotency key was used for it before."""


class Offer(NamedTuple):
    """Workflows to create, and whom to tell the outcome."""

    wanted: Sequence[NewWorkflow]
    ids: Sequence[WorkflowId]
    tell: Callable[[list[Created] | Exception], None]


class Intake:
    """Creates workflows. Offers that arrive while a statement is under way all go into the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer = database.writer()
        self._loop = asyncio.get_running_loop()
        self._offers: deque[Offer] = deque()
        self._is_called = False
        self._has_come = asyncio.Event()
        """Set when an offer arrives."""
        self._company = 1
        """How many offers came together last time; callers that wait for their workflows come together again."""
        self._known: set[tuple[str, bytes]] = set()
        """Digests of plans whose phases are in the store, each with the key that has sealed them, if one has."""
        self._genuine: dict[str, bytes] = {}
        """Code by digest that has been compared with it: the very object, which cannot change."""
        self._writing: asyncio.Task[None] | None = None

    async def create(self, *wanted: NewWorkflow) -> list[Created]:
        """The new workflows, durable, in the order given. Cancelling the caller does not stop their creation.

        Raises:
            IdempotencyConflictError: the key was used for another plan.
            ProjectNotFoundError: there is no such project.
            PlanError: code is missing, or is not the code that the plan names by its digest.
            DatabaseUnavailableError: it is unknown whether they were created; with idempotency keys, ask again.
        """
        made: asyncio.Future[list[Created]] = asyncio.get_running_loop().create_future()

        def tell(answer: list[Created] | Exception) -> None:
            if not made.done():
                made.set_exception(answer) if isinstance(answer, Exception) else made.set_result(answer)

        self.offer(wanted, tell)
        return await made

    async def keep(self, new: NewWorkflow) -> None:
        """Make the plan and its code durable without creating a workflow. Errors as in ``create``, about the code."""
        self._check_code(new)
        self._known.clear()  # The plan may have been forgotten since, and no workflow follows to tell.
        await self._keep_plans([new])

    def offer(self, wanted: Sequence[NewWorkflow], tell: Callable[[list[Created] | Exception], None]) -> None:
        """Like ``create``, from any thread: ``tell`` is called on the loop's thread with the answer or the error."""
        self._offers.append(Offer(wanted, [new.id or WorkflowId(uuid7()) for new in wanted], tell))
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon_threadsafe(self._call)

    def _call(self) -> None:
        self._is_called = False
        self._has_come.set()
        if self._writing is None or self._writing.done():
            self._writing = self._loop.create_task(self._write_all())

    async def _write_all(self) -> None:
        """Write while there is something to write."""
        while self._offers:
            await self._gather()
            part: list[Offer] = []
            while self._offers and sum(len(offer.wanted) for offer in part) < MOST_AT_ONCE:
                part.append(self._offers.popleft())
            self._company = max(len(part), self._company // 2)
            await self._create_all(part)

    async def _create_all(self, part: Sequence[Offer]) -> None:
        """Write all in one statement; if the database refuses that, one by one, so that only the culprit fails."""
        try:
            created = await self._write([pair for offer in part for pair in zip(offer.ids, offer.wanted, strict=True)])
        except Exception as error:  # noqa: BLE001 - passed to those who wait
            if len(part) > 1 and not isinstance(error, DatabaseUnavailableError):
                for offer in part:
                    await self._create_all([offer])
                return
            for offer in part:
                offer.tell(error)
        else:
            for offer in part:
                await self._answer(offer, created)

    async def _gather(self) -> None:
        """Wait a moment for offers that are likely to arrive."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHER_S):
                while len(self._offers) < self._company:
                    self._has_come.clear()
                    await self._has_come.wait()

    async def _answer(self, offer: Offer, created: set[UUID]) -> None:
        try:
            answer = [
                Created(workflow, is_new=True) if workflow in created else await self._earlier(new)
                for workflow, new in zip(offer.ids, offer.wanted, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 - passed to those who wait
            offer.tell(error)
        else:
            offer.tell(answer)

    async def _write(self, part: Sequence[tuple[WorkflowId, NewWorkflow]]) -> set[UUID]:
        """The workflows that are new; the others' keys were used before, or there is no such project."""
        for _, new in part:
            self._check_code(new)
        await self._keep_plans([new for _, new in part])
        try:
            return await self._add(part)
        except WriteRefusedError:  # Perhaps a plan that was kept long ago has been erased since.
            self._known.clear()
            await self._keep_plans([new for _, new in part])
            return await self._add(part)

    async def _add(self, part: Sequence[tuple[WorkflowId, NewWorkflow]]) -> set[UUID]:
        rows = (
            (key, new.project, new.plan.name, new.plan.digest, new.owner, new.priority, dict(new.labels),
             new.idempotency_key, new.holder, new.traceparent)
            for key, new in part
        )  # fmt: skip
        columns = [list(column) for column in zip(*rows, strict=True)]
        return {row["id"] for row in await self._writer.fetch(sql("add_workflows"), *columns)}

    def _check_code(self, new: NewWorkflow) -> None:
        """Nobody may plant code under the digest of other code, which others' workflows name too."""
        for step in new.plan.steps:
            code = new.code.get(step.phase.digest)
            if code is None:
                raise PlanError(f"the code of phase {step.phase.name!r}, which step {step.name!r} runs, is missing")
            if self._genuine.get(step.phase.digest) is not code:
                self._compare(step.phase, code)

    def _compare(self, phase: PhaseRef, code: bytes) -> None:
        if blake3(code).hexdigest(DIGEST_BYTES) != phase.digest:
            raise PlanError(f"the code given for phase {phase.name!r} is not the code of its digest {phase.digest}")
        if len(self._genuine) >= CODE_AT_HAND:
            self._genuine.clear()
        self._genuine[phase.digest] = code

    async def _keep_plans(self, wanted: Sequence[NewWorkflow]) -> None:
        vault = self._database.vault
        ciphers = {project: await cipher_of(vault, project) for project in {new.project for new in wanted}}
        scopes = {project: b"" if cipher is None else cipher.id for project, cipher in ciphers.items()}
        unknown = {
            (new.plan.digest, scopes[new.project]): new
            for new in wanted
            if (new.plan.digest, scopes[new.project]) not in self._known
        }
        if not unknown:
            return
        async with self._database.transaction() as connection:
            await connection.execute(sql("share_code"))
            for (digest, _), new in sorted(unknown.items(), key=lambda each: each[0]):
                phases = {step.phase.digest: step.phase for step in new.plan.steps}
                rows = [
                    code_row(phase, new.code[phase.digest], new.project, ciphers[new.project])
                    for _, phase in sorted(phases.items())
                ]
                await connection.executemany(sql("add_phase"), rows)
                await connection.execute(sql("add_plan"), digest, new.plan.to_value())
        self._known |= unknown.keys()

    async def _earlier(self, new: NewWorkflow) -> Created:
        key = new.project, new.owner, new.idempotency_key
        row = await self._database.fetchrow(sql("idempotent_workflow"), *key)
        if row is None:
            raise ProjectNotFoundError(new.project)
        if row["plan"] != new.plan.digest:
            raise IdempotencyConflictError(new.idempotency_key or "", str(row["id"]))
        return Created(WorkflowId(row["id"]), is_new=False)
