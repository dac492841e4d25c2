"""The system's log on the command line: of this machine's system, read from its database, or of one elsewhere."""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from rich.markup import escape

from ..errors import ParameterError
from .asking import ask
from .clean import parse_age
from .operating import on_database
from .sheet import Sheet, name, word
from .system import is_elsewhere
from .terminal import ago, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.log_lines import LineFilter, LineView
    from ..settings import Settings
    from ..store import Database

LOOK_S = 1.0
"""Seconds between looks for new lines."""
PAGE = 1000
COLOURS = {"debug": "bright_black", "warning": "yellow", "error": "red", "critical": "red"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines."""

    workflow: str | None
    step: str | None
    level: str | None
    part: str | None
    project: str | None
    request_id: str | None
    text: str | None
    age: str | None
    limit: int

    def to_query(self) -> dict[str, Any]:
        """As the gateway is asked.

        Raises:
            ParameterError: the age is none.
        """
        names = ("workflow", "step", "level", "part", "project", "request_id", "text")
        since = None if self.age is None else (datetime.now(UTC) - parse_age(self.age)).isoformat()
        return {name: getattr(self, name) for name in names} | {"since": since}


class Source(Protocol):
    """Where lines are read."""

    def latest(self, limit: int) -> list[Mapping[str, Any]]:
        """The latest lines, oldest first."""
        ...

    def after(self, last: int) -> list[Mapping[str, Any]]:
        """Lines that were written down after one."""
        ...


class Here:
    """The database of this machine's system."""

    def __init__(self, where: LineFilter) -> None:
        self._where = where

    def latest(self, limit: int) -> list[Mapping[str, Any]]:
        """The latest lines, oldest first."""

        async def work(database: Database, _settings: Settings) -> tuple[list[LineView], bool]:
            from ..store.log_lines import LogLines

            lines = LogLines(database)
            return await lines.page(self._where, limit=limit), await lines.has_text_index()

        found, has_index = on_database(work)
        text = self._where.text
        _say_if_slow(is_indexed=None if text is None else has_index and len(text) > 2)
        return [_value(line) for line in reversed(found)]

    def after(self, last: int) -> list[Mapping[str, Any]]:
        """Lines that were written down after one."""

        async def work(database: Database, _settings: Settings) -> list[LineView]:
            from ..store.log_lines import LogLines

            return await LogLines(database).after(self._where, last, PAGE)

        return [_value(line) for line in on_database(work)]


class Elsewhere:
    """The gateway of a system elsewhere."""

    def __init__(self, query: Mapping[str, Any]) -> None:
        self._query = query

    def latest(self, limit: int) -> list[Mapping[str, Any]]:
        """The latest lines, oldest first."""
        found: list[Mapping[str, Any]] = []
        cursor, page = None, {"is_text_indexed": None}
        while len(found) < limit:
            page = ask("GET", "logs", limit=min(PAGE, limit - len(found)), cursor=cursor, **self._query)
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        _say_if_slow(is_indexed=page["is_text_indexed"])
        return found[::-1]

    def after(self, last: int) -> list[Mapping[str, Any]]:
        """Lines that were written down after one."""
        items: list[Mapping[str, Any]] = ask("GET", "logs", after=last, limit=PAGE, **self._query)["items"]
        return items


def print_system_log(wanted: Wanted, *, follow: bool, as_json: bool) -> None:
    """Print the latest lines, and, if they are followed, those that come, until Ctrl-C.

    Raises:
        ParameterError: a condition cannot be.
    """
    source: Source = Elsewhere(wanted.to_query()) if is_elsewhere() else Here(_where(wanted))
    last = 0
    for line in source.latest(wanted.limit):
        last = max(last, line["id"])
        _print(line, as_json=as_json)
    while follow:
        lines = source.after(last)
        for line in lines:
            last = line["id"]
            _print(line, as_json=as_json)
        if len(lines) < PAGE:
            time.sleep(LOOK_S)


def _say_if_slow(*, is_indexed: bool | None) -> None:
    """Say why a search reads every line; None if none was made."""
    if is_indexed is False:
        err().print("No index was used: texts of three characters or more have one, where the database has pg_trgm.")


def list_levels() -> None:
    """Print the loggers whose levels were set."""

    async def work(database: Database, _settings: Settings) -> list[dict[str, Any]]:
        from ..store.log_lines import LogLines

        return [
            {"logger": each.logger, "level": each.level, "set_by": each.set_by, "set_at": each.set_at.isoformat()}
            for each in await LogLines(database).levels()
        ]

    found = ask("GET", "logs/levels")["items"] if is_elsewhere() else on_database(work)
    if not found:
        err().print("No levels were set: every logger has the level that it began with.")
        return
    sheet = Sheet(name("Logger"), word("Level"), name("Set by", 1), word("Set", 2))
    for each in found:
        sheet.add(each["logger"], each["level"], each["set_by"], ago(datetime.fromisoformat(each["set_at"])))
    sheet.print(out())


def set_level(logger: str, level: str) -> None:
    """Let a logger say something from a level on.

    Raises:
        ParameterError: there is no such level.
    """

    async def work(database: Database, settings: Settings) -> None:
        from ..gateway.identity.operator import Operator
        from ..store.log_lines import LogLines

        await LogLines(database).set_level(logger, level, getpass.getuser())
        await Operator(database, settings.home).record("set_log_level", logger, level=level)

    from ..model.filters import LogFilter

    LogFilter(level=level).levels()
    if is_elsewhere():
        ask("PUT", f"logs/levels/{logger}", {"level": level})
    else:
        on_database(work)


def lift_level(logger: str) -> None:
    """Give a logger the level back that it began with.

    Raises:
        ParameterError: it was not set.
    """

    async def work(database: Database, settings: Settings) -> bool:
        from ..gateway.identity.operator import Operator
        from ..store.log_lines import LogLines

        is_lifted = await LogLines(database).lift_level(logger)
        if is_lifted:
            await Operator(database, settings.home).record("lift_log_level", logger)
        return is_lifted

    if is_elsewhere():
        ask("DELETE", f"logs/levels/{logger}")
    elif not on_database(work):
        raise ParameterError(f"the level of {logger!r} was not set; `eopiez logs level` lists those that were")


def _where(wanted: Wanted) -> LineFilter:
    from uuid import UUID

    from ..model.log_lines import LineFilter, Part

    if wanted.part is not None and wanted.part not in list(Part):
        raise ParameterError(f"there is no part {wanted.part!r}; the parts are {', '.join(Part)}")
    where = LineFilter(
        projects=None if wanted.project is None else (wanted.project,),
        since=None if wanted.age is None else datetime.now(UTC) - parse_age(wanted.age),
        level=wanted.level, part=None if wanted.part is None else Part(wanted.part),
        workflow=None if wanted.workflow is None else UUID(wanted.workflow), step=wanted.step,
        request_id=wanted.request_id, text=wanted.text,
    )  # fmt: skip
    where.levels()
    return where


def _value(line: LineView) -> dict[str, Any]:
    """The line as the gateway gives it."""
    from dataclasses import asdict

    return asdict(line) | {"at": line.at.isoformat(), "part": line.part.value}


def _print(line: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(line)
        return
    at = datetime.fromisoformat(line["at"]).astimezone().strftime("%m-%d %H:%M:%S")
    place = f"{line['workflow']}/{line['step']}[{line['partition']}]" if line["part"] == "task" else line["part"]
    colour = COLOURS.get(line["level"], "default")
    out().print(f"[bright_black]{at} {escape(place)}[/] [{colour}]{line['level']:<8}[/] {escape(line['message'])}")
