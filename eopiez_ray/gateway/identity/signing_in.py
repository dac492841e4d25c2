"""Signing in, staying signed in, and showing again who one is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from ...errors import NotSignedInError, SecondFactorNeededError, TooManyRequestsError
from ...model.accounts import canonical_login
from ...model.audit import Entry, Outcome
from ...store.sessions import NewSession
from . import guessing, opaque, tokens, totp
from .opaque import Purpose

if TYPE_CHECKING:
    from ...model.accounts import Identity
    from ...sealing import Seal
    from ...store.accounts import Accounts, Credentials
    from ...store.factors import Factors
    from ...store.guesses import Guesses
    from ...store.sessions import Renewal, Sessions
    from .passwords import Hasher
    from .peers import Peer
    from .signer import Signer
    from .trail import Trail

REFUSAL = "login, password or code do not match, or too much time has passed"
"""Whatever it is, and whether or not the account exists."""
CODE = "code"
"""Stands for the network where codes of second factors are counted: only who knows the password gets there."""
RECENT = timedelta(minutes=5)
"""How long a sign-in at an identity provider counts as showing again who one is."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody shows to prove who they are."""

    password: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    """Of the second factor, or a recovery code."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things hold."""

    idle: timedelta
    session: timedelta
    token: timedelta


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in gives: tokens for programs, or a cookie for browsers."""

    session_id: UUID
    user_id: UUID
    login: str
    must_change_password: bool
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Stores:
    """What a sign-in reads and writes."""

    accounts: Accounts
    sessions: Sessions
    factors: Factors
    guesses: Guesses


@dataclass(frozen=True, slots=True)
class Keeping:
    """What keeps and uses secrets that have to be read again."""

    seal: Seal
    signer: Signer


class SigningIn:
    """Signs people in."""

    def __init__(self, stores: Stores, hasher: Hasher, trail: Trail, keeping: Keeping, lifetimes: Lifetimes) -> None:
        self._stores, self._hasher, self._trail = stores, hasher, trail
        self._keeping, self._lifetimes = keeping, lifetimes

    async def sign_in(self, login: str, proof: Proof, peer: Peer) -> SignedIn:
        """Start a session for a program.

        Raises:
            NotSignedInError: the proof does not hold, or there is no such account: same answer, same time.
            SecondFactorNeededError: the password holds, and a code is needed.
            TooManyRequestsError: too many attempts at this account from this network.
        """
        credentials = await self._admitted(login, proof, peer)
        return await self.start(credentials.user_id, credentials.login, peer)

    async def sign_in_browser(self, login: str, proof: Proof, peer: Peer) -> SignedIn:
        """Start a session for a browser. Errors as in ``sign_in``."""
        credentials = await self._admitted(login, proof, peer)
        return await self.start_browser(credentials.user_id, credentials.login, peer)

    async def start(self, user_id: UUID, login: str, peer: Peer) -> SignedIn:
        """Start a session for a program of somebody who has proven who they are."""
        refresh = opaque.new_secret(Purpose.REFRESH)
        session, _ = await self._stores.sessions.start(self._session(user_id, peer), opaque.stored(refresh))
        await self._trail.record(peer.entry("session.create", login, user_id, str(session)))
        access = await self._keeping.signer.sign(user_id, session)
        return await self._described(SignedIn(session, user_id, login, False, access, refresh))

    async def start_browser(self, user_id: UUID, login: str, peer: Peer) -> SignedIn:
        """Start a session for a browser of somebody who has proven who they are."""
        cookie = opaque.new_secret(Purpose.SESSION)
        new = replace(self._session(user_id, peer), cookie=opaque.stored(cookie))
        session, _ = await self._stores.sessions.start(new)
        await self._trail.record(peer.entry("session.create", login, user_id, str(session)))
        return await self._described(SignedIn(session, user_id, login, False, cookie=cookie))

    async def refresh(self, token: str, peer: Peer) -> SignedIn:
        """Exchange a refresh token for the next one.

        Raises:
            NotSignedInError: it does not hold. If it was used before, its whole session has ended.
        """
        opaque.check_form(Purpose.REFRESH, token)
        following = opaque.new_secret(Purpose.REFRESH)
        renewal = await self._stores.sessions.refresh(
            opaque.stored(token), opaque.stored(following), self._lifetimes.idle
        )
        if renewal is None or renewal.is_reused:
            await self._refuse_refresh(renewal, peer)
        assert renewal is not None
        access = await self._keeping.signer.sign(renewal.user_id, renewal.session_id)
        return SignedIn(
            renewal.session_id, renewal.user_id, renewal.login, renewal.must_change_password, access, following
        )

    async def confirm(self, identity: Identity, proof: Proof, peer: Peer) -> None:
        """Check the password of somebody who is signed in, and their second factor if they have one.

        Raises:
            NotSignedInError: the proof does not hold.
            SecondFactorNeededError: the password holds, and a code is needed.
            TooManyRequestsError: too many attempts.
        """
        credentials = await self._confirmed(identity, proof, peer)
        if credentials.totp_secret is not None:
            await self._check_code(credentials, proof.code, peer)

    async def confirm_password(self, identity: Identity, proof: Proof, peer: Peer) -> None:
        """Check the password alone of somebody who is signed in. Errors as in ``confirm``."""
        await self._confirmed(identity, proof, peer)

    async def _admitted(self, login: str, proof: Proof, peer: Peer) -> Credentials:
        name = canonical_login(login)
        account, network = guessing.account_key(name), guessing.network_of(peer.address)
        credentials = await self._stores.accounts.credentials(name)
        await self._begin(account, network, peer, credentials)
        holds = await self._hasher.verify(proof.password, credentials.password if credentials else None)
        if credentials is None or not holds or credentials.is_barred:
            raise await self._refusal(peer, credentials, "password")
        if credentials.totp_secret is not None:
            await self._check_code(credentials, proof.code, peer)
        if await self._stores.accounts.admit(credentials.user_id) is None:
            raise await self._refusal(peer, credentials, "password")
        await self._stores.guesses.forgive(account, network)
        return credentials

    async def _confirmed(self, identity: Identity, proof: Proof, peer: Peer) -> Credentials:
        credentials = await self._stores.accounts.credentials_of(identity.caller.user_id)
        assert credentials is not None, "users are never deleted"
        if credentials.password is None:
            return _recently(identity, credentials)
        account, network = guessing.account_key(credentials.login), guessing.network_of(peer.address)
        await self._begin(account, network, peer, credentials)
        if not await self._hasher.verify(proof.password, credentials.password):
            raise await self._refusal(peer, credentials, "password")
        await self._stores.guesses.forgive(account, network)
        return credentials

    async def _check_code(self, credentials: Credentials, code: str | None, peer: Peer) -> None:
        if not code:
            raise SecondFactorNeededError("a code of your second factor is needed as well, or a recovery code")
        account = guessing.account_key(credentials.login)
        await self._begin(account, CODE, peer, credentials)
        if not await self._is_code(credentials, code):
            raise await self._refusal(peer, credentials, "code")
        await self._stores.guesses.forgive(account, CODE)

    async def _is_code(self, credentials: Credentials, code: str) -> bool:
        assert credentials.totp_secret is not None
        if not totp.has_form(code):
            return await self._stores.factors.use_code(credentials.user_id, opaque.stored_code(code))
        secret = self._keeping.seal.open(credentials.totp_secret, str(credentials.user_id))
        step = totp.step_of(secret, code, time.time())
        return step is not None and await self._stores.factors.use_step(credentials.user_id, step)

    async def _begin(self, account: bytes, network: str, peer: Peer, credentials: Credentials | None) -> None:
        """Count an attempt, or refuse it unseen."""
        wait_s = await self._stores.guesses.begin(account, network, guessing.decide)
        if wait_s > 0:
            self._trail.note(_refused(peer, credentials, "too many attempts"))
            raise TooManyRequestsError("too many attempts; wait, and try again", wait_s)

    async def _refusal(self, peer: Peer, credentials: Credentials | None, factor: str) -> NotSignedInError:
        await self._trail.record(_refused(peer, credentials, factor))
        return NotSignedInError(REFUSAL)

    async def _refuse_refresh(self, renewal: Renewal | None, peer: Peer) -> None:
        if renewal is not None:
            entry = peer.entry("session.reuse", renewal.login, renewal.user_id, str(renewal.session_id))
            await self._trail.record(replace(entry, result=Outcome.REFUSED))
        raise NotSignedInError("this refresh token does not hold; sign in again")

    def _session(self, user_id: UUID, peer: Peer) -> NewSession:
        lifetimes = self._lifetimes
        return NewSession(user_id, lifetimes.idle, lifetimes.session, None, peer.user_agent, peer.address)

    async def _described(self, signed_in: SignedIn) -> SignedIn:
        view = await self._stores.accounts.get(signed_in.user_id)
        return replace(signed_in, must_change_password=view.must_change_password)


def _recently(identity: Identity, credentials: Credentials) -> Credentials:
    signed_in_at = identity.signed_in_at
    if signed_in_at is None or tokens.now() - signed_in_at > RECENT:
        raise NotSignedInError("sign in again first: this has to be done soon after that")
    return credentials


def _refused(peer: Peer, credentials: Credentials | None, factor: str) -> Entry:
    """A refused sign-in. The login that was typed is not kept if there is none like that: it may be a password."""
    login, user_id = ("", None) if credentials is None else (credentials.login, credentials.user_id)
    entry = peer.entry("session.create", login, user_id)
    return replace(entry, result=Outcome.REFUSED, details={"because of": factor, "user agent": peer.user_agent})
