"""Which workflows a claim takes, compared with all of them put in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eopiez_ray.model.limits import LEAST_WEIGHT, MOST_WEIGHT, Owner
from eopiez_ray.store import Database, RuleBook

from .given import PLAN, Driver, Drivers, create
from .test_claims import claim

PROJECTS = ("default", "p1", "p2", "p3")
OWNERS = st.builds(Owner, st.sampled_from(PROJECTS), st.sampled_from(["anna", "ben", "cleo", "dora", "emil"]))
WEIGHTS = st.sampled_from([LEAST_WEIGHT, 0.3, 0.5, 2.0, 3.0, 7.0, MOST_WEIGHT])
QUEUED = """
insert into workflows (id, project, name, plan, owner, priority)
select gen_random_uuid(), $2, 'queued', $1, $3, $4
from generate_series(1, $5::integer)
"""


class Queue(NamedTuple):
    """Workflows of an owner that wait, of one priority."""

    owner: Owner
    priority: int
    waiting: int


QUEUES = st.lists(st.builds(Queue, OWNERS, st.sampled_from([0, 0, 0, 1, -1]), st.integers(1, 9)), max_size=30)


@pytest_asyncio.fixture(loop_scope="session")
async def driver(database: Database, drivers: Drivers) -> Driver:
    """An orchestrator; the plan is in the store."""
    await create(database)
    return await drivers.start()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    queues=QUEUES,
    driven=st.dictionaries(OWNERS, st.integers(1, 6), max_size=6),
    weights=st.dictionaries(OWNERS, WEIGHTS, max_size=6),
    project_weights=st.dictionaries(st.sampled_from(PROJECTS), WEIGHTS),
    limit=st.integers(1, 6),
)
async def test_a_claim_takes_those_that_come_first_of_all(
    database: Database,
    driver: Driver,
    queues: list[Queue],
    driven: dict[Owner, int],
    weights: dict[Owner, float],
    project_weights: dict[str, float],
    limit: int,
) -> None:
    await prepare(database, queues, weights, project_weights)
    rows = await database.fetch("select id, project, owner, priority from workflows")
    expected = in_order([dict(row) for row in rows], driven, weights, project_weights)[:limit]
    assert {each.id for each in await claim(driver, limit, driven=driven)} == set(expected)


async def prepare(
    database: Database, queues: Iterable[Queue], weights: Mapping[Owner, float], project_weights: Mapping[str, float]
) -> None:
    """The queues and weights, and nothing that another example has left."""
    await database.fetch("truncate workflows, replaced_plans, events, weights")
    await database.fetch(
        "insert into projects (name) select unnest($1::text[]) on conflict (name) do update set weight = 1", [*PROJECTS]
    )
    rules = RuleBook(database)
    for queue in queues:
        await database.fetch(QUEUED, PLAN.digest, *queue.owner, queue.priority, queue.waiting)
    for owner, weight in weights.items():
        await rules.weigh(owner.name, weight, owner.project)
    for project, weight in project_weights.items():
        await rules.weigh_project(project, weight)


def in_order(
    rows: list[dict[str, Any]],
    driven: Mapping[Owner, int],
    weights: Mapping[Owner, float],
    project_weights: Mapping[str, float],
) -> list[UUID]:
    """By priority; then by the turn of the project, to which its workflows come by the turns of their owners."""
    driven_in_project: Counter[str] = Counter()
    for owner, count in driven.items():
        driven_in_project[owner.project] += count
    seen: Counter[tuple[Owner, int]] = Counter()
    in_projects: dict[tuple[str, int], list[tuple[float, UUID]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["id"]):
        owner = Owner(row["project"], row["owner"])
        seen[owner, row["priority"]] += 1
        turn = (driven.get(owner, 0) + seen[owner, row["priority"]]) / weights.get(owner, 1.0)
        in_projects[owner.project, row["priority"]].append((turn, row["id"]))
    turns = [
        (-priority, (driven_in_project[project] + place) / project_weights.get(project, 1.0), workflow)
        for (project, priority), members in in_projects.items()
        for place, (_, workflow) in enumerate(sorted(members), 1)
    ]
    return [workflow for *_, workflow in sorted(turns)]
