"""What a process does for monitoring, all of it: the list of its chores, and their beginning and end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..engine.moments import set_within
from ..errors import DatabaseUnavailableError, ParameterError
from ..logs import get_logger
from ..store import connect
from ..store.alert_desk import AlertDesk
from ..store.alerts import AlertStore
from ..store.samples import SampleStore
from . import catalogue as c
from .alerts.alerting import Alerting
from .alerts.hearing import FOLD, Hearing
from .alerts.urgency import LEARN_S, Lookout
from .folding import Folder
from .happenings import Business
from .logs.keeping import FORGET_S, GATHER_S, LogKeeper
from .meter import Meter
from .processes import NODE, OF_NODE, OF_PROCESS, Cluster, Looks, Node, OwnProcess, watch_of
from .protection import ERASE_S, RETAIN_S, Protection
from .reporting import EarlyReporter, Reporter
from .rollups import Rollups
from .station import SYSTEM, Chore, Station
from .surveys import OF_ARTIFACTS, OF_BACKUPS, OF_SERVER, OF_STATEMENTS, OF_TABLES, QUEUED, Surveys
from .tracing.collector import Collector
from .tracing.exporting import EXPORT_S, Exporter
from .tracing.headers import headers_of
from .tracing.inner import Inside
from .tracing.unsent import SEND_S
from .tracing.wire import is_installed

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database
    from .catalogue import Metric
    from .tracing.inner import Hears
    from .tracing.unsent import Unsent

ROLL_S = 15.0
PROBE_S, PROBED_S = 60.0, 5.0
"""Seconds between probes, and between those that a rule waits for."""
KEEP_HOUSE_S = 600.0
LAG_S = 1.0
GLANCE_S = 1.0
LISTEN_S = 1.0
RETRY_S = 5.0
SAMPLED, REPORTED, FOLDED = 0.0, 0.1, 0.15
"""At which part of each interval that is done."""

More = Callable[[Station], Sequence[Chore]]
Opens = Callable[["Database"], AbstractAsyncContextManager[Station]]
"""Opens a station."""

log = get_logger(__name__)


@asynccontextmanager
async def stationed(
    database: Database,
    settings: Settings,
    part: str,
    meter: Meter,
    more: More | None = None,
    roots: Unsent | None = None,
    hears: Hears | None = None,
) -> AsyncIterator[Station]:
    """The station of this process, as long as the block lasts; it measures nothing if metrics are off.

    Args:
        database: where samples go.
        settings: how often, and for how long they are kept.
        part: what this process is, such as ``gateway``.
        meter: what it measures.
        more: gives chores of this part alone.
        roots: spans of requests that this process answers.
        hears: hears of the inside of tasks that this process drives.
    """
    station = Station(database, meter, part)
    store, alerting = SampleStore(database), Alerting(station, settings) if settings.alerts else None
    reporter, lookout = Reporter(station, store), Lookout(AlertStore(database), AlertDesk(database))
    early = EarlyReporter(station, store, reporter, lookout)
    if settings.metrics:
        station.add(*_own(station, settings, reporter, lookout), *(more(station) if more else ()))
        station.add(*_of_node(station, settings, lookout), *_of_system(station, store, settings, early))
    if settings.metrics and alerting is not None:
        station.add(
            Chore("learn what rules watch", LEARN_S, lookout.learn), Chore("report early", GLANCE_S, early.glance)
        )
    station.add(*_of_log(database, settings), *_of_protection(station, settings))
    collector = _collector(settings)
    sends = [] if collector is None else _of_own_spans(station, collector, roots, hears)
    if collector is not None:
        station.add(Chore("export traces", EXPORT_S, Exporter(station, collector).export, watch=SYSTEM), *sends)
    if alerting is not None:
        station.add(*alerting.chores())
    station.start()
    try:
        yield station
    finally:
        reports = [reporter.report] if settings.metrics else []
        await station.stop(last=[*reports, *(chore.work for chore in sends)])
        if alerting is not None:
            await alerting.close()


def _own(station: Station, settings: Settings, reporter: Reporter, lookout: Lookout) -> list[Chore]:
    """What each process does for itself."""
    process, every_s = OwnProcess(station.meter, station.part), settings.metrics_interval_s
    return [
        _sampling("sample the process", every_s, process.sample, OF_PROCESS, lookout),
        Chore("watch the event loop", LAG_S, process.watch_loop),
        Chore("report", every_s, reporter.report, beat=REPORTED),
    ]


def _of_node(station: Station, settings: Settings, lookout: Lookout) -> list[Chore]:
    """What one process does for its node."""
    node, every_s = Node(station.meter, settings.home.expanduser().absolute()), settings.metrics_interval_s
    return [_sampling("sample the node", every_s, node.sample, OF_NODE, lookout, watch_of(NODE))]


def _of_system(station: Station, store: SampleStore, settings: Settings, early: EarlyReporter) -> list[Chore]:
    """What one process does for the whole system."""
    every_s, surveys, lookout = settings.metrics_interval_s, Surveys(station, settings), early.lookout

    async def look() -> None:
        await surveys.queue()
        await early.report()

    folder = Folder(station, store, Business(settings).measure, every_s)
    rollups, hearing = Rollups(station, store, folder, settings), Hearing(station, lookout, folder, look)
    return [
        _sampling("survey the queue", every_s, surveys.queue, QUEUED, lookout, SYSTEM),
        _sampling("survey users", every_s, surveys.users, (c.ACTIVE_USERS,), lookout, SYSTEM),
        _sampling("survey the database", every_s, surveys.server, OF_SERVER, lookout, SYSTEM),
        _sampling("survey its tables", every_s, surveys.tables, OF_TABLES, lookout, SYSTEM),
        _sampling("survey its statements", every_s, surveys.statements, OF_STATEMENTS, lookout, SYSTEM),
        replace(
            _sampling("survey the backups", PROBE_S, surveys.backups, OF_BACKUPS, lookout, SYSTEM), hurried_s=PROBED_S
        ),
        replace(
            _sampling("probe the artifact store", PROBE_S, surveys.artifacts, OF_ARTIFACTS, lookout, SYSTEM),
            hurried_s=PROBED_S,
        ),
        Chore(FOLD, every_s, hearing.fold, watch=SYSTEM, beat=FOLDED, woken_s=2.0),
        *([Chore("listen for news", LISTEN_S, hearing.listen, watch=SYSTEM)] if settings.alerts else []),
        Chore("roll up", ROLL_S, rollups.roll, watch=SYSTEM),
        Chore("keep house", KEEP_HOUSE_S, rollups.keep_house, watch=SYSTEM),
    ]


def _sampling(
    name: str,
    every_s: float,
    work: Callable[[], Awaitable[object]],
    measures: Sequence[Metric],
    lookout: Lookout,
    watch: str | None = None,
) -> Chore:
    """A chore that measures these metrics, at each beat, and more often while a rule waits for them."""
    return Chore(
        name, every_s, work, watch, beat=SAMPLED, is_hurried=lambda: lookout.watched.hurries(measures), woken_s=1.0
    )


def _of_log(database: Database, settings: Settings) -> list[Chore]:
    """What one process does for the log of the whole system, metrics or not."""
    keeper = LogKeeper(database, settings)
    return [
        Chore("gather log lines", GATHER_S, keeper.gather, watch=SYSTEM),
        Chore("forget log lines", FORGET_S, keeper.forget, watch=SYSTEM),
    ]


def _of_protection(station: Station, settings: Settings) -> list[Chore]:
    """What one process does for the protection of data, metrics or not."""
    protection = Protection(station.database, settings, station.meter)
    return [
        Chore("carry out erasures", ERASE_S, protection.erase, watch=SYSTEM),
        Chore("forget what is kept too long", RETAIN_S, protection.retain, watch=SYSTEM),
    ]


def _of_own_spans(station: Station, collector: Collector, roots: Unsent | None, hears: Hears | None) -> list[Chore]:
    """What only this process knows, and sends before it ends."""
    chores = []
    if roots is not None:
        chores.append(Chore("send requests' spans", SEND_S, partial(roots.send, collector)))
    if hears is not None:
        chores.append(Chore("send phases' spans", SEND_S, Inside(station, collector, hears).send))
    return chores


def _collector(settings: Settings) -> Collector | None:
    """Where spans go; None if nobody has said so, or nothing can go there."""
    if settings.otlp_url is None:
        return None
    if not is_installed():
        log.error("no traces are exported, because the extra 'tracing' is not installed", setting="EOPIEZ_OTLP_URL")
        return None
    try:
        return Collector(settings.otlp_url, headers_of(settings.otlp_headers))
    except ParameterError as error:
        log.warning("no traces are exported, because a setting is wrong", reason=str(error))
        return None


@contextmanager
def stationed_beside(
    database_url: str, settings: Settings, part: str, looks: Looks, hears: Hears | None = None
) -> Iterator[None]:
    """The station of an orchestrator, whose loop has other things to do: in a thread, with connections of its own.

    Args:
        database_url: where samples go.
        settings: as in ``stationed``.
        part: what this process is.
        looks: says what its cluster has.
        hears: as in ``stationed``.
    """

    def cluster(station: Station) -> list[Chore]:
        return [Chore("look at the cluster", settings.metrics_interval_s, Cluster(station, looks).sample, beat=SAMPLED)]

    def opens(database: Database) -> AbstractAsyncContextManager[Station]:
        return stationed(database, settings, part, Meter(), cluster, hears=hears)

    loop, stopping = asyncio.new_event_loop(), asyncio.Event()
    work = _until(stopping, database_url, settings, opens)
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
