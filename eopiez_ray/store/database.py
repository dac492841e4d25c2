"""Connections: a pool for statements, one connection of its own for LISTEN, and the schema.

With a pooler, statements go through it, each in a transaction: between two transactions it may give the server's
connection to somebody else, and with it whatever was prepared there.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Self

import asyncpg

from ..encryption.masters import PLAIN
from ..errors import DatabaseUnavailableError
from .addresses import check_address, redacted
from .encoding import clean, to_json
from .liveness import AT_SERVER, probe
from .migrating import migrate
from .queries import sql
from .translating import LOST, reached, translated
from .vault import Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from asyncpg.pool import PoolConnectionProxy

    from ..encryption.masters import Encryption

    Connection = PoolConnectionProxy[asyncpg.Record]


UNSENT = "cannot switch to state"
"""What asyncpg says where the server has just ended an idle connection, so that a statement was not sent."""


class Database:
    """A pool of connections to one database with the current schema. Create it with ``connect``."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        url: str,
        *,
        is_pooled: bool = False,
        encryption: Encryption = PLAIN,
    ) -> None:
        self._pool, self.url, self._is_pooled = pool, url, is_pooled
        self._writers: list[Writer] = []
        self.vault = Vault(self, encryption)
        """The keys of what is encrypted."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection with an open transaction; it commits when the block ends without an error.

        Raises:
            DatabaseUnavailableError: the server was lost; whether the transaction committed is unknown.
            DatabaseFullError: the server has no disk space left.
        """
        with translated(self.url):
            async with self._pool.acquire(timeout=10) as connection, connection.transaction():
                yield connection

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of a statement, run in its own transaction. Errors as in ``transaction``."""
        if self._is_pooled:
            async with self.transaction() as connection:
                return await connection.fetch(statement, *arguments)
        with translated(self.url):
            while True:
                async with self._pool.acquire(timeout=10) as connection:
                    try:
                        return await connection.fetch(statement, *arguments)
                    except asyncpg.InternalClientError as error:
                        if UNSENT not in str(error):
                            raise
                        connection.terminate()

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

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A separate connection, for what lasts as long as its session does: locks, slots. Errors as in
        ``transaction``."""
        with translated(self.url):
            connection = await _open(self.url)
            try:
                yield connection
            finally:
                await connection.close(timeout=5)

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


async def connect(url: str, pooler_url: str | None = None, encryption: Encryption = PLAIN) -> Database:
    """Open the database at ``url`` and bring its schema up to date; with a pooler, statements go through that.

    What is encrypted can be read and written with the master keys that ``encryption`` has.

    Raises:
        DatabaseUnavailableError: it cannot be reached, or refuses user, password or database; or the pooler leads to
            another one.
        DatabaseTooOldError: the server is older than PostgreSQL 15, or the schema is newer than this program.
    """
    check_address(url)
    with reached(url):
        # With a minimum size, asyncpg would log a traceback for each connection that a lost server does not restore.
        pool = await asyncpg.create_pool(
            url, min_size=0, max_size=8, init=_prepare, reset=_keep, server_settings=_SETTINGS, timeout=10
        )
        await pool.release(await pool.acquire())  # It can be reached and accepts the login.
    try:
        async with pool.acquire() as connection:
            await migrate(connection)
    except BaseException:
        pool.terminate()
        raise
    if pooler_url is None:
        return Database(pool, url, encryption=encryption)
    pooled = await _pooled(pool, pooler_url)
    await pool.close()
    return Database(pooled, url, is_pooled=True, encryption=encryption)


async def _pooled(direct: asyncpg.Pool[asyncpg.Record], pooler_url: str) -> asyncpg.Pool[asyncpg.Record]:
    """Connections through a pooler, which lead where the direct ones do, and into our schema."""
    check_address(pooler_url, "EOPIEZ_POOLER_URL")
    with reached(pooler_url, "EOPIEZ_POOLER_URL"):
        lasting = [f"{name}={_SETTINGS[name]}" for name in ("search_path", "jit")]
        for missing in await direct.fetch(sql("missing_session_settings"), lasting):
            await direct.execute(missing["text"])
        expected = await direct.fetchrow(sql("where_am_i"))
        # Nothing that is prepared outlives a transaction here; unnamed statements are not even looked for again.
        pool = await asyncpg.create_pool(
            pooler_url, min_size=0, max_size=8, init=_prepare_within, reset=_keep, timeout=10,
            statement_cache_size=0, server_settings={"application_name": _SETTINGS["application_name"]},
        )  # fmt: skip
        async with pool.acquire() as connection, connection.transaction():
            found = await connection.fetchrow(sql("where_am_i"))
    if found == expected:
        return pool
    pool.terminate()
    assert found is not None
    assert expected is not None
    raise DatabaseUnavailableError(_misled(pooler_url, found, expected))


def _misled(pooler_url: str, found: asyncpg.Record, expected: asyncpg.Record) -> str:
    """What to do about a pooler that leads elsewhere, or whose connections are older than the role's settings."""
    if [*found.values()][:3] == [*expected.values()][:3]:
        return (
            f"the pooler at {redacted(pooler_url)} has connections from before the role had its settings: say "
            "RECONNECT on its console, and start again"
        )
    return (
        f"the pooler at {redacted(pooler_url)} leads to database {found['database']!r} as {found['role']!r}, and "
        f"EOPIEZ_DATABASE_URL to {expected['database']!r} as {expected['role']!r} or to another server; let both lead "
        "to the same database of the same server, as the same role"
    )


_SETTINGS = {"search_path": "eopiez", "application_name": "eopiez", "jit": "off", **AT_SERVER}


async def _open(url: str) -> asyncpg.Connection[asyncpg.Record]:
    connection = await asyncpg.connect(url, timeout=10, server_settings=_SETTINGS)
    probe(connection)
    return connection


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    probe(connection)
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=to_json, decoder=json.loads)
    await connection.set_type_codec("text", schema="pg_catalog", encoder=clean, decoder=str)


async def _prepare_within(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """As ``_prepare``, which asks the server for types, on one of its connections."""
    async with connection.transaction():
        await _prepare(connection)


async def _keep(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Skip the reset, which costs a round trip: nothing here changes a session."""
