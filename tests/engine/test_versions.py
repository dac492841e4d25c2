"""Programs of two versions on one database, while they are exchanged."""

from __future__ import annotations

import eopiez_ray as ez
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import connect
from eopiez_ray.store.migrating import SCHEMA_VERSION

from .conftest import Stage


@ez.phase(version="1")
def square(number: int) -> int:
    return number * number


def squares() -> ez.Plan:
    plan = ez.Plan("squares")
    plan.step("square", square, plan.values("numbers", range(4)))
    return plan


async def test_a_program_goes_on_when_a_newer_one_has_added_to_the_schema(stage: Stage, database_url: str) -> None:
    stage.orchestrate()
    first = await stage.submit(squares())
    await stage.database.fetch("alter table tasks add column mood text, add column weight integer not null default 1")
    await stage.database.fetch("create table tomorrow (id integer primary key)")
    await stage.database.fetch(
        "insert into schema_version (version, compatible_since) values ($1, $2)", SCHEMA_VERSION + 1, SCHEMA_VERSION
    )
    async with await connect(database_url) as opened:
        assert await opened.fetch("select from tomorrow") == []
    second = await stage.submit(squares())
    for workflow in (first, second):
        assert (await stage.rest(workflow)).status is WorkflowStatus.SUCCEEDED
