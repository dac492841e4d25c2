"""Workflows on an encrypted store: no payload is plain anywhere, keys change while they run, shredding is for ever."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from eopiez_ray import Settings
from eopiez_ray.encryption.keys import DataKey
from eopiez_ray.encryption.masters import PLAIN, Encryption, GivenKeys
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.engine.resealing import converted
from eopiez_ray.errors import (
    ArtifactMissingError,
    DatabaseUnavailableError,
    DataKeyMissingError,
    MasterKeyError,
    ProjectBusyError,
    SealDamagedError,
)
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.log_lines import LineFilter, NewLine, Part
from eopiez_ray.model.requests import Selection
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Database, Projects, Workflows, connect
from eopiez_ray.store.data_keys import DataKeys
from eopiez_ray.store.log_lines import LogLines, append
from eopiez_ray.store.uploads import Uploads
from tests.engine.conftest import Stage
from tests.engine.inline import InlineExecutor

from .conftest import KeyFile, master
from .phases_with_payloads import PAYLOAD, failing, telling

S = WorkflowStatus
LINE = NewLine(
    at=1.0, level="error", part=Part.GATEWAY, process="", logger="x", message=f"about {PAYLOAD}", fields={"of": PAYLOAD}
)


async def traces(database: Database, folder: Path, payload: str = PAYLOAD) -> list[str]:
    """Tables and files that hold the payload, as text or as bytes, or its beginning in base64."""
    found = []
    for table in await database.fetch("select tablename from pg_tables where schemaname = 'eopiez'"):
        rows = await database.fetch(f"select t::text as text from {table['tablename']} as t")
        looked_for = payload, payload.encode().hex()
        found += [table["tablename"] for row in rows if any(each in row["text"] for each in looked_for)]
    return found + files_with(folder, payload)


def files_with(folder: Path, payload: str) -> list[str]:
    """Files that hold the payload."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and payload.encode() in path.read_bytes()]


