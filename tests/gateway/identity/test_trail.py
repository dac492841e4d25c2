"""The audit log in the database: what was done to it shows, and nothing waits long for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from eopiez_ray.errors import AuditError, StorageFullError, StoreError, WriteRefusedError
from eopiez_ray.gateway.identity.anchors import FileAnchor, WebhookAnchor
from eopiez_ray.gateway.identity.trail import Trail
from eopiez_ray.model.audit import Entry, Fault, Finding, Head, Outcome
from eopiez_ray.store import Database, connect
from eopiez_ray.store.audit import AuditFilter, AuditLog
from eopiez_ray.store.queries import sql

SUPERUSER = "alter table audit disable trigger audit_is_append_only"


def entries(number: int) -> list[Entry]:
    return [
        Entry("key.create", actor="anna", object=str(each), details={"name": "é\0\udcff"}) for each in range(number)
    ]


@pytest.fixture
def audit(database: Database) -> AuditLog:
    """The log of an empty database."""
    return AuditLog(database)


@pytest_asyncio.fixture(loop_scope="session")
async def tampered(database: Database, audit: AuditLog) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A log of ten rows, and somebody who owns the table."""
    await audit.append(entries(4))
    await audit.append(entries(6))
    connection = await asyncpg.connect(database.url, server_settings={"search_path": "eopiez"})
    await connection.execute(SUPERUSER)
    yield connection
    await connection.close()


async def test_a_log_that_nobody_touched_has_no_faults(audit: AuditLog) -> None:
    await audit.append(entries(3))
    await audit.append([replace(entries(1)[0], actor="x" * 5000, result=Outcome.FAILED)])
    assert await audit.verify([await audit.head()]) == (4, [])


@pytest.mark.parametrize(
    "statement",
    ["update audit set actor = 'eve'", "delete from audit", "truncate audit", "update audit set seq = seq where false"],
)
async def test_rows_are_neither_changed_nor_deleted_v5_0_0_16_4_2(
    database: Database, audit: AuditLog, statement: str
) -> None:
    await audit.append(entries(3))
    with pytest.raises(WriteRefusedError, match="append-only"):
        await database.fetch(statement)
    assert await audit.verify() == (3, [])


async def test_a_changed_row_is_found(audit: AuditLog, tampered: asyncpg.Connection[asyncpg.Record]) -> None:
    await tampered.execute('update audit set details = \'{"name": "other"}\' where seq = 7')
    assert await audit.verify() == (10, [Finding(7, Fault.CHANGED)])


async def test_a_missing_row_is_found(audit: AuditLog, tampered: asyncpg.Connection[asyncpg.Record]) -> None:
    await tampered.execute("delete from audit where seq = 5")
    assert await audit.verify() == (9, [Finding(6, Fault.MISSING)])


async def test_rows_in_another_order_are_found(audit: AuditLog, tampered: asyncpg.Connection[asyncpg.Record]) -> None:
    await tampered.execute("update audit set seq = -seq where seq in (5, 6)")
    await tampered.execute("update audit set seq = 11 + seq where seq < 0")
    _, found = await audit.verify()
    assert Finding(5, Fault.REORDERED) in found


async def test_a_cut_tail_is_found_by_the_anchor(
    audit: AuditLog, tampered: asyncpg.Connection[asyncpg.Record], home: Path
) -> None:
    anchor = FileAnchor(home)
    await anchor.advance(audit)
    await tampered.execute("delete from audit where seq > 8")
    kept = anchor.read()
    assert kept is not None
    assert await audit.verify() == (8, []), "the chain alone cannot tell"
    assert await audit.verify([kept]) == (8, [Finding(9, Fault.CUT)])


async def test_a_cut_tail_is_not_forgotten_when_others_follow(
    audit: AuditLog, tampered: asyncpg.Connection[asyncpg.Record], home: Path
) -> None:
    anchor = FileAnchor(home)
    await anchor.advance(audit)
    await tampered.execute("delete from audit where seq > 8")
    await audit.append(entries(5))
    with pytest.raises(AuditError, match="row 10"):
        await anchor.advance(audit)
    kept = anchor.read()
    assert kept is not None
    assert (await audit.verify([kept]))[1] == [Finding(14, Fault.CUT)]


