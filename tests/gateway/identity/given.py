"""People, and requests as they come in."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.requests import Request

from eopiez_ray.gateway.identity.peers import Peer
from eopiez_ray.gateway.identity.services import IdentityServices
from eopiez_ray.gateway.identity.signing_in import Proof, SignedIn
from eopiez_ray.gateway.identity.tokens import now
from eopiez_ray.model.access import Role
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from eopiez_ray.store.accounts import NewUser

PASSWORD = "ulmenblatt im wind"
PROOF = Proof(PASSWORD)
PEER = Peer("192.0.2.7", "tests", "request-1")
ELSEWHERE = Peer("198.51.100.9", "tests", "request-2")
QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
"""Argon2id with little effort; ``test_passwords.py`` holds what is deployed."""


def settings_of(database_url: str, home: Path) -> Settings:
    """Settings of a replica."""
    return Settings(database_url=database_url, home=home, public_url="https://eopiez.example.com")


@cache
def hashed() -> str:
    """The hash of ``PASSWORD``."""
    return QUICK.hash(PASSWORD)


async def user(services: IdentityServices, login: str = "anna", *, administrator: bool = False) -> UUID:
    """A user whose password is ``PASSWORD``."""
    return await services.accounts.create(NewUser(login, hashed(), is_system_administrator=administrator))


async def newcomer(services: IdentityServices, login: str = "anna", life: timedelta = timedelta(days=7)) -> UUID:
    """A user whose password has to be changed."""
    return await services.accounts.create(NewUser(login, hashed(), now() + life))


async def member(services: IdentityServices, login: str = "anna", role: Role = Role.DEVELOPER) -> UUID:
    """A user with a role in the project ``default``."""
    made = await user(services, login)
    await services.accounts.put_member("default", made, role)
    return made


def request(method: str = "GET", **headers: str) -> Request:
    """A request with those headers."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "headers": raw, "client": ("192.0.2.7", 4711)})


def bearing(token: str, method: str = "GET") -> Request:
    """A request with a token or key."""
    return request(method, authorization=f"Bearer {token}")


async def signed_in(services: IdentityServices, login: str = "anna") -> SignedIn:
    """A session of that user."""
    return await services.signing_in.sign_in(login, PROOF, PEER)


async def later(database: Database, table: str, column: str, by: str) -> None:
    """Move the times of a table back, so that now is later."""
    await database.fetch(f"update {table} set {column} = {column} - interval '{by}'")