def put(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(PAYLOAD)


def changed(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def damage(folder: Path) -> None:
    """Change the last byte of all artifacts."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(changed(path.read_bytes()))


async def ended(stage: Stage, project: str = "default", payload: str = PAYLOAD) -> tuple[WorkflowId, WorkflowId]:
    """A workflow that succeeded and one that failed."""
    told = await stage.submit(telling(payload), project=project)
    failed = await stage.submit(failing(payload), project=project)
    assert (await stage.rest(told)).status is S.SUCCEEDED
    assert (await stage.rest(failed)).status is S.FAILED
    return told, failed


async def all_that_is_shown(database: Database, told: WorkflowId, failed: WorkflowId) -> str:
    """Everything that users are shown of two workflows."""
    workflows = Workflows(database)
    return repr(
        [
            await workflows.logs(told), await workflows.rejects(told), (await workflows.get(failed)).error,
            await workflows.attempts(failed), await workflows.last_attempts(failed, 5), await workflows.events(failed),
            await workflows.given_up(Selection(ids=(failed,))), [view.error for view in await workflows.page()],
        ]
    )  # fmt: skip


async def test_no_payload_is_plain_in_any_table_or_file(sealed_stage: Stage, sealed: Database) -> None:
    sealed_stage.orchestrate()
    told, failed = await ended(sealed_stage, "blue")
    await append(sealed, [LINE], sealed.vault)
    await LogLines(sealed).gather()
    assert await traces(sealed, sealed_stage.folder) == []
    assert await sealed_stage.values(told, "tell") == [f"small {PAYLOAD}"]
    assert await sealed_stage.values(told, "grow") == [f"large small {PAYLOAD} " * 20_000]
    shown = await all_that_is_shown(sealed, told, failed)
    for text in ("printed", "logged", "file of", "reason of", "sample of", "cannot use"):
        assert f"{text} {PAYLOAD}" in shown
    lines = await LogLines(sealed).page(LineFilter(text=PAYLOAD.upper()))
    assert {line.part for line in lines} == {Part.TASK, Part.GATEWAY}
    assert lines[-1].fields == {"of": PAYLOAD}


async def test_without_keys_the_payloads_would_be_found(stage: Stage, database: Database) -> None:
    stage.orchestrate()
    await ended(stage)
    assert set(await traces(database, stage.folder)) >= {"phases", "tasks", "logs", "attempts", "rejects", "events"}


async def test_equal_content_of_two_projects_looks_different(sealed_stage: Stage) -> None:
    sealed_stage.orchestrate()
    workflows = [await sealed_stage.submit(telling(), project=project) for project in ("blue", "blue", "red")]
    for workflow in workflows:
        await sealed_stage.rest(workflow)
    digests = [[each.digest for each in await sealed_stage.workflows.outputs(workflow, 2)] for workflow in workflows]
    assert digests[0] == digests[1] != digests[2]


async def test_a_damaged_result_is_named_and_not_shown(sealed_stage: Stage, sealed: Database) -> None:
    sealed_stage.orchestrate()
    told, _ = await ended(sealed_stage)
    small, large = [(await sealed_stage.workflows.outputs(told, step))[0] for step in (1, 2)]
    assert small.inline is not None
    with pytest.raises(SealDamagedError, match=small.digest.hex()):
        sealed_stage.artifacts.load(small._replace(inline=changed(small.inline)))
    damage(sealed_stage.folder)
    with pytest.raises(SealDamagedError):
        sealed_stage.artifacts.load(large)
    assert not sealed_stage.artifacts.holds(large)
    again = await sealed_stage.submit(telling())
    assert (await sealed_stage.rest(again)).status is S.SUCCEEDED
    assert sealed_stage.artifacts.load(large) == (await sealed_stage.values(again, "grow"))[0]
    assert not sealed_stage.artifacts.holds(small._replace(inline=b"x" * 100))


async def test_lines_that_change_places_show_that_they_were_moved(sealed_stage: Stage, sealed: Database) -> None:
    sealed_stage.orchestrate()
    told, _ = await ended(sealed_stage)
    other = await sealed_stage.submit(telling("another"))
    await sealed_stage.rest(other)
    await sealed.fetch(
        "update logs set message = (select message from logs where workflow_id = $1 limit 1) where workflow_id = $2",
        told, other,
    )  # fmt: skip
    assert {"belongs elsewhere" in line.message for line in await sealed_stage.workflows.logs(other)} == {True}


async def test_keys_are_rotated_while_orchestrators_work(
    sealed_stage: Stage, sealed: Database, encryption: Encryption, key_file: KeyFile, database_url: str
) -> None:
    """Two orchestrators, a reader with connections of its own, and both kinds of keys that change in between."""
    for _ in range(2):
        sealed_stage.orchestrate(InlineExecutor(sealed_stage.folder))
    keys, workflows = DataKeys(sealed, encryption), list[WorkflowId]()
    old = key_file.read()
    async with await connect(database_url, encryption=Encryption(GivenKeys(key_file.path), True)) as reader:
        artifacts = Artifacts(str(sealed_stage.folder), reader.vault.keys)
        for turn in range(6):
            workflows += [await sealed_stage.submit(telling(f"{PAYLOAD}-{turn}-{each}")) for each in range(3)]
            if turn % 2:
                await keys.rotate("default")
            elif turn:
                key_file.write(f"{master(f'next {turn}')}\n{key_file.read()}")
                assert await keys.rewrap() > 0
        key_file.write(key_file.read().replace(old, ""))
        for workflow in workflows:
            assert (await sealed_stage.rest(workflow)).status is S.SUCCEEDED
            (output,) = await Workflows(reader).outputs(workflow, 2)
            assert PAYLOAD in await asyncio.to_thread(artifacts.load, output)
    views = [view for view in await keys.all() if view.project == "default"]
    assert [view.retired_at is None for view in views] == [True, False, False, False]
    assert {view.master for view in views} == {"next 4"}
    assert await traces(sealed, sealed_stage.folder) == []


async def test_two_processes_make_one_key_for_a_new_project(
    sealed: Database, encryption: Encryption, database_url: str
) -> None:
    async with await connect(database_url, encryption=encryption) as other:
        rings = await asyncio.gather(*(each.vault.ring("blue") for each in (sealed, other) for _ in range(5)))
    assert len({ring.current.id for ring in rings if ring.current}) == 1


async def test_shredding_a_project_leaves_others_alone(
    sealed_stage: Stage, sealed: Database, encryption: Encryption
) -> None:
    sealed_stage.orchestrate()
    told, failed = await ended(sealed_stage, "blue")
    other, _ = await ended(sealed_stage, "red", "unharmed")
    assert await DataKeys(sealed, encryption).destroy("blue") == 1
    await sealed.vault.ready([])
    for step in ("tell", "grow"):
        with pytest.raises(DataKeyMissingError, match="destroyed"):
            await sealed_stage.values(told, step)
    shown = await all_that_is_shown(sealed, told, failed)
    assert PAYLOAD not in shown
    assert "destroyed" in shown
    assert await sealed_stage.values(other, "tell") == ["small unharmed"]
    again = await sealed_stage.submit(telling(), project="blue")
    assert (await sealed_stage.rest(again)).status is S.SUCCEEDED
    assert await sealed_stage.values(again, "tell") == [f"small {PAYLOAD}"]


async def test_a_project_at_work_is_not_shredded(sealed_stage: Stage, sealed: Database, encryption: Encryption) -> None:
    await sealed_stage.submit(telling(), project="blue")
    with pytest.raises(ProjectBusyError, match="blue"):
        await DataKeys(sealed, encryption).destroy("blue")


async def test_a_process_without_master_keys_does_not_write_beside_encrypted_data(
    sealed: Database, database_url: str
) -> None:
    await sealed.vault.ring("blue")
    async with await connect(database_url, encryption=Encryption(None, True)) as keyless:
        with pytest.raises(MasterKeyError, match="EOPIEZ_ENCRYPTION=false"):
            await keyless.vault.check()
    async with await connect(database_url, encryption=PLAIN) as plain:
        await plain.vault.check()


async def test_master_keys_that_are_away_are_waited_for(
    sealed_stage: Stage, key_file: KeyFile, database_url: str
) -> None:
    workflow, kept = await sealed_stage.submit(telling(), project="blue"), key_file.read()
    async with await connect(database_url, encryption=Encryption(GivenKeys(key_file.path), True)) as other:
        key_file.write("")
        with pytest.raises(DatabaseUnavailableError, match=r"data keys cannot be used now.*has no master key"):
            await Stage(other, sealed_stage.folder).submit(telling(), project="red")
        stage = Stage(other, sealed_stage.folder)
        stage.orchestrate()
        key_file.write(kept)
        assert (await stage.rest(workflow)).status is S.SUCCEEDED
        assert (await stage.rest(await stage.submit(telling(), project="red"))).status is S.SUCCEEDED
        await stage.close()


async def test_what_was_plain_stays_readable_and_is_converted(
    stage: Stage, database: Database, database_url: str, encryption: Encryption
) -> None:
    stage.orchestrate()
    await Projects(database).create("blue")
    told, failed = await ended(stage, "blue")
    await append(database, [LINE])
    upload, shared = await Uploads(database).create("blue", "anna", "a.txt", len(PAYLOAD)), stage.folder / "shared"
    await Uploads(database).complete(upload.id)
    put(shared / f"uploads/blue/{upload.id}/a.txt")
    await LogLines(database).gather()
    async with await connect(database_url, encryption=encryption) as later:
        artifacts = Artifacts(str(stage.folder), later.vault.keys)
        workflows = Workflows(later)

        async def result() -> str:
            (output,) = await workflows.outputs(told, 2)
            loaded: str = await asyncio.to_thread(artifacts.load, output)
            return loaded

        before = await result(), await all_that_is_shown(later, told, failed)
        await later.fetch("update phases set created_at = now() - interval '2 hours'")
        done = await converted(later, artifacts, shared, lambda _: None)
        assert done.workflows == 2
        assert (await result(), await all_that_is_shown(later, told, failed)) == before
        shares = await DataKeys(later, encryption).shares()
        assert {share.kind for share in shares if share.plain} == set()
        assert (await converted(later, artifacts, shared, lambda _: None)).workflows == 0
        left = await traces(later, stage.folder)
        assert [trace for trace in left if "/" not in trace] == []
        assert files_with(shared, PAYLOAD) == []


async def test_search_in_encrypted_lines_goes_on_where_it_stopped(
    sealed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eopiez_ray.store.log_lines.TURN", 10)
    monkeypatch.setattr("eopiez_ray.store.log_lines.SEARCHED", 20)
    others = [
        NewLine(at=10.0 + n, level="info", part=Part.GATEWAY, process="", logger="x", message=f"line {n}", fields={})
        for n in range(50)
    ]
    await append(sealed, [LINE, *others], sealed.vault)
    lines, where = LogLines(sealed), LineFilter(text=PAYLOAD)
    found, before, looks = [], None, 0
    while True:
        searched = await (lines.search(where) if before is None else lines.search(where, before))
        found += searched.lines
        looks += 1
        if searched.end is None:
            break
        before = searched.end
    assert [line.message for line in found] == [f"about {PAYLOAD}"]
    assert looks == 3
    assert [line.message for line in await lines.after(where, 0)] == [f"about {PAYLOAD}"]


async def test_personal_data_is_masked_before_it_is_stored(database_url: str, tmp_path: Path) -> None:
    masking = Settings(home=tmp_path, masking=("mail",)).at_rest
    async with await connect(database_url, encryption=masking) as database:
        stage = Stage(database, tmp_path)
        stage.orchestrate()
        told, failed = await ended(stage, payload="anna@example.com")
        await append(database, [LINE, dataclasses.replace(LINE, message="to anna@example.com")], database.vault)
        await LogLines(database).gather()
        shown = await all_that_is_shown(database, told, failed)
        assert "cannot use [mail]" in shown
        assert "printed [mail]" in shown
        assert "sample of [mail]" in shown
        held = await traces(database, tmp_path / "nothing", "anna@example.com")
        assert set(held) == {"phases", "tasks"}
        assert await stage.values(told, "tell") == ["small anna@example.com"]
        await stage.close()


def test_artifacts_in_an_object_store_are_read_by_what_is_asked_for() -> None:
    key = DataKey(os.urandom(16), "blue", os.urandom(32))
    artifacts = Artifacts("mock://bucket")
    artifacts.keys.add([key])
    place: Any = artifacts._place
    for number in range(256):  # Unlike a real one, this store has folders.
        place._filesystem.create_dir(f"{place._root}/{number:02x}")
    value = os.urandom(3_000_000)
    output = artifacts.store(value, 0, "step", key.id)
    assert artifacts.load(output) == value
    whole = artifacts.stored(output).to_pybytes()
    assert artifacts.stored(output, 1_000_000, 1_000_100).to_pybytes() == whole[1_000_000:1_000_100]
    assert artifacts.store(value, 0, "step", key.id) == output
    assert artifacts.discard([output.digest], 1e12) == (1, set())
    with pytest.raises(ArtifactMissingError, match=output.digest.hex()):
        artifacts.load(output)
    assert not artifacts.holds(output)
