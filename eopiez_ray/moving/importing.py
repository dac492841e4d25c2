"""Brings the workflows of a bundle into a system. Nothing in it is unpickled, and nothing is visible before its end.

Artifacts are written as they arrive, named by what they hold; those of an import that was cut off belong to nobody, and
`eopiez clean` deletes them.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from blake3 import blake3

from ..errors import ArrivalRefusedError, DamagedBundleError, PlanError, WriteRefusedError
from ..model.audit import Entry
from ..model.ids import uuid7
from ..model.plan import PlanSpec
from ..store.arriving import arriving
from ..store.audit import AuditLog
from ..store.backups import BackupDesk
from ..store.intake import DIGEST_BYTES
from .bundle import BundleReader
from .settling import Settler, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..encryption.keys import Cipher
    from ..engine.artifacts import Artifacts
    from ..store import Database
    from ..store.arriving import Arrival
    from .bundle import Member

    Row = dict[str, Any]
    Told = Callable[[str, int], object]

ACTION = "workflow.import"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How workflows are to be imported."""

    project: str | None = None
    """The project that gets them all; None leaves each in the project of the same name."""
    is_copy: bool = False
    """Whether they get new ids."""
    is_dry: bool = False
    """Whether everything is to be checked, and nothing kept."""


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    workflows: int = 0
    """Those that are new here."""
    skipped: int = 0
    """Those that were here already."""
    counts: dict[str, int] = field(default_factory=dict)
    """Rows by table, and artifacts, in the bundle."""
    statuses: dict[str, int] = field(default_factory=dict)
    """How many workflows have which status now."""


