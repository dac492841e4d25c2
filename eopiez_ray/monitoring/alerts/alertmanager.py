"""Alerts as Alertmanager takes them (``POST /api/v2/alerts``): it groups, silences, repeats and routes by itself.

It keeps alerts in memory, and takes each for resolved at its ``endsAt``. So what fires is told again and again, each
time until a while after the next time: it outlives a restart there, and ends there if nobody here tells of it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

PATH = "/api/v2/alerts"
AGAIN_S = 300.0
"""Seconds after which what fires is told again, unless the channel says otherwise."""
LASTING = 4
"""After how many times that an alert ends there of which nothing is told; Prometheus has the same."""
TEST = "eopiez-test"
TEST_S = 60.0
"""For how long the alert of a try fires."""


def endpoint(url: str) -> str:
    """Where alerts are posted of an Alertmanager with this URL."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix(PATH) + PATH
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def posted(facts: Mapping[str, Any], body: str, now: datetime, again_s: float, source: str) -> list[dict[str, Any]]:
    """What is posted for a message.

    Args:
        facts: what programs are told, as of ``facts_of``.
        body: what people are told.
        now: when it is posted.
        again_s: seconds after which what fires is told again.
        source: where people see alerts; may be empty.
    """
    if "alerts" not in facts:
        end = now + timedelta(seconds=TEST_S)
        return [_alert({"alertname": TEST, "severity": "info"}, {"summary": body}, now.isoformat(), end, source)]
    end = now + timedelta(seconds=again_s * LASTING)
    return [_of(alert, end, source) for alert in facts["alerts"]]


def _of(alert: Mapping[str, Any], end: datetime, source: str) -> dict[str, Any]:
    own = {"alertname": alert["rule"], "severity": alert["severity"], "project": alert["project"]}
    labels = {**alert["labels"], **{name: value for name, value in own.items() if value}}
    annotations = {"summary": alert["summary"], "value": alert["shown"]}
    begin, resolved = alert["fired_at"] or alert["started_at"], alert["resolved_at"]
    return _alert(labels, annotations, begin, datetime.fromisoformat(resolved) if resolved else end, source)


def _alert(
    labels: Mapping[str, str], annotations: Mapping[str, str], begin: str, end: datetime, source: str
) -> dict[str, Any]:
    made = {"labels": labels, "annotations": annotations, "startsAt": begin, "endsAt": end.isoformat()}
    return made | ({"generatorURL": source} if source else {})
