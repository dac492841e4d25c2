"""Signing in, and how long that holds: on every replica, with the next request."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

import asyncpg
import pyotp
import pytest

from eopiez_ray.errors import (
    CrossSiteError,
    NotSignedInError,
    PasswordChangeNeededError,
    SecondFactorNeededError,
    StoreError,
    TooManyRequestsError,
)
from eopiez_ray.gateway.identity import guessing, opaque, passwords, tokens, totp
from eopiez_ray.gateway.identity.authenticator import COOKIE
from eopiez_ray.gateway.identity.origins import HEADER
from eopiez_ray.gateway.identity.services import IdentityServices
from eopiez_ray.gateway.identity.signing_in import REFUSAL, Proof, SignedIn
from eopiez_ray.model.access import Role
from eopiez_ray.model.audit import Entry, Outcome
from eopiez_ray.store import Database
from eopiez_ray.store.accounts import Standing
from eopiez_ray.store.audit import AuditFilter

from ...waiting import until
from .given import ELSEWHERE, PASSWORD, PEER, PROOF, bearing, later, member, newcomer, request, signed_in, user

WRONG = Proof("eichenblatt im wind")


async def test_who_signs_in_is_known_on_every_replica(services: IdentityServices, others: IdentityServices) -> None:
    anna = await member(services)
    session = await signed_in(services)
    for replica in (services, others):
        caller = await replica.authenticator.caller(bearing(session.access_token))
        assert (caller.user_id, caller.name, caller.session_id) == (anna, "anna", session.session_id)
        assert caller.roles == {"default": Role.DEVELOPER}


async def test_case_of_the_login_does_not_matter(services: IdentityServices) -> None:
    await user(services)
    assert (await services.signing_in.sign_in(" ANNA ", PROOF, PEER)).login == "anna"


async def test_no_answer_tells_whether_an_account_exists_v5_0_0_6_3_8(services: IdentityServices) -> None:
    anna = await user(services, "anna")
    await user(services, "root", administrator=True)
    view = await services.accounts.get(anna)
    await services.accounts.update(anna, view.version, Standing("", None, False, is_disabled=True))
    for login, proof in (("nobody", WRONG), ("root", WRONG), ("anna", PROOF), ("anna", WRONG), ("\udcff\0", WRONG)):
        with pytest.raises(NotSignedInError, match=f"^{REFUSAL}$"):
            await services.signing_in.sign_in(login, proof, PEER)


async def test_refusal_takes_the_same_time_v5_0_0_6_3_8(
    services: IdentityServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both verify one hash with the same effort, which is nearly all the time there is."""
    await user(services)
    verify, hashes = passwords._verify, dict[str, list[str]]()

    def noted(password: str, stored: str) -> bool:
        hashes.setdefault(login, []).append(stored.rpartition("$")[0].rpartition("$")[0])
        return verify(password, stored)

    monkeypatch.setattr(passwords, "_verify", noted)
    for login in ("anna", "nobody"):
        with pytest.raises(NotSignedInError):
            await services.signing_in.sign_in(login, WRONG, PEER)
    assert len(hashes["anna"]) == 1
    assert hashes["anna"] == hashes["nobody"], "the same algorithm, memory, rounds and lanes"


async def test_logout_holds_on_every_replica_v5_0_0_7_4_1(services: IdentityServices, others: IdentityServices) -> None:
    anna = await user(services)
    session = await signed_in(services)
    assert await others.authenticator.caller(bearing(session.access_token))
    await services.sessions.end(session.session_id, anna)
    for replica in (services, others):
        with pytest.raises(NotSignedInError):
            await replica.authenticator.caller(bearing(session.access_token))
        with pytest.raises(NotSignedInError):
            await replica.signing_in.refresh(session.refresh_token, PEER)


async def test_disabling_ends_all_sessions_v5_0_0_7_4_2(services: IdentityServices, others: IdentityServices) -> None:
    anna = await user(services)
    await user(services, "root", administrator=True)
    sessions = [await signed_in(services) for _ in range(2)]
    view = await services.accounts.get(anna)
    await services.accounts.update(anna, view.version, Standing("", None, False, is_disabled=True))
    for session in sessions:
        with pytest.raises(NotSignedInError):
            await others.authenticator.caller(bearing(session.access_token))
    assert await services.sessions.of_user(anna) == []


