"""The audit log in the database: one chain, which all replicas extend under one lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..model.audit import Entry, Fault, Finding, Head, Link, Outcome, linked, verified
from .encoding import clean
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from .database import Database

PAGE = 1000
"""Rows read at once."""
LAST = 2**63 - 1
FROZEN = "5s"
"""After that long without a sign of life, a writer loses the chain to others."""
LONGEST, LONGEST_DETAIL = 300, 2000
"""Characters that are kept of a field, and of a detail."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows; None means any."""

    actor: str | None = None
    action: str | None = None
    object: str | None = None
    project: str | None = None
    result: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditLog:
    """Appends to the log and reads it; nothing can change it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entries: Sequence[Entry]) -> Head:
        """Append entries, in order, in one transaction; gives the new end of the chain."""
        plain = [_plain(entry) for entry in entries]
        async with self._database.transaction() as connection:
            await connection.execute(sql("lock_audit"), FROZEN)
            row = await connection.fetchrow(sql("audit_head"))
            links = linked(plain, Head() if row is None else Head(row["seq"], bytes(row["hash"])))
            await connection.execute(sql("append_audit"), *_columns(links))
        return Head(links[-1].seq, links[-1].hash)

    async def head(self) -> Head:
        """The end of the chain."""
        row = await self._database.fetchrow(sql("audit_head"))
        return Head() if row is None else Head(row["seq"], bytes(row["hash"]))

    async def holds(self, head: Head) -> bool:
        """Whether an earlier end is still part of the chain."""
        if head == Head():
            return True
        row = await self._database.fetchrow(sql("audit_hash"), head.seq)
        return row is not None and bytes(row["hash"]) == head.hash

    async def page(self, wanted: AuditFilter, before: int = LAST, limit: int = 100) -> list[Link]:
        """The newest rows before one."""
        facts = (wanted.actor, wanted.action, wanted.object, wanted.project, wanted.result, wanted.since, wanted.until)
        async with self._database.transaction() as connection:
            # Planned for these values: of the indexes, the one for the rarest of them is best.
            await connection.execute("set local plan_cache_mode = force_custom_plan")
            return [_link(dict(row)) for row in await connection.fetch(sql("audit_page"), before, *facts, limit)]

    async def after(self, last: int) -> list[Link]:
        """A page of rows after one, oldest first."""
        return [_link(dict(row)) for row in await self._database.fetch(sql("audit_rows"), last, PAGE)]

    async def pages(self) -> AsyncIterator[list[Link]]:
        """All rows, oldest first, a page at a time."""
        last = 0
        while page := await self.after(last):
            yield page
            last = page[-1].seq

    async def verify(self, anchored: Sequence[Head] = ()) -> tuple[int, list[Finding]]:
        """Check every row, and that the chain still holds what was anchored outside; gives the number of rows, and
        what is wrong."""
        head, count, findings = Head(), 0, list[Finding]()
        async for page in self.pages():
            findings += verified(page, head)
            head, count = Head(page[-1].seq, page[-1].hash), count + len(page)
        findings += [Finding(head.seq + 1, Fault.CUT) for each in anchored if not await self.holds(each)]
        return count, findings


def _plain(entry: Entry) -> Entry:
    """The entry as the database will give it back, so that its hash is that of what is read."""
    names = ("actor", "action", "object", "project", "address", "request_id")
    texts = {name: clean(getattr(entry, name))[:LONGEST] for name in names}
    details = {clean(key)[:LONGEST]: clean(value)[:LONGEST_DETAIL] for key, value in entry.details.items()}
    return Entry(result=entry.result, actor_id=entry.actor_id, at=entry.at, details=details, **texts)


def _columns(links: Sequence[Link]) -> list[list[Any]]:
    rows = [
        (
            link.seq, link.entry.at, link.entry.actor, link.entry.actor_id, link.entry.action, link.entry.object,
            link.entry.project, link.entry.address, link.entry.result, link.entry.request_id, dict(link.entry.details),
            link.previous, link.hash,
        )
        for link in links
    ]  # fmt: skip
    return [list(column) for column in zip(*rows, strict=True)]


def _link(row: Mapping[str, Any]) -> Link:
    facts = dict(row)
    seq, previous, hashed = facts.pop("seq"), bytes(facts.pop("previous")), bytes(facts.pop("hash"))
    return Link(seq, Entry(**facts | {"result": Outcome(facts["result"])}), previous, hashed)
