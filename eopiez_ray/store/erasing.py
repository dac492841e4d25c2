"""Erases workflows and uploads with everything that belongs to them, part by part.

What is to go is written down before anything goes, and each part is one transaction, which also writes down which files
are to be deleted after it: killed at any moment, an erasure goes on with the next part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from ..errors import ErasureWaitsError
from ..model.erasure import ErasureView, Found, Scope
from ..model.ids import uuid7
from ..model.names import OUTPUT
from ..model.status import WorkflowStatus
from .projects import project_names
from .queries import sql
from .vault import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .database import Connection, Database

FILES = 1000
"""Artifacts that are deleted at once."""


@dataclass(slots=True)
class Progress:
    """How far an erasure is."""

    id: UUID
    scope: Scope
    target: str
    project: str
    requested_by: str
    is_finished: bool
    workflows: list[UUID]
    uploads: list[UUID]
    artifacts: list[bytes]
    """Digests of artifacts whose rows are gone."""
    folders: list[str]
    """Folders of uploads and results whose rows are gone, below the gateway's folder."""
    counts: dict[str, int] = field(default_factory=dict)
    digests_hash: bytes = bytes(32)

    @classmethod
    def from_row(cls, row: Row) -> Progress:
        return cls(
            row["id"], Scope(row["kind"]), row["target"], row["project"], row["requested_by"],
            row["finished_at"] is not None, list(row["todo_workflows"]), list(row["todo_uploads"]),
            list(row["todo_artifacts"]), list(row["todo_folders"]), dict(row["counts"]), bytes(row["digests_hash"]),
        )  # fmt: skip

    def count(self, what: str, number: int) -> None:
        """Add to what has gone."""
        self.counts[what] = self.counts.get(what, 0) + number

    def digest(self, digests: Sequence[bytes]) -> None:
        """Let the certificate cover these results."""
        for each in digests:
            self.digests_hash = hashlib.sha256(self.digests_hash + each).digest()


class Erasures:
    """Begins erasures, does their parts, and lists them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def workflows_of(self, project: str | None) -> dict[UUID, WorkflowStatus]:
        """Workflows of a project, or all, with their statuses."""
        rows = await self._database.fetch(sql("erasable_workflows"), project)
        return {row["id"]: WorkflowStatus(row["status"]) for row in rows}

    async def is_anything_at_work(self) -> bool:
        """Whether tasks of any workflow may be writing results now."""
        (row,) = await self._database.fetch(sql("anything_at_work"))
        return bool(row["is_at_work"])

    async def uploads_of(self, project: str) -> list[UUID]:
        """Uploads of a project."""
        return [row["id"] for row in await self._database.fetch(sql("uploads_of_project"), project)]

    async def begin(self, found: Found, requested_by: str) -> UUID:
        """Write down what is to go; gives the erasure's id.

        Raises:
            ErasureWaitsError: some of it is under way.
        """
        if found.at_work:
            raise ErasureWaitsError(len(found.at_work))
        key = uuid7()
        async with self._database.transaction() as connection:
            facts = key, found.scope, found.target, found.project, requested_by
            await connection.execute(sql("add_erasure"), *facts, list(found.workflows), list(found.uploads))
            await connection.execute(sql("forget_lines"), list(found.lines))
            row = await connection.fetchrow(sql("lock_erasure"), key)
            assert row is not None
            progress = Progress.from_row(row)
            progress.count("lines", len(found.lines))
            await _save(connection, progress)
        return key

    async def unfinished(self) -> list[UUID]:
        """Erasures to go on with, the oldest first."""
        return [row["id"] for row in await self._database.fetch(sql("unfinished_erasures"))]

    async def page(
        self, projects: Collection[str] | None = None, before: UUID | None = None, limit: int = 100
    ) -> list[ErasureView]:
        """Erasures of some projects, the newest first."""
        rows = await self._database.fetch(sql("erasures"), project_names(projects), before, limit)
        return [
            ErasureView(**dict(row) | {"kind": Scope(row["kind"]), "digests_hash": row["digests_hash"].hex()})
            for row in rows
        ]

    async def next_part(self, erasure: UUID) -> Progress:
        """Erase the rows of the next workflow or upload, and give how far it is then.

        Raises:
            ErasureWaitsError: somebody has retried the workflow since.
        """
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql("lock_erasure"), erasure)
            assert row is not None
            progress = Progress.from_row(row)
            if progress.workflows:
                await _erase_workflow(connection, progress, progress.workflows.pop(0))
            elif progress.uploads:
                await _erase_upload(connection, progress, progress.uploads.pop(0))
            elif progress.scope is Scope.PROJECT:
                await connection.execute(sql("lock_code"))
                for plan in await connection.fetch(sql("forget_project_data"), progress.target):
                    await connection.execute(sql("forget_plan"), plan["plan"])
            await _save(connection, progress)
        return progress

    async def unreferenced(self, digests: Sequence[bytes]) -> list[bytes]:
        """Those of the artifacts that nothing refers to."""
        rows = await self._database.fetch(sql("referenced_digests"), list(digests))
        kept = {row["digest"] for row in rows}
        return [digest for digest in digests if digest not in kept]

    async def note_deleted(self, erasure: UUID, artifacts: Sequence[bytes], folders: Sequence[str], gone: int) -> None:
        """Files are done with: those that others refer to stay, ``gone`` artifacts do not."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql("lock_erasure"), erasure)
            assert row is not None
            progress, done = Progress.from_row(row), set(artifacts)
            progress.artifacts = [each for each in progress.artifacts if each not in done]
            progress.folders = [each for each in progress.folders if each not in set(folders)]
            progress.count("artifacts", gone)
            progress.count("folders", len(folders))
            await _save(connection, progress)

    async def shred(self, project: str) -> None:
        """Destroy the data keys of a project, if it is still empty, so that what the server has not overwritten yet is
        unreadable."""
        async with self._database.transaction() as connection:
            # New workflows wait until this ends, and then encrypt with a new key.
            await connection.execute("lock table workflows, uploads in share row exclusive mode")
            is_used = await connection.fetchval(sql("has_workflows"), project)
            if not is_used and not await connection.fetch(sql("uploads_of_project"), project):
                await connection.execute(sql("destroy_data_keys"), project)
                await connection.execute(sql("forget_sealed_code"), project)
        self._database.vault.look_again()

    async def finish(self, erasure: UUID) -> bool:
        """Everything is gone; False if another process has said so before."""
        return bool(await self._database.fetch(sql("finish_erasure"), erasure))


