"""What all requests of a replica share, opened once and closed with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, cast

from fastapi import Request

from ..engine.artifacts import Artifacts
from ..logs import get_logger
from ..model.log_lines import Part
from ..monitoring.alerts.sending import Sender
from ..monitoring.certificates import CERTIFICATE, CertificateLook
from ..monitoring.logs.recorder import Recorder
from ..monitoring.logs.redaction import Redaction
from ..monitoring.meter import Meter
from ..monitoring.opening import PROBE_S, SAMPLED, stationed
from ..monitoring.processes import count_dealings
from ..monitoring.samples import Samples
from ..monitoring.standing import Standing
from ..monitoring.station import Chore, Station
from ..sealing import Seal
from ..store import EmbeddedServer, Intake, RuleBook, Updates, Workflows, connect
from ..store.catalogue import Catalogue
from ..store.looks import Looks
from ..store.pictures import Pictures
from ..store.services import Services
from ..store.uploads import Uploads
from ..tls import pair_of
from .comparing import Comparisons
from .downloads import Downloads
from .files import SharedFolder
from .identity.services import open_identity
from .measuring import Traffic
from .modules import import_modules
from .readiness import Readiness
from .searching import Searchers
from .services.checker import Checker
from .services.relay import Relay
from .tailing import Tail
from .watching import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..model.access import Caller
    from ..settings import Settings
    from ..store import Database
    from .identity.services import IdentityServices


log = get_logger(__name__)


class Authenticator(Protocol):
    """Knows who sends a request."""

    async def caller(self, request: Request) -> Caller:
        """Who sends it.

        Raises:
            Problem: nobody known, or not any more.
        """
        ...


OpensAuthenticator = Callable[["Database", "Settings"], Awaitable[Authenticator]]


class System:
    """The store's users' side, and who watches it."""

    def __init__(
        self, settings: Settings, database: Database, authenticator: Authenticator, identity: IdentityServices
    ) -> None:
        self.settings, self.database, self.authenticator = settings, database, authenticator
        self.identity = identity
        """Accounts, sessions, keys and the audit trail."""
        self.workflows, self.updates = Workflows(database), Updates(database)
        self.looks = Looks(database, self.workflows)
        """Looks at one workflow, which many take at once."""
        self.pictures = Pictures(database)
        self.intake, self.rules = Intake(database), RuleBook(database)
        self.catalogue = Catalogue(database)
        self.artifacts = Artifacts(settings.artifacts, database.vault.keys)
        self.uploads, self.files = Uploads(database), SharedFolder(settings)
        self.services = Services(database)
        self.relay = Relay(settings, self.services)
        """Calls services."""
        self.downloads = Downloads(settings)
        """Brings files here that requests name by URLs."""
        self.checker = Checker(settings, self.services, self.relay)
        self.watcher = Watcher(database, self.workflows)
        self.tail = Tail(database)
        """Of the system's log."""
        self.searchers = Searchers()
        self.comparisons = Comparisons()
        """Of runs of the pipeline."""
        self.traffic = Traffic(Meter())
        """The requests of this replica, and what it measures."""
        self.samples, self.standing = Samples(database, settings), Standing(database)
        self.seal = Seal(settings.secret_key)
        self.sender = Sender(settings.alert_targets, settings.public_url or settings.gateway_url)
        """Of channels of alerts."""
        self.readiness = Readiness(database, self.artifacts, settings.home)
        self.started_at = time.time()
        """In Unix seconds."""

    def chores(self, station: Station) -> list[Chore]:
        """What this replica measures besides what every process does."""
        count = Chore("count requests", self.settings.metrics_interval_s, self._count, beat=SAMPLED)
        pair = pair_of(self.settings.tls_certificate, self.settings.tls_key)
        if pair is None:
            return [count]
        look = CertificateLook(station.meter, pair)
        return [count, Chore("look at the certificate", PROBE_S, look.sample, watch=CERTIFICATE)]

    async def _count(self) -> None:
        """Note how many requests there are now, and count what was done with artifacts."""
        self.traffic.note()
        count_dealings(self.traffic.meter, self.artifacts.dealings.take())


@asynccontextmanager
async def opened(settings: Settings, opens_authenticator: OpensAuthenticator | None) -> AsyncIterator[System]:
    """A system with its connections, as long as the block lasts. The embedded server is started if no database is set.

    Raises:
        StoreError: the database does not answer.
        PlanError: a module with phases cannot be imported.
    """
    await asyncio.to_thread(import_modules, settings)
    server = EmbeddedServer(settings.home) if settings.database_url is None else None
    url = settings.database_url if server is None else await asyncio.to_thread(server.start)
    assert url is not None
    try:
        async with (
            await connect(url, settings.pooler_url if server is None else None, settings.at_rest) as database,
            _recording(settings, url),
            open_identity(database, settings) as identity,
        ):
            authenticator: Authenticator = identity.authenticator
            if opens_authenticator is not None:
                authenticator = await opens_authenticator(database, settings)
            await database.vault.check()
            system = System(settings, database, authenticator, identity)
            system.watcher.start()
            system.checker.start()
            try:
                async with stationed(
                    database, settings, "gateway", system.traffic.meter, system.chores, system.traffic.roots
                ):
                    yield system
            finally:
                await system.checker.stop()
                await system.relay.close()
                await system.downloads.close()
                await system.searchers.close()
                await system.sender.close()
                await system.watcher.stop()
    finally:
        if server is not None:
            await asyncio.to_thread(server.leave)


@asynccontextmanager
async def _recording(settings: Settings, url: str) -> AsyncIterator[None]:
    """Record what this replica logs. Its last lines are written while its event loop goes on."""
    recorder = Recorder(url, Part.GATEWAY, Redaction.of(settings), encryption=settings.at_rest)
    recorder.start()
    log.info("a replica begins")
    try:
        yield
    finally:
        log.info("a replica ends")
        await asyncio.to_thread(recorder.stop)


async def system_of(request: Request) -> System:
    """A dependency: the system that a request is for."""
    return system_at(request)


def system_at(request: Request) -> System:
    """The system that a request is for."""
    return cast("System", request.app.state.system)
