"""Where ``eopiez alerts`` reads and writes: the database of this machine's system, or the gateway of one elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .asking import Facts, ask, ask_all
from .system import is_elsewhere

if TYPE_CHECKING:
    from ..monitoring.alerts.rules import Rule


class Alerts(Protocol):
    """What commands ask. A project of None is the system."""

    def alerts(self, statuses: Sequence[str], project: str | None, limit: int) -> list[Facts]:
        """Alerts, the newest first; of all projects and the system if none is named."""
        ...

    def acknowledge(self, alert: str, comment: str) -> Facts:
        """Say that somebody takes care of an alert."""
        ...

    def rules(self, project: str | None) -> list[Facts]:
        """Rules that somebody has written, as documents."""
        ...

    def apply(self, project: str | None, rules: Sequence[Rule]) -> None:
        """Write rules."""
        ...

    def silence(self, project: str | None, wanted: Facts) -> Facts:
        """A new silence."""
        ...

    def drop_rule(self, project: str | None, name: str) -> None:
        """Delete a rule."""
        ...

    def silences(self, project: str | None) -> list[Facts]:
        """Silences that have not ended; of all projects and the system if none is named."""
        ...

    def end_silence(self, silence: str) -> None:
        """End a silence."""
        ...

    def channels(self, project: str | None) -> list[Facts]:
        """Channels, without their URLs."""
        ...

    def put_channel(self, project: str | None, name: str, spec: Facts) -> None:
        """Write a channel."""
        ...

    def test(self, project: str | None, name: str) -> Facts:
        """Send a message for a try."""
        ...


def alerts_of_system() -> Alerts:
    """Those of the system chosen."""
    from .alerts_here import Here

    return Elsewhere() if is_elsewhere() else Here()


class Elsewhere:
    """By way of a gateway."""

    def alerts(self, statuses: Sequence[str], project: str | None, limit: int) -> list[Facts]:
        """Alerts, the newest first."""
        return ask_all("alerts", limit, status=list(statuses) or None, project=project)

    def acknowledge(self, alert: str, comment: str) -> Facts:
        """Say that somebody takes care of an alert."""
        answer: Facts = ask("POST", f"alerts/{alert}/acknowledge", {"comment": comment})
        return answer

    def rules(self, project: str | None) -> list[Facts]:
        """Rules that somebody has written, as documents."""
        found = ask_all("alerts/rules", project=project)
        return [{"name": each["name"], **each["spec"]} for each in found if each["project"] == project]

    def apply(self, project: str | None, rules: Sequence[Rule]) -> None:
        """Write rules, one after the other."""
        from ..monitoring.alerts.rules import to_document

        known = {
            each["name"]: each["version"]
            for each in ask_all("alerts/rules", project=project)
            if each["project"] == project
        }
        for rule in rules:
            body = {key: value for key, value in to_document(rule).items() if key != "name"}
            tag = {"If-Match": f'"{known[rule.name]}"'} if rule.name in known else {}
            ask("PUT", f"alerts/rules/{rule.name}", body, headers=tag, **_scope(project))

    def silence(self, project: str | None, wanted: Facts) -> Facts:
        """A new silence."""
        answer: Facts = ask("POST", "alerts/silences", dict(wanted), **_scope(project))
        return answer

    def drop_rule(self, project: str | None, name: str) -> None:
        """Delete a rule."""
        ask("DELETE", f"alerts/rules/{name}", headers={"If-Match": "*"}, **_scope(project))

    def silences(self, project: str | None) -> list[Facts]:
        """Silences that have not ended."""
        return ask_all("alerts/silences", project=project)

    def end_silence(self, silence: str) -> None:
        """End a silence."""
        ask("DELETE", f"alerts/silences/{silence}")

    def channels(self, project: str | None) -> list[Facts]:
        """Channels, without their URLs."""
        found = ask_all("alerts/channels", project=project)
        return [each for each in found if each["project"] == project]

    def put_channel(self, project: str | None, name: str, spec: Facts) -> None:
        """Write a channel."""
        version = next((each["version"] for each in self.channels(project) if each["name"] == name), None)
        tag = {} if version is None else {"If-Match": f'"{version}"'}
        ask("PUT", f"alerts/channels/{name}", dict(spec), headers=tag, **_scope(project))

    def test(self, project: str | None, name: str) -> Facts:
        """Send a message for a try."""
        answer: Facts = ask("POST", f"alerts/channels/{name}/test", **_scope(project))
        return answer


def _scope(project: str | None) -> dict[str, Any]:
    return {"system": True} if project is None else {"project": project}
