"""What a process does for alerts: one at a time decides, and each sends that has what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sealing import Seal
from ...store.alert_desk import AlertDesk
from ...store.alerts import AlertStore
from ...store.audit_watch import AuditWatch
from ..samples import Samples
from ..station import SYSTEM, Chore
from .book import Library
from .delivery import DELIVER_S, Deliverer
from .evaluator import EVALUATE_S, Evaluator
from .hearing import DELIVER, EVALUATE
from .observing import Observer
from .sending import Sender, can_send

if TYPE_CHECKING:
    from ...settings import Settings
    from ..station import Station

VERIFY_S = 30.0
"""Seconds between looks at the audit log."""
FORGET_S = 3600.0


class Alerting:
    """Evaluates rules, sends messages, verifies the audit log."""

    def __init__(self, station: Station, settings: Settings) -> None:
        database, seal = station.database, Seal(settings.secret_key)
        store, desk, self._audit = AlertStore(database), AlertDesk(database), AuditWatch(database)
        observer = Observer(Samples(database, settings), store)
        library = Library(store, desk, is_measured=settings.metrics)
        self.evaluator = Evaluator(station, library, observer, store, desk, self._audit)
        self.deliverer = Deliverer(
            store, seal, Sender(settings.alert_targets, settings.public_url or settings.gateway_url)
        )

    def chores(self) -> list[Chore]:
        """What is done, and how often. Whoever takes a message has it alone, so each process sends that can."""
        sending = [Chore(DELIVER, DELIVER_S, self.deliverer.deliver, woken_s=0.0)] if can_send() else []
        return [
            *sending,
            Chore(EVALUATE, EVALUATE_S, self.evaluator.evaluate, watch=SYSTEM),
            Chore("verify the audit log", VERIFY_S, self._audit.look, watch=SYSTEM),
            Chore("forget alerts", FORGET_S, self.evaluator.forget, watch=SYSTEM),
        ]

    async def close(self) -> None:
        """End what is being sent; whoever does this next sends it again."""
        await self.deliverer.close()
