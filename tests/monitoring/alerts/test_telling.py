"""Who is told of what, and when not, with a moved clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eopiez_ray.model.alerts import Alert, AlertStatus, Silence
from eopiez_ray.model.ids import uuid7
from eopiez_ray.monitoring.alerts.channels import Quiet
from eopiez_ray.monitoring.alerts.telling import Receiver, tell

from .given import START, Severity, after, receiver


def alert(**facts: Any) -> Alert:
    """An alert that has just fired."""
    given: dict[str, Any] = {
        "id": uuid7(), "rule": "loud", "rule_project": None, "project": None, "labels": {}, "value": 1.0,
        "severity": Severity.WARNING, "summary": "It is loud.", "status": AlertStatus.FIRING, "started_at": START,
        "fired_at": START,
    }  # fmt: skip
    return Alert(**given | facts)


class Told:
    """Alerts, and what channels were told of them, look by look."""

    def __init__(self, *alerts: Alert, to: Receiver | tuple[Receiver, ...], silences: tuple[Silence, ...] = ()) -> None:
        self.alerts = {each.id: each for each in alerts}
        self.receivers = to if isinstance(to, tuple) else (to,)
        self.silences = silences
        self.titles: list[tuple[float, str]] = []

    def look(self, seconds: float) -> None:
        for told in tell(self.alerts.values(), self.receivers, self.silences, after(seconds)):
            self.titles.append((seconds, told.message.title))
            for each in told.alerts:
                kept = self.alerts[each.id]
                self.alerts[each.id] = replace(kept, notices={**kept.notices, **each.notices})

    def change(self, **facts: Any) -> None:
        """Something happens to all alerts."""
        self.alerts = {name: replace(each, **facts) for name, each in self.alerts.items()}


def silence(**facts: Any) -> Silence:
    given: dict[str, Any] = {
        "id": uuid7(), "project": None, "rule": None, "labels": {}, "starts_at": START,
        "ends_at": after(100), "comment": "", "created_by": "anna", "created_at": START,
    }  # fmt: skip
    return Silence(**given | facts)


def test_each_alert_is_told_once_and_its_end_once() -> None:
    told = Told(alert(), to=receiver())
    for seconds in (0, 10, 20):
        told.look(seconds)
    told.change(status=AlertStatus.RESOLVED, resolved_at=after(30))
    for seconds in (30, 40):
        told.look(seconds)
    assert told.titles == [(0, "FIRING: loud"), (30, "RESOLVED: loud")]


def test_nobody_is_told_of_the_end_of_what_they_were_not_told_of() -> None:
    told = Told(alert(status=AlertStatus.RESOLVED, resolved_at=START), to=receiver())
    told.look(0)
    assert told.titles == []


def test_who_does_not_want_the_end_is_not_told_of_it() -> None:
    told = Told(alert(), to=receiver(tells_resolved=False))
    told.look(0)
    told.change(status=AlertStatus.RESOLVED, resolved_at=after(30))
    told.look(30)
    assert told.titles == [(0, "FIRING: loud")]


def test_alerts_of_one_group_are_one_message() -> None:
    alerts = [alert(labels={"node": str(number % 2), "disk": str(number)}) for number in range(6)]
    one, two = Told(*alerts, to=receiver()), Told(*alerts, to=receiver(group_by=["node"]))
    for told in (one, two):
        told.look(0)
    assert one.titles == [(0, "FIRING: loud (6)")]
    assert two.titles == [(0, "FIRING: loud (3)")] * 2


def test_the_first_of_a_group_waits_for_others() -> None:
    told = Told(alert(), to=receiver(group_wait="30s"))
    told.look(0)
    second = alert(labels={"node": "b"}, fired_at=after(20))
    told.alerts[second.id] = second
    for seconds in (20, 30, 60):
        told.look(seconds)
    assert told.titles == [(30, "FIRING: loud (2)")]


def test_what_was_silenced_is_told_once_the_silence_is_over_and_it_still_fires() -> None:
    told = Told(alert(), to=receiver(), silences=(silence(ends_at=after(100)),))
    for seconds in (0, 99, 100, 110):
        told.look(seconds)
    assert told.titles == [(100, "FIRING: loud")]


@pytest.mark.parametrize(
    ("facts", "mutes"),
    [
        ({}, True),
        ({"rule": "loud"}, True),
        ({"rule": "other"}, False),
        ({"labels": {"node": "a"}}, True),
        ({"labels": {"node": "b"}}, False),
        ({"labels": {"node": "a", "disk": "x"}}, False),
        ({"starts_at": after(1)}, False),
        ({"starts_at": after(-10), "ends_at": after(0)}, False),
        ({"project": "blue"}, True),
        ({"project": "red"}, False),
    ],
)
def test_a_silence_mutes_what_it_matches(facts: dict[str, Any], mutes: bool) -> None:
    loud = alert(labels={"node": "a"}, project="blue")
    told = Told(loud, to=receiver(project="blue"), silences=(silence(**facts),))
    told.look(0)
    assert (told.titles == []) is mutes


def test_a_projects_silence_leaves_the_systems_channels_alone() -> None:
    told = Told(alert(project="blue"), to=(receiver(), receiver("blue")), silences=(silence(project="blue"),))
    told.look(0)
    assert len(told.titles) == 1
    (kept,) = told.alerts.values()
    assert [*kept.notices] == [str(told.receivers[0].id)]


@pytest.mark.parametrize(
    ("rule_project", "project", "of_system", "of_blue", "of_red"),
    [(None, None, 1, 0, 0), (None, "blue", 1, 1, 0), ("blue", "blue", 0, 1, 0)],
)
def test_projects_hear_of_themselves_alone(
    rule_project: str | None, project: str | None, of_system: int, of_blue: int, of_red: int
) -> None:
    loud = alert(rule_project=rule_project, project=project)
    for channel, count in ((receiver(), of_system), (receiver("blue"), of_blue), (receiver("red"), of_red)):
        told = Told(loud, to=channel)
        told.look(0)
        assert len(told.titles) == count, channel.project


def test_escalation_comes_later_and_not_after_an_acknowledgement() -> None:
    soon, acknowledged = Told(alert(), to=receiver(after="15m")), Told(alert(), to=receiver(after="15m"))
    acknowledged.change(acknowledged_at=after(60))
    for told in (soon, acknowledged):
        for seconds in (0, 899, 900, 910):
            told.look(seconds)
    assert (soon.titles, acknowledged.titles) == ([(900, "FIRING: loud")], [])


def test_it_is_repeated_until_it_is_acknowledged() -> None:
    told = Told(alert(), to=receiver(repeat="10m"))
    for seconds in (0, 599, 600, 900, 1200):
        told.look(seconds)
    told.change(acknowledged_at=after(1300))
    told.look(1900)
    assert told.titles == [(0, "FIRING: loud"), (600, "STILL FIRING: loud"), (1200, "STILL FIRING: loud")]


NIGHT = {"from": "22:00", "to": "07:00"}


@pytest.mark.parametrize(
    ("quiet", "at", "holds"),
    [
        (NIGHT, "2026-11-29T21:59", False),
        (NIGHT, "2026-11-29T22:00", True),
        (NIGHT, "2026-11-30T06:59", True),
        (NIGHT, "2026-11-30T07:00", False),
        (NIGHT | {"days": ["fri"]}, "2026-11-28T03:00", True),
        (NIGHT | {"days": ["fri"]}, "2026-11-29T03:00", False),
        (NIGHT | {"time_zone": "Asia/Tokyo"}, "2026-11-29T13:30", True),
        ({"from": "09:00", "to": "17:00", "days": ["sun"]}, "2026-11-29T09:00", True),
        ({"from": "09:00", "to": "17:00", "days": ["sun"]}, "2026-11-30T09:00", False),
        (NIGHT | {"time_zone": "Europe/Berlin"}, "2026-03-29T04:30", True),
        (NIGHT | {"time_zone": "Europe/Berlin"}, "2026-03-29T05:30", False),
    ],
)
def test_quiet_hours_are_those_of_the_place(quiet: dict[str, Any], at: str, holds: bool) -> None:
    assert Quiet.model_validate(quiet).holds(datetime.fromisoformat(at).replace(tzinfo=UTC)) is holds


def test_what_is_critical_is_told_at_any_hour_and_the_rest_in_the_morning() -> None:
    quiet: dict[str, Any] = {"quiet": [{"from": "11:00", "to": "13:00"}]}
    warning, critical = (
        Told(alert(), to=receiver(**quiet)),
        Told(alert(severity=Severity.CRITICAL), to=receiver(**quiet)),
    )
    for told in (warning, critical):
        for seconds in (0, 3599, 3600):
            told.look(seconds)
    assert (warning.titles[0][0], critical.titles[0][0]) == (3600, 0)


def test_conditions_of_a_channel() -> None:
    loud = alert(labels={"node": "a"})
    for facts, is_told in (
        ({"severity": "critical"}, False), ({"severity": "warning"}, True), ({"rules": ["other"]}, False),
        ({"rules": ["other", "loud"]}, True), ({"labels": {"node": "a"}}, True), ({"labels": {"node": "b"}}, False),
        ({"enabled": False}, False),
    ):  # fmt: skip
        told = Told(loud, to=receiver(**facts))
        told.look(0)
        assert bool(told.titles) is is_told, facts


def test_a_message_lists_a_bounded_number_of_alerts() -> None:
    alerts = [alert(labels={"node": str(number)}, started_at=START - timedelta(days=1)) for number in range(120)]
    (told,) = tell(alerts, [receiver(title="$severity $rule in $project")], (), START)
    assert told.message.title == "warning loud in  (120)"
    lines = told.message.body.splitlines()
    assert (len(lines), lines[-1]) == (51, "… and 70 more")
    assert lines[0] == "warning: It is loud. [node=0] (since 2026-11-28 12:00:00 UTC)"
    assert (told.message.facts["count"], len(told.message.facts["alerts"])) == (120, 50)
