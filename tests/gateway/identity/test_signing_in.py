"""Signing in and out over HTTP, by programs and by browsers."""

from __future__ import annotations

from http import HTTPStatus

import pyotp
import pytest

from eopiez_ray.gateway.identity.authenticator import COOKIE
from eopiez_ray.gateway.identity.origins import HEADER
from eopiez_ray.gateway.identity.signing_in import REFUSAL
from eopiez_ray.model.access import Role
from eopiez_ray.store.audit import AuditFilter

from .browsing import Site, problem
from .given import PASSWORD, newcomer, user

OWN = {"Sec-Fetch-Site": "same-origin", HEADER: "1"}
NEW = "lindenblatt im regen"


async def test_tokens_open_the_way_and_logout_closes_it_everywhere(site: Site, twin: Site) -> None:
    anna, client = await site.member("anna", Role.DEVELOPER)
    other = twin.visitor(authorization=client.headers["authorization"])
    profile = (await other.get("/users/profile")).json()
    assert (profile["id"], profile["login"], profile["roles"]) == (str(anna), "anna", {"default": "developer"})
    assert (await client.post("/auth/logout")).status_code == HTTPStatus.NO_CONTENT
    problem(await other.get("/users/profile"), 401, "unauthenticated")
    problem(await other.get("/workflows"), 401, "unauthenticated")


async def test_refreshing_goes_on_and_reuse_ends_it(site: Site) -> None:
    await user(site.services)
    client = site.visitor()
    first = (await client.post("/auth/login", json={"login": "anna", "password": PASSWORD})).json()
    second = (await client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["expires_in"] == 300
    client.headers["Authorization"] = f"Bearer {second['access_token']}"
    assert (await client.get("/users/profile")).status_code == HTTPStatus.OK
    again = await client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    problem(again, 401, "unauthenticated")
    problem(await client.get("/users/profile"), 401, "unauthenticated")


async def test_refusals_say_nothing_of_the_account_nor_repeat_the_password(site: Site) -> None:
    await user(site.services)
    said = [
        problem(
            await site.visitor().post("/auth/login", json={"login": login, "password": "eichenblatt"}),
            401, "unauthenticated",
        )
        for login in ("anna", "nobody")
    ]  # fmt: skip
    assert {each["detail"] for each in said} == {REFUSAL}
    assert all({**each, "request_id": ""} == {**said[0], "request_id": ""} for each in said)
    assert "eichenblatt" not in str(said)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"login": "anna"},
        {"login": "anna", "password": ["a"]},
        {"login": "anna", "password": "x", "is_system_administrator": True},
        {"login": "a" * 201, "password": "x"},
        {"login": "anna", "password": "secret-1" * 2000},
    ],
)
async def test_what_is_no_sign_in_is_refused_without_repeating_it(site: Site, body: dict[str, object]) -> None:
    answer = await site.visitor().post("/auth/login", json=body)
    problem(answer, 422, "invalid-request")
    assert "secret-1" not in answer.text


async def test_a_cookie_is_for_browsers_v5_0_0_3_3(site: Site) -> None:
    """``Secure``, ``HttpOnly``, ``SameSite`` and ``__Host-``: v5.0.0-3.3.1 to 3.3.4."""
    await user(site.services)
    browser = site.visitor(**OWN)
    body = {"login": "anna", "password": PASSWORD, "cookie": True}
    answer = await browser.post("/auth/login", json=body)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {part.strip().casefold() for part in cookie.split(";")[1:]} == {
        "httponly", "path=/", "samesite=strict", "secure",
    }  # fmt: skip
    assert answer.json()["access_token"] is None
    assert cookie.partition("=")[2].partition(";")[0] not in answer.text
    assert (await browser.get("/users/profile")).json()["login"] == "anna"
    assert len(cookie) < 4096


async def test_cookies_serve_pages_of_ours_alone_v5_0_0_3_5_1(site: Site) -> None:
    await user(site.services)
    browser = site.visitor(**OWN)
    await browser.post("/auth/login", json={"login": "anna", "password": PASSWORD, "cookie": True})
    forged = site.visitor(cookie=f"{COOKIE}={browser.cookies[COOKIE]}")
    problem(await forged.post("/auth/logout"), 403, "cross-site")
    problem(
        await forged.post("/auth/logout", headers={HEADER: "1", "Origin": "https://example.org"}), 403, "cross-site"
    )
    problem(await forged.get("/users/profile", headers={"Sec-Fetch-Site": "cross-site"}), 403, "cross-site")
    assert (await browser.get("/users/profile")).status_code == HTTPStatus.OK
    answer = await browser.post("/auth/logout")
    assert answer.status_code == HTTPStatus.NO_CONTENT
    assert "Max-Age=0" in answer.headers["set-cookie"]
    problem(await forged.get("/users/profile"), 401, "unauthenticated")


async def test_nobody_is_signed_in_by_another_page(site: Site) -> None:
    await user(site.services)
    body = {"login": "anna", "password": PASSWORD, "cookie": True}
    problem(await site.visitor().post("/auth/login", json=body), 403, "cross-site")


