"""Everything about identity that the requests of a replica share."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from ...errors import StoreError
from ...logs import get_logger
from ...sealing import Seal
from ...store.accounts import Accounts
from ...store.audit import AuditLog
from ...store.factors import Factors
from ...store.guesses import Guesses
from ...store.invitations import Invitations
from ...store.keys import Keys, SigningKeys
from ...store.rates import Rates
from ...store.sessions import Sessions
from .anchors import FileAnchor, WebhookAnchor
from .authenticator import Authenticator
from .guessing import FORGOTTEN_S
from .limiter import RateLimiter
from .newcomers import Newcomers
from .openid import Provider, Registration
from .passwords import Hasher
from .sampling import Sampler
from .signer import Signer
from .signing_in import Keeping, Lifetimes, SigningIn, Stores
from .tokens import TokenForm
from .trail import Trail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ...settings import Settings
    from ...store.database import Database
    from .anchors import Anchor

SWEEP_S = 600.0

log = get_logger(__name__)


class IdentityServices:
    """Accounts, sessions, keys and the audit trail of one replica. Open it with ``open_identity``."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.lifetimes = Lifetimes(
            timedelta(seconds=settings.session_idle_s),
            timedelta(seconds=settings.session_s),
            timedelta(seconds=settings.access_token_s),
        )
        self.accounts, self.sessions, self.factors = Accounts(database), Sessions(database), Factors(database)
        self.keys, self.invitations, self.audit = Keys(database), Invitations(database), AuditLog(database)
        self.signing = SigningKeys(database, timedelta(seconds=settings.signing_key_s), self.lifetimes.token)
        self.guesses, self.rates = Guesses(database), Rates(database)
        self.limiter, self.hasher = RateLimiter(self.rates), Hasher()
        self.refusals = Sampler()
        self.trail = Trail(self.audit, _anchors(settings))
        form = TokenForm(settings.public_url or settings.gateway_url, lifetime=self.lifetimes.token)
        self.authenticator = Authenticator(self.sessions, self.keys, self.signing, form, self.lifetimes.idle)
        self.seal = Seal(settings.secret_key)
        self.signer = Signer(self.signing, form, self.seal)
        stores = Stores(self.accounts, self.sessions, self.factors, self.guesses)
        keeping = Keeping(self.seal, self.signer)
        self.signing_in = SigningIn(stores, self.hasher, self.trail, keeping, self.lifetimes)

        self.provider = _provider(settings)
        """The identity provider, if there is one."""
        self.newcomers = Newcomers(self.accounts, self.trail, makes_users=settings.oidc_creates_users)

    async def sweep(self) -> None:
        """Forget sessions that ended long ago, old failures, and limits that are unused."""
        await self.sessions.forget()
        await self.guesses.forget(timedelta(seconds=FORGOTTEN_S))
        await self.rates.forget()


@asynccontextmanager
async def open_identity(database: Database, settings: Settings) -> AsyncIterator[IdentityServices]:
    """The services, as long as the block lasts; what they have to write to the audit log is written at its end."""
    services = IdentityServices(database, settings)
    services.trail.start()
    sweeping = asyncio.create_task(_sweep(services))
    try:
        yield services
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await services.trail.stop()


async def _sweep(services: IdentityServices) -> None:
    """Forget what is of no use any more, now and then; several replicas do it without harm."""
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await services.sweep()
        except StoreError as error:
            log.warning("cannot forget old sessions", error=str(error))


def _provider(settings: Settings) -> Provider | None:
    if settings.oidc_issuer is None:
        return None
    back = f"{(settings.public_url or settings.gateway_url).rstrip('/')}/v1/auth/oidc/callback"
    return Provider(Registration(settings.oidc_issuer, settings.oidc_client_id, back, settings.oidc_client_secret))


def _anchors(settings: Settings) -> list[Anchor]:
    file = FileAnchor(settings.home)
    return [file] if settings.audit_webhook is None else [file, WebhookAnchor(settings.audit_webhook)]
