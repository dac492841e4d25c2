"""Looks at all rules, moves alerts, and writes down who is to be told: in one transaction, by one process at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...logs import get_logger
from ...model.alerts import Alert, AlertKey, Happening
from ..station import SYSTEM
from .conditions import observe
from .hearing import DELIVER
from .states import Turn, advance, withdraw
from .telling import Told, tell

if TYPE_CHECKING:
    from ...store.alert_desk import AlertDesk
    from ...store.alerts import AlertStore
    from ...store.audit_watch import AuditWatch
    from ...store.database import Connection
    from ..station import Station
    from .book import Book, Library
    from .observing import Observer

EVALUATE_S = 3.0
"""Seconds between two looks."""
KEPT = timedelta(days=30)
"""How long alerts are kept that are resolved."""

log = get_logger(__name__)


class Evaluator:
    """Decides what is wrong. If its process dies, nothing is lost: what it has decided is in the database, whole."""

    def __init__(
        self,
        station: Station,
        library: Library,
        observer: Observer,
        store: AlertStore,
        desk: AlertDesk,
        audit: AuditWatch,
    ) -> None:
        self._station, self._library, self._observer = station, library, observer
        self._store, self._desk, self._audit = store, desk, audit

    async def evaluate(self, now: datetime | None = None) -> None:
        """Look once.

        Args:
            now: the time; by this machine's clock if it is not given.
        """
        now = now or datetime.now(UTC)
        book = await self._library.read()
        await self._observer.read(book.standings, now)
        faults, silences = await self._audit.faults(), await self._desk.silences(None, now)
        async with self._station.watches.held(SYSTEM) as connection:
            if connection is None:
                return
            active = await self._store.active(connection)
            # Thousands of rules take a while, for which the process has other things to do.
            turn = await asyncio.to_thread(self._judged, book, active, faults, now)
            told = tell(turn.alerts.values(), book.receivers, silences, now)
            await self._save(connection, turn, told, book, now)
        if told:  # They are in the outbox now.
            self._station.wake(DELIVER)

    async def forget(self) -> None:
        """Forget what was over long ago."""
        await self._store.forget(KEPT)

    def _judged(self, book: Book, active: Iterable[Alert], faults: int, now: datetime) -> Turn:
        """Where all alerts stand now."""
        turn, by_rule = Turn(), _by_rule(active)
        for standing in book.standings:
            own = by_rule.pop((standing.project or "", standing.rule.name), {})
            try:
                observed = observe(standing.rule.when, self._observer.answers(standing, faults))
                advance(standing, observed, own, now, turn)
            except Exception:  # One rule must not keep others from being looked at.
                log.exception("a rule of alerts cannot be evaluated", rule=standing.rule.name)
                turn.alerts.update({key: alert for key, alert in own.items() if key not in turn.alerts})
        for orphans in by_rule.values():
            for alert in orphans.values():
                withdraw(alert, now, turn)
        return turn

    async def _save(self, connection: Connection, turn: Turn, told: Sequence[Told], book: Book, now: datetime) -> None:
        names = {receiver.id: receiver.channel.name for receiver in book.receivers}
        for each in told:
            for alert in each.alerts:
                current = turn.changed.get(alert.key, turn.alerts[alert.key])
                turn.note(_with_notices(current, alert))
                if not each.is_routine:
                    data = {"channel": names[each.message.channel_id], "title": each.message.title}
                    turn.history.append(Happening(alert.id, now, "told", data=data))
        await self._store.save(connection, [*turn.changed.values()])
        await self._store.record(connection, turn.history)
        await self._store.drop(connection, turn.vanished)
        await self._store.post(connection, [each.message for each in told])


def _by_rule(alerts: Iterable[Alert]) -> dict[tuple[str, str], dict[AlertKey, Alert]]:
    found: defaultdict[tuple[str, str], dict[AlertKey, Alert]] = defaultdict(dict)
    for alert in alerts:
        found[alert.key[:2]][alert.key] = alert
    return dict(found)


def _with_notices(current: Alert, told: Alert) -> Alert:
    """The alert with what it says of its notices, and what another channel was told in the same turn."""
    merged = {**current.notices}
    for channel, notices in told.notices.items():
        merged[channel] = {**merged.get(channel, {}), **notices}
    return replace(current, notices=merged)
