"""Connections: a pool for statements, one connection of its own for LISTEN, and the schema."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import asyncpg

from ..errors import DatabaseTooOldError, DatabaseUnavailableError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]

SCHEMA_VERSION = 2
MINIMUM_SERVER = 150_000
SCHEMA_LOCK = 0x656F7069657A
"""Key of the advisory lock under which the schema is made: the letters of "eopiez"."""

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # A connection that was cut in the middle of an answer is out of step.
    TimeoutError,
)
"""What asyncpg raises when the server is gone or going."""


class Database:
    """A pool of connections to one database whose schema is today's. Make it with ``connect``."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], url: str) -> None:
        self._pool, self.url = pool, url
        self._writers: list[Writer] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection with an open transaction; it commits when the block ends without an error.

        Raises:
            DatabaseUnavailableError: the server was lost; whether the transaction committed is not known.
            StorageFullError: the server has no disk space left.
        """
        with translated(self.url):
            async with self._pool.acquire(timeout=10) as connection, connection.transaction():
                yield connection

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of a statement, which is a transaction of its own. Errors as in ``transaction``."""
        with translated(self.url):
            async with self._pool.acquire(timeout=10) as connection:
                return await connection.fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row of a statement, if there is one."""
        rows = await self.fetch(statement, *arguments)
        return rows[0] if rows else None

    def writer(self) -> Writer:
        """A connection of its own for one who writes often."""
        writer = Writer(self.url)
        self._writers.append(writer)
        return writer

    async def listen(self, listener: Callable[[str, str], None], *channels: str) -> asyncpg.Connection[asyncpg.Record]:
        """A connection of its own that calls ``listener(channel, payload)``; close it to stop."""
        try:
            connection = await _open(self.url)
            for channel in channels:
                await connection.add_listener(channel, lambda _c, _p, heard, payload: listener(heard, str(payload)))
        except LOST as error:
            raise DatabaseUnavailableError(f"cannot listen at {redacted(self.url)}: {error}") from error
        return connection

    async def close(self) -> None:
        """Close all connections, at once if the server does not answer."""
        for writer in self._writers:
            writer.close()
        try:
            await asyncio.wait_for(self._pool.close(), timeout=5)
        except (TimeoutError, *LOST):
            self._pool.terminate()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Writer:
    """One connection, opened when it is needed and again when it was lost; its statements are planned once.

    One task at a time may use it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of a statement, which is a transaction of its own. Errors as in ``Database.transaction``."""
        with self._watched():
            return await (await self._opened()).fetch(statement, *arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """As ``Database.transaction``."""
        with self._watched():
            connection = await self._opened()
            async with connection.transaction():
                yield connection

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.terminate()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """After a loss the next use opens another connection."""
        try:
            with translated(self._url):
                yield
        except DatabaseUnavailableError:
            self.close()
            self._connection = None
            raise

    async def _opened(self) -> asyncpg.Connection[asyncpg.Record]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await _open(self._url)
            await _prepare(self._connection)
            await self._connection.execute("set plan_cache_mode = force_generic_plan")
        return self._connection


async def connect(url: str) -> Database:
    """Open the database at ``url`` and bring its schema up to date.

    Raises:
        DatabaseUnavailableError: it cannot be reached, or refuses user, password or database.
        DatabaseTooOldError: the server is older than PostgreSQL 15, or the schema is newer than this program.
    """
    try:
        # With a least size, asyncpg would log a traceback for each connection that a lost server does not give again.
        pool = await asyncpg.create_pool(
            url, min_size=0, max_size=8, init=_prepare, reset=_keep, server_settings=_SETTINGS, timeout=10
        )
        await pool.release(await pool.acquire())  # It can be reached, and lets us in.
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
    ) as error:
        raise DatabaseUnavailableError(
            f"the database at {redacted(url)} refuses: {error}; check EOPIEZ_DATABASE_URL"
        ) from error
    except ValueError as error:
        raise DatabaseUnavailableError(
            f"EOPIEZ_DATABASE_URL is not a database address ({error}); it looks like postgresql://user:password@host:5432/name"
        ) from error
    except LOST as error:
        raise DatabaseUnavailableError(
            f"cannot reach the database at {redacted(url)}: {error or type(error).__name__}; is it running?"
        ) from error
    try:
        async with pool.acquire() as connection:
            await _migrate(connection)
    except BaseException:
        pool.terminate()
        raise
    return Database(pool, url)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """asyncpg's errors as ours."""
    try:
        yield
    except LOST as error:
        raise DatabaseUnavailableError(
            f"lost the database at {redacted(url)}: {error or type(error).__name__}"
        ) from error
    except asyncpg.DiskFullError as error:
        raise StorageFullError(
            f"the database at {redacted(url)} has no disk space left; free some and resume"
        ) from error


def redacted(url: str) -> str:
    """The address without its password."""
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url


_SETTINGS = {"search_path": "eopiez", "application_name": "eopiez", "jit": "off"}


async def _open(url: str) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(url, timeout=10, server_settings=_SETTINGS)


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _keep(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Nothing here changes a session, so that a connection needs no reset, which costs a round trip."""


async def _migrate(connection: Connection) -> None:
    server = await connection.fetchval("select current_setting('server_version_num')::integer")
    if server < MINIMUM_SERVER:
        raise DatabaseTooOldError(
            f"the server is PostgreSQL {server // 10_000}; eopiez needs {MINIMUM_SERVER // 10_000} or newer"
        )
    if await _version(connection) == SCHEMA_VERSION:
        return
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", SCHEMA_LOCK)
        version = await _version(connection)
        if version > SCHEMA_VERSION:
            raise DatabaseTooOldError(
                f"the database has schema {version}, this program knows {SCHEMA_VERSION}; update eopiez"
            )
        if version == 0:
            await connection.execute("create schema if not exists eopiez")
            await connection.execute((files(__package__) / "sql" / "schema.sql").read_text(encoding="utf-8"))
            await connection.execute("insert into schema_version (version) values ($1)", SCHEMA_VERSION)
        for step in range(version + 1 if version else SCHEMA_VERSION + 1, SCHEMA_VERSION + 1):
            await connection.execute((files(__package__) / "migrations" / f"{step:04}.sql").read_text(encoding="utf-8"))
            await connection.execute("insert into schema_version (version) values ($1)", step)


async def _version(connection: Connection) -> int:
    # Not to_regclass: its answer may be cached from before another connection made the table.
    known = "select exists (select from pg_tables where schemaname = 'eopiez' and tablename = 'schema_version')"
    if not await connection.fetchval(known):
        return 0
    return int(await connection.fetchval("select coalesce(max(version), 0) from eopiez.schema_version"))
