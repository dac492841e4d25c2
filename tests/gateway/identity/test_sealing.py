"""Secrets at rest: who reads the database, or a backup of it, can sign nothing and has no second factor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pyotp
import pytest

from eopiez_ray.errors import ParameterError, SealedError
from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.identity.tokens import SigningKey
from eopiez_ray.sealing import Seal
from eopiez_ray.store import Database

from .browsing import Site
from .given import PASSWORD, settings_of, user

KEY, OTHER = "k" * 32, "o" * 32


def test_what_was_sealed_opens_with_its_key_at_its_place_alone() -> None:
    sealed = Seal(KEY).close("secret", "anna")
    assert "secret" not in sealed
    assert sealed != Seal(KEY).close("secret", "anna")
    assert Seal(KEY).open(sealed, "anna") == "secret"
    for seal, text, place in (
        (Seal(OTHER), sealed, "anna"),
        (Seal(None), sealed, "anna"),
        (Seal(KEY), sealed, "ben"),
        (Seal(KEY), sealed[:-4] + "AAA=", "anna"),
        (Seal(KEY), sealed[:12], "anna"),
        (Seal(KEY), "sealed:é", "anna"),
    ):
        with pytest.raises(SealedError):
            seal.open(text, place)


def test_what_was_never_sealed_stays_readable() -> None:
    assert Seal(KEY).open(Seal(None).close("secret", "anna"), "anna") == "secret"


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ParameterError, match="32 random characters"):
        Seal("short")


@asynccontextmanager
async def sealed(database_url: str, home: Path, key: str | None) -> AsyncIterator[Site]:
    """A gateway with that secret."""
    app = create_app(settings_of(database_url, home).model_copy(update={"secret_key": key}))
    async with app.router.lifespan_context(app):
        yield Site(app)


async def second_factor(site: Site) -> tuple[str, list[str]]:
    """Set one up for Anna; gives its secret and recovery codes."""
    client = await site.session("anna")
    secret = (await client.post("/users/profile/totp", json={"password": PASSWORD})).json()["secret"]
    code = pyotp.TOTP(secret).now()
    answer = await client.post("/users/profile/totp/confirm", json={"code": code})
    return secret, answer.json()["codes"]


async def test_the_database_holds_neither_signing_keys_nor_second_factors_open(
    database: Database, database_url: str, home: Path
) -> None:
    async with sealed(database_url, home, KEY) as site:
        await user(site.services)
        secret, codes = await second_factor(site)
        body = {"login": "anna", "password": PASSWORD, "code": codes[0]}
        assert (await site.visitor().post("/auth/login", json=body)).status_code == HTTPStatus.OK
        (row,) = await database.fetch("select * from signing_keys")
        private = site.services.signer._opened(row["kid"], row["private_key"], row["public_key"]).private
    stored = str(await database.fetch("select private_key, (select secret from totp) from signing_keys"))
    for open_secret in (private.hex(), str(private)[2:-1], secret):
        assert open_secret not in stored


async def test_with_another_key_people_still_come_in(database_url: str, home: Path) -> None:
    async with sealed(database_url, home, KEY) as site:
        await user(site.services)
        _, codes = await second_factor(site)
        await user(site.services, "ben")
    for key in (OTHER, None, KEY):
        async with sealed(database_url, home, key) as site:
            assert await site.session("ben")
            body = {"login": "anna", "password": PASSWORD, "code": codes.pop()}
            assert (await site.visitor().post("/auth/login", json=body)).status_code == HTTPStatus.OK


async def test_keys_that_were_stored_before_there_was_a_secret_still_sign(
    database: Database, database_url: str, home: Path
) -> None:
    key = SigningKey.new()
    await database.fetch("insert into signing_keys values ($1, $2, $3)", key.kid, key.private, key.public)
    async with sealed(database_url, home, KEY) as site:
        await user(site.services)
        client = await site.session("anna")
        assert (await client.get("/users/profile")).status_code == HTTPStatus.OK
        assert [kid for kid, _ in await site.services.signing.all_public()] == [key.kid]
