"""A backup of encrypted data: made, tried and restored without the keys, and read with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from eopiez_ray.backup.creating import create
from eopiez_ray.backup.restoring import restore
from eopiez_ray.backup.system import opened, repository_of
from eopiez_ray.backup.verifying import verify
from eopiez_ray.encryption.masters import Encryption
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.errors import DataKeyMissingError
from eopiez_ray.settings import Settings
from eopiez_ray.store import EmbeddedServer, connect
from eopiez_ray.store.backups import BackupDesk
from tests.engine.conftest import Stage

from .phases_with_payloads import PAYLOAD, telling


async def test_it_comes_back_and_only_keys_open_it(
    sealed_stage: Stage,
    database_url: str,
    encryption: Encryption,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    sealed_stage.orchestrate()
    workflow = await sealed_stage.submit(telling())
    await sealed_stage.rest(workflow)
    place = tmp_path_factory.mktemp("backups")
    settings = Settings(
        home=tmp_path, database_url=database_url, backup_url=str(place / "repository"), backup_key_file=place / "key"
    )
    async with opened(settings) as source:
        made = await create(source, repository_of(settings, is_new=True), len)
    tried = await verify(settings, repository_of(settings), len, made.id, place)
    assert (tried.faults, tried.artifacts) == ((), 1)

    other = Settings(**{**settings.model_dump(exclude_unset=True), "home": place / "home", "database_url": None})
    await restore(other, repository_of(other), len)
    server = EmbeddedServer(other.home)
    try:
        async with await connect(server.start(), encryption=encryption) as database:
            (output,) = await BackupDesk(database).outputs()
            with pytest.raises(DataKeyMissingError):
                Artifacts(other.artifacts).load(output)
            await database.vault.ring("default")
            assert PAYLOAD in Artifacts(other.artifacts, database.vault.keys).load(output)
    finally:
        server.leave()