async def test_waiting_is_said_in_seconds_v5_0_0_6_3_1(site: Site) -> None:
    await user(site.services)
    guesser, body = site.visitor("198.51.100.9"), {"login": "anna", "password": "eichenblatt"}
    for _ in range(5):
        problem(await guesser.post("/auth/login", json=body), 401, "unauthenticated")
    answer = await guesser.post("/auth/login", json=body)
    problem(answer, 429, "too-many-requests")
    assert answer.headers["retry-after"] == "1"
    problem(
        await guesser.post("/auth/login", json=body, headers={"X-Forwarded-For": "203.0.113.1"}),
        429,
        "too-many-requests",
    )
    assert await site.session("anna")


async def test_a_network_cannot_try_passwords_on_every_account_v5_0_0_6_3_1(site: Site, twin: Site) -> None:
    statuses = []
    for number in range(70):
        client = (site, twin)[number % 2].visitor("198.51.100.9")
        answer = await client.post("/auth/login", json={"login": f"user{number}", "password": "x" * 300})
        statuses.append(answer.status_code)
    assert statuses[:50] == [401] * 50
    assert statuses[-1] == 429


async def test_an_initial_password_allows_its_change_alone_v5_0_0_6_4_1(site: Site, twin: Site) -> None:
    await newcomer(site.services)
    client = await site.session("anna")
    for path in ("/users/profile", "/workflows", "/users/sessions", "/keys"):
        problem(await client.get(path), 403, "password-change-needed")
    problem(
        await client.post("/users/profile/password", json={"password": PASSWORD, "new_password": PASSWORD}),
        409, "account-refused",
    )  # fmt: skip
    answer = await client.post("/users/profile/password", json={"password": PASSWORD, "new_password": NEW})
    assert answer.status_code == HTTPStatus.OK, answer.text
    assert not answer.json()["must_change_password"]
    fresh = twin.visitor(authorization=f"Bearer {answer.json()['access_token']}")
    assert (await fresh.get("/users/profile")).status_code == HTTPStatus.OK
    assert (await site.session("anna", NEW)) is not None


async def test_a_new_password_needs_the_present_one_v5_0_0_6_2_3(site: Site) -> None:
    await user(site.services)
    client = await site.session("anna")
    wrong = await client.post("/users/profile/password", json={"password": "eichenblatt", "new_password": NEW})
    problem(wrong, 401, "unauthenticated")
    for weak in ("short", "password123", "anna-anna-anna"):
        answer = await client.post("/users/profile/password", json={"password": PASSWORD, "new_password": weak})
        problem(answer, 422, "weak-password")
        assert weak not in answer.text
    assert await site.session("anna", PASSWORD)


async def test_a_new_password_ends_all_sessions_and_starts_another_v5_0_0_7_2_4_and_7_4_3(site: Site) -> None:
    await user(site.services)
    client, other = await site.session("anna"), await site.session("anna")
    answer = await client.post("/users/profile/password", json={"password": PASSWORD, "new_password": NEW})
    for old in (client, other):
        problem(await old.get("/users/profile"), 401, "unauthenticated")
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    (session,) = (await client.get("/users/sessions")).json()["items"]
    assert session["is_current"]


async def test_own_sessions_are_seen_and_ended_v5_0_0_7_5_2(site: Site) -> None:
    await user(site.services)
    await user(site.services, "ben")
    client, other, ben = await site.session("anna"), await site.session("anna"), await site.session("ben")
    sessions = (await client.get("/users/sessions")).json()["items"]
    assert [session["is_current"] for session in sessions] == [False, True]
    path = f"/users/sessions/{sessions[0]['id']}"
    problem(await client.request("DELETE", path, json={"password": "eichenblatt"}), 401, "unauthenticated")
    problem(await ben.request("DELETE", path, json={"password": PASSWORD}), 404, "not-found")
    assert (await other.get("/users/profile")).status_code == HTTPStatus.OK
    assert (await client.request("DELETE", path, json={"password": PASSWORD})).status_code == HTTPStatus.NO_CONTENT
    problem(await other.get("/users/profile"), 401, "unauthenticated")


async def test_all_other_sessions_are_ended_at_once_v5_0_0_7_4_3(site: Site) -> None:
    await user(site.services)
    client, other = await site.session("anna"), await site.session("anna")
    left = (await client.post("/users/sessions/end", json={"password": PASSWORD})).json()["items"]
    assert [session["is_current"] for session in left] == [True]
    problem(await other.get("/users/profile"), 401, "unauthenticated")


