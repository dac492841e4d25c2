"""The stream of log lines: complete, in order, searched quickly, and bounded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from eopiez_ray.errors import ParameterError
from eopiez_ray.model.filters import LEVELS
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.log_lines import LineFilter, LogLimits, NewLine, Part
from eopiez_ray.store import Database, Workflows
from eopiez_ray.store import log_lines as module
from eopiez_ray.store.log_lines import LogLines, append
from eopiez_ray.store.queries import sql

from .given import create

ALL = LineFilter()
PRINTED = """
insert into logs (workflow_id, at, step, partition, level, message)
select $1::uuid, now(), number % 3, number, case when number % 10 = 0 then 'error' else 'info' end, $3 || number
from generate_series(0, $2::integer - 1) as number
"""
MANY = """
insert into log_lines (at, level, part, project, message, workflow_id, step, partition)
select now() - make_interval(secs => ($1 - number) * 0.1), case when number % 50 = 0 then 'warning' else 'info' end,
    case when number % 4 = 0 then 'gateway' else 'task' end,
    case when number % 4 = 0 then null else 'p' || number % 7 end,
    'request ' || number || ' answered with ' || md5(number::text), null, 'read', number
from generate_series(0, $1::integer - 1) as number
"""


async def printed(database: Database, workflow: WorkflowId, count: int, text: str = "line ") -> None:
    """Let a workflow's tasks print lines."""
    await database.fetch(PRINTED, workflow, count, text)


def said(message: str, **facts: Any) -> NewLine:
    given: dict[str, Any] = {"at": 1e9, "level": "info", "part": Part.GATEWAY, "process": "host:1", "logger": "a.b"}
    return NewLine(**given | facts, message=message)


async def messages(database: Database, where: LineFilter = ALL) -> list[str]:
    return [line.message for line in await LogLines(database).after(where, 0)]


async def test_lines_of_tasks_come_into_the_stream_once(database: Database) -> None:
    lines, workflow = LogLines(database), await create(database)
    await printed(database, workflow, 3)
    assert (await lines.gather()).lines == 3
    assert (await lines.gather()).lines == 0
    line = (await lines.page(ALL))[0]
    assert (line.part, line.project, line.workflow_id, line.step, line.partition) == (
        Part.TASK, "default", workflow, "sum", 2,
    )  # fmt: skip
    assert line.workflow == (await Workflows(database).get(workflow)).name
    await append(database, [said("ours")])
    assert await messages(database) == ["line 0", "line 1", "line 2", "ours"]


async def test_two_that_gather_at_once_do_no_harm(database: Database) -> None:
    workflow = await create(database)
    await printed(database, workflow, 500)
    gathered = await asyncio.gather(*(LogLines(database).gather() for _ in range(4)))
    assert sum(each.lines for each in gathered) == 500
    assert len(await messages(database)) == 500


async def test_a_line_that_becomes_visible_late_is_not_missed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE", timedelta(0))
    lines, workflow = LogLines(database), await create(database)
    slow = await asyncpg.connect(database.url)
    await slow.execute("set search_path to eopiez")
    async with slow.transaction():
        await slow.execute(PRINTED, workflow, 1, "late ")
        await printed(database, workflow, 1, "early ")
        await lines.gather()
        assert await messages(database) == ["early 0"]
    await slow.close()
    await lines.gather()
    assert await messages(database) == ["early 0", "late 0"]


async def test_too_many_lines_of_tasks_are_left_out_and_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKLOG", 100)
    lines, workflow = LogLines(database), await create(database)
    await printed(database, workflow, 250)
    outcomes = [await lines.gather() for _ in range(4)]
    assert [each.left_out for each in outcomes] == [101, 101, 0, 0]
    assert sum(each.lines for each in outcomes) + 202 == 250


