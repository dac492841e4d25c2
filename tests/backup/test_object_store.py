"""Artifacts and backups in a real object store: work, backup, restore into another bucket, and what went on there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import eopiez_ray as ez
from eopiez_ray.backup.key import BackupKey
from eopiez_ray.backup.manifest import StoredFile
from eopiez_ray.backup.pruning import prune
from eopiez_ray.backup.repository import Repository
from eopiez_ray.backup.retention import Retention
from eopiez_ray.errors import DamagedBackupError

from ..objects import KEYS, bucket, needs_objects, object_store
from .conftest import manifest, stored
from .program_of_drills import expected
from .systems import System

pytestmark = needs_objects
COUNT = 8


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with object_store(tmp_path_factory.mktemp("objects")) as port, pytest.MonkeyPatch.context() as patched:
        for name, value in KEYS.items():
            patched.setenv(name, value)
        yield port


def test_a_repository_is_the_same_there(port: str) -> None:
    url = bucket(port, "plain", "backups")
    repository = Repository.at(url, BackupKey(bytes(32)), is_new=True)
    kept, old = stored(repository, b"kept", b"old")
    made = manifest("1", database=(old,)), manifest("2", days=1, database=(kept,), stream="s")
    for each in made:
        repository.publish(each)
    repository.put_segment("s", "0" * 24, b"wal")
    repository.put_files("s", 3, {"artifacts": [StoredFile("a", 4, 1, (kept,))]})
    again = Repository.at(url, BackupKey(bytes(32)))
    assert again.manifests() == [*made]
    assert prune(again, Retention(1))[:3] == (("1",), 1, 0)
    assert ({*again.names()}, again.backups(), again.notes("s")) == ({kept}, ["2"], [3])
    assert (again.get(kept), again.segment("s", "0" * 24)) == (b"kept", b"wal")
    with pytest.raises(DamagedBackupError, match="missing"):
        again.get(old)


def test_work_whose_artifacts_are_there_comes_back_in_another_bucket(port: str, tmp_path: Path) -> None:
    system = System(tmp_path / "home", tmp_path, tmp_path / "key")
    system.environment["EOPIEZ_BACKUP_URL"] = bucket(port, "saved", "eopiez")
    system.environment["EOPIEZ_ARTIFACT_URL"] = bucket(port, "artifacts", "first")
    program = system.begin("tests.backup.program_of_drills", str(COUNT))
    assert program.stdout is not None
    workflow = program.stdout.readline().strip()
    ended = program.wait()
    system.kill()
    assert ended == 0
    assert not (system.home / "artifacts").exists()
    made = system.told("backup", "create")
    assert made["files"] >= 2 * COUNT
    again = system.told("backup", "create")
    assert again["new_bytes"] < made["new_bytes"] / 5

    back = system.elsewhere(tmp_path / "other")
    back.environment |= {
        "EOPIEZ_BACKUP_URL": system.environment["EOPIEZ_BACKUP_URL"],
        "EOPIEZ_ARTIFACT_URL": bucket(port, "elsewhere", "second"),
    }
    assert back.told("backup", "restore")["files"] == again["files"]
    assert back.told("backup", "verify")["artifacts"] == 2 * COUNT
    with ez.local(home=back.home, artifact_url=back.environment["EOPIEZ_ARTIFACT_URL"]) as local:
        assert local.workflow(workflow).result("total") == expected(COUNT)