async def test_a_whole_log_that_was_made_anew_is_found(
    audit: AuditLog, tampered: asyncpg.Connection[asyncpg.Record], home: Path
) -> None:
    anchor = FileAnchor(home)
    await anchor.advance(audit)
    kept = anchor.read()
    assert kept is not None
    await tampered.execute("delete from audit")
    await audit.append([replace(entry, actor="eve") for entry in entries(12)])
    assert (await audit.verify([kept]))[1] == [Finding(13, Fault.CUT)]


async def test_an_older_head_does_not_replace_a_newer_one(audit: AuditLog, home: Path) -> None:
    anchor = FileAnchor(home)
    await audit.append(entries(2))
    await anchor.advance(audit)
    newest = anchor.read()
    anchor._keep(Head(1, bytes(32)))
    assert anchor.read() == newest == await audit.head()
    assert anchor.path.stat().st_mode & 0o777 == 0o600


async def test_an_anchor_that_others_wrote_says_so(audit: AuditLog, home: Path) -> None:
    await audit.append(entries(1))
    anchor = FileAnchor(home)
    await anchor.advance(audit)
    anchor.path.write_text("nonsense")
    with pytest.raises(AuditError, match="does not hold a head"):
        await anchor.advance(audit)


async def test_several_replicas_extend_one_chain(database: Database, database_url: str, home: Path) -> None:
    async with await connect(database_url) as other:
        trails = [Trail(AuditLog(each), [FileAnchor(home)]) for each in (database, other, database)]
        for trail in trails:
            trail.start()
        await asyncio.gather(*(trail.record(entry) for trail in trails for entry in entries(40)))
        for trail in trails:
            for entry in entries(40):
                trail.note(entry)
            await trail.stop()
    audit, kept = AuditLog(database), FileAnchor(home).read()
    assert kept is not None
    assert await audit.verify([kept]) == (240, [])
    assert kept == await audit.head()


MANY = """
insert into audit
select
    number, now(), 'user ' || number % 1000, null, 'action ' || number % 20, number::text, 'default', '', 'done', '',
    '{}', '', ''
from generate_series(1, 100000) as number
"""


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ("null, null, null", "audit_pkey"),
        ("'user 7', null, null", "audit_of_actor"),
        ("null, null, '77'", "audit_of_object"),
        ("'user 7', 'action 7', null", "audit_of_actor"),
    ],
)
async def test_a_search_reads_few_rows(database: Database, conditions: str, index: str) -> None:
    await database.fetch(MANY)
    await database.fetch("analyze audit")
    async with database.transaction() as connection:
        await connection.execute("set local plan_cache_mode = force_custom_plan")
        await connection.execute(f"prepare searched as {sql('audit_page')}")
        arguments = f"9000000000, {conditions}, null, null, null, null, 100"
        plan = await connection.fetch(f"explain execute searched({arguments})")
        await connection.execute("deallocate searched")
    text = "\n".join(row[0] for row in plan)
    assert index in text, text
    assert "Seq Scan" not in text


async def test_a_frozen_writer_does_not_stop_the_others(database: Database, audit: AuditLog) -> None:
    frozen = await asyncpg.connect(database.url, server_settings={"search_path": "eopiez"})
    await frozen.execute("begin")
    await frozen.fetch(sql("lock_audit"), "100ms")
    await audit.append(entries(1))
    assert await audit.verify() == (1, [])
    with pytest.raises(asyncpg.InterfaceError):
        await frozen.execute("commit")
    await frozen.close()


