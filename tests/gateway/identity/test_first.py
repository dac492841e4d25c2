"""The first administrator."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eopiez_ray.errors import NotSignedInError
from eopiez_ray.gateway.identity.first import ensure_first_administrator
from eopiez_ray.gateway.identity.services import IdentityServices
from eopiez_ray.gateway.identity.signing_in import Proof
from eopiez_ray.store import Database, connect
from eopiez_ray.store.audit import AuditFilter

from .given import PEER, later, user


async def test_the_first_password_is_in_a_file_and_works_once_v5_0_0_6_4_1(
    services: IdentityServices, database: Database, home: Path
) -> None:
    file = await ensure_first_administrator(database, home)
    assert file == home / "first-password"
    assert file.stat().st_mode & 0o777 == 0o600
    proof = Proof(file.read_text().strip())
    assert (await services.signing_in.sign_in("admin", proof, PEER)).must_change_password
    with pytest.raises(NotSignedInError):
        await services.signing_in.sign_in("admin", proof, PEER)
    assert (await services.accounts.page())[0].is_system_administrator
    (row,) = await services.audit.page(AuditFilter(action="user.first"))
    assert row.entry.details == {"login": "admin", "by": "the first start"}


async def test_the_file_is_deleted_once_there_is_a_password_of_their_own(
    services: IdentityServices, database: Database, home: Path
) -> None:
    file = await ensure_first_administrator(database, home)
    assert file is not None
    assert await ensure_first_administrator(database, home) is None
    assert file.exists()
    await services.accounts.set_password(
        (await services.accounts.page())[0].id, await services.hasher.hash("of my own")
    )
    assert await ensure_first_administrator(database, home) is None
    assert not file.exists()


async def test_it_expires_after_a_week_v5_0_0_6_4_1(services: IdentityServices, database: Database, home: Path) -> None:
    file = await ensure_first_administrator(database, home)
    assert file is not None
    await later(database, "users", "password_expires_at", "7 days")
    with pytest.raises(NotSignedInError):
        await services.signing_in.sign_in("admin", Proof(file.read_text().strip()), PEER)


async def test_there_is_only_one_first(services: IdentityServices, database: Database, home: Path) -> None:
    await user(services)
    assert await ensure_first_administrator(database, home) is None
    assert not (home / "first-password").exists()


async def test_several_starts_at_once_make_one_whose_password_is_in_the_file(
    services: IdentityServices, database: Database, database_url: str, home: Path, tmp_path: Path
) -> None:
    async with await connect(database_url) as other:
        homes = [home, home, tmp_path / "elsewhere", tmp_path / "elsewhere"]
        databases = [database, other, database, other]
        made = await asyncio.gather(*map(ensure_first_administrator, databases, homes))
    (file,) = [each for each in made if each is not None]
    assert [each for each in {home, tmp_path / "elsewhere"} if (each / "first-password").exists()] == [file.parent]
    assert await services.signing_in.sign_in("admin", Proof(file.read_text().strip()), PEER)
