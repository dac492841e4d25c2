"""Programs of two versions on one database, while they are exchanged."""

from __future__ import annotations

from hashlib import blake2b
from types import ModuleType

import eopiez_ray as ez
from eopiez_ray.model import results, tasks, work
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


SHAPES = {2: "b54ab94e498e0ec0"}
"""Digests of what orchestrators and workers say to each other, by its version."""


def shape(module: ModuleType) -> list[tuple[str, tuple[str, ...]]]:
    """The types that a module defines, with their fields."""
    own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    return sorted((each.__name__, tuple(getattr(each, "__annotations__", ()))) for each in own)


def test_what_is_said_to_workers_does_not_change_without_its_version() -> None:
    """A worker that is taken over after an upgrade is sent nothing that it does not understand."""
    said = [shape(module) for module in (work, tasks, results)]
    digest = blake2b(repr(said).encode(), digest_size=8).hexdigest()
    assert SHAPES.get(work.VERSION) == digest, "raise model.work.VERSION"


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
