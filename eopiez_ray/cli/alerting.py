"""Where ``eopiez alerts`` reads and writes: the database of this machine's system, or the gateway of one elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .system import is_elsewhere, open_system

if TYPE_CHECKING:
    from ..monitoring.alerts.rules import Rule

PAGE = 1000
Facts = Mapping[str, Any]


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
        return self._listed("alerts", limit, status=list(statuses) or None, project=project)

    def acknowledge(self, alert: str, comment: str) -> Facts:
        """Say that somebody takes care of an alert."""
        answer: Facts = self._asked("POST", f"alerts/{alert}/acknowledge", {"comment": comment})
        return answer

    def rules(self, project: str | None) -> list[Facts]:
        """Rules that somebody has written, as documents."""
        found = self._listed("alerts/rules", None, project=project)
        return [{"name": each["name"], **each["spec"]} for each in found if each["project"] == project]

    def apply(self, project: str | None, rules: Sequence[Rule]) -> None:
        """Write rules, one after the other."""
        from ..monitoring.alerts.rules import to_document

        known = {
            each["name"]: each["version"]
            for each in self._listed("alerts/rules", None, project=project)
            if each["project"] == project
        }
        for rule in rules:
            body = {key: value for key, value in to_document(rule).items() if key != "name"}
            tag = {"If-Match": f'"{known[rule.name]}"'} if rule.name in known else {}
            self._asked("PUT", f"alerts/rules/{rule.name}", body, headers=tag, **_scope(project))

    def silence(self, project: str | None, wanted: Facts) -> Facts:
        """A new silence."""
        answer: Facts = self._asked("POST", "alerts/silences", dict(wanted), **_scope(project))
        return answer

    def channels(self, project: str | None) -> list[Facts]:
        """Channels, without their URLs."""
        found = self._listed("alerts/channels", None, project=project)
        return [each for each in found if each["project"] == project]

    def put_channel(self, project: str | None, name: str, spec: Facts) -> None:
        """Write a channel."""
        version = next((each["version"] for each in self.channels(project) if each["name"] == name), None)
        tag = {} if version is None else {"If-Match": f'"{version}"'}
        self._asked("PUT", f"alerts/channels/{name}", dict(spec), headers=tag, **_scope(project))

    def test(self, project: str | None, name: str) -> Facts:
        """Send a message for a try."""
        answer: Facts = self._asked("POST", f"alerts/channels/{name}/test", **_scope(project))
        return answer

    def _listed(self, path: str, most: int | None, **query: Any) -> list[Facts]:
        found: list[Facts] = []
        cursor = None
        while most is None or len(found) < most:
            limit = PAGE if most is None else min(PAGE, most - len(found))
            page = self._asked("GET", path, cursor=cursor, limit=limit, **query)
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        return found

    def _asked(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        with open_system() as remote:
            return remote.request(method, path, body, **options)  # type: ignore[union-attr]


def _scope(project: str | None) -> dict[str, Any]:
    return {"system": True} if project is None else {"project": project}
