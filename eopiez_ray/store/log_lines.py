"""The system's log in the database: what its parts say, and what tasks log and print, in one stream."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..encryption.texts import MARK, is_sealed, shut
from ..model.log_lines import LONGEST_MESSAGE, Gathered, LevelSetting, LineFilter, LineView, LogLimits, NewLine, Part
from .encoding import clean, to_json
from .payloads import cipher_of
from .projects import project_names
from .queries import sql
from .vault import LOG_PLACE, SYSTEM, SYSTEM_LINE_PLACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..encryption.keys import Cipher
    from .database import Database
    from .vault import Vault

Before = tuple[datetime, int]
NEWEST: Before = (datetime(9999, 1, 1, tzinfo=UTC), 2**63 - 1)
"""After all lines."""
FROZEN = "5s"
"""After that long without a sign of life, a writer loses the stream to others."""
TURN = 5000
"""Lines of tasks that come into the stream at once."""
BACKLOG = 50_000
"""Lines of tasks that wait at most; more are left out of the stream, and stay in their workflows' own logs."""
LATE = timedelta(seconds=10)
"""How long lines that were written before others may take to become visible after them."""
FORGOTTEN_AT_ONCE = 10_000
SEARCHED = 50_000
"""Lines that one search decrypts at most."""
_SEALED, _PLACE = "sealed", "place"


class Transactions(Protocol):
    """What opens transactions: a database, or a writer with a connection of its own."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """A connection with an open transaction."""
        ...


async def append(place: Transactions, lines: Sequence[NewLine], vault: Vault | None = None) -> None:
    """Write lines of the system's parts into the stream, in one transaction, encrypted as the vault says.

    Errors as in ``Database.transaction``, also if the key cannot be had now.
    """
    cipher, mask = (None, str) if vault is None else (await cipher_of(vault, SYSTEM), vault.mask)
    names = ("level", "part", "process", "logger", "request_id", "trace_id")
    texts = {name: [clean(str(getattr(line, name))) for line in lines] for name in names}
    texts["message"] = [shut(mask(clean(str(line.message))), SYSTEM_LINE_PLACE, cipher) for line in lines]
    columns = [
        [line.at for line in lines], texts["level"], texts["part"], texts["process"], texts["logger"],
        texts["message"], [_fields(line, cipher) for line in lines], texts["request_id"], texts["trace_id"],
        [line.workflow_id for line in lines],
    ]  # fmt: skip
    async with place.transaction() as connection:
        await connection.execute(sql("lock_log_lines"), FROZEN)
        await connection.execute(sql("append_log_lines"), *columns)


def _fields(line: NewLine, cipher: Cipher | None) -> dict[str, Any]:
    """A line's fields as they are stored."""
    if cipher is None or not line.fields:
        return dict(line.fields)
    return {_SEALED: shut(to_json(dict(line.fields)), SYSTEM_LINE_PLACE, cipher)}


async def read_levels(place: Any) -> list[LevelSetting]:
    """Loggers whose levels were set, by name; ``place`` is a database or a writer."""
    return [LevelSetting(**dict(row)) for row in await place.fetch(sql("log_levels"))]


class Found(NamedTuple):
    """Lines that were found."""

    lines: list[LineView]
    end: Before | None
    """Where to go on; None if there are no more."""


