"""Whose workflows are claimed first when there are more than an orchestrator takes at a time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.limits import Owner
from eopiez_ray.store import Claim, Database, Projects, RuleBook
from eopiez_ray.store.ledger import LOWEST
from eopiez_ray.store.queries import sql
from tests.waiting import until

from .given import Driver, Drivers, create

ANNA = Owner("default", "anna")
QUEUE = """
insert into workflows (id, project, name, plan, owner, status, finished_at)
select gen_random_uuid(), project, 'many', plan, $2::text, $3::text, case when $3::text = 'succeeded' then now() end
from workflows, generate_series(1, $4::integer)
where id = $1
"""

SPREAD = """
insert into workflows (id, project, name, plan, owner)
select gen_random_uuid(), 'p' || 1 + number % 50, 'many', plan, 'owner ' || number % 500
from workflows, generate_series(1, 20000) as number
where id = $1
"""


async def queue(database: Database, owner: str, count: int, status: str = "queued", project: str = "default") -> None:
    """Many workflows at once."""
    model = await create(database, owner=owner, project=project)
    await database.fetch(QUEUE, model, owner, status, count - 1)
    await database.fetch("analyze workflows")


async def claim(driver: Driver, limit: int, **options: Any) -> list[Claim]:
    return await driver.ledger.claim(driver.id, None, limit, **options)


def owners(claims: list[Claim]) -> Counter[str]:
    return Counter(each.owner.name for each in claims)


async def test_an_owner_of_thousands_does_not_hide_another_owner(database: Database, drivers: Drivers) -> None:
    await queue(database, "anna", 2000)
    late = await create(database, owner="ben")
    driver = await drivers.start()
    assert late in {each.id for each in await claim(driver, 10)}


async def test_owners_take_turns_and_each_ones_oldest_comes_first(database: Database, drivers: Drivers) -> None:
    mine = [await create(database, owner="anna") for _ in range(4)]
    yours = [await create(database, owner="ben") for _ in range(4)]
    driver = await drivers.start()
    assert {each.id for each in await claim(driver, 4)} == {*mine[:2], *yours[:2]}


async def test_what_is_driven_already_counts_as_turns_that_were_had(database: Database, drivers: Drivers) -> None:
    for owner in ("anna", "ben"):
        await queue(database, owner, 5)
    driver = await drivers.start()
    assert owners(await claim(driver, 4, driven={ANNA: 3})) == {"ben": 3, "anna": 1}


async def test_an_owner_of_more_weight_has_more_turns(database: Database, drivers: Drivers) -> None:
    await RuleBook(database).weigh("anna", 3)
    for owner in ("anna", "ben"):
        await queue(database, owner, 20)
    driver = await drivers.start()
    assert owners(await claim(driver, 8)) == {"anna": 6, "ben": 2}


async def in_projects(database: Database, *names: str) -> None:
    for name in names:
        await Projects(database).create(name)


def projects(claims: list[Claim]) -> Counter[str]:
    return Counter(each.owner.project for each in claims)


async def test_projects_take_turns_however_many_owners_each_has(database: Database, drivers: Drivers) -> None:
    await in_projects(database, "crowd", "single")
    for number in range(6):
        await queue(database, f"owner {number}", 10, project="crowd")
    await queue(database, "anna", 20, project="single")
    driver = await drivers.start()
    taken = await claim(driver, 12)
    assert projects(taken) == {"crowd": 6, "single": 6}
    assert set(owners(taken).values()) == {1, 6}


async def test_the_same_owner_in_two_projects_is_two_owners(database: Database, drivers: Drivers) -> None:
    await in_projects(database, "red", "blue")
    await RuleBook(database).weigh("anna", 9, "red")
    for project in ("red", "blue"):
        for owner in ("anna", "ben"):
            await queue(database, owner, 30, project=project)
    driver = await drivers.start()
    taken = Counter(each.owner for each in await claim(driver, 20))
    assert taken == {("red", "anna"): 9, ("red", "ben"): 1, ("blue", "anna"): 5, ("blue", "ben"): 5}


async def test_a_project_of_more_weight_has_more_turns(database: Database, drivers: Drivers) -> None:
    await in_projects(database, "red", "blue")
    await RuleBook(database).weigh_project("red", 3)
    for project in ("red", "blue"):
        await queue(database, "anna", 20, project=project)
    driver = await drivers.start()
    assert projects(await claim(driver, 8)) == {"red": 6, "blue": 2}


async def test_what_a_project_has_driven_already_counts_whoever_owns_it(database: Database, drivers: Drivers) -> None:
    await in_projects(database, "red", "blue")
    for project in ("red", "blue"):
        await queue(database, "anna", 10, project=project)
    driver = await drivers.start()
    driven = {Owner("red", "somebody else"): 3}
    assert projects(await claim(driver, 5, driven=driven)) == {"red": 1, "blue": 4}


async def test_a_claim_among_many_projects_and_owners_is_quick(database: Database, drivers: Drivers) -> None:
    await database.fetch("insert into projects (name) select 'p' || number from generate_series(1, 50) as number")
    model = await create(database, owner="anna")
    await database.fetch(SPREAD, model)
    await database.fetch("vacuum analyze workflows")
    driver = await drivers.start()
    found = await explained(database, "claim", driver.id, 100, [], [], [], LOWEST)
    assert ("Seq Scan", "workflows") not in scans(found["Plan"])
    assert found["Execution Time"] < 500, "milliseconds"


async def test_priority_comes_before_turns(database: Database, drivers: Drivers) -> None:
    await create(database, owner="ben")
    urgent = {await create(database, owner="anna", priority=2) for _ in range(3)}
    driver = await drivers.start()
    assert {each.id for each in await claim(driver, 3)} == urgent


async def test_only_what_is_above_a_priority_is_claimed_if_so_asked(database: Database, drivers: Drivers) -> None:
    low, high = await create(database, priority=-1), await create(database, priority=1)
    driver = await drivers.start()
    assert [each.id for each in await claim(driver, 5, above=0)] == [high]
    assert [each.id for each in await claim(driver, 5, above=LOWEST)] == [low]


async def test_named_workflows_are_claimed_whatever_is_queued(database: Database, drivers: Drivers) -> None:
    await queue(database, "anna", 50)
    wanted = await create(database, owner="anna")
    driver = await drivers.start()
    assert [each.id for each in await driver.ledger.claim(driver.id, [wanted], 10)] == [wanted]
    assert await driver.ledger.claim(driver.id, [], 10) == []


async def test_what_a_dead_orchestrator_held_takes_its_turn(database: Database, drivers: Drivers) -> None:
    held = await create(database, owner="anna")
    dead, driver = await drivers.start(lease_s=0.0), await drivers.start()
    assert await dead.claim() == [held]
    await queue(database, "ben", 20)
    await until(lambda: has_run_for_long(database))  # Before, a server gives the dead time to come back.
    taken = {each.id: each.previous for each in await claim(driver, 2)}
    assert taken[held] == dead.id


async def has_run_for_long(database: Database) -> bool:
    (row,) = await database.fetch("select pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds' as so")
    return bool(row["so"])


async def test_who_died_idle_on_a_cluster_is_known(database: Database, drivers: Drivers) -> None:
    alive, idle, busy, elsewhere = [await drivers.start() for _ in range(4)]
    here = [alive.id, idle.id, busy.id]
    await database.fetch("update orchestrators set cluster = 'here' where id = any($1)", here)
    await create(database)
    assert len(await busy.claim()) == 1
    for each in (idle, busy, elsewhere):
        await each.die()
    assert await alive.ledger.died_idle("here") == {idle.id}
    await database.fetch("update orchestrators set lease_until = now() - interval '1 hour' where id = $1", idle.id)
    assert await alive.ledger.died_idle("here") == set()


async def explained(database: Database, statement: str, *arguments: object) -> dict[str, Any]:
    """What Postgres did for a statement, which is undone."""
    async with database.transaction() as connection:
        inner = connection.transaction()
        await inner.start()
        (row,) = await connection.fetch("explain (analyze, format json) " + sql(statement), *arguments)
        await inner.rollback()
    (found,) = json.loads(row[0])
    assert isinstance(found, dict)
    return found


def scans(plan: dict[str, Any]) -> set[tuple[str, str]]:
    """Which tables are read and how."""
    found = {(plan["Node Type"], plan["Relation Name"])} if "Relation Name" in plan else set()
    return found.union(*(scans(part) for part in plan.get("Plans", ())))


async def test_a_claim_among_thousands_reads_no_more_than_it_needs(database: Database, drivers: Drivers) -> None:
    await queue(database, "anna", 10_000)
    await queue(database, "old", 20_000, "succeeded")
    await create(database, owner="ben")
    driver = await drivers.start()
    found = await explained(database, "claim", driver.id, 100, ["default"], ["anna"], [3], LOWEST)
    assert ("Seq Scan", "workflows") not in scans(found["Plan"])
    assert rows_read(found["Plan"]) < 2000


def rows_read(plan: dict[str, Any]) -> float:
    """Rows of workflows that were looked at."""
    own = plan["Actual Rows"] * plan["Actual Loops"] if plan.get("Relation Name") == "workflows" else 0.0
    return float(own + sum(rows_read(part) for part in plan.get("Plans", ())))


async def test_wishes_for_held_workflows_are_found_by_an_index(database: Database, drivers: Drivers) -> None:
    await queue(database, "old", 20_000, "succeeded")
    driver = await drivers.start()
    found = await explained(database, "requested", driver.id)
    assert ("Seq Scan", "workflows") not in scans(found["Plan"])


async def test_what_is_given_back_is_heard_of_at_once(database: Database, drivers: Drivers) -> None:
    workflow: WorkflowId = await create(database)
    driver = await drivers.start()
    await driver.claim()
    heard: list[str] = []
    listener = await database.listen(lambda _, payload: heard.append(payload), "eopiez_work")
    await driver.ledger.release({workflow: 1})
    await listener.fetch("select 1")
    assert heard == [str(workflow)]
    await listener.close()


async def test_many_claimers_at_once_take_each_workflow_once(database: Database, drivers: Drivers) -> None:
    for owner in ("anna", "ben", "cleo"):
        await queue(database, owner, 100)
    claimers = [await drivers.start() for _ in range(5)]

    async def all_of(driver: Driver) -> list[Claim]:
        taken: list[Claim] = []
        while found := await claim(driver, 20, driven=Counter(each.owner for each in taken)):
            taken += found
        return taken

    taken = [each for mine in await asyncio.gather(*map(all_of, claimers)) for each in mine]
    taken += await all_of(claimers[0])  # What others had locked when each of them looked last.
    assert len({each.id for each in taken}) == len(taken) == 300
    assert {each.epoch for each in taken} == {1}
