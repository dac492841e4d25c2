"""Work under way, everything killed, the home deleted; restored elsewhere, it is finished."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

import eopiez_ray as ez
from eopiez_ray.backup.stream import is_part, read_stream
from eopiez_ray.store import EmbeddedServer, connect
from eopiez_ray.store.backups import Inventory

from ..waiting import until
from .program_of_drills import expected
from .systems import System

COUNT, SOME, ROUNDS = 150, 40, 2
pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True)
class Fire:
    """What is left of a system, and what was known of it."""

    lost: System
    workflow: str
    seen: Inventory
    """What it held some rounds of shipping before it burned."""
    seen_at: datetime


def rounds(system: System) -> frozenset[str]:
    """The parts of WAL that were shipped."""
    stream = read_stream(system.home / "backup")
    folder = system.repository / "streams" / str(stream) / "wal"
    return frozenset(path.name for path in folder.iterdir() if is_part(path.name)) if folder.exists() else frozenset()


async def passed(system: System, count: int) -> None:
    """Wait for so many more rounds of shipping."""
    for _ in range(count):
        before = rounds(system)
        await until(lambda: rounds(system) != before)  # noqa: B023 - asked at once


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fire(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fire]:
    """A system that burned down while it was at work, with backups being kept."""
    folder = tmp_path_factory.mktemp("drill")
    system = System(folder / "home", folder / "repository", folder / "key")
    try:
        system.begin("eopiez_ray.cli", "backup", "keep")
        await until(lambda: rounds(system))
        program = system.begin("tests.backup.program_of_drills", str(COUNT))
        assert program.stdout is not None
        workflow = program.stdout.readline().strip()
        await until(lambda: is_far(system))
        seen, seen_at = await system.inventory(), datetime.now(UTC)
        await passed(system, ROUNDS)
        assert program.poll() is None, "it should burn while it is at work"
    finally:
        system.kill()
    shutil.rmtree(system.home)
    yield Fire(system, workflow, seen, seen_at)


async def is_far(system: System) -> bool:
    return (await system.inventory()).tasks >= SOME


async def test_nothing_is_lost_that_was_shipped_and_the_work_is_finished(fire: Fire, tmp_path: Path) -> None:
    back = fire.lost.elsewhere(tmp_path / "home")
    restored = back.told("backup", "restore")
    assert restored["inventory"]["tasks"] >= fire.seen.tasks
    assert restored["inventory"]["unfinished"] == 1
    ended = back.eopiez("resume", fire.workflow)
    assert ended.returncode == 0, ended.stderr
    with ez.local(home=back.home) as system:
        workflow = system.workflow(fire.workflow)
        assert workflow.result("total") == expected(COUNT)
        assert [step.done for step in workflow.steps()] == [COUNT, COUNT, 1]


async def test_a_moment_in_between_is_as_it_was(fire: Fire, tmp_path: Path) -> None:
    back = fire.lost.elsewhere(tmp_path / "home")
    restored = back.told("backup", "restore", "--at", fire.seen_at.isoformat())
    assert restored["inventory"]["tasks"] >= fire.seen.tasks
    assert datetime.fromisoformat(restored["recovered_to"]) <= fire.seen_at
    server = EmbeddedServer(back.home)
    try:
        async with await connect(server.start()) as database:
            (row,) = await database.fetch("select max(committed_at) from tasks")
    finally:
        server.leave()
    assert row[0] <= fire.seen_at


async def test_a_backup_is_restored_as_it_is_and_holds_all_that_it_names(fire: Fire, tmp_path: Path) -> None:
    back = fire.lost.elsewhere(tmp_path / "home")
    (backup, *_) = back.told("backup", "list")["id"].split()
    restored = back.told("backup", "restore", backup)
    assert restored["recovered_to"] is None
    found = back.told("backup", "verify", backup)
    assert (found["backup"], found["faults"], found["workflows"]) == (backup, [], restored["inventory"]["workflows"])


async def test_a_moment_that_has_not_come_yet_is_refused_and_another_try_works(fire: Fire, tmp_path: Path) -> None:
    back = fire.lost.elsewhere(tmp_path / "home")
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    ended = back.eopiez("backup", "restore", "--at", later)
    assert ended.returncode == 74
    assert "ends before" in ended.stderr
    refused = back.eopiez("list")
    assert "a backup is being restored" in refused.stderr
    assert back.told("backup", "restore")["inventory"]["unfinished"] == 1
    again = back.eopiez("backup", "restore")
    assert again.returncode == 74
    assert "holds a system already" in again.stderr


async def test_before_the_first_backup_there_is_nothing(fire: Fire, tmp_path: Path) -> None:
    ended = fire.lost.elsewhere(tmp_path / "home").eopiez("backup", "restore", "--at", "2020-01-01T00:00:00Z")
    assert ended.returncode == 66
    assert not (tmp_path / "home" / "postgres").exists()