async def test_a_change_of_role_holds_with_the_next_request_v5_0_0_8_3_2(
    services: IdentityServices, others: IdentityServices
) -> None:
    anna = await member(services)
    token = (await signed_in(services)).access_token
    await services.accounts.put_member("default", anna, Role.VIEWER)
    assert (await others.authenticator.caller(bearing(token))).roles == {"default": Role.VIEWER}
    await services.accounts.drop_member("default", anna)
    assert (await others.authenticator.caller(bearing(token))).roles == {}


async def test_an_idle_session_ends_v5_0_0_7_3_1(services: IdentityServices, database: Database) -> None:
    await user(services)
    session = await signed_in(services)
    await later(database, "sessions", "idle_until", "1 hour")
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(bearing(session.access_token))
    with pytest.raises(NotSignedInError):
        await services.signing_in.refresh(session.refresh_token, PEER)


async def test_use_keeps_a_session_v5_0_0_7_3_1(services: IdentityServices, database: Database) -> None:
    anna = await user(services)
    session = await signed_in(services)
    for column in ("idle_until", "last_seen_at"):
        await later(database, "sessions", column, "50 minutes")
    await services.authenticator.caller(bearing(session.access_token))
    (seen,) = await services.sessions.of_user(anna)
    assert seen.idle_until - seen.last_seen_at == timedelta(hours=1)
    assert abs(seen.last_seen_at - seen.created_at) < timedelta(minutes=1)


async def test_a_session_ends_however_it_is_used_v5_0_0_7_3_2(services: IdentityServices, database: Database) -> None:
    await user(services)
    session = await signed_in(services)
    await later(database, "sessions", "expires_at", "24 hours")
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(bearing(session.access_token))
    with pytest.raises(NotSignedInError):
        await services.signing_in.refresh(session.refresh_token, PEER)


async def test_a_refresh_token_gives_the_next_one(services: IdentityServices, others: IdentityServices) -> None:
    await user(services)
    first = await signed_in(services)
    second = await others.signing_in.refresh(first.refresh_token, PEER)
    assert second.session_id == first.session_id
    assert second.refresh_token != first.refresh_token
    assert await services.authenticator.caller(bearing(second.access_token))


async def test_a_reused_refresh_token_ends_its_session(services: IdentityServices, others: IdentityServices) -> None:
    await user(services)
    first = await signed_in(services)
    second = await services.signing_in.refresh(first.refresh_token, PEER)
    with pytest.raises(NotSignedInError):
        await others.signing_in.refresh(first.refresh_token, ELSEWHERE)
    for token in (first.access_token, second.access_token):
        with pytest.raises(NotSignedInError):
            await services.authenticator.caller(bearing(token))
    with pytest.raises(NotSignedInError):
        await services.signing_in.refresh(second.refresh_token, PEER)
    (row,) = await services.audit.page(AuditFilter(action="session.reuse"))
    assert (row.entry.result, row.entry.actor, row.entry.address) == (Outcome.REFUSED, "anna", ELSEWHERE.address)


async def test_of_two_refreshes_at_once_one_wins(services: IdentityServices, others: IdentityServices) -> None:
    await user(services)
    first = await signed_in(services)
    replicas = (services, others)
    outcomes = await asyncio.gather(
        *(replica.signing_in.refresh(first.refresh_token, PEER) for replica in replicas), return_exceptions=True
    )
    assert sorted(isinstance(outcome, NotSignedInError) for outcome in outcomes) == [False, True]


async def test_tokens_of_one_purpose_do_not_pass_for_another_v5_0_0_9_2_2(services: IdentityServices) -> None:
    await user(services)
    session = await signed_in(services)
    browser = await services.signing_in.sign_in_browser("anna", PROOF, PEER)
    for wrong in (session.refresh_token, browser.cookie):
        with pytest.raises(NotSignedInError):
            await services.authenticator.caller(bearing(wrong))
    for wrong in (session.access_token, session.refresh_token):
        with pytest.raises(NotSignedInError):
            await services.authenticator.caller(request(cookie=f"{COOKIE}={wrong}"))
    with pytest.raises(NotSignedInError):
        await services.signing_in.refresh(browser.cookie, PEER)


