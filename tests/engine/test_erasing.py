"""Erasing for good: what belongs to it goes, what others use stays, and a kill in the middle only delays it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import pytest

import eopiez_ray as ez
from eopiez_ray import Settings
from eopiez_ray.engine.erasing import Eraser
from eopiez_ray.errors import ErasureWaitsError, ParameterError, WorkflowNotFoundError
from eopiez_ray.model.erasure import Scope
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.log_lines import NewLine, Part
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Projects
from eopiez_ray.store.audit import AuditFilter, AuditLog
from eopiez_ray.store.erasing import Erasures
from eopiez_ray.store.log_lines import LogLines, append
from eopiez_ray.store.uploads import Uploads
from tests.encryption.phases_with_payloads import failing, grow, telling
from tests.encryption.test_at_rest import traces

from .conftest import Stage

PERSON = "Anna.Wörmann@example.com"


@pytest.fixture
def eraser(stage: Stage) -> Eraser:
    return Eraser(stage.database, stage.artifacts, Settings(home=stage.folder))


async def done(stage: Stage, plan: ez.Plan, **options: object) -> WorkflowId:
    workflow = await stage.submit(plan, **options)
    await stage.rest(workflow)
    return workflow


def growing(value: str, name: str) -> ez.Plan:
    plan = ez.Plan(name)
    plan.step("grow", grow, plan.values("given", [value]))
    return plan


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)


async def test_nothing_of_an_erased_workflow_is_left(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    told, failed = await done(stage, telling(PERSON)), await done(stage, failing(PERSON))
    await LogLines(stage.database).gather()
    for workflow in (told, failed):
        await eraser.carry_out(await eraser.begin(await eraser.find_workflow(workflow), "anna"))
        with pytest.raises(WorkflowNotFoundError):
            await stage.workflows.get(workflow)
    assert await traces(stage.database, stage.folder, PERSON) == []


async def test_what_others_use_stays_for_them(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    first, second = await done(stage, growing(PERSON, "first")), await done(stage, growing(PERSON, "second"))
    progress = await eraser.carry_out(await eraser.begin(await eraser.find_workflow(first), "anna"))
    assert (progress.counts["results"], progress.counts.get("artifacts", 0)) == (1, 0)
    assert await stage.values(second, "grow") == [f"large {PERSON} " * 20_000]
    await eraser.carry_out(await eraser.begin(await eraser.find_workflow(second), "anna"))
    assert await traces(stage.database, stage.folder, PERSON) == []


async def test_a_plan_whose_code_was_erased_runs_again(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    workflow = await done(stage, growing(PERSON, "again"))
    await eraser.carry_out(await eraser.begin(await eraser.find_workflow(workflow), "anna"))
    again = await stage.submit(growing(PERSON, "again"))
    assert (await stage.rest(again)).status is WorkflowStatus.SUCCEEDED


async def test_a_workflow_under_way_is_not_erased(stage: Stage, eraser: Eraser) -> None:
    workflow = await stage.submit(telling(PERSON))
    found = await eraser.find_workflow(workflow)
    assert found.at_work == (workflow,)
    with pytest.raises(ErasureWaitsError, match="cancel"):
        await eraser.begin(found, "anna")


async def test_a_data_subject_is_found_wherever_it_is_written(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    holding = {await done(stage, telling(PERSON.upper())), await done(stage, failing(f"mail of {PERSON}"))}
    other = await done(stage, telling("somebody else"))
    uploads, files = Uploads(stage.database), Settings(home=stage.folder).shared_folder / "uploads/default"
    theirs, others = [await uploads.create("default", "anna", "a.txt", 1) for _ in range(2)]
    put(files / str(theirs.id) / "a.txt", "x" * (2**22 - 5) + PERSON)
    put(files / str(others.id) / "a.txt", "nobody")
    line = NewLine(
        at=1.0, level="info", part=Part.GATEWAY, process="", logger="x", message=f"hello {PERSON}", fields={}
    )
    await append(stage.database, [line])
    found = await eraser.find_subject(PERSON.lower())
    assert set(found.workflows) == holding
    assert found.uploads == (theirs.id,)
    assert len(found.lines) == 1
    await eraser.carry_out(await eraser.begin(found, "anna"))
    assert await traces(stage.database, stage.folder, PERSON) == []
    assert (await stage.workflows.get(other)).status is WorkflowStatus.SUCCEEDED
    assert [each.name for each in files.iterdir()] == [str(others.id)]


async def test_a_value_too_short_to_tell_anybody_is_refused(eraser: Eraser) -> None:
    with pytest.raises(ParameterError, match="4 characters"):
        await eraser.find_subject(" ab ")


async def test_a_project_is_emptied_and_others_are_not(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    for name in ("blue", "red"):
        await Projects(stage.database).create(name)
    blue, red = [await done(stage, telling(f"{PERSON} of {name}"), project=name) for name in ("blue", "red")]
    upload = await Uploads(stage.database).create("blue", "anna", "a.txt", 1)
    shared = Settings(home=stage.folder).shared_folder
    put(shared / "uploads/blue" / str(upload.id) / "a.txt", PERSON)
    await LogLines(stage.database).gather()
    progress = await eraser.carry_out(await eraser.begin(await eraser.find_project("blue"), "anna"))
    assert progress.counts["workflows"] == progress.counts["uploads"] == 1
    assert await traces(stage.database, stage.folder, f"{PERSON} of blue") == []
    assert (await stage.workflows.get(red)).status is WorkflowStatus.SUCCEEDED
    assert blue not in await Erasures(stage.database).workflows_of(None)


async def test_results_of_a_run_by_the_gateway_go_with_it(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    shared, key = Settings(home=stage.folder).shared_folder, uuid4()
    put(shared / f"results/default/{key}/report.html", PERSON)
    put(stage.folder / "mine/report.html", "my own")
    for output in (str(shared / f"results/default/{key}"), str(stage.folder / "mine"), "/", f"{shared}/results/"):
        workflow = await done(stage, growing("x", "run"), labels={"output": output})
        await eraser.carry_out(await eraser.begin(await eraser.find_workflow(workflow), "anna"))
    assert [str(path.relative_to(stage.folder)) for path in sorted(stage.folder.rglob("report.html"))] == [
        "mine/report.html"
    ]


async def test_an_erasure_that_was_killed_goes_on(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    for number in range(3):
        await done(stage, telling(f"{PERSON} {number}"))
    erasure = await eraser.begin(await eraser.find_subject(PERSON), "anna")
    await Erasures(stage.database).next_part(erasure)  # Killed here, its artifacts are still there.
    assert await traces(stage.database, stage.folder, PERSON)
    (view,) = await Erasures(stage.database).page()
    assert (view.finished_at, view.workflows) == (None, 3)
    assert await eraser.resume() == 1
    assert await traces(stage.database, stage.folder, PERSON) == []
    assert await eraser.resume() == 0


async def test_two_processes_may_carry_out_the_same_erasure(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    for number in range(4):
        await done(stage, telling(f"{PERSON} {number}"))
    erasure = await eraser.begin(await eraser.find_subject(PERSON), "anna")
    await asyncio.gather(eraser.carry_out(erasure), eraser.carry_out(erasure))
    assert await traces(stage.database, stage.folder, PERSON) == []
    (view,) = await Erasures(stage.database).page()
    assert view.counts["workflows"] == 4


async def test_the_audit_log_has_a_certificate(stage: Stage, eraser: Eraser) -> None:
    stage.orchestrate()
    await done(stage, telling(PERSON))
    erasure = await eraser.begin(await eraser.find_subject(PERSON), "anna")
    progress = await eraser.carry_out(erasure)
    complete, begun = await AuditLog(stage.database).page(AuditFilter(object=str(erasure)))
    assert (begun.entry.action, complete.entry.action) == ("erasure.begin", "erasure.complete")
    assert complete.entry.actor == "anna"
    assert complete.entry.details["workflows"] == "1"
    assert complete.entry.details["sha256 of digests"] == progress.digests_hash.hex() != bytes(32).hex()
    assert PERSON not in json.dumps([link.to_value() for link in (begun, complete)], ensure_ascii=False)
    (view,) = await Erasures(stage.database).page()
    assert view.kind is Scope.SUBJECT
    assert view.finished_at is not None
