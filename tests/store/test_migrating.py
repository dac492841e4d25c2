"""Databases of earlier versions, with data in them and work under way, and what is said of later ones."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from typer.testing import CliRunner

import eopiez_ray as ez
from eopiez_ray.cli import app
from eopiez_ray.errors import DatabaseTooOldError
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Database, EmbeddedServer, connect
from eopiez_ray.store.migrating import COMPATIBLE_SINCE, SCHEMA_VERSION, schema_at

RELEASED = sorted((Path(__file__).parent / "released").glob("*.sql.gz"))
"""What ``pg_dump --inserts`` wrote of databases of earlier versions: in each a workflow that has succeeded, one that
was paused between its steps, and one that waits."""
FOLDER = "/data/released"
"""Where their inputs and outputs were."""


def released_schema(file: Path) -> int:
    return int(file.name[:4])


async def test_a_schema_that_needs_newer_programs_is_refused(database: Database, database_url: str) -> None:
    for newer, since in ((SCHEMA_VERSION + 1, SCHEMA_VERSION + 1), (SCHEMA_VERSION + 2, None)):
        await database.fetch("insert into schema_version (version, compatible_since) values ($1, $2)", newer, since)
        with pytest.raises(DatabaseTooOldError, match="update eopiez"):
            await connect(database_url)


async def test_what_a_new_database_notes(database: Database, database_url: str) -> None:
    state = await schema_at(database_url)
    assert (state.version, state.compatible_since, state.steps) == (SCHEMA_VERSION, COMPATIBLE_SINCE, [])


def laid_out(file: Path, folder: Path) -> str:
    """What the database of that version holds, with its inputs in a folder."""
    texts = folder / "texts"
    texts.mkdir()
    for number in range(1, 7):
        (texts / f"{number}.txt").write_text(f"The harbour pilot brought ship number {number} with cargo of wool.")
    return gzip.decompress(file.read_bytes()).decode().replace(FOLDER, str(folder))


@pytest_asyncio.fixture(params=RELEASED, ids=lambda file: file.name[:4])
async def released(request: pytest.FixtureRequest, server: EmbeddedServer, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a database of an earlier version, whose files are in a folder of this test."""
    file: Path = request.param
    text = laid_out(file, tmp_path)
    admin = await asyncpg.connect(server.url)
    await admin.execute(f"create database released_{released_schema(file)}")
    url = server.url.replace("/postgres?", f"/released_{released_schema(file)}?")
    connection = await asyncpg.connect(url)
    await connection.execute(text)
    await connection.close()
    yield url
    await admin.execute(f"drop database released_{released_schema(file)} with (force)")
    await admin.close()


async def test_an_earlier_database_is_brought_up_to_date_and_its_work_is_finished(
    released: str, tmp_path: Path
) -> None:
    state = await schema_at(released)
    assert [step.version for step in state.steps] == [*range(state.version + 1, SCHEMA_VERSION + 1)]
    with ez.local(home=tmp_path / "home", database_url=released, cpus=2) as system:
        found = {view.status: system.workflow(str(view.id)) for view in system.workflows()}
        assert {*found} == {WorkflowStatus.SUCCEEDED, WorkflowStatus.PAUSED, WorkflowStatus.QUEUED}
        found[WorkflowStatus.PAUSED].resume()
        system.drive_all()
        for workflow in found.values():
            assert workflow.wait(120).result("themes.find").num_rows == 6
    after = await schema_at(released)
    assert (after.version, after.steps) == (SCHEMA_VERSION, [])


async def test_upgrade_says_what_it_would_do_and_does_it(released: str, tmp_path: Path) -> None:
    environment = {"EOPIEZ_DATABASE_URL": released, "EOPIEZ_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    before = await schema_at(released)

    async def upgrade(*options: str) -> tuple[int, str]:
        ended = await asyncio.to_thread(CliRunner().invoke, app, ["upgrade", *options], env=environment)
        return ended.exit_code, ended.stdout

    code, said = await upgrade("--check", "--json")
    facts = json.loads(said)
    assert (code, facts["version"], facts["needed"]) == (0, before.version, SCHEMA_VERSION)
    assert [step["version"] for step in facts["steps"]] == [step.version for step in before.steps]
    assert (await schema_at(released)) == before
    code, said = await upgrade()
    assert (code, f"from schema {before.version} to {SCHEMA_VERSION}" in said) == (0, True)
    code, said = await upgrade("--check")
    assert (code, "up to date" in said) == (0, True)