async def test_who_follows_sees_lines_in_the_order_of_their_ids(database: Database) -> None:
    async def say(number: int) -> None:
        await append(database, [said(f"{number} {each}") for each in range(3)])

    lines, seen = LogLines(database), list[int]()
    saying = asyncio.gather(*map(say, range(40)))
    while len(seen) < 120:
        seen += [line.id for line in await lines.after(ALL, seen[-1] if seen else 0)]
    await saying
    assert seen == sorted(seen)
    assert len(set(seen)) == 120


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"projects": ("default",)}, 2),
        ({"projects": ("other",)}, 0),
        ({"projects": ()}, 0),
        ({"level": "error"}, 2),
        ({"level": "debug"}, 5),
        ({"part": Part.SUPERVISOR}, 1),
        ({"step": "read"}, 1),
        ({"request_id": "r-1"}, 1),
        ({"trace_id": "f" * 32}, 1),
        ({"text": "100% DONE_"}, 1),
        ({"text": "100% doneX"}, 0),
        ({"text": "\\"}, 1),
        ({"since": datetime(2020, 1, 1, tzinfo=UTC)}, 2),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC), "level": "error"}, 1),
    ],
)
async def test_each_condition_holds(database: Database, where: dict[str, Any], found: int) -> None:
    await append(database, [
        said("100% done_ now", request_id="r-1"), said("a \\ b", level="critical", trace_id="f" * 32),
        said("up", part=Part.SUPERVISOR),
    ])  # fmt: skip
    await printed(database, await create(database), 2)
    await LogLines(database).gather()
    assert len(await messages(database, LineFilter(**where))) == found


async def test_pages_go_back_to_the_beginning(database: Database) -> None:
    await append(database, [said(str(number)) for number in range(25)])
    lines, seen, before = LogLines(database), list[str](), module.NEWEST
    while page := await lines.page(ALL, before, 10):
        seen += [line.message for line in page]
        before = page[-1].at, page[-1].id
    assert seen == [str(number) for number in reversed(range(25))]


async def test_an_unknown_level_is_refused(database: Database) -> None:
    with pytest.raises(ParameterError, match=f"the levels are {', '.join(LEVELS)}"):
        await LogLines(database).page(LineFilter(level="loud"))


async def test_lines_of_a_forgotten_workflow_go_with_it(database: Database) -> None:
    workflow = await create(database)
    await printed(database, workflow, 3)
    await LogLines(database).gather()
    await append(database, [said("held", workflow_id=workflow)])
    await database.fetch(
        "update workflows set status = 'cancelled', finished_at = now() - interval '1 day' where id = $1", workflow
    )
    await Workflows(database).forget([workflow], datetime.now(UTC))
    assert await messages(database) == ["held"]


async def test_old_lines_are_forgotten(database: Database) -> None:
    now = datetime.now(UTC).timestamp()
    await append(database, [said("old", at=now - 500), said("new", at=now)])
    assert await LogLines(database).forget(LogLimits(100, 2**30)) == 1
    assert await messages(database) == ["new"]


async def test_beyond_a_size_the_oldest_lines_are_forgotten(database: Database) -> None:
    now = datetime.now(UTC).timestamp()
    await append(database, [said(f"{number} {'x' * 990}", at=now) for number in range(100)])
    assert await LogLines(database).forget(LogLimits(1000, 50_000)) > 40
    left = await messages(database)
    assert 40 < len(left) < 50
    assert left[-1].startswith("99 ")


async def test_a_text_among_many_lines_is_found_by_an_index(database: Database) -> None:
    await database.fetch(MANY, 100_000)
    await database.fetch("analyze log_lines")
    lines = LogLines(database)
    assert await lines.has_text_index()
    (line,) = await lines.page(LineFilter(text="request 12345 "))
    assert line.partition == 12345
    plan = await _plan(database, LineFilter(text="request 12345 "))
    assert "log_lines_by_text" in plan


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (LineFilter(projects=("nobody",)), "log_lines_of_project"),
        (LineFilter(request_id="r-1"), "log_lines_of_request"),
        (LineFilter(part=Part.SUPERVISOR), "log_lines_of_parts"),
        (LineFilter(level="error"), "log_lines_of_errors"),
        (ALL, "log_lines_by_time"),
    ],
)
async def test_each_list_has_an_index(database: Database, where: LineFilter, index: str) -> None:
    await database.fetch(MANY, 20_000)
    await database.fetch("analyze log_lines")
    assert index in await _plan(database, where)


async def _plan(database: Database, where: LineFilter) -> str:
    """How the server finds a page."""
    at, number = module.NEWEST
    async with database.transaction() as connection:
        await connection.execute("set local plan_cache_mode = force_custom_plan")
        rows = await connection.fetch(f"explain {sql('log_lines')}", at, *module._facts(where), 100, number)
    return "\n".join(row[0] for row in rows)
