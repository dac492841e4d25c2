"""What a process does for monitoring, all of it: the list of its chores, and their beginning and end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from ..engine.moments import set_within
from ..errors import DatabaseUnavailableError, ParameterError
from ..logs import get_logger
from ..store import connect
from ..store.samples import SampleStore
from .alerts.alerting import Alerting
from .folding import Folder
from .happenings import Business
from .logs.keeping import FORGET_S, GATHER_S, LogKeeper
from .meter import Meter
from .processes import NODE, Cluster, Looks, Node, OwnProcess, watch_of
from .protection import ERASE_S, RETAIN_S, Protection
from .rollups import Rollups
from .station import SYSTEM, Chore, Station
from .surveys import Surveys
from .tracing.exporting import EXPORT_S, Exporter
from .tracing.headers import headers_of
from .tracing.wire import is_installed

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database

ROLL_S = 15.0
PROBE_S = 60.0
KEEP_HOUSE_S = 600.0
LAG_S = 1.0
RETRY_S = 5.0

More = Callable[[Station], Sequence[Chore]]
Opens = Callable[["Database"], AbstractAsyncContextManager[Station]]
"""Opens a station."""

log = get_logger(__name__)


@asynccontextmanager
async def stationed(
    database: Database, settings: Settings, part: str, meter: Meter, more: More | None = None
) -> AsyncIterator[Station]:
    """The station of this process, as long as the block lasts; it measures nothing if metrics are off.

    Args:
        database: where samples go.
        settings: how often, and for how long they are kept.
        part: what this process is, such as ``gateway``.
        meter: what it measures.
        more: gives chores of this part alone.
    """
    station = Station(database, meter, part)
    store = SampleStore(database)
    reporter = Reporter(station, store)
    if settings.metrics:
        station.add(*_own(station, settings, reporter), *(more(station) if more else ()))
        station.add(*_of_node(station, settings), *_of_system(station, store, settings))
    station.add(*_of_log(database, settings), *_of_protection(database, settings))
    station.add(*_of_traces(station, settings))
    alerting = Alerting(station, settings) if settings.alerts else None
    if alerting is not None:
        station.add(*alerting.chores())
    station.start()
    try:
        yield station
    finally:
        await station.stop(last=[reporter.report] if settings.metrics else [])
        if alerting is not None:
            await alerting.close()


def _own(station: Station, settings: Settings, reporter: Reporter) -> list[Chore]:
    """What each process does for itself."""
    process = OwnProcess(station.meter, station.part)
    return [
        Chore("sample the process", settings.metrics_interval_s, process.sample),
        Chore("watch the event loop", LAG_S, process.watch_loop),
        Chore("report", settings.metrics_interval_s, reporter.report),
    ]


def _of_node(station: Station, settings: Settings) -> list[Chore]:
    """What one process does for its node."""
    node = Node(station.meter, settings.home.expanduser().absolute())
    return [Chore("sample the node", settings.metrics_interval_s, node.sample, watch=watch_of(NODE))]


def _of_system(station: Station, store: SampleStore, settings: Settings) -> list[Chore]:
    """What one process does for the whole system."""
    folder = Folder(station, store, Business(settings).measure)
    rollups, surveys = Rollups(station, store, folder, settings), Surveys(station, settings)
    every_s = settings.metrics_interval_s
    return [
        Chore("survey the queue", every_s, surveys.queue, watch=SYSTEM),
        Chore("survey users", every_s, surveys.users, watch=SYSTEM),
        Chore("survey the database", every_s, surveys.server, watch=SYSTEM),
        Chore("survey its tables", every_s, surveys.tables, watch=SYSTEM),
        Chore("survey the backups", PROBE_S, surveys.backups, watch=SYSTEM),
        Chore("probe the artifact store", PROBE_S, surveys.artifacts, watch=SYSTEM),
        Chore("fold", every_s, folder.fold, watch=SYSTEM),
        Chore("roll up", ROLL_S, rollups.roll, watch=SYSTEM),
        Chore("keep house", KEEP_HOUSE_S, rollups.keep_house, watch=SYSTEM),
    ]


def _of_log(database: Database, settings: Settings) -> list[Chore]:
    """What one process does for the log of the whole system, metrics or not."""
    keeper = LogKeeper(database, settings)
    return [
        Chore("gather log lines", GATHER_S, keeper.gather, watch=SYSTEM),
        Chore("forget log lines", FORGET_S, keeper.forget, watch=SYSTEM),
    ]


def _of_protection(database: Database, settings: Settings) -> list[Chore]:
    """What one process does for the protection of data, metrics or not."""
    protection = Protection(database, settings)
    return [
        Chore("carry out erasures", ERASE_S, protection.erase, watch=SYSTEM),
        Chore("forget what is kept too long", RETAIN_S, protection.retain, watch=SYSTEM),
    ]


def _of_traces(station: Station, settings: Settings) -> list[Chore]:
    """What one process does for traces, if there is a collector."""
    if settings.otlp_url is None:
        return []
    if not is_installed():
        log.error("no traces are exported, because the extra 'tracing' is not installed", setting="EOPIEZ_OTLP_URL")
        return []
    try:
        exporter = Exporter(station, settings.otlp_url, headers_of(settings.otlp_headers))
    except ParameterError as error:
        log.warning("no traces are exported, because a setting is wrong", reason=str(error))
        return []
    return [Chore("export traces", EXPORT_S, exporter.export, watch=SYSTEM)]


class Reporter:
    """Writes what a process has measured, in one statement. What cannot be written now is written later, and once, even
    if nobody knows whether it has been."""

    def __init__(self, station: Station, store: SampleStore) -> None:
        self._station, self._store = station, store
        self._number = 0
        self._pending: list[Any] = []
        """What may or may not be written under that number."""

    async def report(self) -> None:
        """Write what was measured since the last time."""
        if self._pending:
            await self._send()
        if self._take():
            await self._send()

    async def _send(self) -> None:
        await self._store.report(self._station.id, self._number, self._pending)
        self._pending = []

    def _take(self) -> bool:
        """Take what was measured; False if that is nothing."""
        self._pending, self._number = self._station.meter.take().entries(), self._number + 1
        return bool(self._pending)


@contextmanager
def stationed_beside(database_url: str, settings: Settings, part: str, looks: Looks) -> Iterator[None]:
    """The station of an orchestrator, whose loop has other things to do: in a thread, with connections of its own.

    Args:
        database_url: where samples go.
        settings: as in ``stationed``.
        part: what this process is.
        looks: says what its cluster has.
    """

    def cluster(station: Station) -> list[Chore]:
        return [Chore("look at the cluster", settings.metrics_interval_s, Cluster(station, looks).sample)]

    loop, stopping = asyncio.new_event_loop(), asyncio.Event()
    work = _until(
        stopping, database_url, settings, lambda database: stationed(database, settings, part, Meter(), cluster)
    )
    thread = threading.Thread(target=_run, args=(loop, work), name="eopiez monitoring", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, None]) -> None:
    try:
        loop.run_until_complete(work)
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _until(stopping: asyncio.Event, database_url: str, settings: Settings, opens: Opens) -> None:
    """Do the chores until it is over; a database that is away when this begins is waited for."""
    while not stopping.is_set():
        try:
            async with await connect(database_url, encryption=settings.at_rest) as database, opens(database):
                await stopping.wait()
        except DatabaseUnavailableError as error:
            log.warning("monitoring waits for the database", error=str(error))
            await set_within(stopping, RETRY_S)