async def test_what_waits_together_is_written_together(database: Database) -> None:
    trail = Trail(AuditLog(database))
    trail.start()
    await asyncio.gather(*(trail.record(entry) for entry in entries(300)))
    await trail.stop()
    written = await database.fetch("select count(distinct xmin::text) as transactions, count(*) as rows from audit")
    assert written[0]["rows"] == 300
    assert written[0]["transactions"] <= 3


async def test_a_recorded_entry_is_there_when_record_returns(database: Database) -> None:
    audit = AuditLog(database)
    trail = Trail(audit)
    trail.start()
    trail.note(Entry("first"))
    await trail.record(Entry("second"))
    assert [row.entry.action for row in await audit.page(AuditFilter())] == ["second", "first"]
    await trail.stop()


async def test_without_the_database_nobody_is_told_that_it_was_written(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eopiez_ray.gateway.identity.trail.PAUSE_S", 0.0)
    other = await connect(database_url)
    audit = AuditLog(other)
    trail = Trail(audit)
    trail.start()
    await database.fetch("alter table audit rename to audit_away")
    trail.note(Entry("noted"))
    with pytest.raises(StoreError):
        await trail.record(Entry("recorded"))
    await database.fetch("alter table audit_away rename to audit")
    await trail.record(Entry("again"))
    assert [row.entry.action for row in await audit.page(AuditFilter())] == ["again", "noted"]
    await trail.stop()
    await other.close()


async def test_an_entry_that_the_database_refuses_is_dropped_alone(database: Database) -> None:
    audit = AuditLog(database)
    await database.fetch("alter table audit add check (action <> 'poison')")
    trail = Trail(audit)
    trail.start()
    for entry in [*entries(5), Entry("poison"), *entries(3)]:
        trail.note(entry)
    with pytest.raises(WriteRefusedError):
        await trail.record(Entry("poison"))
    await trail.record(Entry("last"))
    await trail.stop()
    count, found = await audit.verify()
    assert (count, found) == (9, [])


async def test_a_full_disk_does_not_end_the_writer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is none of the database's own: the one who waits is told, and the rest is written later."""
    monkeypatch.setattr("eopiez_ray.gateway.identity.trail.PAUSE_S", 0.0)
    is_full = True

    class Full(AuditLog):
        async def append(self, entries: Sequence[Entry]) -> Head:
            if is_full:
                raise StorageFullError("the disk is full")
            return await super().append(entries)

    trail = Trail(Full(database))
    trail.start()
    trail.note(Entry("noted"))
    with pytest.raises(StorageFullError):
        await trail.record(Entry("recorded"))
    is_full = False
    await trail.record(Entry("again"))
    await trail.stop()
    assert [row.entry.action for row in await AuditLog(database).page(AuditFilter())] == ["again", "noted"]


async def test_what_finds_no_room_is_counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eopiez_ray.gateway.identity.trail.MOST", 3)
    audit = AuditLog(database)
    trail = Trail(audit)
    for entry in entries(5):
        trail.note(entry)
    trail.start()
    await trail.stop()
    rows = [row.entry for row in await audit.page(AuditFilter())]
    assert [row.action for row in rows] == ["audit.overflow", "key.create", "key.create", "key.create"]
    assert rows[0].details == {"entries": "2"}


class _Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    received: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if "broken" in self.path else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def test_a_webhook_is_told_the_head(audit: AuditLog) -> None:
    class Receiver(_Receiver):
        received: list[dict[str, Any]] = []  # noqa: RUF012 - of this test alone

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/hook?secret=abc"
    head = await audit.append(entries(2))
    await WebhookAnchor(url).advance(audit)
    with pytest.raises(OSError, match="it answered 500"):
        await WebhookAnchor(url.replace("hook", "broken")).advance(audit)
    server.shutdown()
    thread.join()
    server.server_close()
    with pytest.raises(OSError, match="ConnectError"):
        await WebhookAnchor(url).advance(audit)
    assert Receiver.received[0] == {"seq": 2, "hash": head.hash.hex()}
    assert "abc" not in f"{WebhookAnchor(url)} {WebhookAnchor(url)!r}"
