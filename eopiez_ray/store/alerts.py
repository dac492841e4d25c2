"""Alerts in the database: what is wrong, what was decided about it, and what is to be sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..model.alerts import (
    Alert,
    AlertFilter,
    AlertStatus,
    Delivery,
    Happening,
    Message,
    Severity,
    StoredChannel,
    Waiting,
)
from .encoding import clean
from .projects import project_names
from .queries import sql

if TYPE_CHECKING:
    from .database import Connection, Database

NEWEST = UUID(int=2**128 - 1)
LAST = 2**62


class AlertStore:
    """What the evaluator reads and writes. What takes a connection is part of that transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def revision(self) -> int:
        """A number that grows whenever a rule or a channel changes."""
        (row,) = await self._database.fetch(sql("alerting_revision"))
        return int(row["revision"])

    async def active(self, connection: Connection) -> list[Alert]:
        """Alerts that are pending or firing; they stay as they are until the end of the transaction."""
        return [_alert(row) for row in await connection.fetch(sql("active_alerts"))]

    async def save(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        """Write alerts as they stand; who has acknowledged them is left alone."""
        if alerts:
            await connection.execute(sql("save_alerts"), *map(list, zip(*map(_columns, alerts), strict=True)))

    async def drop(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        """Forget alerts that were never more than pending."""
        if alerts:
            await connection.execute(sql("drop_alerts"), [alert.id for alert in alerts])

    async def record(self, connection: Connection, happenings: Sequence[Happening]) -> None:
        """Add to the history of alerts."""
        rows = [(each.alert_id, each.at, each.kind, clean(each.by), dict(each.data)) for each in happenings]
        if rows:
            await connection.execute(sql("add_alert_history"), *map(list, zip(*rows, strict=True)))

    async def post(self, connection: Connection, messages: Sequence[Message]) -> list[int]:
        """Put messages into the outbox; gives their ids."""
        rows = [
            (each.channel_id, clean(each.group), clean(each.title), clean(each.body), dict(each.facts))
            for each in messages
        ]
        if not rows:
            return []
        return [
            row["id"] for row in await connection.fetch(sql("post_alert_messages"), *map(list, zip(*rows, strict=True)))
        ]

    async def take(self, limit: int, lease: timedelta, limit_each: int) -> list[Waiting]:
        """Messages that the caller, and nobody else, has to send now; if it dies, they are taken again after a lease.

        Args:
            limit: how many at most.
            lease: for how long they are the caller's.
            limit_each: how many at most that one channel is sent at the same time, whoever sends them.
        """
        rows = await self._database.fetch(sql("take_alert_messages"), limit, lease, limit_each)
        return [_waiting(dict(row)) for row in rows]

    async def delivered(self, message: int) -> None:
        """A message was delivered."""
        await self._database.fetch(sql("note_alert_delivery"), message)

    async def failed(self, message: int, error: str, again_in: timedelta, given_up_after: timedelta) -> bool:
        """A message was not delivered; gives whether it is given up, because it is so old."""
        (row,) = await self._database.fetch(
            sql("note_alert_failure"), message, clean(error)[:1000], again_in, given_up_after
        )
        return bool(row["is_given_up"])

    async def page(self, where: AlertFilter, before: UUID = NEWEST, limit: int = 100) -> list[Alert]:
        """The newest alerts before one."""
        severities = None
        if where.severity is not None:
            severities = [each.value for each in Severity if each.rank >= where.severity.rank]
        statuses = None if where.statuses is None else [each.value for each in where.statuses]
        rows = await self._database.fetch(
            sql("alerts_page"), before, project_names(where.projects), statuses, severities, where.rule,
            where.is_acknowledged, limit,
        )  # fmt: skip
        return [_alert(row) for row in rows]

    async def get(self, alert: UUID, projects: Sequence[str] | None) -> Alert | None:
        """An alert; None if these projects have none with that id."""
        row = await self._database.fetchrow(sql("alert"), alert, project_names(projects))
        return None if row is None else _alert(row)

    async def acknowledge(self, alert: UUID, by: str, comment: str) -> Alert | None:
        """Somebody takes care of it; None if it is resolved."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql("acknowledge_alert"), alert, by, comment)
            if row is None:
                return None
            found = _alert(row)
            assert found.acknowledged_at is not None
            happening = Happening(alert, found.acknowledged_at, "acknowledged", by, {"comment": comment})
            await self.record(connection, [happening])
        return found

    async def history(self, alert: UUID, after: int, limit: int) -> list[tuple[int, Happening]]:
        """What has happened to an alert after a row of its history, oldest first."""
        rows = await self._database.fetch(sql("alert_history"), alert, after, limit)
        return [(row["id"], Happening(alert, row["at"], row["kind"], row["by"], row["data"])) for row in rows]

    async def deliveries(self, channel: UUID, before: int = LAST, limit: int = 100) -> list[Delivery]:
        """What was to be sent to a channel, the newest first."""
        return [
            Delivery(**dict(row)) for row in await self._database.fetch(sql("alert_deliveries"), channel, before, limit)
        ]

    async def forget(self, age: timedelta) -> None:
        """Forget alerts, silences and messages that were over so long ago."""
        for name in (sql("forget_alerts"), sql("forget_alert_silences"), sql("forget_alert_messages")):
            await self._database.fetch(name, age)

    async def count_events(
        self, source: str, where: Mapping[str, Sequence[str]], by: Sequence[str], window_s: float
    ) -> dict[tuple[str, ...], float]:
        """How many events there were of late, by the values of these labels; a trailing ``*`` stands for anything.

        Without labels, no events count as 0.
        """
        is_audit = source == "audit"
        statement = sql("count_audit_events") if is_audit else sql("count_workflow_events")
        kinds = where.get("action" if is_audit else "kind")
        exact = None if kinds is None or any(kind.endswith("*") for kind in kinds) else list(kinds)
        counts: defaultdict[tuple[str, ...], float] = defaultdict(float)
        if not by:
            counts[()] = 0.0
        for row in await self._database.fetch(statement, timedelta(seconds=window_s), exact):
            if all(any(_matches(row[name] or "", pattern) for pattern in patterns) for name, patterns in where.items()):
                counts[tuple(row[name] or "" for name in by)] += row["events"]
        return dict(counts)


def _matches(value: str, pattern: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def _alert(row: Any) -> Alert:
    facts = dict(row)
    return Alert(**facts | {"severity": Severity(facts["severity"]), "status": AlertStatus(facts["status"])})


def _columns(alert: Alert) -> tuple[Any, ...]:
    return (
        alert.id, alert.rule, alert.rule_project, alert.project, dict(alert.labels), alert.severity.value,
        clean(alert.summary), alert.status.value, alert.value, alert.started_at, alert.fired_at, alert.clear_since,
        alert.resolved_at, dict(alert.notices),
    )  # fmt: skip


def _waiting(row: dict[str, Any]) -> Waiting:
    names = ("project", "name", "target", "document", "version", "updated_by", "updated_at")
    channel = StoredChannel(id=row["channel_id"], **{name: row[name] for name in names})
    rest = {name: row[name] for name in ("id", "title", "body", "facts", "attempts", "created_at")}
    return Waiting(channel=channel, **rest)
