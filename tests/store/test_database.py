"""Connections, the schema, and what is said when they fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest

from eopiez_ray.errors import DatabaseTooOldError, DatabaseUnavailableError
from eopiez_ray.store import Database, EmbeddedServer, connect
from eopiez_ray.store import migrating as module
from eopiez_ray.store.addresses import redacted
from eopiez_ray.store.queries import statements


async def shape(database: Database) -> list[tuple[object, ...]]:
    """Everything that a schema consists of, as the catalogue tells it."""
    columns = "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns"
    parts = [
        f"{columns} where table_schema = 'eopiez' order by 1, 2",
        "select indexname, indexdef, '', '', '' from pg_indexes where schemaname = 'eopiez' order by 1",
        "select conname, pg_get_constraintdef(oid), '', '', '' from pg_constraint "
        "where connamespace = 'eopiez'::regnamespace order by 1, 2",
    ]
    return [tuple(row) for part in parts for row in await database.fetch(part)]


async def test_migrations_from_the_first_schema_meet_todays(database: Database) -> None:
    folder = files("eopiez_ray.store") / "migrations"
    numbers = sorted(int(entry.name[:4]) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    assert numbers == list(range(1, module.SCHEMA_VERSION + 1))
    today = await shape(database)
    await database.fetch("drop schema eopiez cascade")
    async with database.transaction() as connection:
        await connection.execute("create schema eopiez")
        for number in numbers:
            await connection.execute((folder / f"{number:04}.sql").read_text(encoding="utf-8"))
    assert await shape(database) == today


async def test_every_statement_is_one_that_postgres_accepts(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(statements()["make_stages"])  # Others are about these tables.
        await connection.execute(statements()["show_statement_counts"])  # And others about what it makes.
        are_counted = await connection.fetchval(statements()["statements_are_counted"])
        left_out = {"make_stages"} if are_counted else {"make_stages", "statement_counts", "statement_texts"}
        for name, text in statements().items():
            if name not in left_out:
                assert await connection.prepare(text), name


async def test_opening_twice_at_once_makes_one_schema(server: EmbeddedServer) -> None:
    admin = await asyncpg.connect(server.url)
    await admin.execute("create database raced")
    url = server.url.replace("/postgres?", "/raced?")
    opened = await asyncio.gather(*(connect(url) for _ in range(4)))
    versions = await opened[0].fetch("select version from schema_version")
    assert [row["version"] for row in versions] == [module.SCHEMA_VERSION]
    for database in opened:
        await database.close()
    await admin.close()


async def test_a_newer_schema_is_refused(database: Database, database_url: str) -> None:
    await database.fetch("insert into schema_version (version) values (99)")
    with pytest.raises(DatabaseTooOldError, match="update eopiez"):
        await connect(database_url)


async def test_an_older_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MINIMUM_SERVER", 99)
    with pytest.raises(DatabaseTooOldError, match="needs 99 or newer"):
        await connect(database_url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://eopiez@127.0.0.1:1/postgres", "is it running"),
        ("nonsense", "write postgresql://"),
    ],
)
async def test_an_address_that_leads_nowhere_says_so(url: str, says: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match=says):
        await connect(url)


async def test_a_database_that_refuses_says_what_to_check(server: EmbeddedServer) -> None:
    with pytest.raises(DatabaseUnavailableError, match="check EOPIEZ_DATABASE_URL"):
        await connect(server.url.replace("/postgres?", "/missing?"))


async def test_a_lost_connection_is_opened_again(database: Database) -> None:
    writer = database.writer()
    assert (await writer.fetch("select 1 as one"))[0]["one"] == 1
    (backend,) = await writer.fetch("select pg_backend_pid() as pid")
    await database.fetch("select pg_terminate_backend($1, 5000)", backend["pid"])
    with contextlib.suppress(DatabaseUnavailableError):  # Unless the loss was noticed before.
        await writer.fetch("select 1")
    assert (await writer.fetch("select 2 as two"))[0]["two"] == 2


def test_passwords_are_not_shown() -> None:
    assert redacted("postgresql://a:secret@h/d") == "postgresql://a:***@h/d"


async def test_a_connection_that_the_server_has_just_ended_is_replaced(database_url: str, tmp_path: Path) -> None:
    """The server's farewell is there, but the end of the connection is not yet: no statement can be sent on it."""
    socket = Path(database_url.rpartition("host=")[2])
    async with lingering(socket, tmp_path), await connect(database_url.replace(str(socket), str(tmp_path))) as database:
        await asyncio.gather(*(database.fetch("select pg_sleep(0.1)") for _ in range(3)))
        admin = await asyncpg.connect(database_url)
        others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        await admin.execute(f"select pg_terminate_backend(pid, 10000) {others}")
        await admin.close()
        rows = await asyncio.gather(*(database.fetchrow("select 7 as seven") for _ in range(3)))
        assert [row and row["seven"] for row in rows] == [7, 7, 7]


@contextlib.asynccontextmanager
async def lingering(socket: Path, folder: Path) -> AsyncIterator[None]:
    """A way to a server on which connections stay open although the server has closed them."""
    name, until_closed = ".s.PGSQL.5432", asyncio.Event()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(socket / name)
        tasks = [asyncio.ensure_future(pass_on(*pair)) for pair in ((reader, to_server), (from_server, writer))]
        await asyncio.wait([tasks[0], asyncio.ensure_future(until_closed.wait())], return_when="FIRST_COMPLETED")
        for each in (writer, to_server):
            each.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    async with await asyncio.start_unix_server(serve, folder / name):
        yield
        until_closed.set()
