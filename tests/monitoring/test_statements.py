"""What the database spends on statements, by our names for them, and what its tables occupy for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import eopiez_ray as ez
from eopiez_ray.monitoring import catalogue as c
from eopiez_ray.monitoring.labels import OTHER
from eopiez_ray.monitoring.meter import Key
from eopiez_ray.monitoring.statements import APART, Spent, spent
from eopiez_ray.monitoring.surveys import Surveys
from eopiez_ray.store import Database
from eopiez_ray.store.queries import statements
from eopiez_ray.store.recognizing import name_of, skeleton
from eopiez_ray.store.server import ServerStatistics, StatementFigures
from tests.engine.conftest import Stage

from .conftest import Post

TEXTS = """
select query as text
from public.pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
    and query ~ '(select|insert|update|delete|copy) '
"""
NAMELESS = ("schema_version", "pg_tables", "current_setting", "pg_stat_statements_reset")
"""What statements are about that have no name, since they are sent before the schema is known, or by these tests."""


@ez.phase(version="1")
def halve(number: int) -> float:
    return number / 2


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(database, tmp_path)
    yield made
    await made.close()


async def drive(stage: Stage) -> None:
    """Let the store do what it does for a workflow, and the server count it: it has room for so many statements of all
    databases, and would drop new ones for those of other tests."""
    await ServerStatistics(stage.database).show_statements()
    await stage.database.fetch("select public.pg_stat_statements_reset()")
    plan = ez.Plan("halves")
    plan.step("halve", halve, plan.values("numbers", list(range(20))))
    stage.orchestrate()
    await stage.rest(await stage.submit(plan))


async def test_time_of_the_server_is_told_by_our_names_for_statements(post: Post, stage: Stage) -> None:
    surveys = Surveys(post.station, post.settings)
    await surveys.statements()
    await drive(stage)
    await post.database.fetch("select pg_sleep(0.2) as mine")
    await surveys.statements()
    await post.report()
    await post.fold()
    calls, seconds = await post.totals(c.DB_STATEMENT_CALLS), await post.totals(c.DB_STATEMENT_SECONDS)
    assert {name for (name,) in calls} <= {*statements(), OTHER}
    assert {("claim",), ("commit",)} <= calls.keys() == seconds.keys()
    assert 1 <= calls["commit",] < 100
    assert 0 < seconds["commit",] < seconds[OTHER,] + 10
    assert seconds[OTHER,] >= 0.2


async def test_where_the_server_does_not_count_statements_nothing_is_told(database: Database) -> None:
    assert await ServerStatistics(database).statements() == {}


async def test_our_statements_are_known_however_the_server_keeps_them(post: Post, stage: Stage) -> None:
    await drive(stage)
    await post.fold()
    kept = [row["text"] for row in await post.database.fetch(TEXTS)]
    unknown = [text for text in kept if name_of(text) is None]
    assert len(kept) - len(unknown) > 30
    assert [text for text in unknown if not any(each in text for each in NAMELESS)] == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("-- it's\nselect 'it''s', -1, null from t where a in (1, 2)", "select $1, $2, $3 from t where a in ($4, $5)"),
        ("select $1 || 'x' /* two\nlines */ limit 10", "select $1 || $2 limit $3"),
        ("select a1 - 1 from t2 where b in ('x', 'y', 'z')", "select a1 - $1 from t2 where b in ($2 /*, ... */)"),
        ("select extract(epoch from at) from t", "select extract($1 from at) from t"),
        ("Select True;", "select $1"),
    ],
)
def test_constants_comments_and_spaces_make_no_difference(text: str, kept: str) -> None:
    assert skeleton(text) == skeleton(kept)


def test_names_and_operators_do() -> None:
    assert skeleton("select a1 from t") != skeleton("select a2 from t")
    assert skeleton("select a from t where b < 1") != skeleton("select a from t where b > 1")
    assert name_of("select secret from strangers where password = 'hush'") is None


def test_those_that_take_most_are_told_apart() -> None:
    before = {n: StatementFigures(f"s{n}", 10, float(n)) for n in range(100)} | {100: StatementFigures(None, 1, 999.0)}
    now = {n: each._replace(calls=each.calls + 1, seconds=each.seconds + 1) for n, each in before.items()}
    found = spent(now, before)
    assert found.keys() == {OTHER, *(f"s{n}" for n in range(100 - APART, 100))}
    assert found["s99"] == Spent(1, 1.0)
    assert found[OTHER] == Spent(101 - APART, 101.0 - APART)


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (None, (3, 1.5), Spent(3, 1.5)),
        ((2, 1.0), (3, 1.5), Spent(1, 0.5)),
        ((9, 4.0), (3, 1.5), Spent(3, 1.5)),
        ((3, 1.5), (3, 1.5), None),
    ],
)
def test_what_was_forgotten_is_counted_from_the_beginning(
    before: tuple[int, float] | None, now: tuple[int, float], found: Spent | None
) -> None:
    known = {} if before is None else {1: StatementFigures("claim", *before)}
    assert spent({1: StatementFigures("claim", *now)}, known).get("claim") == found


LINES = """
insert into log_lines (at, level, part, message, logger, fields)
select now(), 'info', 'gateway', repeat('x', 20 + number % 100), 'logger', jsonb_build_object('number', number)
from generate_series(1, 60000) as number
"""
OCCUPIED = """
select 'table' as kind, pg_relation_size('log_lines') as size, free_space + dead_tuple_len as bytes
from public.pgstattuple('log_lines')
union all
select 'index', sum(pg_relation_size(indexrelid)), sum(pg_relation_size(indexrelid) * (100 - avg_leaf_density) / 100)
from pg_index, public.pgstatindex(indexrelid)
where indexrelid in ('log_lines_pkey'::regclass, 'log_lines_by_time'::regclass, 'log_lines_of_parts'::regclass)
"""


async def test_bloat_is_estimated_nearly_as_a_look_at_each_row_tells(post: Post, database: Database) -> None:
    await database.fetch("create extension pgstattuple schema public")
    for change, share in ((LINES, 0.0), ("delete from log_lines where id % 10 > 0", 0.9)):
        await database.fetch(change)
        await database.fetch("vacuum analyze log_lines")
        surveys = Surveys(post.station, post.settings)
        await surveys.tables()
        gauges = post.meter.take().gauges
        for kind, size, occupied in await database.fetch(OCCUPIED):
            estimated = gauges[Key(c.DB_BLOAT, ("log_lines", kind))]
            assert estimated == pytest.approx(float(occupied), abs=0.1 * float(size)), (kind, share)
            assert estimated == pytest.approx(share * float(size), abs=0.1 * float(size)), (kind, share)


async def test_tables_that_nobody_has_analyzed_are_not_estimated(database: Database) -> None:
    assert await ServerStatistics(database).bloat() == []


async def test_bloat_is_estimated_seldom_and_told_at_each_look(post: Post, database: Database) -> None:
    surveys = Surveys(post.station, post.settings)
    await database.fetch(LINES)
    await database.fetch("vacuum analyze log_lines")
    for _ in range(2):
        await surveys.tables()
        assert Key(c.DB_BLOAT, ("log_lines", "table")) in post.meter.take().gauges
        await database.fetch("update pg_class set reltuples = -1 where relname = 'log_lines'")
