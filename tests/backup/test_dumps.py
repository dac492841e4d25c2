"""Backups of a system in the database of another's server, and what goes wrong with any."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import eopiez_ray as ez
from eopiez_ray.backup import keeping as keeping_module
from eopiez_ray.backup.creating import create
from eopiez_ray.backup.keeping import keep
from eopiez_ray.backup.manifest import DUMP, STARTED, Manifest
from eopiez_ray.backup.places import Folder
from eopiez_ray.backup.presence import present
from eopiez_ray.backup.repository import Repository
from eopiez_ray.backup.restoring import Restored, restore
from eopiez_ray.backup.system import key_of, opened, repository_of
from eopiez_ray.backup.trees import Entry, LocalTree
from eopiez_ray.backup.verifying import note_verification, verify
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.errors import BackupError, BackupKeyError, DamagedBackupError, EmbeddedPostgresError, StorageFullError
from eopiez_ray.model.erasure import Found, Scope
from eopiez_ray.model.tasks import Output
from eopiez_ray.monitoring.meter import Meter
from eopiez_ray.monitoring.protection import Protection
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database, EmbeddedServer
from eopiez_ray.store.addresses import without_password
from eopiez_ray.store.backups import BackupDesk
from eopiez_ray.store.erasing import Erasures

from ..waiting import until
from .program_of_drills import plan

WORKFLOWS = 3
FILES = {"shared/uploads/a.txt": "text", "shared/results/b/empty": "", "first-password": "secret"}


@pytest.fixture
def chosen(tmp_path: Path, database_url: str) -> Settings:
    """A system with workflows that wait, and files of the gateway."""
    settings = Settings(
        home=tmp_path / "home", database_url=database_url, backup_url=str(tmp_path / "repository"),
        backup_key_file=tmp_path / "key", backup_every_hours=1,
    )  # fmt: skip
    with ez.local(home=settings.home, database_url=database_url) as system:
        for _ in range(WORKFLOWS):
            system.submit(plan(2))
    for path, text in FILES.items():
        (settings.home / path).parent.mkdir(parents=True, exist_ok=True)
        (settings.home / path).write_text(text)
    return settings


def elsewhere(settings: Settings, home: Path, url: str | None = None) -> Settings:
    """The same settings for another home and database."""
    return Settings(**{**settings.model_dump(exclude_unset=True), "home": home, "database_url": url})


async def made(settings: Settings) -> Manifest:
    async with opened(settings) as source:
        return await create(source, repository_of(settings, is_new=True), len)


async def restored(settings: Settings, **options: str) -> Restored:
    return await restore(settings, repository_of(settings), len, **options)  # type: ignore[arg-type]


def files_in(home: Path) -> dict[str, str]:
    return {path: (home / path).read_text() for path in FILES if (home / path).exists()}


async def test_it_comes_back_into_another_database(chosen: Settings, tmp_path: Path, server: EmbeddedServer) -> None:
    backup = await made(chosen)
    assert backup.database.kind == DUMP
    await server_made_empty(server)
    other = elsewhere(chosen, tmp_path / "other", server.url.replace("/postgres?", "/empty?"))
    back = await restored(other)
    assert (back.inventory.workflows, back.inventory.unfinished, back.files) == (WORKFLOWS, WORKFLOWS, len(FILES))
    assert files_in(other.home) == FILES
    with pytest.raises(BackupError, match="holds a system already"):
        await restored(elsewhere(other, tmp_path / "third", other.database_url))


async def server_made_empty(server: EmbeddedServer) -> None:
    """Make a database without anything in it."""
    import asyncpg

    connection = await asyncpg.connect(server.url)
    await connection.execute("drop database if exists empty with (force)")
    await connection.execute("create database empty template template0")
    await connection.close()


def left_in(folder: Path) -> list[Path]:
    """Scratch homes that were left."""
    return [*folder.glob("eopiez-verify-*")]


async def test_it_comes_back_into_an_embedded_one_and_is_verified_so(chosen: Settings, tmp_path: Path) -> None:
    backup = await made(chosen)
    found = await verify(chosen, repository_of(chosen), len, backup.id, tmp_path)
    assert (found.workflows, found.unfinished, found.faults, found.files) == (WORKFLOWS, WORKFLOWS, (), len(FILES))
    assert not left_in(tmp_path)
    await note_verification(chosen, str(chosen.backup_url), backup.id)
    async with opened(chosen) as source:
        times = await BackupDesk(source.database).times()
    assert times.verified_at is not None
    assert times.succeeded_at == backup.started_at


async def test_the_second_one_stores_only_what_has_changed(chosen: Settings) -> None:
    await made(chosen)
    (chosen.home / "shared/uploads/a.txt").write_text("changed")
    (chosen.home / "shared/results/b/empty").unlink()
    second = await made(chosen)
    repository = repository_of(chosen)
    assert {file.path for file in second.trees["shared"]} == {"uploads/a.txt"}
    (file,) = second.trees["shared"]
    assert repository.get(file.objects[0]) == b"changed"
    assert second.trees["home"] == repository.manifests()[0].trees["home"]


async def test_an_artifact_that_is_missing_is_found(chosen: Settings, tmp_path: Path) -> None:
    async with opened(chosen) as source:
        await source.database.fetch(
            "insert into cache (key, digest, size, form, rows) values ('\\x01', '\\x0123456789abcdef', 5, 'pickle', 1)"
        )
    backup = await made(chosen)
    found = await verify(chosen, repository_of(chosen), len, backup.id, tmp_path)
    assert found.faults == ("artifact 0123456789abcdef (5 bytes) is missing",)


def stored_at(settings: Settings, output: Output) -> Path:
    (path,) = Path(settings.artifacts).rglob(output.digest.hex()[2:])
    return path


async def test_an_artifact_that_was_damaged_before_the_backup_is_found(chosen: Settings, tmp_path: Path) -> None:
    artifacts = Artifacts(chosen.artifacts)
    whole, changed = artifacts.store(b"x" * 100_000), artifacts.store(b"y" * 100_000)
    stored_at(chosen, changed).write_bytes(b"z" * changed.size)
    async with opened(chosen) as source:
        for each in (whole, changed):
            await source.database.fetch(
                "insert into cache (key, digest, size, form, rows) values ($1, $1, $2, $3, 1)",
                each.digest, each.size, each.form,
            )  # fmt: skip
    backup = await made(chosen)
    found = await verify(chosen, repository_of(chosen), len, backup.id, tmp_path)
    assert found.faults == (f"artifact {changed.digest.hex()} ({changed.size:,} bytes) is damaged",)


async def test_what_was_damaged_is_not_restored_as_if_it_were_whole(chosen: Settings, tmp_path: Path) -> None:
    backup = await made(chosen)
    name = backup.database.objects[0]
    file = tmp_path / "repository" / "objects" / name[:2] / name[2:]
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    other = elsewhere(chosen, tmp_path / "other")
    with pytest.raises(DamagedBackupError, match=name):
        await restored(other)
    with pytest.raises(EmbeddedPostgresError, match="eopiez backup restore"):
        EmbeddedServer(other.home).start()


async def test_what_was_erased_since_is_erased_again(chosen: Settings, tmp_path: Path) -> None:
    first = await made(chosen)
    async with opened(chosen) as source:
        desk, erasures = BackupDesk(source.database), Erasures(source.database)
        found = [*await erasures.workflows_of(None)][:2]
        await source.database.fetch(
            "update workflows set status = 'cancelled', finished_at = now() where id = any($1)", found
        )
        await erasures.begin(Found(Scope.WORKFLOW, str(found[0]), "default", tuple(found), ()), "anna")
        (known,) = await desk.erasures()
    await made(chosen)
    other = elsewhere(chosen, tmp_path / "other")
    back = await restored(other, backup=first.id)
    assert (back.inventory.workflows, back.erased_again) == (WORKFLOWS, 1)
    async with opened(other) as source:
        assert await BackupDesk(source.database).erasures() == [known]
        await Protection(source.database, other, Meter()).erase()
        assert await BackupDesk(source.database).erase_again([known]) == 0
        assert (await BackupDesk(source.database).inventory()).workflows == WORKFLOWS - 2


async def test_a_home_in_use_is_left_alone(chosen: Settings, tmp_path: Path) -> None:
    await made(chosen)
    other = elsewhere(chosen, tmp_path / "other")
    (other.home / "shared").mkdir(parents=True)
    (other.home / "shared" / "mine").write_text("mine")
    with pytest.raises(BackupError, match="holds a system already"):
        await restored(other)
    assert (other.home / "shared" / "mine").read_text() == "mine"
    assert not (other.home / "postgres" / "data").exists()


async def test_a_moment_needs_a_stream_and_a_newer_schema_a_newer_program(
    chosen: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(chosen)
    other = elsewhere(chosen, tmp_path / "other")
    with pytest.raises(BackupError, match="no changes were kept after"):
        await restore(other, repository_of(other), len, at=datetime.now(UTC))
    monkeypatch.setattr("eopiez_ray.backup.restoring.SCHEMA_VERSION", 1)
    with pytest.raises(BackupError, match="update eopiez"):
        await restored(other)


async def test_a_key_that_is_lost_or_another_is_said_so(chosen: Settings, tmp_path: Path) -> None:
    await made(chosen)
    text = key_of(chosen).text
    (tmp_path / "key").unlink()
    with pytest.raises(BackupKeyError, match="bring it back"):
        repository_of(chosen)
    assert repository_of(elsewhere_with_key(chosen, text)).backups()
    with pytest.raises(BackupKeyError, match="made with the key"):
        await made(chosen)
    with pytest.raises(BackupError, match="EOPIEZ_BACKUP_URL"):
        repository_of(Settings(home=tmp_path, backup_url=None))


def elsewhere_with_key(settings: Settings, text: str) -> Settings:
    return Settings(**{**settings.model_dump(exclude_unset=True), "backup_key": text})


async def test_artifacts_stay_until_a_backup_has_them(database: Database) -> None:
    desk, order = BackupDesk(database), []

    async def collect() -> None:
        async with desk.none_at_work():
            order.append("collected")

    async with desk.held(wal=False):
        collecting = asyncio.create_task(collect())
        await until(lambda: waiting(database))
        order.append("backed up")
    await collecting
    assert order == ["backed up", "collected"]


async def waiting(database: Database) -> bool:
    """Whether somebody waits for an advisory lock of this database."""
    found = await database.fetch(
        "select from pg_locks where locktype = 'advisory' and not granted "
        "and database = (select oid from pg_database where datname = current_database())"
    )
    return bool(found)


@contextmanager
def full() -> Iterator[None]:
    """A disk without room for objects."""

    def refuse(self: Folder, name: str, content: bytes) -> None:
        raise StorageFullError(f"no space left for backups under {self.url}")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Folder, "stage", refuse)
        yield


async def test_one_that_fails_leaves_no_backup_and_is_remembered(chosen: Settings) -> None:
    with full(), pytest.raises(StorageFullError):
        await made(chosen)
    assert repository_of(chosen).backups() == []
    async with opened(chosen) as source:
        times = await BackupDesk(source.database).times()
    assert times.failed_at is not None
    assert times.succeeded_at is None
    assert await made(chosen)


async def test_a_full_disk_ends_a_restore_which_then_goes_on(chosen: Settings, tmp_path: Path) -> None:
    await made(chosen)
    other = elsewhere(chosen, tmp_path / "other")

    def full(_tree: LocalTree, entry: Entry, _pieces: object) -> None:
        raise OSError(errno.ENOSPC, f"No space left on device: {entry.path}")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LocalTree, "write", full)
        with pytest.raises(StorageFullError, match="no space left to restore"):
            await restored(other)
    assert (await restored(other)).inventory.workflows == WORKFLOWS


async def test_one_that_is_broken_off_ends_soon_and_the_next_one_works(chosen: Settings) -> None:
    reading = threading.Event()

    def slowly(repository: Repository, name: str, content: bytes) -> int:
        reading.set()
        return put(repository, name, content)

    put = Repository.put
    (chosen.home / "shared" / "large").write_bytes(os.urandom(64 * 2**20))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Repository, "put", slowly)
        making = asyncio.create_task(made(chosen))
        await asyncio.to_thread(reading.wait)
        making.cancel()
        with pytest.raises((asyncio.CancelledError, BackupError)):
            await making
    assert repository_of(chosen).backups() == []
    assert (await made(chosen)).files == len(FILES) + 1


async def test_two_at_once_are_made_one_after_the_other(chosen: Settings) -> None:
    first, second = await asyncio.gather(made(chosen), made(chosen))
    assert first.id != second.id
    assert first.finished_at <= second.started_at or second.finished_at <= first.started_at
    assert len(repository_of(chosen).backups()) == 2


@pytest.mark.parametrize("inside", ["home/backups", "home", "home/shared/x", "home/artifacts"])
def test_backups_are_not_kept_inside_of_what_they_outlive(tmp_path: Path, inside: str) -> None:
    settings = Settings(home=tmp_path / "home", backup_url=str(tmp_path / inside), backup_key_file=tmp_path / "key")
    with pytest.raises(BackupError, match="choose another disk"):
        repository_of(settings, is_new=True)


async def test_one_process_keeps_them_and_another_takes_over(chosen: Settings) -> None:
    repository = repository_of(chosen, is_new=True)
    told: list[tuple[int, str]] = []
    stops = [asyncio.Event(), asyncio.Event()]

    async def keeping(number: int) -> None:
        await keep(chosen, repository, lambda text: told.append((number, text)), stops[number])

    first = asyncio.create_task(keeping(0))
    await until(repository.backups)
    second = asyncio.create_task(keeping(1))
    await asyncio.sleep(0)
    stops[0].set()
    await first
    await until(lambda: (1, f"keeping backups at {repository.place.url}") in told)
    stops[1].set()
    await second
    assert len(repository.backups()) == 1, "the next one is due in an hour"
    assert told[0] == (0, f"keeping backups at {repository.place.url}")


async def test_a_keeper_outlives_a_repository_and_a_database_that_are_away(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping_module, "AGAIN_S", 0.05)
    monkeypatch.setattr(keeping_module, "LOOK_S", 0.05)
    repository, stopping, told = repository_of(chosen, is_new=True), asyncio.Event(), list[str]()
    with pytest.MonkeyPatch.context() as away:
        away.setattr(Folder, "write", refused)
        task = asyncio.create_task(keep(chosen, repository, told.append, stopping))
        await until(lambda: any("trying again soon: cannot write" in each for each in told))
    await until(repository.backups)
    async with opened(chosen) as source:
        told.clear()
        await source.database.fetch(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' "
            "and database = (select oid from pg_database where datname = current_database())"
        )
    await until(lambda: any("the session with the database was lost" in each for each in told))
    await until(lambda: any(each.startswith("keeping backups") for each in told))
    stopping.set()
    await task


def refused(_place: Folder, name: str, _content: bytes) -> None:
    raise BackupError(f"cannot write {name}")


async def test_old_backups_stay_while_somebody_else_makes_one(chosen: Settings) -> None:
    repository, stopping, told = repository_of(chosen, is_new=True), asyncio.Event(), list[str]()
    for _ in range(4):
        await made(chosen)
        await asyncio.to_thread(age, repository)
    kept = {"backup_keep_last": 1, "backup_keep_days": 0, "backup_keep_weeks": 0, "backup_keep_months": 0}
    few = Settings(**{**chosen.model_dump(exclude_unset=True), **kept})
    with present(repository):
        task = asyncio.create_task(keep(few, repository, told.append, stopping))
        await until(lambda: any(each.startswith("old backups stay for now") for each in told))
    assert not task.done()
    stopping.set()
    await task


def age(repository: Repository) -> None:
    """Let all backups be days old, by their names."""
    for backup in repository.backups():
        old = repository.manifest(backup)
        repository.withdraw(backup)
        at = old.started_at - timedelta(days=2)
        repository.publish(replace(old, id=at.strftime(STARTED), started_at=at, finished_at=at))


@pytest.mark.parametrize(
    ("url", "bare", "password"),
    [
        ("postgresql://me:p%2Fw@host:5432/db", "postgresql://me@host:5432/db", "p/w"),
        ("postgresql://me@/db?host=/run&password=p%20w", "postgresql://me@/db?host=%2Frun", "p w"),
        ("postgresql://host/db?sslmode=require", "postgresql://host/db?sslmode=require", None),
        ("postgresql://me:@host/db", "postgresql://me@host/db", ""),
    ],
)
def test_no_password_is_among_a_programs_arguments(url: str, bare: str, password: str | None) -> None:
    assert without_password(url) == (bare, password)
