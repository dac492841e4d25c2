"""Encrypts what was written before there were keys.

A workflow that has ended is converted in one transaction, under a lock of its row: nobody sees half of it, nobody
retries it meanwhile, and after a crash the next run begins with the next one that is plain. Those under way are left
for a later run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..encryption.keys import Cipher
from ..encryption.texts import MARK, is_sealed, shut
from ..model.ids import WorkflowId
from ..model.plan import PhaseRef
from ..model.status import PhaseKind
from ..model.tasks import Output
from .code import code_row
from .encoding import to_json
from .payloads import Sealer, cipher_of
from .queries import sql
from .vault import ATTEMPT_PLACES, LOG_PLACE, REJECT_PLACES, SYSTEM, SYSTEM_LINE_PLACE

if TYPE_CHECKING:
    from .database import Connection, Database

AT_ONCE = 500
"""Rows that are read and written at once."""
FIRST = UUID(int=0)

Reseal = Callable[[Output, Cipher], Output]
"""Gives a plain result encrypted, with its artifact if it has one."""


class Conversion:
    """Encrypts the plain data of a database."""

    def __init__(self, database: Database, reseal: Reseal) -> None:
        self._database, self._reseal = database, reseal

    async def workflows(self, told: Callable[[int], None]) -> int:
        """Encrypt what workflows hold that have ended; gives how many there were.

        Args:
            told: called with how many are done.
        """
        done, after = 0, FIRST
        while rows := await self._database.fetch(sql("plain_workflows"), after, MARK, AT_ONCE):
            for row in rows:
                done += await self._workflow(WorkflowId(row["id"]), row["project"])
                told(done)
            after = rows[-1]["id"]
        return done

    async def rest(self) -> None:
        """Encrypt what belongs to no workflow, and forget what is plain and not needed any more."""
        cipher = await self._cipher(SYSTEM)
        while rows := await self._database.fetch(sql("plain_system_lines"), MARK, AT_ONCE):
            messages = [shut(row["message"], SYSTEM_LINE_PLACE, cipher) for row in rows]
            fields = [_shut_fields(row["fields"], cipher) for row in rows]
            await self._database.fetch(sql("replace_log_lines"), [row["id"] for row in rows], messages, fields)
        for row in await self._database.fetch(sql("registered_plan_digests")):
            async with self._database.transaction() as connection:
                await self._code(connection, row["plan"], row["project"], await self._cipher(row["project"]))
        await self._database.fetch(sql("forget_plain_code"))
        await self._database.fetch(sql("forget_plain_cache"))

    async def _cipher(self, project: str) -> Cipher:
        cipher = await cipher_of(self._database.vault, project)
        assert cipher is not None, "the caller has checked that there are master keys"
        return cipher

    async def _workflow(self, workflow: WorkflowId, project: str) -> bool:
        cipher = await self._cipher(project)
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql("lock_ended_workflow"), workflow)
            if row is None:
                return False
            sealing = Sealer({workflow: cipher})
            if row["error"] and not is_sealed(str(row["error"].get("message", MARK))):
                await connection.execute(sql("replace_error"), workflow, sealing.error(workflow, row["error"]))
            await self._results(connection, workflow, cipher)
            await _texts(connection, workflow, sealing, cipher)
            await self._code(connection, row["plan"], project, cipher)
        return True

    async def _results(self, connection: Connection, workflow: WorkflowId, cipher: Cipher) -> None:
        while rows := await connection.fetch(sql("plain_tasks"), workflow, AT_ONCE):
            sealed = [
                self._reseal(Output(row["digest"], row["size"], row["form"], row["inline"]), cipher) for row in rows
            ]
            await connection.execute(
                sql("replace_results"), workflow, [row["step"] for row in rows], [row["partition"] for row in rows],
                [each.digest for each in sealed], [each.form for each in sealed], [each.inline for each in sealed],
            )  # fmt: skip

    async def _code(self, connection: Connection, plan: str, project: str, cipher: Cipher) -> None:
        for row in await connection.fetch(sql("plain_code"), plan, project):
            phase = PhaseRef(row["name"], row["version"], PhaseKind(row["kind"]), row["digest"])
            await connection.execute(sql("add_phase"), *code_row(phase, row["code"], project, cipher))


async def _texts(connection: Connection, workflow: WorkflowId, sealing: Sealer, cipher: Cipher) -> None:
    """Encrypt what a workflow's tasks have said."""

    def line(row: Any) -> str:
        return shut(row["message"], LOG_PLACE.format(workflow_id=workflow, partition=row["partition"]), cipher)

    while rows := await connection.fetch(sql("plain_logs"), workflow, MARK, AT_ONCE):
        await connection.execute(sql("replace_logs"), workflow, [row["id"] for row in rows], [*map(line, rows)])
    while rows := await connection.fetch(sql("plain_task_lines"), workflow, MARK, AT_ONCE):
        ids, nothing = [row["id"] for row in rows], [dict[str, Any]()] * len(rows)
        await connection.execute(sql("replace_log_lines"), ids, [*map(line, rows)], nothing)
    while rows := await connection.fetch(sql("plain_attempts"), workflow, MARK, AT_ONCE):
        columns = [
            [shut(row[name], place.format_map({**row, "workflow_id": workflow}), cipher) for row in rows]
            for name, place in ATTEMPT_PLACES.items()
        ]
        await connection.execute(sql("replace_attempts"), [row["id"] for row in rows], *columns)
    while rows := await connection.fetch(sql("plain_rejects"), workflow, MARK, AT_ONCE):
        columns = [
            [shut(row[name], place.format(workflow_id=workflow), cipher) for row in rows]
            for name, place in REJECT_PLACES.items()
        ]
        keys = [[row[name] for row in rows] for name in ("step", "partition", "ordinal")]
        await connection.execute(sql("replace_rejects"), workflow, *keys, *columns)
    for row in await connection.fetch(sql("error_events"), workflow):
        if not is_sealed(str(row["data"].get("message", MARK))):
            told = sealing.error(workflow, row["data"])
            await connection.execute(sql("replace_event"), workflow, row["id"], told)


def _shut_fields(fields: dict[str, Any], cipher: Cipher) -> dict[str, Any]:
    return {"sealed": shut(to_json(fields), SYSTEM_LINE_PLACE, cipher)} if fields else fields