async def test_a_second_factor_from_setting_up_to_removal_v5_0_0_7_5_1(site: Site) -> None:
    await user(site.services)
    client = await site.session("anna")
    problem(await client.post("/users/profile/totp", json={"password": "eichenblatt"}), 401, "unauthenticated")
    proposed = (await client.post("/users/profile/totp", json={"password": PASSWORD})).json()
    assert pyotp.parse_uri(proposed["address"]).secret == proposed["secret"]
    assert await site.session("anna"), "it is not asked for before it is confirmed"
    problem(await client.post("/users/profile/totp/confirm", json={"code": "000000"}), 401, "unauthenticated")
    code = pyotp.TOTP(proposed["secret"]).now()
    codes = (await client.post("/users/profile/totp/confirm", json={"code": code})).json()["codes"]
    assert (await client.get("/users/profile")).json()["has_totp"]

    body = {"login": "anna", "password": PASSWORD}
    problem(await site.visitor().post("/auth/login", json=body), 401, "second-factor-needed")
    problem(await site.visitor().post("/auth/login", json=body | {"code": code}), 401, "unauthenticated")
    answer = await site.visitor().post("/auth/login", json=body | {"code": codes[0]})
    assert answer.status_code == HTTPStatus.OK

    problem(
        await client.request("DELETE", "/users/profile/totp", json={"password": PASSWORD}), 401, "second-factor-needed"
    )
    answer = await client.request("DELETE", "/users/profile/totp", json={"password": PASSWORD, "code": codes[1]})
    assert answer.status_code == HTTPStatus.NO_CONTENT
    assert await site.session("anna")


async def test_recovery_codes_are_renewed(site: Site) -> None:
    await user(site.services)
    client = await site.session("anna")
    problem(await client.post("/users/profile/recovery-codes", json={"password": PASSWORD}), 409, "account-refused")
    secret = (await client.post("/users/profile/totp", json={"password": PASSWORD})).json()["secret"]
    code = pyotp.TOTP(secret).now()
    old = (await client.post("/users/profile/totp/confirm", json={"code": code})).json()["codes"]
    answer = await client.post("/users/profile/recovery-codes", json={"password": PASSWORD, "code": old[0]})
    new = answer.json()["codes"]
    body = {"login": "anna", "password": PASSWORD}
    problem(await site.visitor().post("/auth/login", json=body | {"code": old[1]}), 401, "unauthenticated")
    assert (await site.visitor().post("/auth/login", json=body | {"code": new[1]})).status_code == HTTPStatus.OK


async def test_a_profile_changes_from_the_version_that_was_read(site: Site) -> None:
    _, client = await site.member("anna", Role.VIEWER)
    read = await client.get("/users/profile")
    change = {"display_name": "Anna", "time_zone": "Europe/Zurich", "default_project": "default"}
    problem(await client.put("/users/profile", json=change), 428, "version-missing")
    tag = {"If-Match": read.headers["etag"]}
    changed = await client.put("/users/profile", json=change, headers=tag)
    assert changed.json()["display_name"] == "Anna"
    problem(await client.put("/users/profile", json=change, headers=tag), 412, "changed-meanwhile")
    fresh = {"If-Match": changed.headers["etag"]}
    for wrong, status, name in (
        ({"time_zone": "Mars/Olympus"}, 422, "invalid-parameter"),
        ({"default_project": "red"}, 409, "account-refused"),
        ({"email": "anna", "password": PASSWORD}, 422, "invalid-parameter"),
        ({"is_system_administrator": True}, 422, "invalid-request"),
        ({"time_zone": "../../etc/passwd"}, 422, "invalid-parameter"),
    ):
        problem(await client.put("/users/profile", json=change | wrong, headers=fresh), status, name)


async def test_another_address_needs_the_password_v5_0_0_7_5_1(site: Site) -> None:
    await user(site.services)
    client = await site.session("anna")
    tag = {"If-Match": (await client.get("/users/profile")).headers["etag"]}
    change = {"email": "anna@example.com"}
    problem(await client.put("/users/profile", json=change, headers=tag), 401, "unauthenticated")
    answer = await client.put("/users/profile", json=change | {"password": PASSWORD}, headers=tag)
    assert answer.json()["email"] == "anna@example.com"


async def test_keys_of_tokens_are_published(site: Site) -> None:
    await user(site.services)
    await site.session("anna")
    (key,) = (await site.visitor().get("https://eopiez.example.com/.well-known/jwks.json")).json()["keys"]
    assert (key["kty"], key["crv"], key["alg"]) == ("OKP", "Ed25519", "EdDSA")
    assert "d" not in key


async def test_every_change_and_refusal_is_in_the_audit_log_v5_0_0_16_3_2(site: Site) -> None:
    _, client = await site.member("anna", Role.VIEWER)
    problem(await client.get("/users"), 403, "forbidden")
    problem(await client.get("/audit"), 403, "forbidden")
    problem(await site.visitor().get("/workflows"), 401, "unauthenticated")
    await client.post("/auth/logout")
    rows = [row.entry for row in await site.services.audit.page(AuditFilter())]
    assert [(row.action, row.actor, row.result.value) for row in reversed(rows)] == [
        ("session.create", "anna", "done"),
        ("list_users", "anna", "refused"),
        ("list_audit", "anna", "refused"),
        ("list_workflows", "", "refused"),
        ("session.end", "anna", "done"),
    ]
    assert all(row.address == "192.0.2.7" and row.request_id for row in rows)
