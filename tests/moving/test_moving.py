"""Workflows on their way from one real database to another: they are the same there, or not there at all."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import eopiez_ray as ez
from eopiez_ray.errors import (
    ArrivalRefusedError,
    BundleError,
    DamagedBundleError,
    NotABundleError,
    ProjectNotFoundError,
    WorkflowNotFoundError,
)
from eopiez_ray.model.filters import WorkflowFilter
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.requests import Request, Selection
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.moving.bundle import BundleWriter
from eopiez_ray.moving.exporting import Exporter
from eopiez_ray.moving.importing import Imported, Importer, Wishes
from eopiez_ray.store.audit import AuditFilter, AuditLog
from eopiez_ray.store.departing import TABLES, departing
from tests.encryption.phases_with_payloads import PAYLOAD, failing, telling
from tests.encryption.test_at_rest import traces
from tests.engine.conftest import Stage
from tests.waiting import until

S = WorkflowStatus
AGAIN = ez.RetryPolicy(initial_interval_s=0.01, maximum_interval_s=0.05, maximum_attempts=100_000)
NOTHING = ("end.json", b'{"counts": {}, "missing": 0}')


@ez.phase(kind="map", retry=AGAIN)
def wait_for(path: str) -> str:
    if not Path(path).exists():
        raise FileNotFoundError(path)
    return f"found {path}"


def patient(path: Path) -> ez.Plan:
    """A plan whose step fails until a file is there."""
    plan = ez.Plan("patient")
    plan.step("wait", wait_for, plan.values("given", [str(path)]))
    return plan


def silent(_what: str, _bytes: int) -> None:
    """Nobody looks."""


async def exported(stage: Stage, *ids: UUID) -> bytes:
    stream = io.BytesIO()
    await Exporter(stage.database, stage.artifacts, silent).export(ids, stream, "ada")
    return stream.getvalue()


async def imported(stage: Stage, content: bytes, **wishes: Any) -> Imported:
    importer = Importer(stage.database, stage.artifacts, Wishes(**wishes), "bob", silent)
    return await importer.run(io.BytesIO(content))


async def rows(stage: Stage, *ids: UUID) -> dict[str, list[Any]]:
    """All that travels of some workflows, what is sealed opened."""
    exporter = Exporter(stage.database, stage.artifacts, silent)
    async with departing(stage.database, ids) as departure:
        return {
            table: [exporter._plain(row) if table == "tasks" else row async for row in departure.rows(table)]
            for table in TABLES
        }


async def table_sizes(stage: Stage) -> dict[str, int]:
    names = await stage.database.fetch("select tablename from pg_tables where schemaname = 'eopiez'")
    return {name: (await stage.database.fetch(f"select count(*) from {name}"))[0][0] for (name,) in map(tuple, names)}


async def ended(stage: Stage, project: str = "blue") -> tuple[WorkflowId, WorkflowId]:
    """A workflow that succeeded and one that failed."""
    stage.orchestrate()
    told = await stage.submit(telling(), project=project, owner="ada", labels={"kind": "trial"}, idempotency_key="k")
    failed = await stage.submit(failing(), project=project)
    assert (await stage.rest(told)).status is S.SUCCEEDED
    assert (await stage.rest(failed)).status is S.FAILED
    await stage.close()
    return told, failed


def members(content: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return [(each.name, tar.extractfile(each).read()) for each in tar]  # type: ignore[union-attr]


def bundle(parts: list[tuple[str, bytes]]) -> bytes:
    """A bundle whose checksum fits, whatever is in it."""
    stream = io.BytesIO()
    writer = BundleWriter(stream)
    facts: dict[str, Any] = {}
    for name, content in parts:
        if name == "end.json":
            facts = json.loads(content)
            continue
        writer.add(name, content)
    writer.end({name: facts[name] for name in ("counts", "missing")})
    return stream.getvalue()


def changed(content: bytes, table: str, old: bytes, new: bytes) -> bytes:
    """The bundle with something else in one table."""
    parts = members(content)
    assert any(name.startswith(f"tables/{table}/") and old in part for name, part in parts)
    return bundle(
        [(name, part.replace(old, new) if name.startswith(f"tables/{table}/") else part) for name, part in parts]
    )


async def test_what_arrives_is_what_left(here: Stage, there: Stage) -> None:
    ids = await ended(here)
    done = await imported(there, await exported(here, *ids))
    assert (done.workflows, done.skipped) == (2, 0)
    assert done.statuses == {"succeeded": 1, "failed": 1}
    assert await rows(there, *ids) == await rows(here, *ids)
    assert await there.values(ids[0], "grow") == [f"large small {PAYLOAD} " * 20_000]
    labelled = await there.workflows.page(WorkflowFilter(labels={"kind": "trial"}))
    assert [view.id for view in labelled] == [ids[0]]


async def test_encrypted_data_is_encrypted_under_the_keys_of_where_it_arrives(sealed: Stage, there: Stage) -> None:
    ids = await ended(sealed)
    content = await exported(sealed, *ids)
    await imported(there, content)
    assert await rows(there, *ids) == await rows(sealed, *ids) | {"tasks": (await rows(there, *ids))["tasks"]}
    assert await there.values(ids[0], "measure") == await sealed.values(ids[0], "measure")
    assert await there.values(ids[0], "grow") == [f"large small {PAYLOAD} " * 20_000]


async def test_plain_data_is_encrypted_when_it_arrives_in_a_system_with_keys(here: Stage, sealed: Stage) -> None:
    ids = await ended(here)
    await imported(sealed, await exported(here, *ids))
    assert await traces(sealed.database, sealed.folder) == []
    assert await sealed.values(ids[0], "grow") == [f"large small {PAYLOAD} " * 20_000]
    assert PAYLOAD in repr([line.message for line in await sealed.workflows.logs(ids[0])])
    assert PAYLOAD in repr((await sealed.workflows.get(ids[1])).error)


async def test_the_same_again_is_skipped_and_copies_have_new_ids(here: Stage, there: Stage) -> None:
    ids = await ended(here)
    content = await exported(here, *ids)
    await imported(there, content)
    again = await imported(there, content)
    assert (again.workflows, again.skipped) == (0, 2)
    copied = await imported(there, content, is_copy=True, project="default")
    assert copied.workflows == 2
    views = await there.workflows.page(WorkflowFilter(projects=("default",)))
    assert len(views) == 2
    assert not {view.id for view in views} & set(ids)


async def test_another_workflow_of_the_same_id_is_left_alone(here: Stage, there: Stage) -> None:
    ids = await ended(here)
    content = await exported(here, *ids)
    await imported(there, content)
    before = await rows(there, *ids)
    other = changed(content, "workflows", b'"owner": "ada"', b'"owner": "eve"')
    with pytest.raises(ArrivalRefusedError, match=f"{ids[0]}.*--copy"):
        await imported(there, other)
    assert await rows(there, *ids) == before


async def test_what_was_under_way_is_paused_and_goes_on_when_resumed(here: Stage, there: Stage, tmp_path: Path) -> None:
    here.orchestrate()
    flag = tmp_path / "flag"
    workflow = await here.submit(patient(flag))

    async def has_failed_once() -> bool:
        return bool(await here.workflows.attempts(workflow))

    await until(has_failed_once)
    done = await imported(there, await exported(here, workflow))
    await here.close()
    assert done.statuses == {"paused": 1}
    there.orchestrate()
    assert (await there.workflows.get(workflow)).status is S.PAUSED
    flag.touch()
    await there.workflows.resume_all(Selection(ids=(workflow,)), Request())
    assert (await there.rest(workflow)).status is S.SUCCEEDED
    assert await there.values(workflow, "wait") == [f"found {flag}"]


async def test_a_dry_run_checks_all_and_keeps_nothing(here: Stage, there: Stage) -> None:
    ids = await ended(here)
    before = await table_sizes(there)
    done = await imported(there, await exported(here, *ids), is_dry=True)
    assert (done.workflows, done.statuses) == (2, {"succeeded": 1, "failed": 1})
    assert await table_sizes(there) == before
    assert [*there.folder.rglob("*")] == []


async def test_a_cut_file_changes_nothing_wherever_it_is_cut(here: Stage, there: Stage) -> None:
    content = await exported(here, *await ended(here))
    before = await table_sizes(there)
    for share in (0.0, 0.01, 0.3, 0.6, 0.9, 0.99):
        with pytest.raises(BundleError):
            await imported(there, content[: int(len(content) * share)])
    assert await table_sizes(there) == before
    assert (await imported(there, content)).workflows == 2


async def test_a_changed_byte_is_noticed(here: Stage, there: Stage) -> None:
    content = await exported(here, *await ended(here))
    before = await table_sizes(there)
    for name in ("tables/logs/", "artifacts/"):
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            at = next(each.offset_data for each in tar if each.name.startswith(name)) + 40
        damaged = bytearray(content)
        damaged[at] ^= 1
        with pytest.raises(DamagedBundleError):
            await imported(there, bytes(damaged))
    assert await table_sizes(there) == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no file of `eopiez export`"),
        (b"PK\x03\x04" + bytes(600), "no file of `eopiez export`"),
        (bundle([("manifest.json", b'{"format": "eopiez-export", "version": 2}'), NOTHING]), "version 2"),
        (bundle([("manifest.json", b'{"format": "other"}'), NOTHING]), "format is 'other'"),
        (bundle([("manifest.json", b"[]"), NOTHING]), "no JSON object"),
    ],
)  # fmt: skip
async def test_what_is_no_export_is_refused(there: Stage, content: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        await imported(there, content)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "artifacts/../x", "tables/users/000000.jsonl"])
async def test_no_member_is_taken_for_a_path_or_for_another_table(here: Stage, there: Stage, name: str) -> None:
    parts = members(await exported(here, *await ended(here)))
    before = await table_sizes(there)
    with pytest.raises(DamagedBundleError):
        await imported(there, bundle([*parts[:-1], (name, b'{"workflow_id": 1}\n'), parts[-1]]))
    assert await table_sizes(there) == before


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("phases", b"\\\\x8", b"\\\\x9"),
        ("plans", b'"name": "telling"', b'"name": "smuggle"'),
        ("tasks", b'"form": "pickle"', b'"form": "pickle+sealed"'),
        ("tasks", b'"partition": 0', b'"partition": "x"'),
        ("logs", b'"workflow_id": "0', b'"workflow_id": "f'),
        ("workflows", b'"status": "failed"', b'"status": "queue"'),
        ("workflows", b'"plan_version": 1', b'"plan_version": null'),
    ],
)
async def test_hostile_rows_are_refused_though_the_checksum_fits(
    here: Stage, there: Stage, table: str, old: bytes, new: bytes
) -> None:
    content = changed(await exported(here, *await ended(here)), table, old, new)
    before = await table_sizes(there)
    with pytest.raises(DamagedBundleError):
        await imported(there, content)
    assert await table_sizes(there) == before


async def test_results_and_code_are_never_unpickled_on_their_way(
    here: Stage, there: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await ended(here)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was unpickled")

    with monkeypatch.context() as patch:
        for name in ("pickle.loads", "pickle.load", "pickle.Unpickler", "cloudpickle.loads"):
            patch.setattr(name, refuse)
        await imported(there, await exported(here, *ids))
    assert (await there.workflows.get(ids[0])).status is S.SUCCEEDED


async def test_both_ways_are_in_the_audit_log(here: Stage, there: Stage) -> None:
    ids = await ended(here)
    await imported(there, await exported(here, *ids))
    (left,) = await AuditLog(here.database).page(AuditFilter(action="workflow.export"))
    (came,) = await AuditLog(there.database).page(AuditFilter(action="workflow.import"))
    assert (left.entry.actor, left.entry.project, came.entry.actor) == ("ada", "blue", "bob")
    assert all(str(key) in link.entry.details["workflows"] for key in ids for link in (left, came))


async def test_what_is_not_there_is_named(here: Stage, there: Stage) -> None:
    with pytest.raises(WorkflowNotFoundError):
        await exported(here, UUID(int=7))
    content = await exported(here, *await ended(here))
    with pytest.raises(ProjectNotFoundError, match="nowhere"):
        await imported(there, content, project="nowhere")
    assert isinstance(NotABundleError("x"), BundleError)
