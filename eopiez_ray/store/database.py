"""Connections: a pool for statements, one connection of its own for LISTEN, and the schema."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import asyncpg

from ..errors import (
    DatabaseTooOldError,
    DatabaseUnavailableError,
    StorageFullError,
    StoreError,
    WriteRefusedError,
)
from .encoding import clean, to_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]

SCHEMA_VERSION = 13
MINIMUM_SERVER = 150_000
SCHEMA_LOCK = 0x656F7069657A
"""Key of the advisory lock under which the schema is created: the letters of "eopiez"."""

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # A connection cut off in the middle of an answer is out of sync.
    TimeoutError,
    asyncpg.InsufficientResourcesError,  # Too many clients, or no memory: both pass.
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # A standby that is about to take over.
)
"""What asyncpg raises when the server is gone, shutting down, or has no room for us."""
REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.QueryCanceledError,
    asyncpg.InternalServerError,
)
"""What asyncpg raises when the server refuses a value, or so much at once."""


class Database:
    """A pool of connections to one database with the current schema. Create it with ``connect``."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], url: str) -> None:
        self._pool, self.url = pool, url
        self._writers: list[Writer] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection with an open transaction; it commits when the block ends without an error.

        Raises:
            DatabaseUnavailableError: the server was lost; whether the transaction committed is unknown.
            StorageFullError: the server has no disk space left.
        """
        with translated(self.url):
            async with self._pool.acquire(timeout=10) as connection, connection.transaction():
                yield connection

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of a statement, run in its own transaction. Errors as in ``transaction``."""
        with translated(self.url):
            async with self._pool.acquire(timeout=10) as connection:
                return await connection.fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row of a statement, if there is one."""
        rows = await self.fetch(statement, *arguments)
        return rows[0] if rows else None

    def writer(self) -> Writer:
        """A separate connection for a frequent writer."""
        writer = Writer(self.url)
        self._writers.append(writer)
        return writer

    async def listen(self, listener: Callable[[str, str], None], *channels: str) -> asyncpg.Connection[asyncpg.Record]:
        """A separate connection that calls ``listener(channel, payload)``; close it to stop."""
        try:
            connection = await _open(self.url)
            try:
                for channel in channels:
                    await connection.add_listener(channel, lambda _c, _p, heard, payload: listener(heard, str(payload)))
            except BaseException:
                connection.terminate()
                raise
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
    """One connection, opened when needed and reopened when lost; its statements are planned once.

    Only one task may use it at a time.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of a statement, run in its own transaction. Errors as in ``Database.transaction``."""
        with self._watched():
            return await (await self._opened()).fetch(statement, *arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """Like ``Database.transaction``."""
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
        """Drop the connection after a loss, so that the next use opens another."""
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
            # A plan made while tables are small would read them whole, and do so still when they are large.
            await self._connection.execute("set plan_cache_mode = force_generic_plan")
            await self._connection.execute("set enable_seqscan = off")
        return self._connection


async def connect(url: str) -> Database:
    """Open the database at ``url`` and bring its schema up to date.

    Raises:
        DatabaseUnavailableError: it cannot be reached, or refuses user, password or database.
        DatabaseTooOldError: the server is older than PostgreSQL 15, or the schema is newer than this program.
    """
    _check_address(url)
    try:
        # With a minimum size, asyncpg would log a traceback for each connection that a lost server does not restore.
        pool = await asyncpg.create_pool(
            url, min_size=0, max_size=8, init=_prepare, reset=_keep, server_settings=_SETTINGS, timeout=10
        )
        await pool.release(await pool.acquire())  # It can be reached and accepts the login.
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
    ) as error:
        raise DatabaseUnavailableError(
            f"the database at {redacted(url)} refuses the connection: {error}; check EOPIEZ_DATABASE_URL"
        ) from error
    except ValueError:  # Without its cause, which may quote part of the password.
        raise DatabaseUnavailableError(_NO_ADDRESS) from None
    except asyncpg.ProtocolViolationError as error:
        raise DatabaseUnavailableError(_unsupported(url, error)) from error
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
    except asyncpg.DiskFullError as error:
        raise StorageFullError(
            f"the database at {redacted(url)} has no disk space left; free some and resume"
        ) from error
    except REFUSED as error:
        raise WriteRefusedError(f"the database refuses this write: {error}") from error
    except LOST as error:
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):  # asyncpg's own check.
            raise WriteRefusedError(f"this cannot be written to the database: {error}") from error
        raise DatabaseUnavailableError(
            f"lost the database at {redacted(url)}: {error or type(error).__name__}"
        ) from error
    except asyncpg.PostgresError as error:
        raise StoreError(f"the database at {redacted(url)} failed: {error}") from error


_NO_ADDRESS = (
    "EOPIEZ_DATABASE_URL is not a database address; write postgresql://user:password@host:5432/name, and "
    "percent-encode any of / ? # : @ % in the password, such as %2F for /"
)


def _check_address(url: str) -> None:
    """Reject an address that asyncpg would parse wrongly and then quote in an error, password included.

    Raises:
        DatabaseUnavailableError: it is not an address.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise DatabaseUnavailableError(_NO_ADDRESS) from None
    options = parts.query.split("&") if parts.query else []
    is_sound = (
        parts.scheme in {"postgres", "postgresql"}
        and "@" not in parts.path
        and "#" not in url
        and all("=" in option for option in options)
        and all(map(_is_host, parts.netloc.rpartition("@")[2].split(",")))
    )
    if not is_sound:
        raise DatabaseUnavailableError(_NO_ADDRESS)


