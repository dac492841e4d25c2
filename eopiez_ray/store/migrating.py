"""The schema's versions: what the database has, what this program needs, and the way from one to the other.

Migrations lead forward, one after another, all in one transaction. A migration that only adds (*expand*) lets programs
from before it go on: ``COMPATIBLE_SINCE`` says from which schema on programs work on today's. What they no longer need
is taken away (*contract*) by a later one, when no program that needs it is supported any more. So two versions may be
at work on one database while they are exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from ..errors import DatabaseTooOldError
from .addresses import check_address
from .translating import reached

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]

SCHEMA_VERSION = 18
COMPATIBLE_SINCE = 16
"""Programs that know this schema or a later one work on today's, too."""
MINIMUM_SERVER = 15
SCHEMA_LOCK = 0x656F7069657A
"""Key of the advisory lock under which the schema is changed: the letters of "eopiez"."""
NOTED_SINCE = 16
"""The first schema that notes which programs work on it."""


class Step(NamedTuple):
    """A migration."""

    version: int
    title: str


@dataclass(frozen=True, slots=True)
class SchemaState:
    """A database as it is found."""

    server: int
    """The server's major version."""
    version: int
    """Of the schema; 0 if there is none yet."""
    compatible_since: int
    """The oldest schema whose programs work on it."""

    @property
    def steps(self) -> list[Step]:
        """The migrations from there to this program's schema; none for a database without a schema."""
        return [Step(number, _title(number)) for number in range(self.version + 1, SCHEMA_VERSION + 1) if self.version]

    def check(self) -> None:
        """Check that this program can work on it, after its migrations if need be.

        Raises:
            DatabaseTooOldError: the server is too old, or the schema too new.
        """
        if self.server < MINIMUM_SERVER:
            raise DatabaseTooOldError(f"the server is PostgreSQL {self.server}; eopiez needs {MINIMUM_SERVER} or newer")
        if self.version > SCHEMA_VERSION and self.compatible_since > SCHEMA_VERSION:
            raise DatabaseTooOldError(
                f"the database has schema {self.version}, for programs of schema {self.compatible_since} or later; "
                f"this one knows only {SCHEMA_VERSION}; update eopiez, or restore a backup from before"
            )


async def schema_at(url: str) -> SchemaState:
    """The database at an address, which is left as it is.

    Raises:
        DatabaseUnavailableError: it cannot be reached.
    """
    check_address(url)
    with reached(url):
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await _found(connection)
        finally:
            await connection.close()


async def migrate(connection: Connection) -> None:
    """Bring the schema up to date, unless it is newer and this program works on it all the same.

    Raises:
        DatabaseTooOldError: the server is older than PostgreSQL 15, or the schema too new.
    """
    state = await _found(connection)
    state.check()
    if state.version >= SCHEMA_VERSION:
        return
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", SCHEMA_LOCK)
        state = await _found(connection)
        state.check()
        if not state.version:
            await connection.execute("create schema if not exists eopiez")
            await connection.execute(_text("sql", "schema.sql"))
            await _note(connection, SCHEMA_VERSION)
        for step in state.steps:
            await connection.execute(_text("migrations", f"{step.version:04}.sql"))
            await _note(connection, step.version)


async def _found(connection: Connection) -> SchemaState:
    server: int = await connection.fetchval("select current_setting('server_version_num')::integer / 10000")
    # Not to_regclass: its answer may be cached from before another connection created the table.
    known = "select exists (select from pg_tables where schemaname = 'eopiez' and tablename = 'schema_version')"
    if not await connection.fetchval(known):
        return SchemaState(server, 0, 0)
    version: int = await connection.fetchval("select coalesce(max(version), 0) from eopiez.schema_version")
    if version < NOTED_SINCE:
        return SchemaState(server, version, version)
    noted = "select compatible_since from eopiez.schema_version order by version desc limit 1"
    since: int | None = await connection.fetchval(noted)
    return SchemaState(server, version, version if since is None else since)


async def _note(connection: Connection, version: int) -> None:
    if version < NOTED_SINCE:
        await connection.execute("insert into schema_version (version) values ($1)", version)
    else:
        await connection.execute(
            "insert into schema_version (version, compatible_since) values ($1, $2)", version, COMPATIBLE_SINCE
        )


def _title(version: int) -> str:
    """The first line of a migration, which says what it is for."""
    return _text("migrations", f"{version:04}.sql").partition("\n")[0].removeprefix("-- ")


def _text(folder: str, name: str) -> str:
    return (files(__package__) / folder / name).read_text(encoding="utf-8")
