"""Where alerts stand, look by look, with a moved clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from eopiez_ray.model.alerts import MOST_SERIES, AlertStatus, Severity
from eopiez_ray.monitoring.alerts.states import Turn, withdraw

from .given import Diary, after, rule, seen


def test_without_for_it_fires_at_once_and_is_resolved_after_a_while() -> None:
    diary = Diary(rule(resolve_after="60s"))
    for seconds, value in ((0, 3), (10, 4), (20, 0), (70, 0), (79, 0), (80, 0), (90, 0)):
        diary.look(seconds, seen(value))
    assert diary.lines == [(0, "fired"), (80, "resolved")]


def test_with_for_it_is_pending_until_it_has_held_without_a_break() -> None:
    diary = Diary(rule(**{"for": "30s"}))
    for seconds, value in ((0, 1), (20, 1), (25, 0), (40, 1), (60, 1), (69, 1), (70, 1)):
        diary.look(seconds, seen(value))
    assert diary.lines == [(0, "pending"), (40, "pending"), (70, "fired")]
    assert (diary.alert.started_at, diary.alert.fired_at) == (after(40), after(70))


def test_a_value_that_wavers_raises_one_alert() -> None:
    diary = Diary(rule())
    for turn in range(100):
        diary.look(turn * 10, seen(turn % 2))
    assert diary.lines == [(10, "fired")]


def test_between_the_bounds_a_firing_alert_goes_on() -> None:
    diary = Diary(rule(resolve_after=0))
    diary.look(0, seen(9))
    diary.look(10, seen(5, wrong=False, well=False))
    assert diary.alert.status is AlertStatus.FIRING
    diary.look(20, seen(1, wrong=False, well=True))
    assert diary.lines == [(0, "fired"), (20, "resolved")]


def test_between_the_bounds_nothing_begins() -> None:
    diary = Diary(rule())
    diary.look(0, seen(5, wrong=False, well=False))
    assert not diary.active


def test_what_is_heard_of_no_more_is_resolved() -> None:
    diary = Diary(rule(resolve_after="30s"))
    diary.look(0, seen(1, node="a"), seen(1, node="b"))
    for seconds in (10, 40):
        diary.look(seconds, seen(1, node="b"))
    assert diary.lines == [(0, "fired"), (0, "fired"), (40, "resolved")]
    assert diary.alert.labels == {"node": "b"}


def test_labels_of_the_rule_and_of_what_is_seen_are_both_there() -> None:
    diary = Diary(rule(labels={"team": "blue"}, summary="$node has $value, $nothing, $rule", severity="critical"))
    diary.look(0, seen(1234567.0, node="a", project="red"))
    alert = diary.alert
    assert alert.labels == {"node": "a", "project": "red", "team": "blue"}
    assert alert.summary == "a has 1,234,567, $nothing, loud"
    assert (alert.project, alert.severity) == ("red", Severity.CRITICAL)


def test_a_rule_of_a_project_raises_alerts_of_the_project_alone() -> None:
    diary = Diary(rule(), project="blue")
    diary.look(0, seen(1, project="red"))
    assert (diary.alert.project, diary.alert.rule_project) == ("blue", "blue")


def test_a_rule_raises_so_many_alerts_and_no_more() -> None:
    diary = Diary(rule())
    for _ in range(2):
        diary.look(0, *(seen(1, node=str(number)) for number in range(MOST_SERIES + 50)))
    assert len(diary.active) == MOST_SERIES


def test_alerts_end_with_their_rule() -> None:
    firing, pending = Diary(rule()), Diary(rule(**{"for": "1h"}))
    for diary in (firing, pending):
        diary.look(0, seen(1))
    turn = Turn()
    for diary in (firing, pending):
        withdraw(diary.alert, after(9), turn)
    assert [each.kind for each in turn.history] == ["resolved"]
    assert turn.vanished == [pending.alert]


def test_a_value_that_hardly_changes_is_not_written_again() -> None:
    diary = Diary(rule())
    diary.look(0, seen(100.0))
    assert not diary.look(10, seen(101.0)).changed
    assert diary.look(20, seen(200.0)).changed


@given(some.lists(some.tuples(some.integers(1, 40), some.sampled_from([-1, 0, 1])), max_size=60))
def test_whatever_is_seen_each_alert_fires_and_ends_once(looks: list[tuple[int, int]]) -> None:
    diary, at = Diary(rule(**{"for": "30s", "resolve_after": "60s"})), 0
    for pause, value in looks:
        at += pause
        diary.look(at, *([] if value < 0 else [seen(value)]))
    kinds = [kind for _, kind in diary.lines if kind != "pending"]
    assert kinds == (["fired", "resolved"] * len(kinds))[: len(kinds)]
    times = [at for at, kind in diary.lines if kind != "pending"]
    for fired, resolved in zip(times[::2], times[1::2], strict=False):
        assert resolved - fired >= 60