def _is_host(host: str) -> bool:
    """Whether anything that follows the host's name is a port."""
    _, colon, port = host.rpartition("]")[2].rpartition(":")
    return not colon or not port or port.isdigit()


def _unsupported(url: str, error: Exception) -> str:
    """What to do if something between us and the server does not speak the whole protocol."""
    if "startup parameter" not in str(error):
        return f"the server at {redacted(url)} does not answer like PostgreSQL: {error}; check EOPIEZ_DATABASE_URL"
    return (
        f"{redacted(url)} seems to be PgBouncer or another pooler ({error}); eopiez needs sessions of its own, for "
        "LISTEN and advisory locks: point EOPIEZ_DATABASE_URL at the server itself"
    )


def redacted(url: str) -> str:
    """The address without its password, wherever that is in it, percent-encoded or not."""
    scheme, separator, rest = url.partition("://")
    account, at, place = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    shown = f"{user}{colon and ':***'}{at}{place}" if at else rest
    return _PASSWORDS.sub(r"\1***", f"{scheme}{separator}{shown}")


_PASSWORDS = re.compile(r"(\w*pass(?:word|wd)?\w*=)[^&\s]*", re.IGNORECASE)
_SETTINGS = {"search_path": "eopiez", "application_name": "eopiez", "jit": "off"}


async def _open(url: str) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(url, timeout=10, server_settings=_SETTINGS)


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=to_json, decoder=json.loads)
    await connection.set_type_codec("text", schema="pg_catalog", encoder=clean, decoder=str)


async def _keep(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Skip the reset, which costs a round trip: nothing here changes a session."""


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
                f"the database has schema {version}, but this program knows only {SCHEMA_VERSION}; update eopiez"
            )
        if version == 0:
            await connection.execute("create schema if not exists eopiez")
            await connection.execute((files(__package__) / "sql" / "schema.sql").read_text(encoding="utf-8"))
            await connection.execute("insert into schema_version (version) values ($1)", SCHEMA_VERSION)
        for step in range(version + 1 if version else SCHEMA_VERSION + 1, SCHEMA_VERSION + 1):
            await connection.execute((files(__package__) / "migrations" / f"{step:04}.sql").read_text(encoding="utf-8"))
            await connection.execute("insert into schema_version (version) values ($1)", step)


async def _version(connection: Connection) -> int:
    # Not to_regclass: its answer may be cached from before another connection created the table.
    known = "select exists (select from pg_tables where schemaname = 'eopiez' and tablename = 'schema_version')"
    if not await connection.fetchval(known):
        return 0
    return int(await connection.fetchval("select coalesce(max(version), 0) from eopiez.schema_version"))