class Importer:
    """One import into a system."""

    def __init__(self, database: Database, artifacts: Artifacts, wishes: Wishes, actor: str, told: Told) -> None:
        self._database, self._artifacts = database, artifacts
        self._wishes, self._actor, self._told = wishes, actor, told
        self._now = datetime.now(UTC)
        self._settlers: dict[UUID, Settler] = {}
        """By the ids that workflows have in the bundle."""
        self._counts, self._statuses = Counter[str](), Counter[str]()

    async def run(self, stream: IO[bytes]) -> Imported:
        """Import all that the stream holds, or nothing of it.

        Raises:
            BundleError: it is no bundle, damaged, or cut.
            ArrivalRefusedError: another workflow has the id of one of them here.
            ProjectNotFoundError: a project is not here.
        """
        reader = await asyncio.to_thread(BundleReader, stream)
        async with BackupDesk(self._database).held(wal=False), arriving(self._database) as arrival:
            members = reader.members()
            while (member := await asyncio.to_thread(next, members, None)) is not None:
                await self._member(reader, member, arrival)
                self._told(member.table or "artifacts", reader.bytes)
            await self._check(reader, arrival)
            return await self._settle(arrival)

    async def _member(self, reader: BundleReader, member: Member, arrival: Arrival) -> None:
        try:
            if member.digest:
                await self._artifact(reader, member, arrival)
            else:
                await self._rows(member, await asyncio.to_thread(reader.rows, member), arrival)
        except (KeyError, TypeError, ValueError, AttributeError, PlanError) as error:
            raise DamagedBundleError(member.name, f"a row does not fit: {error or type(error).__name__}") from error
        except WriteRefusedError as error:
            raise DamagedBundleError(member.name, str(error)) from error

    async def _rows(self, member: Member, rows: list[Row], arrival: Arrival) -> None:
        self._counts[member.table] += len(rows)
        if member.table == "phases":
            for row in rows:
                await self._code(row, arrival)
            return
        if member.table == "workflows":
            rows = [await self._workflow(row) for row in rows]
        elif member.table == "plans":
            for row in rows:
                _check_plan(row)
        else:
            rows = [self._settlers[UUID(row["workflow_id"])].settle(member.table, row) for row in rows]
        await arrival.stage(member.table, rows)

    async def _workflow(self, row: Row) -> Row:
        project = row["project"] if self._wishes.project is None else self._wishes.project
        await self._check_project(project)
        source = UUID(row["id"])
        key = uuid7() if self._wishes.is_copy else source
        cipher = None if self._wishes.is_dry else await self._cipher(project)
        settler = Settler(key, project, cipher, self._artifacts, self._database.vault.mask)
        if source in self._settlers:
            raise ValueError(f"workflow {source} is there twice")
        self._settlers[source] = settler
        row = settler.workflow(settled(row, self._now, self._actor))
        self._statuses[row["status"]] += 1
        return row

    async def _check_project(self, project: str) -> None:
        from ..store.projects import Projects

        await Projects(self._database).get(project)

    async def _cipher(self, project: str) -> Cipher | None:
        return await self._database.vault.cipher(project)

    async def _code(self, row: Row, arrival: Arrival) -> None:
        """Nobody may plant code under the digest of other code."""
        code = bytes.fromhex(row["code"].removeprefix("\\x"))
        if blake3(code).hexdigest(DIGEST_BYTES) != row["digest"]:
            raise ValueError(f"the code of phase {row['name']!r} is not that of its digest")
        ciphers = {settler.project: settler.cipher for settler in self._settlers.values()}
        await arrival.stage_code(row, code, ciphers)

    async def _artifact(self, reader: BundleReader, member: Member, arrival: Arrival) -> None:
        owners = await arrival.owners_of(member.digest)
        if not owners:
            raise ValueError("no task has this result")
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(_spool, reader, member, file)
            for project, form, size in owners:
                if size != member.size:
                    raise ValueError(f"its task says that it has {size:,} bytes")
                cipher = next(each.cipher for each in self._settlers.values() if each.project == project)
                output = await asyncio.to_thread(self._keep, file, form, cipher, member)
                await arrival.stage_artifact(project, member.digest, output)
        self._counts["artifacts"] += 1

    def _keep(self, file: IO[bytes], form: str, cipher: Cipher | None, member: Member) -> Any:
        from ..model.tasks import Output

        if self._wishes.is_dry:
            return Output(member.digest, member.size, form, None)
        with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            view = memoryview(content)
            try:
                return self._artifacts.keep(form, [view], -1, cipher)
            finally:
                view.release()

    async def _check(self, reader: BundleReader, arrival: Arrival) -> None:
        """What can be known only once all of it is there."""
        stray = await arrival.stray()
        if stray is not None:
            raise DamagedBundleError(f"table {stray}", "a row belongs to nothing in the file")
        if await arrival.missing_artifacts() != reader.facts.get("missing"):
            raise DamagedBundleError("the file", "artifacts are missing that its tasks refer to")
        if any(self._counts[name] != count for name, count in dict(reader.facts.get("counts", {})).items()):
            raise DamagedBundleError("the file", "rows are missing")

    async def _settle(self, arrival: Arrival) -> Imported:
        taken = await arrival.taken()
        different = [each for each in taken if not each.is_same]
        if different:
            raise ArrivalRefusedError([str(each.id) for each in different], any(each.was_erased for each in different))
        same = [each.id for each in taken]
        facts = dict(self._counts), dict(self._statuses)
        if self._wishes.is_dry:
            return Imported(len(self._settlers) - len(same), len(same), *facts)
        done = await arrival.arrive(same)
        await self._record(same)
        return Imported(done, len(same), *facts)

    async def _record(self, same: list[UUID]) -> None:
        new: dict[str, list[str]] = {}
        for settler in self._settlers.values():
            if settler.id not in same:
                new.setdefault(settler.project, []).append(str(settler.id))
        entries = [
            Entry(
                ACTION, actor=self._actor, object=project, project=project,
                details={"workflows": f"{len(ids)}: {' '.join(ids)}"},
            )
            for project, ids in sorted(new.items())
        ]  # fmt: skip
        if entries:
            await AuditLog(self._database).append(entries)


def _check_plan(row: Row) -> None:
    """Nobody may plant a plan under the digest of another one."""
    if PlanSpec.from_value(row["spec"]).digest != row["digest"]:
        raise ValueError(f"plan {row['digest']} is not that of its digest")


def _spool(reader: BundleReader, member: Member, file: IO[bytes]) -> None:
    for piece in reader.pieces(member):
        file.write(piece)
    file.flush()
    if not member.size:
        raise ValueError("it is empty")