async def test_a_token_that_held_expires_v5_0_0_9_2_1(
    services: IdentityServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await user(services)
    session = await signed_in(services)
    monkeypatch.setattr(tokens, "now", lambda: datetime.now(UTC) - timedelta(minutes=4, seconds=58))
    token = await services.signer.sign(anna, session.session_id)
    monkeypatch.undo()
    assert await services.authenticator.caller(bearing(token))
    end = time.time() + 8
    monkeypatch.setattr(time, "time", lambda: end)
    monkeypatch.setattr("jwt.api_jwt.datetime", _Later)
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(bearing(token))


class _Later(datetime):
    """A clock that is 8 seconds ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(seconds=8)


async def test_a_token_says_its_own_user(services: IdentityServices) -> None:
    """A session of somebody else, named in a token that is signed well, does not make the caller somebody else."""
    await user(services, "anna")
    ben = await user(services, "ben")
    anna = await signed_in(services, "anna")
    token = await services.signer.sign(ben, anna.session_id)
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(bearing(token))


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer \xff", "eopiez_key_x"]
)
async def test_other_credentials_are_refused(services: IdentityServices, given: str) -> None:
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(request(authorization=given))


async def test_no_credentials_are_refused(services: IdentityServices) -> None:
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(request())


async def test_a_refused_header_is_not_made_good_by_a_cookie(services: IdentityServices) -> None:
    await user(services)
    browser = await services.signing_in.sign_in_browser("anna", PROOF, PEER)
    cookie = f"{COOKIE}={browser.cookie}"
    assert await services.authenticator.caller(request(cookie=cookie))
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(request(cookie=cookie, authorization="Bearer nonsense"))


async def test_a_cookie_needs_a_page_of_ours_v5_0_0_3_5_1(services: IdentityServices) -> None:
    await user(services)
    cookie = f"{COOKIE}={(await services.signing_in.sign_in_browser('anna', PROOF, PEER)).cookie}"
    own = {"sec-fetch-site": "same-origin", HEADER: "1"}
    assert await services.authenticator.caller(request("POST", cookie=cookie, **own))
    with pytest.raises(CrossSiteError):
        await services.authenticator.caller(request("POST", cookie=cookie))


async def test_an_initial_password_works_once_and_must_be_changed_v5_0_0_6_4_1(services: IdentityServices) -> None:
    anna = await newcomer(services)
    session = await signed_in(services)
    assert session.must_change_password
    with pytest.raises(PasswordChangeNeededError):
        await services.authenticator.caller(bearing(session.access_token))
    with pytest.raises(NotSignedInError, match=REFUSAL):
        await signed_in(services)
    await services.accounts.set_password(
        anna, await services.hasher.hash("lindenblatt im wind"), keep=session.session_id
    )
    assert await services.authenticator.caller(bearing(session.access_token))
    with pytest.raises(NotSignedInError):
        await signed_in(services)


async def test_of_two_sign_ins_at_once_with_an_initial_password_one_wins(
    services: IdentityServices, others: IdentityServices
) -> None:
    await newcomer(services)
    outcomes = await asyncio.gather(signed_in(services), signed_in(others), return_exceptions=True)
    assert sorted(isinstance(outcome, NotSignedInError) for outcome in outcomes) == [False, True]


async def test_an_initial_password_expires_v5_0_0_6_4_1(services: IdentityServices) -> None:
    await newcomer(services, life=timedelta(seconds=-1))
    with pytest.raises(NotSignedInError, match=REFUSAL):
        await signed_in(services)


async def second_factor(services: IdentityServices) -> tuple[str, list[str]]:
    """Give Anna a second factor; gives its secret, and recovery codes."""
    anna = await user(services)
    secret, codes = totp.new_secret(), opaque.recovery_codes()
    await services.factors.propose(anna, secret)
    assert await services.factors.confirm(anna, secret, 0, [opaque.stored_code(code) for code in codes])
    return secret, codes


async def test_a_second_factor_is_asked_for_v5_0_0_6_3_3(services: IdentityServices) -> None:
    secret, _ = await second_factor(services)
    with pytest.raises(SecondFactorNeededError):
        await signed_in(services)
    with pytest.raises(NotSignedInError, match=REFUSAL):
        await services.signing_in.sign_in("anna", Proof(PASSWORD, "000000"), PEER)
    assert await services.signing_in.sign_in("anna", Proof(PASSWORD, pyotp.TOTP(secret).now()), PEER)


async def test_who_lacks_the_password_does_not_learn_of_the_second_factor(services: IdentityServices) -> None:
    await second_factor(services)
    with pytest.raises(NotSignedInError, match=f"^{REFUSAL}$") as caught:
        await services.signing_in.sign_in("anna", WRONG, PEER)
    assert not isinstance(caught.value, SecondFactorNeededError)


async def test_a_code_is_used_once_on_all_replicas_v5_0_0_6_5_1(
    services: IdentityServices, others: IdentityServices
) -> None:
    secret, _ = await second_factor(services)
    proof = Proof(PASSWORD, pyotp.TOTP(secret).now())
    replicas = (services, others)
    outcomes = await asyncio.gather(
        *(replica.signing_in.sign_in("anna", proof, PEER) for replica in replicas), return_exceptions=True
    )
    assert sorted(isinstance(outcome, NotSignedInError) for outcome in outcomes) == [False, True]
    with pytest.raises(NotSignedInError):
        await services.signing_in.sign_in("anna", proof, PEER)


async def test_a_recovery_code_is_used_once_v5_0_0_6_5_1(services: IdentityServices, others: IdentityServices) -> None:
    _, codes = await second_factor(services)
    proof = Proof(PASSWORD, codes[3])
    assert await services.signing_in.sign_in("anna", proof, PEER)
    with pytest.raises(NotSignedInError, match=REFUSAL):
        await others.signing_in.sign_in("anna", proof, PEER)
    assert await services.factors.codes_left(await services.accounts.find("anna")) == 9


async def test_codes_cannot_be_tried_from_many_addresses_v5_0_0_6_3_1(services: IdentityServices) -> None:
    await second_factor(services)
    for number in range(guessing.FREE):
        with pytest.raises(NotSignedInError):
            await services.signing_in.sign_in(
                "anna", Proof(PASSWORD, "000000"), replace(PEER, address=f"192.0.2.{number}")
            )
    with pytest.raises(TooManyRequestsError):
        await services.signing_in.sign_in("anna", Proof(PASSWORD, "000000"), ELSEWHERE)


async def test_guessing_waits_on_all_replicas_v5_0_0_6_3_1(
    services: IdentityServices, others: IdentityServices
) -> None:
    await user(services)
    for replica in (services, others, services, others, services):
        with pytest.raises(NotSignedInError):
            await replica.signing_in.sign_in("anna", WRONG, PEER)
    for replica in (services, others):
        with pytest.raises(TooManyRequestsError) as caught:
            await replica.signing_in.sign_in("anna", PROOF, PEER)
        assert 0 < caught.value.retry_after_s <= 1


async def test_guesses_at_once_do_not_pass_v5_0_0_6_3_1(services: IdentityServices) -> None:
    await user(services)
    tries = (services.signing_in.sign_in("anna", WRONG, PEER) for _ in range(20))
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, NotSignedInError) for outcome in outcomes) == guessing.FREE


async def test_nobody_can_lock_out_another_v5_0_0_6_1_1(services: IdentityServices) -> None:
    await user(services)
    for _ in range(guessing.FREE):
        with pytest.raises(NotSignedInError):
            await services.signing_in.sign_in("anna", WRONG, ELSEWHERE)
    with pytest.raises(TooManyRequestsError):
        await services.signing_in.sign_in("anna", WRONG, ELSEWHERE)
    assert await signed_in(services)


async def test_an_account_that_does_not_exist_waits_likewise(services: IdentityServices) -> None:
    for _ in range(guessing.FREE):
        with pytest.raises(NotSignedInError):
            await services.signing_in.sign_in("nobody", WRONG, PEER)
    with pytest.raises(TooManyRequestsError):
        await services.signing_in.sign_in("nobody", WRONG, PEER)


async def test_waiting_helps_and_success_forgets(services: IdentityServices, database: Database) -> None:
    await user(services)
    for _ in range(guessing.FREE):
        with pytest.raises(NotSignedInError):
            await services.signing_in.sign_in("anna", WRONG, PEER)
    await later(database, "guesses", "blocked_until", "2 seconds")
    assert await signed_in(services)
    assert await database.fetch("select * from guesses") == []


async def test_of_too_many_sessions_the_oldest_end_v5_0_0_7_1_2(services: IdentityServices) -> None:
    anna = await user(services)
    made = [await services.signing_in.start(anna, "anna", PEER) for _ in range(52)]
    held = await services.sessions.of_user(anna)
    newest = sorted((session.session_id for session in made), reverse=True)[:50]
    assert [session.id for session in held] == newest


async def test_what_is_of_no_use_is_forgotten_and_nothing_else(services: IdentityServices, database: Database) -> None:
    anna = await user(services)
    old, new = await signed_in(services), await signed_in(services)
    for login in ("old", "new"):
        with pytest.raises(NotSignedInError):
            await services.signing_in.sign_in(login, WRONG, PEER)
    old_account = guessing.account_key("old")
    await database.fetch("update sessions set expires_at = now() - interval '31 days' where id = $1", old.session_id)
    await database.fetch("update guesses set last_at = now() - interval '25 hours' where account = $1", old_account)
    await services.sweep()
    assert [session.id for session in await services.sessions.of_user(anna)] == [new.session_id]
    assert len(await database.fetch("select * from refresh_tokens")) == 1
    assert [row["account"] for row in await database.fetch("select account from guesses")] == [
        guessing.account_key("new")
    ]


async def test_another_signing_key_leaves_tokens_as_they_are(
    services: IdentityServices, others: IdentityServices, database: Database
) -> None:
    await user(services)
    before = await signed_in(services)
    await others.signer.rotate()
    after = await signed_in(services)
    for token in (before.access_token, after.access_token):
        assert await others.authenticator.caller(bearing(token))
    assert len(await services.signing.all_public()) == 2
    await later(database, "signing_keys", "retired_at", "10 minutes")
    with pytest.raises(NotSignedInError):
        await services.authenticator.caller(bearing(before.access_token))


async def test_replicas_agree_on_the_first_signing_key(services: IdentityServices, others: IdentityServices) -> None:
    pairs = await asyncio.gather(*(each.signing.current(each.signer._new) for each in (services, others) * 5))
    assert len({kid for kid, _, _ in pairs}) == 1


async def test_sign_ins_and_refusals_are_audited_v5_0_0_16_3_1(services: IdentityServices) -> None:
    anna = await user(services)
    await signed_in(services)
    for login in ("anna", "hunter2-typed-in-the-wrong-field"):
        with pytest.raises(NotSignedInError):
            await services.signing_in.sign_in(login, WRONG, PEER)
    rows = [row.entry for row in await services.audit.page(AuditFilter(action="session.create"))]
    assert [(row.actor, row.result) for row in rows] == [("", "refused"), ("anna", "refused"), ("anna", "done")]
    assert (rows[2].actor_id, rows[2].address, rows[2].request_id) == (anna, PEER.address, PEER.request_id)


CUT = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = $1"


async def test_lost_connections_leave_no_half_sign_in_and_a_whole_chain(
    services: IdentityServices, database_url: str
) -> None:
    """Whoever got an answer is signed in, and in the log; all others may try again."""
    await user(services)
    cutter = await asyncpg.connect(database_url)
    name = await cutter.fetchval("select current_database()")
    made: list[SignedIn] = []
    for number in range(12):
        outcomes = await cut_off(services, cutter, name, number % 3)
        made += [outcome for outcome in outcomes if isinstance(outcome, SignedIn)]
        assert all(isinstance(each, SignedIn | StoreError | TooManyRequestsError) for each in outcomes), outcomes
    await cutter.close()
    made.append(await eventually_signed_in(services))
    for each in made:
        assert await services.authenticator.caller(bearing(each.access_token))
    await services.trail.record(Entry("last"))
    rows = await services.audit.page(AuditFilter(action="session.create", result=Outcome.DONE), limit=1000)
    assert {str(each.session_id) for each in made} <= {row.entry.object for row in rows}
    assert (await services.audit.verify())[1] == []


async def cut_off(
    services: IdentityServices, cutter: asyncpg.Connection[asyncpg.Record], name: str, phase: int
) -> list[SignedIn | BaseException]:
    """Three sign-ins whose connections are cut: at once, while passwords are hashed, or after that."""
    signing = asyncio.gather(*(signed_in(services) for _ in range(3)), return_exceptions=True)
    if phase > 0:
        await until(lambda: services.hasher._waiting > 0 or signing.done())
    if phase > 1:
        await until(lambda: services.hasher._waiting == 0 or signing.done())
    await cutter.fetch(CUT, name)
    return await signing


async def eventually_signed_in(services: IdentityServices) -> SignedIn:
    """A session, once the failures that lost connections left behind are waited for."""

    async def tried() -> SignedIn | None:
        try:
            return await signed_in(services)
        except (StoreError, TooManyRequestsError):
            return None

    session: SignedIn = await until(tried)
    return session


async def test_secrets_are_in_no_row_and_no_representation_v5_0_0_16_2_5(
    services: IdentityServices, database: Database
) -> None:
    await user(services)
    session = await signed_in(services)
    browser = await services.signing_in.sign_in_browser("anna", PROOF, PEER)
    secrets = [PASSWORD, session.access_token, session.refresh_token, browser.cookie]
    tables = ("users", "sessions", "refresh_tokens", "audit", "guesses")
    text = " ".join([str(await database.fetch(f"select {each}::text from {each}")) for each in tables])
    for secret in secrets:
        assert secret not in text
        assert secret not in repr((session, browser, PROOF))
