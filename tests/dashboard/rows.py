"""Tasks and attempts written in bulk, in the form that the engine writes: running as many would take too long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import eopiez_ray as ez
from eopiez_ray.model.ids import WorkflowId

from .conftest import Site


class Ran(NamedTuple):
    """A task, or an attempt if its outcome is not a success; seconds from the workflow's creation."""

    start: float
    took: float
    step: int = 1
    partition: int = 0
    outcome: str = "succeeded"
    attempt: int = 1
    worker: str = "node-1/worker-1"


ADD_TASKS = """
insert into tasks (
    workflow_id, step, partition, digest, size, form, rows, rejects, started_at, wall_s, cpu_s, worker, is_cached,
    peak_bytes
)
select $1, step, partition, '\\x00', 0, 'pickle', 1, 0, created_at + start * interval '1 s', took, 0, worker, false, 0
from workflows, unnest($2::double precision[], $3::double precision[], $4::integer[], $5::integer[], $6::text[])
    as given (start, took, step, partition, worker)
where id = $1
"""
ADD_ATTEMPTS = """
insert into attempts (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, ended_at
)
select
    $1, step, partition, attempt, outcome, 'ValueError', '', '', worker, created_at + start * interval '1 s',
    created_at + (start + took) * interval '1 s'
from workflows, unnest(
    $2::double precision[], $3::double precision[], $4::integer[], $5::integer[], $6::text[], $7::integer[], $8::text[]
) as given (start, took, step, partition, worker, attempt, outcome)
where id = $1
"""


async def with_history(site: Site, ran: Iterable[Ran], *steps: str, name: str = "written") -> WorkflowId:
    """A workflow that has succeeded, with this history instead of its own."""
    plan = ez.Plan(name)
    last = plan.values("words", ["a"])
    for step in steps or ("length",):
        last = plan.step(step, same, last)
    workflow = await site.run(plan)
    await site.database.fetch("delete from tasks where workflow_id = $1", workflow)
    await add_history(site, workflow, ran)
    return workflow


async def add_history(site: Site, workflow: WorkflowId, ran: Iterable[Ran]) -> None:
    """More tasks and attempts of a workflow."""
    every = list(ran)
    tasks = [each for each in every if each.outcome == "succeeded"]
    attempts = [each for each in every if each.outcome != "succeeded"]
    await site.database.fetch(ADD_TASKS, workflow, *_columns(tasks))
    more = ([each.attempt for each in attempts], [each.outcome for each in attempts])
    await site.database.fetch(ADD_ATTEMPTS, workflow, *_columns(attempts), *more)


def _columns(ran: list[Ran]) -> tuple[list[float], list[float], list[int], list[int], list[str]]:
    return (
        [each.start for each in ran], [each.took for each in ran], [each.step for each in ran],
        [each.partition for each in ran], [each.worker for each in ran],
    )  # fmt: skip


@ez.phase(version="1")
def same(value: int) -> int:
    return value
