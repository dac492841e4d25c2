"""``eopiez alerts`` on this machine's own system, by way of its database."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from uuid import UUID

from ..errors import ParameterError
from .operating import on_database

if TYPE_CHECKING:
    from ..monitoring.alerts.rules import Rule
    from ..settings import Settings
    from ..store import Database

Facts = Mapping[str, Any]
Result = TypeVar("Result")
Work: TypeAlias = "Callable[[Database, Settings], Coroutine[Any, Any, Result]]"


class Here:
    """By way of the database, as the operator of this machine; the audit log keeps what is changed."""

    def alerts(self, statuses: Sequence[str], project: str | None, limit: int) -> list[Facts]:
        """Alerts, the newest first."""

        async def work(database: Database, _settings: Settings) -> list[Facts]:
            from ..model.alerts import AlertFilter, AlertStatus
            from ..store.alerts import AlertStore

            where = AlertFilter(
                projects=None if project is None else (project,),
                statuses=tuple(map(AlertStatus, statuses)) if statuses else None,
            )
            return [asdict(alert) for alert in await AlertStore(database).page(where, limit=limit)]

        return on_database(work)

    def acknowledge(self, alert: str, comment: str) -> Facts:
        """Say that somebody takes care of an alert."""

        async def work(database: Database, _settings: Settings) -> Facts | None:
            from ..store.alerts import AlertStore

            found = await AlertStore(database).acknowledge(_uuid(alert, "alert"), getpass.getuser(), comment)
            return None if found is None else asdict(found)

        found = self._changed(work, "acknowledge_alert", alert, None)
        if found is None:
            raise ParameterError(f"there is no alert {alert} that is not resolved; `eopiez alerts list` shows them")
        return found

    def rules(self, project: str | None) -> list[Facts]:
        """Rules that somebody has written, as documents."""

        async def work(database: Database, _settings: Settings) -> list[Facts]:
            from ..store.alert_desk import AlertDesk

            return [each.document for each in await AlertDesk(database).all_rules() if each.project == project]

        return on_database(work)

    def apply(self, project: str | None, rules: Sequence[Rule]) -> None:
        """Write rules, all or none."""

        async def work(database: Database, _settings: Settings) -> None:
            from ..monitoring.alerts.rules import to_document
            from ..store.alert_desk import AlertDesk

            documents = {rule.name: to_document(rule) for rule in rules}
            await AlertDesk(database).put_rules(project, documents, getpass.getuser())

        self._changed(work, "put_alert_rule", ", ".join(rule.name for rule in rules)[:250], project)

    def silence(self, project: str | None, wanted: Facts) -> Facts:
        """A new silence."""

        async def work(database: Database, _settings: Settings) -> Facts:
            from ..store.alert_desk import AlertDesk

            made = await AlertDesk(database).add_silence(
                project, wanted["rule"], wanted["labels"], datetime.now(UTC),
                datetime.fromisoformat(wanted["ends_at"]), wanted["comment"], getpass.getuser(),
            )  # fmt: skip
            return asdict(made)

        return self._changed(work, "create_alert_silence", str(wanted["rule"] or ""), project)

    def drop_rule(self, project: str | None, name: str) -> None:
        """Delete a rule."""

        async def work(database: Database, _settings: Settings) -> bool:
            from ..store.alert_desk import AlertDesk

            return await AlertDesk(database).drop_rule(project, name)

        if not self._changed(work, "delete_alert_rule", name, project):
            raise ParameterError(f"there is no rule {name!r}; `eopiez alerts rules` prints those that were written")

    def silences(self, project: str | None) -> list[Facts]:
        """Silences that have not ended."""

        async def work(database: Database, _settings: Settings) -> list[Facts]:
            from ..store.alert_desk import AlertDesk

            projects = None if project is None else (project,)
            return [asdict(each) for each in await AlertDesk(database).silences(projects, datetime.now(UTC))]

        return on_database(work)

    def end_silence(self, silence: str) -> None:
        """End a silence."""

        async def work(database: Database, _settings: Settings) -> bool:
            from ..store.alert_desk import AlertDesk

            return await AlertDesk(database).end_silence(_uuid(silence, "silence"))

        if not self._changed(work, "end_alert_silence", silence, None):
            raise ParameterError(f"there is no silence {silence}; `eopiez alerts silences` lists them")

    def channels(self, project: str | None) -> list[Facts]:
        """Channels, without their URLs."""

        async def work(database: Database, _settings: Settings) -> list[Facts]:
            from ..store.alert_desk import AlertDesk

            found = await AlertDesk(database).all_channels()
            return [
                {"name": each.name, "spec": each.document, "updated_by": each.updated_by, "updated_at": each.updated_at}
                for each in found
                if each.project == project
            ]

        return on_database(work)

    def put_channel(self, project: str | None, name: str, spec: Facts) -> None:
        """Write a channel."""
        from pydantic import ValidationError

        from ..monitoring.alerts.channels import Channel

        try:
            channel = Channel.model_validate({"name": name, **spec})
        except ValidationError as error:
            fault = error.errors()[0]
            raise ParameterError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error

        async def work(database: Database, settings: Settings) -> None:
            from ..monitoring.alerts.book import place_of
            from ..monitoring.alerts.channels import open_part, sealed_part
            from ..monitoring.alerts.sending import Sender
            from ..sealing import Seal
            from ..store.alert_desk import AlertDesk
            from ..store.encoding import to_json

            sender = Sender(settings.alert_targets)
            sender.check(channel)
            await sender.close()
            target = Seal(settings.secret_key).close(to_json(sealed_part(channel)), place_of(project, name))
            desk = AlertDesk(database)
            await desk.put_channel(project, name, target, open_part(channel), getpass.getuser(), lambda _: None)

        self._changed(work, "put_alert_channel", name, project)

    def test(self, project: str | None, name: str) -> Facts:
        """Send a message for a try."""

        async def work(database: Database, settings: Settings) -> Facts | None:
            from ..errors import NotDeliveredError
            from ..monitoring.alerts.book import receiver_of
            from ..monitoring.alerts.sending import Sender
            from ..sealing import Seal
            from ..store.alert_desk import AlertDesk

            stored = await AlertDesk(database).channel(project, name)
            if stored is None:
                return None
            channel = receiver_of(stored, Seal(settings.secret_key)).channel
            sender = Sender(settings.alert_targets, settings.public_url or settings.gateway_url)
            body = "This is a try. It was sent to see whether alerts arrive here."
            try:
                await sender.send(channel, f"test_{name}", "TEST: eopiez", body, {"kind": "test"})
            except NotDeliveredError as error:
                return {"is_delivered": False, "error": str(error)}
            finally:
                await sender.close()
            return {"is_delivered": True, "error": ""}

        found = on_database(work)
        if found is None:
            raise ParameterError(f"there is no channel {name!r}; `eopiez alerts channels` lists them")
        return found

    def _changed(self, work: Work[Result], action: str, about: str, project: str | None) -> Result:
        """The result of a change, which the audit log keeps."""

        async def kept(database: Database, settings: Settings) -> Result:
            from ..gateway.identity.operator import Operator

            result = await work(database, settings)
            await Operator(database, settings.home).record(action, about, project or "")
            return result

        return on_database(kept)


def _uuid(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise ParameterError(f"{text!r} is no {what}'s id") from error
