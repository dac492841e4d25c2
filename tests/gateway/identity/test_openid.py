"""Sign-in at an identity provider, which is a process of its own."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from eopiez_ray.errors import IdentityProviderError, NotSignedInError
from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.identity.openid import Flow, Provider, Registration, read_id_token
from eopiez_ray.model.accounts import UserView
from eopiez_ray.store.accounts import Standing
from eopiez_ray.supervision.parts import free_ports

from ...waiting import wait_until
from .browsing import Site, problem
from .given import settings_of, user

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OURS = Registration("https://id.example.com", "eopiez", "https://eopiez.example.com/v1/auth/oidc/callback")
NONCE = "n" * 43


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration").is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The URL of a provider that knows anybody."""
    port = free_ports(1)[0]
    command = [
        sys.executable,
        "-m",
        "oidc_provider_mock",
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
        "--require-nonce",
        "true",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url) or process.poll() is not None)
        assert process.poll() is None
        yield url
        process.terminate()


@pytest_asyncio.fixture(loop_scope="session")
async def site(issuer: str, database_url: str, home: Path) -> AsyncIterator[Site]:
    """A gateway that sends people to the provider."""
    settings = settings_of(database_url, home).model_copy(update={"oidc_issuer": issuer, "oidc_client_secret": "s:e&c"})
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield Site(app)


async def known(issuer: str, subject: str, **claims: Any) -> None:
    """Let the provider know somebody."""
    async with httpx.AsyncClient() as client:
        assert (await client.put(f"{issuer}/users/{subject}", json=claims)).is_success


async def permitted(address: str, subject: str) -> str:
    """Where the provider sends a browser whose user it lets in."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(address, data={"sub": subject})
    assert answer.status_code == HTTPStatus.FOUND, answer.text
    return answer.headers["location"]


async def come_back(site: Site, subject: str) -> tuple[httpx.AsyncClient, httpx.Response]:
    """A browser that has been at the provider, and the answer to it."""
    browser = site.visitor(**{"Sec-Fetch-Site": "none"})
    begun = await browser.get("/auth/oidc")
    assert begun.status_code == HTTPStatus.SEE_OTHER, begun.text
    return browser, await browser.get(await permitted(begun.headers["location"], subject))


async def users(site: Site) -> list[UserView]:
    return await site.services.accounts.page()


async def test_whom_the_provider_knows_is_signed_in_without_any_role(site: Site, issuer: str) -> None:
    await known(
        issuer, "s-1", preferred_username="Anna Müller", email="anna@example.com", email_verified=True, name="Anna"
    )
    browser, answer = await come_back(site, "s-1")
    assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.SEE_OTHER, "/")
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    profile = (await browser.get("/users/profile")).json()
    assert (profile["login"], profile["display_name"], profile["email"]) == ("anna-müller", "Anna", "anna@example.com")
    assert profile["roles"] == {}
    assert not profile["has_password"]
    _, again = await come_back(site, "s-1")
    assert again.status_code == HTTPStatus.SEE_OTHER
    assert len(await users(site)) == 1


async def test_a_name_or_address_opens_no_account_v5_0_0_6_8_1(site: Site, issuer: str) -> None:
    root = await user(site.services, "root", administrator=True)
    await known(issuer, "s-2", preferred_username="root", email="root@example.com", email_verified=False)
    browser, _ = await come_back(site, "s-2")
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    profile = (await browser.get("/users/profile")).json()
    assert profile["id"] != str(root)
    assert (profile["login"], profile["email"], profile["is_system_administrator"]) == ("root-2", None, False)


async def test_without_a_password_nobody_signs_in_with_one(site: Site, issuer: str) -> None:
    await known(issuer, "s-3", preferred_username="cleo")
    await come_back(site, "s-3")
    for password in ("", "None", "x"):
        body = {"login": "cleo", "password": password}
        problem(await site.visitor().post("/auth/login", json=body), 401, "unauthenticated")


async def test_disabled_users_stay_outside_v5_0_0_7_4_2(site: Site, issuer: str) -> None:
    await user(site.services, "root", administrator=True)
    await known(issuer, "s-4", preferred_username="dora")
    await come_back(site, "s-4")
    (dora,) = [each for each in await users(site) if each.login == "dora"]
    await site.services.accounts.update(dora.id, dora.version, Standing("", None, False, is_disabled=True))
    _, answer = await come_back(site, "s-4")
    problem(answer, 401, "unauthenticated")


async def test_an_answer_belongs_to_the_browser_that_asked(site: Site, issuer: str) -> None:
    """Nobody is signed in to somebody else's account by a link (CSRF of the sign-in)."""
    attacker = site.visitor()
    begun = await attacker.get("/auth/oidc")
    link = await permitted(begun.headers["location"], "mallory")
    problem(await site.visitor().get(link), 401, "unauthenticated")
    victim = site.visitor()
    await victim.get("/auth/oidc")
    problem(await victim.get(link), 401, "unauthenticated")
    assert await users(site) == []


