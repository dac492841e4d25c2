"""Writes workflows into a bundle, as they were at one moment, while work goes on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from .. import __version__
from ..errors import ArtifactMissingError, ParameterError, WorkflowNotFoundError
from ..model.audit import Entry
from ..model.tasks import SEALED, Output
from ..store.audit import AuditLog
from ..store.backups import BackupDesk
from ..store.departing import TABLES, departing
from .bundle import FORMAT, LONGEST_BYTES, MANIFEST, MEMBER_BYTES, PIECE_BYTES, VERSION, BundleWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from ..engine.artifacts import Artifacts
    from ..store import Database
    from ..store.departing import Departure, Row

    Told = Callable[[str, int], object]
    """Is told what was written last, and how many bytes there are."""

ACTION = "workflow.export"


@dataclass(slots=True)
class Exported:
    """What a bundle holds."""

    counts: dict[str, int] = field(default_factory=dict)
    """Rows by table, and artifacts."""
    missing: int = 0
    """Artifacts that retention, or somebody, has deleted before."""
    bytes: int = 0


class Exporter:
    """Exports workflows of one system."""

    def __init__(self, database: Database, artifacts: Artifacts, told: Told) -> None:
        self._database, self._artifacts, self._told = database, artifacts, told

    async def export(self, ids: Sequence[UUID], stream: IO[bytes], actor: str) -> Exported:
        """Write these workflows, what is encrypted opened. Memory does not grow with their size.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
            EncryptionError: a key is not at hand, or was destroyed.
            OSError: the stream cannot be written.
        """
        writer, done = BundleWriter(stream), Exported()
        async with BackupDesk(self._database).held(wal=False), departing(self._database, ids) as departure:
            await self._tables(departure, ids, writer, done, actor)
            await self._results(departure, writer, done)
        writer.end({"counts": done.counts, "missing": done.missing})
        done.bytes = writer.bytes
        return done

    async def _tables(
        self, departure: Departure, ids: Sequence[UUID], writer: BundleWriter, done: Exported, actor: str
    ) -> None:
        found = [row async for row in departure.rows("workflows")]
        absent = {str(key) for key in ids} - {row["id"] for row in found}
        if absent:
            raise WorkflowNotFoundError(min(absent))
        await self._record(found, actor)
        writer.add(MANIFEST, _manifest(len(found)))
        for table in TABLES:
            await self._table(departure, table, writer, done)

    async def _table(self, departure: Departure, table: str, writer: BundleWriter, done: Exported) -> None:
        held, number, count = bytearray(), 0, 0
        async for row in departure.rows(table):
            line = json.dumps(self._plain(row) if table == "tasks" else row, ensure_ascii=False).encode() + b"\n"
            if len(line) > LONGEST_BYTES:
                raise ParameterError(f"a row of {table} has {len(line):,} bytes; at most {LONGEST_BYTES:,} can travel")
            if held and len(held) + len(line) > MEMBER_BYTES:
                await asyncio.to_thread(writer.add, _name(table, number), bytes(held))
                self._told(table, writer.bytes)
                held, number = bytearray(), number + 1
            held += line
            count += 1
        if held:
            await asyncio.to_thread(writer.add, _name(table, number), bytes(held))
        done.counts[table] = count

    def _plain(self, task: Row) -> Row:
        """A task with its result as it was before it was encrypted."""
        if not task["form"].endswith(SEALED):
            return task
        inline = None if task["inline"] is None else bytes.fromhex(task["inline"][2:])
        output = Output(bytes.fromhex(task["digest"][2:]), task["size"], task["form"], inline)
        if inline is not None:
            task = task | {"inline": f"\\x{bytes(self._artifacts.stored(output)).hex()}"}
        return task | {"form": output.content_form}

    async def _results(self, departure: Departure, writer: BundleWriter, done: Exported) -> None:
        count = 0
        async for output in departure.artifacts():
            try:
                await asyncio.to_thread(self._artifact, writer, output)
            except ArtifactMissingError:
                done.missing += 1
            else:
                count += 1
                self._told("artifacts", writer.bytes)
        done.counts["artifacts"] = count

    def _artifact(self, writer: BundleWriter, output: Output) -> None:
        """Write an artifact. Errors as in ``Artifacts.stored``, before anything of it is written."""
        self._artifacts.stored(output, 0, 0)
        writer.add_stream(f"artifacts/{output.digest.hex()}", output.size, self._pieces(output))

    def _pieces(self, output: Output) -> Iterator[memoryview]:
        if not output.is_sealed:
            whole = memoryview(self._artifacts.stored(output))
            yield from (whole[start : start + PIECE_BYTES] for start in range(0, output.size, PIECE_BYTES))
            return
        for start in range(0, output.size, PIECE_BYTES):
            yield memoryview(self._artifacts.stored(output, start, start + PIECE_BYTES))

    async def _record(self, workflows: Sequence[Row], actor: str) -> None:
        """Say in the audit log of each project that its data has left, before it does."""
        projects = sorted({row["project"] for row in workflows})
        entries = [
            Entry(
                ACTION, actor=actor, object=project, project=project, details={"workflows": _told(workflows, project)}
            )
            for project in projects
        ]
        if entries:
            await AuditLog(self._database).append(entries)


def _told(workflows: Sequence[Row], project: str) -> str:
    ids = [row["id"] for row in workflows if row["project"] == project]
    return f"{len(ids)}: {' '.join(ids)}"


def _manifest(workflows: int) -> bytes:
    facts: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "program": __version__,
        "made_at": datetime.now(UTC).isoformat(),
        "workflows": workflows,
    }
    return json.dumps(facts, indent=2).encode() + b"\n"


def _name(table: str, number: int) -> str:
    return f"tables/{table}/{number:06}.jsonl"
