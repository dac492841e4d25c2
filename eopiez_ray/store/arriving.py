"""What arrives from another system: kept in tables of one session until all is there, then made visible at once.

If the process or the database dies before that, nothing has arrived, and nothing is left of it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..model.plan import PhaseRef
from ..model.status import PhaseKind
from .code import code_row
from .encoding import to_json
from .queries import sql
from .translating import translated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    import asyncpg

    from ..encryption.keys import Cipher
    from ..model.tasks import Output
    from .database import Database

STATEMENTS = {
    "workflows": "stage_workflows",
    "plans": "stage_plans",
    "steps": "stage_steps",
    "tasks": "stage_tasks",
    "attempts": "stage_attempts",
    "events": "stage_events",
    "logs": "stage_logs",
    "rejects": "stage_rejects",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A workflow whose id is not free here."""

    id: UUID
    was_erased: bool
    """Whether it was erased here, for good."""
    is_same: bool
    """Whether the one that is here is the same: plan, labels, owner, times, status, and tasks."""


class Arrival:
    """Workflows that arrive."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], url: str) -> None:
        self._connection, self._url = connection, url

    async def stage(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Keep some rows of any table but ``phases``.

        Raises:
            WriteRefusedError: they do not fit.
        """
        with translated(self._url):
            await self._connection.execute(sql(STATEMENTS[table]), to_json(list(rows)))

    async def stage_code(self, phase: dict[str, Any], code: bytes, ciphers: dict[str, Cipher | None]) -> None:
        """Keep a phase's code for each of some projects. Errors as in ``stage``."""
        reference = PhaseRef(phase["name"], phase["version"], PhaseKind(phase["kind"]), phase["digest"])
        rows = {code_row(reference, code, project, cipher)[5]: (project, cipher) for project, cipher in ciphers.items()}
        with translated(self._url):
            for project, cipher in rows.values():
                await self._connection.execute(sql("stage_phase"), *code_row(reference, code, project, cipher))

    async def owners_of(self, digest: bytes) -> list[tuple[str, str, int]]:
        """Project, form and size of the tasks whose result is the artifact that arrives under this digest."""
        return [(row["project"], row["form"], row["size"]) for row in await self._fetch("staged_owners", digest)]

    async def stage_artifact(self, project: str, source: bytes, output: Output) -> None:
        """Remember what an artifact is called here. Errors as in ``stage``."""
        await self._fetch("stage_artifact", project, source, output.digest, output.form)

    async def missing_artifacts(self) -> int:
        """How many artifacts tasks refer to that have not arrived."""
        (row,) = await self._fetch("missing_artifacts")
        return int(row["missing"])

    async def stray(self) -> str | None:
        """A table with rows that belong to nothing that has arrived."""
        rows = await self._fetch("stray_rows")
        return rows[0]["place"] if rows else None

    async def taken(self) -> list[Taken]:
        """Workflows whose ids are not free here."""
        return [Taken(**dict(row)) for row in await self._fetch("taken_ids")]

    async def arrive(self, but: Collection[UUID]) -> int:
        """Make all visible but these, at once; gives how many workflows those were. Errors as in ``stage``."""
        with translated(self._url):
            async with self._connection.transaction():
                await self._connection.execute(sql("share_code"))
                await self._connection.execute(sql("rename_results"))
                await self._connection.execute(sql("release_keys"))
                done = await self._connection.execute(sql("arrive"), list(but))
        return int(done.rpartition(" ")[2])

    async def _fetch(self, name: str, *arguments: Any) -> list[asyncpg.Record]:
        with translated(self._url):
            return await self._connection.fetch(sql(name), *arguments)


@asynccontextmanager
async def arriving(database: Database) -> AsyncIterator[Arrival]:
    """Room for workflows that arrive, which is gone after the block."""
    async with database.session() as connection:
        await connection.execute(sql("make_stages"))
        yield Arrival(connection, database.url)
