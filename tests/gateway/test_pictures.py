"""``GET /workflows/{id}/timeline``: every task and attempt once, in pages, and later only what is new."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from eopiez_ray.gateway.routes.pictures import GraphBody, TimelineBody
from tests.gateway.conftest import Client, created

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.engine.conftest import Stage

ADD_TASKS = """
insert into tasks (
    workflow_id, step, partition, digest, size, form, rows, rejects, started_at, wall_s, cpu_s, worker, is_cached,
    peak_bytes, committed_at
)
select
    $1, 1, number, '\\x00', 0, 'pickle', 1, 0, created_at + number * interval '1 ms', 0.25, 0, 'worker-' || number % 3,
    number % 10 = 9, 0, clock_timestamp()
from workflows, generate_series($2::integer, $3::integer) as number
where id = $1
"""
ADD_ATTEMPT = """
insert into attempts (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, ended_at
)
select $1, 1, $2, $3, 'lost', '', '', '', 'worker-0', created_at - interval '1 s', created_at - interval '2 s'
from workflows
where id = $1
"""


async def with_tasks(app: FastAPI, client: Client, first: int, last: int) -> UUID:
    workflow = await created(client("anna"), "ship")
    await app.state.system.database.fetch(ADD_TASKS, workflow, first, last)
    return workflow


async def timeline(client: Client, workflow: UUID, **parameters: Any) -> TimelineBody:
    answer = await client("cleo").get(f"/workflows/{workflow}/timeline", params=parameters)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return TimelineBody.model_validate_json(answer.content, strict=False)


async def test_what_ran_is_told_in_columns(client: Client, stage: Stage) -> None:
    stage.orchestrate()
    workflow = await created(client("anna"), "ship", "crane", "bird")
    await stage.rest(workflow)  # type: ignore[arg-type]
    found = await timeline(client, workflow)
    assert (found.step, found.partition, found.attempt) == ([1, 1, 1], [0, 1, 2], [1, 1, 1])
    assert [found.states[each] for each in found.state] == ["succeeded"] * 3
    assert all(0 <= each < len(found.workers) for each in found.worker)
    assert min(found.start_us) > 0
    assert min(found.run_us) >= 0
    assert found.next is None


async def test_the_graph_says_what_comes_after_what_and_how_far_it_is(client: Client, stage: Stage) -> None:
    workflow = await created(client("anna"), "ship", "crane")
    waiting = (await client("cleo").get(f"/workflows/{workflow}/graph")).json()
    assert waiting == {
        "name": ["words", "length"], "kind": ["values", "map"], "inputs": [[], ["words"]],
        "status": ["succeeded", "waiting"], "partitions": [2, None], "done": [2, 0], "running": [0, 0],
    }  # fmt: skip
    stage.orchestrate()
    await stage.rest(workflow)  # type: ignore[arg-type]
    found = GraphBody.model_validate_json((await client("cleo").get(f"/workflows/{workflow}/graph")).content)
    assert (found.status, found.done, found.partitions) == (["succeeded"] * 2, [2, 2], [2, 2])


async def test_a_workflow_that_has_not_begun_has_an_empty_one(client: Client) -> None:
    found = await timeline(client, await created(client("anna"), "ship"))
    assert (found.step, found.workers, found.next) == ([], [], None)


async def test_pages_give_each_task_and_attempt_once(app: FastAPI, client: Client) -> None:
    workflow = await with_tasks(app, client, 0, 24)
    for attempt in range(1, 13):
        await app.state.system.database.fetch(ADD_ATTEMPT, workflow, 7, attempt)
    seen: list[tuple[int, int, str]] = []
    page = await timeline(client, workflow, limit=10)
    pages = 1
    while True:
        seen += zip(page.partition, page.attempt, [page.states[each] for each in page.state], strict=True)
        if page.next is None:
            break
        page, pages = await timeline(client, workflow, limit=10, cursor=page.next), pages + 1
    states = {partition: "cached" if partition % 10 == 9 else "succeeded" for partition in range(25)}
    tasks = [(partition, 13 if partition == 7 else 1, state) for partition, state in states.items()]
    assert sorted(seen) == sorted(tasks + [(7, attempt, "lost") for attempt in range(1, 13)])
    assert pages == 3


async def test_later_only_what_is_new_comes(app: FastAPI, client: Client) -> None:
    workflow = await with_tasks(app, client, 0, 4)
    first = await timeline(client, workflow)
    await app.state.system.database.fetch(ADD_TASKS, workflow, 5, 24)
    await app.state.system.database.fetch(ADD_ATTEMPT, workflow, 30, 1)
    news = await timeline(client, workflow, after=first.after, limit=15)
    assert news.next is not None
    rest = await timeline(client, workflow, cursor=news.next, limit=15)
    fresh = set(news.partition) | set(rest.partition)
    assert fresh == {*range(5, 25), 30}
    assert rest.next is None
    assert (await timeline(client, workflow, after=rest.after)).partition == []


async def test_what_is_committed_while_pages_are_read_comes_after_them(app: FastAPI, client: Client) -> None:
    workflow = await with_tasks(app, client, 10, 19)
    first = await timeline(client, workflow, limit=5)
    await app.state.system.database.fetch(ADD_TASKS, workflow, 0, 2)
    second = await timeline(client, workflow, limit=5, cursor=first.next)
    last = await timeline(client, workflow, limit=5, cursor=second.next)
    assert set(first.partition + second.partition + last.partition) == set(range(10, 20))
    news = await timeline(client, workflow, after=last.after)
    assert {0, 1, 2} <= set(news.partition)


async def test_clocks_may_differ(app: FastAPI, client: Client) -> None:
    workflow = await with_tasks(app, client, 0, 0)
    await app.state.system.database.fetch(ADD_ATTEMPT, workflow, 0, 1)
    found = await timeline(client, workflow)
    assert (found.start_us[1], found.run_us[1]) == (-1_000_000, -1_000_000)


@pytest.mark.parametrize("cursor", ["nothing", "WzFd", "W251bGwsbnVsbCwwLC0xLC0xXQ", "WzEsbnVsbCwwLC0xLDBd"])
@pytest.mark.parametrize("name", ["cursor", "after"])
async def test_a_cursor_of_somebody_elses_is_refused(client: Client, name: str, cursor: str) -> None:
    workflow = await created(client("anna"), "ship")
    answer = await client("cleo").get(f"/workflows/{workflow}/timeline", params={name: cursor})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["type"].endswith("invalid-cursor")
