"""API keys: never more than their owner may, and no longer than anybody wants."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from eopiez_ray.errors import AccountExistsError, NoSuchAccountError, NotSignedInError
from eopiez_ray.gateway.identity import opaque
from eopiez_ray.gateway.identity.opaque import Purpose
from eopiez_ray.gateway.identity.services import IdentityServices
from eopiez_ray.gateway.identity.tokens import now
from eopiez_ray.model.access import Role
from eopiez_ray.store import Database
from eopiez_ray.store.accounts import Standing
from eopiez_ray.store.keys import NewKey

from .given import bearing, later, member, user


async def key_of(
    services: IdentityServices,
    owner: UUID,
    role: Role = Role.OPERATOR,
    expires_at: datetime | None = None,
    name: str = "nightly",
) -> tuple[UUID, str]:
    """A key in the project ``default``; gives its id, and itself."""
    secret = opaque.new_secret(Purpose.KEY)
    new = NewKey(owner, "default", name, role, opaque.stored(secret), opaque.shown_part(secret), expires_at)
    return await services.keys.create(new), secret


async def refused(services: IdentityServices, secret: str) -> None:
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(bearing(secret))


async def test_a_key_acts_for_its_owner_in_one_project(services: IdentityServices) -> None:
    anna = await member(services)
    key, secret = await key_of(services, anna)
    caller = await services.authenticator.caller(bearing(secret))
    assert (caller.user_id, caller.name, caller.key_id, caller.session_id) == (anna, "anna/nightly", key, None)
    assert caller.roles == {"default": Role.OPERATOR}


async def test_a_key_may_never_do_more_than_its_owner_v5_0_0_8_3_2(services: IdentityServices) -> None:
    anna = await member(services, role=Role.ADMINISTRATOR)
    _, secret = await key_of(services, anna, Role.ADMINISTRATOR)
    await services.accounts.put_member("default", anna, Role.VIEWER)
    assert (await services.authenticator.caller(bearing(secret))).roles == {"default": Role.VIEWER}
    await services.accounts.drop_member("default", anna)
    await refused(services, secret)


async def test_a_key_of_a_system_administrator_manages_one_project(services: IdentityServices) -> None:
    root = await user(services, "root", administrator=True)
    _, secret = await key_of(services, root, Role.ADMINISTRATOR)
    caller = await services.authenticator.caller(bearing(secret))
    assert not caller.is_system_administrator
    assert caller.role_in("other") is None


async def test_a_revoked_key_holds_nowhere(services: IdentityServices, others: IdentityServices) -> None:
    anna = await member(services)
    key, secret = await key_of(services, anna)
    assert await others.authenticator.caller(bearing(secret))
    assert await services.keys.revoke(key, anna) == ("default", "nightly")
    await refused(others, secret)
    with pytest.raises(NoSuchAccountError):
        await services.keys.revoke(key, anna)


async def test_an_expired_key_does_not_hold(services: IdentityServices) -> None:
    anna = await member(services)
    _, secret = await key_of(services, anna, expires_at=now() - timedelta(seconds=1))
    await refused(services, secret)


async def test_a_key_of_a_disabled_user_does_not_hold_v5_0_0_7_4_2(services: IdentityServices) -> None:
    anna = await member(services)
    await user(services, "root", administrator=True)
    _, secret = await key_of(services, anna)
    view = await services.accounts.get(anna)
    await services.accounts.update(anna, view.version, Standing("", None, False, is_disabled=True))
    await refused(services, secret)


async def test_an_unknown_key_is_refused(services: IdentityServices) -> None:
    await refused(services, opaque.new_secret(Purpose.KEY))


async def test_last_use_is_known_to_the_minute(services: IdentityServices, database: Database) -> None:
    anna = await member(services)
    _, secret = await key_of(services, anna)
    (before,) = await services.keys.page(anna)
    assert before.last_used_at is None
    await services.authenticator.caller(bearing(secret))
    (after,) = await services.keys.page(anna)
    assert after.last_used_at is not None
    assert (after.last_used_at.second, after.last_used_at.microsecond) == (0, 0)
    await later(database, "api_keys", "last_used_at", "1 hour")
    await services.authenticator.caller(bearing(secret))
    (again,) = await services.keys.page(anna)
    assert again.last_used_at is not None
    assert again.last_used_at >= after.last_used_at


async def test_nobody_else_revokes_or_sees_a_key_v5_0_0_8_2_2(services: IdentityServices) -> None:
    anna, ben = await member(services, "anna"), await member(services, "ben")
    key, secret = await key_of(services, anna)
    assert await services.keys.page(ben) == []
    with pytest.raises(NoSuchAccountError):
        await services.keys.revoke(key, ben, ["other"])
    assert await services.authenticator.caller(bearing(secret))
    assert [each.id for each in await services.keys.page(ben, ["default"])] == [key]


async def test_names_are_free_again_after_revocation(services: IdentityServices) -> None:
    anna = await member(services)
    key, _ = await key_of(services, anna)
    with pytest.raises(AccountExistsError):
        await key_of(services, anna)
    await services.keys.revoke(key, anna)
    assert await key_of(services, anna)


async def test_keys_are_listed_a_page_at_a_time(services: IdentityServices) -> None:
    anna = await member(services)
    made = [(await key_of(services, anna, name=f"key {number}"))[0] for number in range(5)]
    first = await services.keys.page(anna, limit=3)
    rest = await services.keys.page(anna, after=first[-1].id, limit=3)
    assert [key.id for key in first + rest] == sorted(made)
    assert all(key.prefix.startswith("eopiez_key_") and len(key.prefix) == 17 for key in first)
