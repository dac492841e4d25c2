"""Lists of workflows: filters, order, cursors, and that they read no more than they show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eopiez_ray.model.changes import Change
from eopiez_ray.model.filters import Order, WorkflowFilter
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Database, Projects, Updates, Workflows
from eopiez_ray.store.listing import FIRST, LAST, Listing

from ..machine.plans import codes, plan, step
from .given import PLAN, create
from .test_claims import explained, rows_read

S = WorkflowStatus
MANY = """
insert into workflows (id, project, name, plan, status, labels, finished_at)
select
    gen_random_uuid(), project, 'many', plan, case when number % 3000 = 5 then 'failed' else 'succeeded' end,
    jsonb_build_object('team', 'a') || case when number % 3000 = 7 then '{"odd": "yes"}'::jsonb else '{}' end, now()
from workflows, generate_series(1, 30000) as number
where id = $1
"""
LABEL = """
insert into workflow_labels (project, label, workflow_id)
select project, hashtextextended(key || '=' || value, 0), id
from workflows
cross join jsonb_each_text(labels)
on conflict do nothing
"""


async def mixed(database: Database) -> list[WorkflowId]:
    """Workflows of two projects, three statuses and several labels, oldest first."""
    await Projects(database).create("red")
    made = [
        await create(
            database,
            project=("default", "red")[number % 2],
            owner=("anna", "ben")[number % 3 == 0],
            labels={"team": "ab"[number % 4 == 0]} | ({"odd": "yes"} if number % 5 == 0 else {}),
        )
        for number in range(24)
    ]
    await database.fetch(
        "update workflows set status = 'failed', finished_at = now(), error = '{\"error_type\": \"E\"}' "
        "where id = any($1)",
        made[::3],
    )
    await Workflows(database).pause(made[1])
    return made


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "projects": st.sampled_from([("red",), ("default",), ("default", "red"), ("green",), ()]),
        "statuses": st.sampled_from([(S.QUEUED,), (S.FAILED,), (S.PAUSED, S.FAILED), ()]),
        "owner": st.sampled_from(["anna", "ben", "cleo"]),
        "labels": st.sampled_from([{"team": "a"}, {"team": "a", "odd": "yes"}, {"team": "c"}, {"tea": "m=a"}]),
        "error_type": st.sampled_from(["E", "F"]),
        "text": st.sampled_from(["pl", "no such", "0", "%"]),
    },
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conditions=CONDITIONS, order=st.sampled_from(Order), size=st.integers(1, 9))
async def test_pages_together_are_all_that_match_in_order(
    database: Database, conditions: dict[str, Any], order: Order, size: int
) -> None:
    workflows = Workflows(database)
    if not await workflows.page(limit=1):
        await mixed(database)
    everything = await workflows.page(limit=100)
    expected = [view.id for view in everything if matches(view, conditions)]
    found: list[WorkflowId] = []
    where = WorkflowFilter(**conditions)
    while page := await workflows.page(where, order, found[-1] if found else None, size):
        found += [view.id for view in page]
    assert found == (expected if order is Order.NEWEST else expected[::-1])
    assert await workflows.count_listed(where) == len(expected)
    assert await workflows.count_listed(where, size) == min(len(expected), size + 1)


def matches(view: Any, conditions: Mapping[str, Any]) -> bool:
    """The conditions as Python sees them."""
    text = conditions.get("text")
    return (
        ("projects" not in conditions or view.project in conditions["projects"])
        and ("statuses" not in conditions or view.status in conditions["statuses"])
        and conditions.get("owner") in {None, view.owner}
        and conditions.get("labels", {}).items() <= view.labels.items()
        and conditions.get("error_type") in {None, (view.error or {}).get("error_type")}
        and (text is None or view.name.startswith(text) or str(view.id).startswith(text))
    )


async def test_a_list_can_be_of_a_time_of_a_plan_and_of_an_id(database: Database) -> None:
    workflows, now = Workflows(database), datetime.now(UTC)
    first = await create(database)
    other = plan(step("alone", "source"))
    second = await create(database, plan=other, code=codes(other))
    hour = timedelta(hours=1)
    await database.fetch("update workflows set created_at = now() - interval '2 hours' where id = $1", first)

    async def listed(**conditions: Any) -> list[WorkflowId]:
        return [view.id for view in await workflows.page(WorkflowFilter(**conditions))]

    assert await listed(created_after=now - hour) == [second]
    assert await listed(created_before=now - hour) == [first]
    assert await listed(created_before=now - 3 * hour) == await listed(created_after=now + hour) == []
    assert await listed(created_after=now.replace(year=1969), created_before=now.replace(year=9999)) == [second, first]
    assert await listed(plan=PLAN.digest) == [first]
    assert await listed(text=str(second).upper()) == [second]
    assert await listed(name=PLAN.name, text="pla") == [second, first]


async def test_a_replaced_label_is_found_and_the_former_one_is_not(database: Database) -> None:
    workflow = await create(database, labels={"team": "a", "kept": "yes"})
    await Updates(database).ask(workflow, Change(labels={"team": "b", "new": "yes"}))

    async def is_found(**labels: str) -> bool:
        return bool(await Workflows(database).page(WorkflowFilter(labels=labels)))

    assert [await is_found(team="b"), await is_found(kept="yes", new="yes"), await is_found(team="a")] == [
        True, True, False,
    ]  # fmt: skip
    assert len(await database.fetch("select from workflow_labels")) == 3


async def test_labels_are_forgotten_with_their_workflow(database: Database) -> None:
    kept, workflow = (
        await create(database, labels={"a": "b"}),
        await create(database, labels={"a": "b", "x": "é" * 9000}),
    )
    await Workflows(database).cancel(workflow)
    await Workflows(database).forget([workflow], datetime.now(UTC))
    rows = await database.fetch("select workflow_id from workflow_labels")
    assert [row["workflow_id"] for row in rows] == [kept]


async def test_labels_too_long_for_an_index_are_found(database: Database) -> None:
    labels = {"long": "x" * 10_000, "nul": "a\0b", "odd": "\udcff"}
    workflow = await create(database, labels=labels)
    for name in labels:
        where = WorkflowFilter(labels={name: labels[name]})
        assert [view.id for view in await Workflows(database).page(where)] == [workflow]


@pytest.mark.parametrize(
    ("labels", "status", "label"),
    [
        ({"odd": "yes"}, "succeeded", "odd=yes"),
        ({"odd": "yes", "team": "a"}, "succeeded", "odd=yes"),
        ({"team": "a"}, "failed", None),
        ({"team": "a", "none": "x"}, "failed", "none=x"),
    ],
)
async def test_a_page_is_found_by_what_is_rarest(
    database: Database, labels: dict[str, str], status: str, label: str | None
) -> None:
    """Ten workflows of thirty thousand failed, and ten others are odd; all are of one team."""
    model = await create(database, labels={"team": "a"})
    await database.fetch(MANY, model)
    await database.fetch(LABEL)
    await database.fetch("vacuum analyze workflows, workflow_labels")
    where = WorkflowFilter(projects=("default",), statuses=(S(status),), labels=labels)
    assert await Listing(database)._rarest_label(where) == label
    nothing = [None] * 6
    found = await explained(
        database, "workflow_ids", ["default"], [status], labels, *nothing[:6], None, label, False, FIRST, LAST, 50
    )
    assert rows_read(found["Plan"]) < 500, json.dumps(found)