async def test_a_code_works_once(site: Site, issuer: str) -> None:
    browser = site.visitor()
    begun = await browser.get("/auth/oidc")
    kept = browser.cookies["__Host-eopiez-oidc"]
    link = await permitted(begun.headers["location"], "s-5")
    assert (await browser.get(link)).status_code == HTTPStatus.SEE_OTHER
    again = site.visitor(cookie=f"__Host-eopiez-oidc={kept}")
    problem(await again.get(link), 401, "unauthenticated")


async def test_a_refusal_and_nonsense_are_told(site: Site) -> None:
    browser = site.visitor()
    begun = await browser.get("/auth/oidc")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    problem(
        await browser.get("/auth/oidc/callback", params={"state": state, "error": "access_denied"}),
        401,
        "unauthenticated",
    )
    problem(
        await browser.get("/auth/oidc/callback", params={"state": state, "code": "made-up"}), 401, "unauthenticated"
    )
    problem(await browser.get("/auth/oidc/callback", params={"state": "é", "code": "x"}), 401, "unauthenticated")


async def test_pkce_and_nonce_are_sent(site: Site) -> None:
    browser = site.visitor()
    begun = await browser.get("/auth/oidc")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    state, nonce, verifier = browser.cookies["__Host-eopiez-oidc"].split(".")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert (asked["state"], asked["nonce"], asked["code_challenge"]) == (state, nonce, challenge)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == "https://eopiez.example.com/v1/auth/oidc/callback"


async def test_nobody_is_made_if_that_is_forbidden(issuer: str, database_url: str, home: Path) -> None:
    settings = settings_of(database_url, home).model_copy(update={"oidc_issuer": issuer, "oidc_creates_users": False})
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        _, answer = await come_back(Site(app), "s-6")
        problem(answer, 401, "unauthenticated")
        assert await users(Site(app)) == []


async def test_without_a_provider_there_is_none(database_url: str, home: Path) -> None:
    app = create_app(settings_of(database_url, home))
    async with app.router.lifespan_context(app):
        assert (await Site(app).visitor().get("/auth/oidc")).status_code == HTTPStatus.NOT_FOUND


async def test_a_provider_that_is_away_says_so() -> None:
    provider = Provider(
        Registration(f"http://127.0.0.1:{free_ports(1)[0]}", "eopiez", "https://eopiez.example.com/back")
    )
    with pytest.raises(IdentityProviderError, match="does not answer"):
        await provider.address(Flow.begin())


async def test_a_provider_that_is_another_one_is_refused(issuer: str) -> None:
    provider = Provider(Registration(issuer.replace("127.0.0.1", "localhost") + "/", "eopiez", "https://example.com/"))
    with pytest.raises(IdentityProviderError, match="another issuer"):
        await provider.address(Flow.begin())


def id_token(key: Any = KEY, algorithm: str = "RS256", **changes: Any) -> str:
    """A good ID token, or one with changes; None leaves a claim out."""
    now = datetime.now(UTC)
    good = {
        "iss": OURS.issuer, "aud": OURS.client_id, "sub": "s-7", "iat": now, "exp": now + timedelta(minutes=5),
        "nonce": NONCE,
    }  # fmt: skip
    said = {name: value for name, value in (good | changes).items() if value is not None}
    return jwt.encode(said, key, algorithm=algorithm, headers={"kid": "k"})


def published(key: Any = KEY) -> jwt.PyJWK:
    return jwt.PyJWK(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "k", "alg": "RS256"})


def test_a_good_id_token_says_who_it_is() -> None:
    subject = read_id_token(id_token(email="a@example.com", email_verified=True, name=7), published(), OURS, NONCE)
    assert (subject.subject, subject.login, subject.email, subject.display_name) == ("s-7", "a", "a@example.com", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://example.org"},
        {"aud": "others"},
        {"aud": ["eopiez", "others"], "azp": "others"},
        {"exp": datetime.now(UTC) - timedelta(minutes=2)},
        {"nonce": None},
        {"nonce": "m" * 43},
        {"nonce": 7},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 300},
        {"iat": None},
    ],
)
def test_an_id_token_for_others_is_refused_v5_0_0_6_8_2(changes: dict[str, Any]) -> None:
    with pytest.raises(NotSignedInError, match="does not hold"):
        read_id_token(id_token(**changes), published(), OURS, NONCE)


def test_an_id_token_that_others_signed_is_refused_v5_0_0_6_8_2() -> None:
    thief = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tokens = [
        id_token(thief), id_token(ec.generate_private_key(ec.SECP256R1()), "ES256"), id_token("s" * 32, "HS256"),
        id_token("", "none"), "nonsense",
    ]  # fmt: skip
    for token in tokens:
        with pytest.raises(NotSignedInError, match="does not hold"):
            read_id_token(token, published(), OURS, NONCE)


def test_what_a_browser_keeps_is_not_shown() -> None:
    flow = Flow.begin()
    assert Flow.from_cookie(flow.to_cookie()) == flow
    assert flow.verifier not in repr(flow)
    for text in ("", "a.b.c", flow.to_cookie() + "x", flow.to_cookie()[1:]):
        with pytest.raises(NotSignedInError):
            Flow.from_cookie(text)
