"""Verifies the audit log little by little, for ever: new rows at once, all others again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.audit import ORIGIN, Head, verified
from .audit import PAGE, AuditLog
from .queries import sql

if TYPE_CHECKING:
    from .database import Database

PAGES = 10
"""Pages that are verified at once, of new rows and of old ones."""


class AuditWatch:
    """Looks for changes in the audit log. What it finds stays found until all rows were verified without a fault."""

    def __init__(self, database: Database) -> None:
        self._database, self._audit = database, AuditLog(database)
        self._found = 0
        """Faults that were found since verification last began at the first row."""
        self._is_whole = False
        """Whether it has begun there while this process was looking."""

    async def faults(self) -> int:
        """How many faults were found, as of the last look."""
        (row,) = await self._database.fetch(sql("audit_verified"))
        return int(row["audit_faults"])

    async def look(self) -> None:
        """Verify what is new, and the next of what is old."""
        (row,) = await self._database.fetch(sql("audit_verified"))
        newest, known = Head(row["audit_head_seq"], bytes(row["audit_head_hash"])), int(row["audit_faults"])
        if not await self._audit.holds(newest):
            await self._note(Head(), newest, max(known, 1))
            return
        newest, fresh = await self._verify(newest)
        old, again = await self._verify(Head(row["audit_seq"], bytes(row["audit_hash"])))
        self._found += fresh + again
        if old.seq < newest.seq:
            await self._note(old, newest, max(known, self._found))
            return
        await self._note(Head(), newest, self._found if self._is_whole else max(known, self._found))
        self._found, self._is_whole = 0, True

    async def _verify(self, head: Head) -> tuple[Head, int]:
        """Verify some rows after one; gives the last of them, and how many faults there are."""
        faults = 0
        for _ in range(PAGES):
            rows = await self._audit.after(head.seq)
            faults += len([*verified(rows, head)])
            if rows:
                head = Head(rows[-1].seq, rows[-1].hash)
            if len(rows) < PAGE:
                break
        return head, faults

    async def _note(self, old: Head, newest: Head, faults: int) -> None:
        await self._database.fetch(
            sql("note_audit_verified"), old.seq, old.hash or ORIGIN, newest.seq, newest.hash, faults
        )
