"""What orchestrators write: claims, leases and, in one transaction each, everything that happened in a moment."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..errors import WriteRefusedError
from ..logs import get_logger
from ..model.ids import OrchestratorId, WorkflowId
from ..model.limits import Owner
from ..model.plan import PlanSpec
from ..model.requests import Mode
from ..model.status import WorkflowStatus
from ..model.tasks import Failure, Output, TaskKey
from . import literals
from .batch import Batch, CacheEntry
from .claiming import Claim, Claimer
from .code import read_what_opens
from .encoding import clean, moment
from .payloads import OPEN, Sealer, ring_of, sealer
from .queries import sql
from .translating import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    import asyncpg

    from ..machine import RecordAttempt
    from ..model.work import Place
    from .database import Database
    from .vault import Ring


Value = TypeVar("Value")
LOWEST = -(2**15) - 1
"""Below every priority."""
IDS_A_NOTICE = 200
"""Workflow ids in one notification, whose payload Postgres limits to 8,000 bytes."""

log = get_logger(__name__)


class Peers(NamedTuple):
    """Other living orchestrators."""

    takers: int = 0
    """Orchestrators that take any workflow that nobody drives."""
    neighbours: int = 0
    """Orchestrators that drive workflows on the same cluster."""


class Requested(NamedTuple):
    """A request to a workflow."""

    id: WorkflowId
    status: WorkflowStatus
    mode: Mode
    """How tasks in flight are to end, if they are."""
    plan: str | None
    """Digest of the plan with which it should continue."""
    priority: int


class Ledger:
    """The store as an orchestrator uses it."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database, self._lease = database, timedelta(seconds=lease_s)
        self._writer = database.writer()
        self._claimer = Claimer(database)

    async def register(self, orchestrator: OrchestratorId, name: str = "", cluster: str = "") -> int:
        """Register an orchestrator; give the key of the advisory lock that it must hold while it is alive."""
        self._claimer.name = name
        row = await self._database.fetchrow(
            sql("register_orchestrator"), orchestrator, name, socket.gethostname(), os.getpid(), cluster, self._lease
        )
        assert row is not None
        return int(row["lock_key"])

    async def peers(self, orchestrator: OrchestratorId, cluster: str, *, takes_any: bool) -> Peers:
        """The orchestrators besides this one; tells them whether it takes workflows that nobody drives."""
        row = await self._database.fetchrow(sql("peers"), orchestrator, cluster, takes_any)
        assert row is not None
        return Peers(row["takers"], row["neighbours"])

    async def claim(
        self,
        orchestrator: OrchestratorId,
        only: Sequence[WorkflowId] | None,
        limit: int,
        *,
        driven: Mapping[Owner, int] = MappingProxyType({}),
        above: int = LOWEST,
    ) -> list[Claim]:
        """Take up to ``limit`` workflows that nobody drives.

        What the database refuses to claim together is claimed one by one, and what it refuses even so is quarantined.

        Args:
            orchestrator: who takes them.
            only: take only these, however many their owners have; None lets projects and owners take turns.
            limit: how many at most.
            driven: how many workflows of each owner it already drives; they count as turns taken.
            above: take none of this priority or lower, unless they are named.
        """
        try:
            if only is not None:
                return await self._claimer.taken(sql("claim_named"), orchestrator, only, limit)
            turns = [owner.project for owner in driven], [owner.name for owner in driven], list(driven.values())
            return await self._claimer.taken(sql("claim"), orchestrator, limit, *turns, above)
        except WriteRefusedError as refusal:
            log.warning("workflows are claimed one by one: the database refuses them together", error=str(refusal))
            return await self._claimer.one_by_one(orchestrator, only, limit, above)

    async def plan(self, digest: str) -> PlanSpec:
        """The plan with that digest."""
        return await self._claimer.plan(digest)

    async def renew(self, orchestrator: OrchestratorId) -> bool:
        """Renew an orchestrator's lease; give whether it had not run out, so that nobody took what it holds."""
        row = await self._database.fetchrow(sql("renew"), orchestrator, self._lease)
        return row is not None and bool(row["was_valid"])

    async def held(self, orchestrator: OrchestratorId) -> dict[WorkflowId, int]:
        """Epochs of the workflows that an orchestrator holds, whether it knows of them or not."""
        rows = await self._database.fetch(sql("held"), orchestrator)
        return {WorkflowId(row["id"]): row["epoch"] for row in rows}

    async def release(self, epochs: dict[WorkflowId, int]) -> None:
        """Let others claim these workflows at once."""
        await self._database.fetch(sql("release"), list(epochs), list(epochs.values()))

    async def show_life(self, session: asyncpg.Connection[asyncpg.Record], lock_key: int) -> None:
        """Take the lock that shows that an orchestrator lives; it is held for as long as the session lasts."""
        with translated(self._database.url):
            await session.execute(sql("show_life"), lock_key)

    async def bequeath(self, session: asyncpg.Connection[asyncpg.Record], lock_key: int) -> None:
        """Release the lock that shows that an orchestrator is alive: what it holds can be claimed at once, as from a
        dead one, along with the workers it leaves behind. It must write nothing after this."""
        with translated(self._database.url):
            await session.execute(sql("bequeath"), lock_key)

    async def died_idle(self, cluster: str) -> set[OrchestratorId]:
        """Orchestrators of a cluster that died in the last minutes and drove nothing then."""
        return {OrchestratorId(row["id"]) for row in await self._database.fetch(sql("died_idle"), cluster)}

    async def dead_among(self, orchestrators: Collection[OrchestratorId]) -> set[OrchestratorId]:
        """The orchestrators whose session has ended."""
        rows = await self._database.fetch(sql("living_orchestrators"), list(orchestrators))
        return set(orchestrators) - {OrchestratorId(row["id"]) for row in rows}

    async def requested(self, orchestrator: OrchestratorId) -> list[Requested]:
        """Requests to its workflows."""
        rows = await self._database.fetch(sql("requested"), orchestrator)
        return [
            Requested(
                WorkflowId(row["id"]),
                WorkflowStatus(row["status"]),
                Mode(row["mode"]),
                row["wanted_plan"],
                row["priority"],
            )
            for row in rows
        ]

    async def answer_update(self, workflow: WorkflowId, epoch: int, refusal: str) -> None:
        """Drop a requested plan: the workflow cannot continue with it or, without a refusal, already does."""
        await self._database.fetch(sql("answer_update"), workflow, epoch, refusal)

    async def save_workers(self, orchestrator: OrchestratorId, workers: Mapping[str, Place]) -> None:
        """Record where workers are, for the history of what they run."""
        rows = [(name, orchestrator, *place[:4]) for name, place in workers.items()]
        await self._database.fetch(sql("save_workers"), *_columns(rows, 6))

    async def commit(self, batch: Batch) -> set[WorkflowId]:
        """Write the batch in one transaction. Writing it again changes nothing.

        Returns:
            The workflows that another orchestrator holds by now; nothing was written for them.

        Raises:
            DatabaseUnavailableError: it may or may not be written; write it again.
            WriteRefusedError: nothing is written, because the database refuses part of it.
        """
        vault = self._database.vault
        has_secrets = (vault.is_writing or vault.mask is not str) and any(error for _, error in batch.statuses.values())
        if not batch.has_notes() and not has_secrets:
            return batch.epochs.keys() - {row["id"] for row in await self._writer.fetch(*_moment(batch))}
        async with self._writer.transaction() as connection:
            rows = await connection.fetch(sql("fence"), list(batch.epochs), list(batch.epochs.values()))
            held = {row["id"] for row in rows}
            sealing = await sealer(vault, {row["id"]: row["project"] for row in rows})
            interruptions = [row for row in batch.interruptions.items() if row[0] in held]
            losses = [(workflow, *loss) for workflow, loss in batch.losses if workflow in held]
            if interruptions:  # Before the statuses they may have led to.
                await connection.execute(sql("save_interruptions"), *_columns(interruptions, 2))
            if losses:
                await connection.execute(sql("save_losses"), *_columns(losses, 4))
            await connection.fetch(*_moment(batch, sealing))
            await _write_notes(connection, batch, held, sealing)
            if batch.quarantined:
                aside = [
                    (key, batch.epochs[key], sealing.error(key, error)) for key, error in batch.quarantined.items()
                ]
                await connection.execute(sql("quarantine"), *_columns(aside, 3))
        return batch.epochs.keys() - held

    async def outputs(self, workflow: WorkflowId, keys: Sequence[TaskKey]) -> dict[TaskKey, Output]:
        """Outputs of finished tasks."""
        rows = await self._database.fetch(
            sql("outputs"), workflow, [key.step for key in keys], [key.partition for key in keys]
        )
        return {TaskKey(row["step"], row["partition"]): _output(row) for row in rows}

    async def step_outputs(self, workflow: WorkflowId, step: int) -> list[Output]:
        """All outputs of a finished step, in order of its partitions."""
        return [_output(row) for row in await self._database.fetch(sql("step_outputs"), workflow, step)]

    async def code(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Pickled phases by digest."""
        found, refused = await read_what_opens(self._database, digests)
        for digest, error in refused.items():
            log.error("code cannot be opened", digest=digest, error=str(error))
        return found

    async def ring(self, project: str) -> Ring:
        """The keys of a project's data.

        Raises:
            DatabaseUnavailableError: they cannot be had now.
        """
        return await ring_of(self._database.vault, project)

    async def cached(self, keys: Sequence[bytes]) -> dict[bytes, CacheEntry]:
        """Results of equal tasks, by key."""
        rows = await self._database.fetch(sql("lookup_cache"), list(keys))
        return {row["key"]: CacheEntry(row["key"], _output(row), row["rows"]) for row in rows}

    async def forget_cached(self, key: bytes) -> None:
        """Drop a cached result whose artifact is gone."""
        await self._database.fetch(sql("forget_cache"), key)


def _output(row: asyncpg.Record) -> Output:
    return Output(row["digest"], row["size"], row["form"], row["inline"])


def _moment(batch: Batch, sealing: Sealer = OPEN) -> tuple[Any, ...]:
    """The statement that writes results, counters and statuses, and its arguments."""
    names = {workflow: str(workflow) for workflow in batch.epochs}
    told = [names[workflow] for workflow in batch.statuses]
    return (
        sql("commit"),
        literals.plain(names.values()),
        literals.numbers(batch.epochs.values()),
        *_task_columns(batch, names),
        *_step_columns(batch, names),
        literals.plain(told),
        literals.plain([status for status, _ in batch.statuses.values()]),
        literals.documents([sealing.error(workflow, error) for workflow, (_, error) in batch.statuses.items()]),
        notices(told),
    )


def notices(workflows: Sequence[WorkflowId] | Sequence[str]) -> list[str]:
    """Payloads of notifications that name these workflows."""
    named = [str(workflow) for workflow in workflows]
    return [",".join(named[start : start + IDS_A_NOTICE]) for start in range(0, len(named), IDS_A_NOTICE)]


def _task_columns(batch: Batch, names: Mapping[WorkflowId, str]) -> tuple[str, ...]:
    """Single reports first, then results in columns."""
    reports = [report for _, report in batch.tasks]
    outputs = [report.output for report in reports if report.output is not None]
    many = [results for _, results in batch.results]
    ids = [names[workflow] for workflow, _ in batch.tasks]
    for workflow, results in batch.results:
        ids += [names[workflow]] * results.count
    workers = [report.worker for report in reports] + [each.worker for each in many for _ in each.partitions]
    count = sum(each.count for each in many)
    return (
        literals.plain(ids),
        literals.numbers([report.key.step for report in reports] + [each.step for each in many for _ in each.digests]),
        literals.numbers([report.key.partition for report in reports] + _all(each.partitions for each in many)),
        literals.binaries([output.digest for output in outputs] + _all(each.digests for each in many)),
        literals.numbers([output.size for output in outputs] + _all(each.sizes for each in many)),
        literals.plain([output.form for output in outputs] + _all(each.forms for each in many)),
        literals.binaries([output.inline for output in outputs] + _all(each.inlines for each in many)),
        literals.numbers([report.rows for report in reports] + _all(each.rows for each in many)),
        literals.numbers([report.rejected for report in reports] + [0] * count),
        literals.numbers([moment(report.started_at) for report in reports] + _all(each.started_at for each in many)),
        literals.numbers([report.wall_s for report in reports] + _all(each.wall_s for each in many)),
        literals.numbers([report.cpu_s for report in reports] + _all(each.cpu_s for each in many)),
        literals.texts(workers),
        literals.booleans([report.is_cached for report in reports] + [False] * count),
        literals.numbers([report.peak_bytes for report in reports] + [0] * count),
    )


def _all(columns: Iterable[Sequence[Value]]) -> list[Value]:
    return [value for column in columns for value in column]


def _step_columns(batch: Batch, names: Mapping[WorkflowId, str]) -> tuple[str, ...]:
    rows = list(batch.steps.values())
    return (
        literals.plain([names[row.workflow_id] for row in rows]),
        literals.numbers([row.position for row in rows]),
        literals.plain([row.status for row in rows]),
        literals.numbers([row.partitions for row in rows]),
        literals.numbers([row.done for row in rows]),
        literals.numbers([row.running for row in rows]),
        literals.texts([row.reason for row in rows]),
        literals.numbers([row.rows for row in rows]),
        literals.numbers([row.rejects for row in rows]),
        literals.numbers([row.cached for row in rows]),
        literals.numbers([row.wall_s for row in rows]),
        literals.numbers([row.cpu_s for row in rows]),
        literals.numbers([moment(row.started_at) for row in rows]),
        literals.numbers([moment(row.finished_at) for row in rows]),
    )


async def _write_notes(
    connection: asyncpg.Connection[asyncpg.Record], batch: Batch, held: Collection[UUID], sealing: Sealer
) -> None:
    """Write attempts, what tasks rejected, logged and printed, and results for the cache."""
    attempts = [row for row in batch.attempts if row[0] in held]
    results = [row for row in (*batch.tasks, *batch.ends) if row[0] in held]
    rejects = [
        (workflow, *report.key, ordinal, *sealing.reject(workflow, reject))
        for workflow, report in results
        for ordinal, reject in enumerate(report.rejects)
    ]
    ended = [(workflow, command.report) for workflow, command in attempts]
    logs = [
        (workflow, moment(line.at), *report.key, line.level, sealing.log(workflow, line, report.key.partition))
        for workflow, report in (*results, *ended)
        for line in report.logs
    ]
    plans = [(workflow, plan.digest) for workflow, plan in batch.plans.items() if workflow in held]
    cached = [(entry.key, *entry.output, entry.rows) for workflow, entry in batch.cached if workflow in held]
    for name, rows in (
        ("save_attempts", [_attempt_row(*row, sealing) for row in attempts]),
        ("save_plans", plans),
        ("save_rejects", rejects),
        ("save_logs", logs),
        ("save_cache", cached),
    ):
        if rows:
            await connection.execute(sql(name), *_columns(rows, len(rows[0])))


def _attempt_row(workflow: WorkflowId, command: RecordAttempt, sealing: Sealer) -> tuple[Any, ...]:
    report = command.report
    failure = sealing.failure(workflow, report.failure or Failure("", "", ""), report.key.partition, command.attempt)
    texts = (failure.error_type, failure.message, failure.traceback, report.worker)
    times = (moment(report.started_at), moment(command.retry_at), command.retry_memory_bytes)
    return (workflow, *report.key, command.attempt, report.outcome, *texts, *times)


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as columns. Texts in arrays are cleaned here, since asyncpg uses no codec for them."""
    columns = [
        [clean(value) if isinstance(value, str) else value for value in column] for column in zip(*rows, strict=True)
    ]
    return columns or [[] for _ in range(width)]