class LogLines:
    """Reads the stream, and keeps it: brings lines of tasks into it, and forgets old ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, where: LineFilter, before: Before = NEWEST, limit: int = 100) -> list[LineView]:
        """Lines that were said before a time, of that time those with a smaller id; the newest first.

        Raises:
            ParameterError: there is no such level.
        """
        return (await self.search(where, before, limit)).lines

    async def search(self, where: LineFilter, before: Before = NEWEST, limit: int = 100) -> Found:
        """As ``page``, and where to go on.

        A text is looked for in encrypted lines after they are decrypted, in so many of them at once that an answer
        comes soon: then there may be more although it found few.
        """
        if where.text is None or not self._database.vault.is_open:
            at, number = before
            lines = await self._read(sql("log_lines"), at, *_facts(where), limit, number)
            return Found(lines, _end(lines) if len(lines) == limit else None)
        everything, found = replace(where, text=None), list[LineView]()
        for _ in range(SEARCHED // TURN):
            at, number = before
            lines = await self._read(sql("log_lines"), at, *_facts(everything), TURN, number)
            found += [line for line in lines if where.matches(line)]
            if len(found) >= limit:
                return Found(found[:limit], _end(found[:limit]))
            if len(lines) < TURN:
                return Found(found, None)
            before = _end(lines)
        return Found(found, before)

    async def after(self, where: LineFilter, last: int, limit: int = 1000) -> list[LineView]:
        """Lines as they were written down, after one; none becomes visible later with a smaller id. Errors as in
        ``page``.
        """
        if where.text is None or not self._database.vault.is_open:
            return await self._read(sql("log_lines_after"), last, *_facts(where), limit)
        everything = replace(where, text=None)
        while lines := await self._read(sql("log_lines_after"), last, *_facts(everything), TURN):
            found = [line for line in lines if where.matches(line)]
            if found:
                return found[:limit]
            last = lines[-1].id
        return []

    async def last(self) -> int:
        """The id of the newest line; 0 if there is none."""
        (row,) = await self._database.fetch(sql("last_log_line"))
        return int(row["id"])

    async def has_text_index(self) -> bool:
        """Whether a text of three characters or more is found without reading all lines."""
        (row,) = await self._database.fetch(sql("has_text_index"))
        return bool(row["has_text_index"]) and not self._database.vault.is_open

    async def gather(self) -> Gathered:
        """Bring new lines of tasks into the stream, some at once; two that do it at the same time do no harm."""
        async with self._database.transaction() as connection:
            await connection.execute(sql("lock_log_lines"), FROZEN)
            row = await connection.fetchrow(sql("gathering"), TURN, BACKLOG)
            assert row is not None
            if row["beyond"] is not None:
                await connection.execute(sql("skip_gathering"), row["beyond"])
                return Gathered(0, BACKLOG + 1)
            lines = 0
            if row["upto"] is not None:
                lines = await _gather(connection, row["seen"], row["upto"])
                await connection.execute(sql("note_gathering"), row["upto"])
            late = await connection.fetchrow(sql("take_late_log_lines"), LATE)
            if late is not None:
                lines += await _gather(connection, late["begin"], late["end"])
        return Gathered(lines, 0)

    async def forget(self, limits: LogLimits) -> int:
        """Forget lines that are too old, then the oldest of those that are too many; gives how many."""
        count = await self._forget_all(sql("forget_old_log_lines"), timedelta(seconds=limits.age_s))
        (row,) = await self._database.fetch(sql("log_lines_beyond"), limits.bytes)
        if row["id"] is not None:
            count += await self._forget_all(sql("forget_log_lines_up_to"), row["id"])
        return count

    async def levels(self) -> list[LevelSetting]:
        """Loggers whose levels were set, by name."""
        return await read_levels(self._database)

    async def set_level(self, logger: str, level: str, by: str) -> LevelSetting:
        """Let a logger, and those below it, say something from a level on, in every part of the system."""
        (row,) = await self._database.fetch(sql("set_log_level"), logger, level, by)
        return LevelSetting(**dict(row))

    async def lift_level(self, logger: str) -> bool:
        """Give a logger the level back that it began with; False if it was not set."""
        return bool(await self._database.fetch(sql("lift_log_level"), logger))

    async def _forget_all(self, statement: str, bound: Any) -> int:
        """Delete in batches, so that nobody waits long for one of them."""
        count = 0
        while gone := len(await self._database.fetch(statement, bound, FORGOTTEN_AT_ONCE)):
            count += gone
        return count

    async def _read(self, statement: str, *arguments: Any) -> list[LineView]:
        async with self._database.transaction() as connection:
            # Planned for these values: of the indexes, the one for the rarest of them is best.
            await connection.execute("set local plan_cache_mode = force_custom_plan")
            rows = await connection.fetch(statement, *arguments)
        return [LineView(**row | {"part": Part(row["part"])}) for row in await self._opened(rows)]

    async def _opened(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows with what they say."""
        vault = self._database.vault
        of_tasks = [dict(row) | {_PLACE: LOG_PLACE if row["part"] == Part.TASK else SYSTEM_LINE_PLACE} for row in rows]
        for row in of_tasks:
            row[_PLACE] = str(row[_PLACE]).format_map(row)
            row[_SEALED] = row["fields"].get(_SEALED) if [*row["fields"]] == [_SEALED] else None
        told = await vault.revealed(of_tasks, {"message": f"{{{_PLACE}}}", _SEALED: SYSTEM_LINE_PLACE})
        for row in told:
            fields = row.pop(_SEALED)
            if isinstance(fields, str) and is_sealed(row["fields"][_SEALED]):
                row["fields"] = json.loads(fields) if fields.startswith("{") else {"damaged": fields}
            del row[_PLACE]
        return told


def _facts(where: LineFilter) -> tuple[Any, ...]:
    return (
        project_names(where.projects), where.since, where.until, where.levels(), where.part, where.workflow,
        where.step, where.request_id, where.trace_id, _pattern(where.text),
    )  # fmt: skip


def _end(lines: Sequence[LineView]) -> Before:
    return lines[-1].at, lines[-1].id


def _pattern(text: str | None) -> str | None:
    """The text as a pattern that means itself."""
    if text is None:
        return None
    return "%" + text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


async def _gather(connection: Any, begin: int, end: int) -> int:
    """Bring lines of tasks after the first id, up to the second, into the stream; gives how many."""
    answer = await connection.execute(sql("gather_log_lines"), begin, end, LONGEST_MESSAGE, MARK)
    return int(answer.rpartition(" ")[2])  # Such as "INSERT 0 12".