async def _erase_workflow(connection: Connection, progress: Progress, workflow: UUID) -> None:
    row = await connection.fetchrow(sql("workflow_to_erase"), workflow)
    if row is None:
        return
    if not WorkflowStatus(row["status"]).is_at_rest:
        raise ErasureWaitsError(1)
    rows = await connection.fetch(sql("digests_of_workflow"), workflow)
    digests = [row["digest"] for row in rows]
    progress.digest(digests)
    progress.artifacts = [*dict.fromkeys([*progress.artifacts, *(row["digest"] for row in rows if row["is_artifact"])])]
    progress.count("cached results", len(await connection.fetch(sql("forget_cached_digests"), digests)))
    await connection.fetch(sql("delete_workflow"), workflow)
    await forget_plans(connection, row["plans"])
    folder = results_folder(row["project"], row["labels"])
    if folder is not None:
        progress.folders.append(folder)
    progress.count("workflows", 1)
    progress.count("results", len(digests))


async def forget_plans(connection: Connection, plans: Iterable[str | None]) -> None:
    """Forget these plans, and their code, if nothing follows them any more."""
    await connection.execute(sql("lock_code"))
    for plan in filter(None, plans):
        await connection.execute(sql("forget_plan"), plan)


def results_folder(project: str, labels: Mapping[str, str]) -> str | None:
    """The folder of a run that came by the gateway, below the gateway's own; others are their users' own."""
    try:
        return f"results/{project}/{UUID(labels.get(OUTPUT, '').rpartition('/')[2])}"
    except ValueError:
        return None


async def _erase_upload(connection: Connection, progress: Progress, upload: UUID) -> None:
    row = await connection.fetchrow(sql("upload"), upload, None)
    if row is None:
        return
    await connection.execute(sql("delete_upload"), upload)
    progress.folders.append(f"uploads/{row['project']}/{upload}")
    progress.count("uploads", 1)


async def _save(connection: Connection, progress: Progress) -> None:
    await connection.execute(
        sql("save_erasure"), progress.id, progress.workflows, progress.uploads, progress.artifacts, progress.folders,
        progress.counts, progress.digests_hash,
    )  # fmt: skip
