"""What conditions say of what was measured: tables, without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from eopiez_ray.monitoring.alerts.conditions import Answers, observe
from eopiez_ray.monitoring.alerts.queries import queries_of
from eopiez_ray.monitoring.alerts.rules import Rule, RuleFile, check_project, to_document
from eopiez_ray.monitoring.alerts.states import Observation

from .given import rule

ENDED, HTTP = "eopiez_workflows_ended_total", "eopiez_http_requests_total"
Values = Mapping[tuple[str, ...], float]


def seen(when: dict[str, Any], *values: Values, usual: Any = None, faults: int = 0) -> list[Observation]:
    return [*observe(rule(when=when).when, Answers(values, usual or {}, faults))]


def wrong(when: dict[str, Any], *values: Values, usual: Any = None) -> dict[tuple[str, ...], bool]:
    """Whether it is wrong, by labels."""
    return {tuple(each.labels.values()): each.is_wrong for each in seen(when, *values, usual=usual)}


def test_a_threshold_holds_for_each_series() -> None:
    when = {"kind": "threshold", "metric": "eopiez_queue_age_seconds", "by": ["project"], "above": 10, "clear": 5}
    found = seen(when, {("a",): 11.0, ("b",): 10.0, ("c",): 5.0})
    assert [(each.labels["project"], each.is_wrong, each.is_well) for each in found] == [
        ("a", True, False), ("b", False, False), ("c", False, True),
    ]  # fmt: skip


def test_below_is_wrong_where_it_is_less() -> None:
    when = {"kind": "threshold", "metric": "eopiez_orchestrators", "below": 1}
    assert [wrong(when, {(): value})[()] for value in (0.0, 0.9, 1.0)] == [True, True, False]


def test_a_rate_is_a_second() -> None:
    when = {"kind": "rate", "metric": ENDED, "window": "1m", "above": 2}
    assert [seen(when, {(): value})[0].value for value in (60.0, 180.0)] == [1.0, 3.0]


def test_a_ratio_needs_enough_of_the_whole() -> None:
    when = {"kind": "ratio", "part": {"metric": ENDED}, "whole": {"metric": ENDED}, "by": ["project"], "least": 10,
            "above": 0.5}  # fmt: skip
    part: Values
    whole: Values
    part, whole = {("a",): 6.0, ("b",): 6.0}, {("a",): 10.0, ("b",): 9.0, ("c",): 50.0}
    assert wrong(when, part, whole) == {("a",): True, ("c",): False}


def test_absence_is_wrong_while_nothing_is_heard() -> None:
    when = {"kind": "absence", "metric": "eopiez_processes"}
    assert (wrong(when, {}), wrong(when, {(): 0.0})) == ({(): True}, {(): False})


@pytest.mark.parametrize(
    ("usual", "value", "side", "is_wrong"),
    [
        ([100, 102, 98, 100], 103, "both", False),
        ([100, 102, 98, 100], 200, "both", True),
        ([100, 102, 98, 100], 200, "below", False),
        ([100, 102, 98, 100], 10, "below", True),
        ([100, 102, 98, 100], 10, "above", False),
        ([100, 100, 100, 5000], 110, "both", False),
        ([100, 100, 100, 5000], 160, "both", True),
        ([0, 0, 0, 0], 4, "both", False),
        ([0, 0, 0, 0], 6, "both", True),
    ],
)
def test_unusual_is_far_from_the_median_of_other_weeks(
    usual: Sequence[float], value: float, side: str, is_wrong: bool
) -> None:
    when = {"kind": "unusual", "metric": "eopiez_workflows", "side": side, "least": 5}
    assert wrong(when, {(): float(value)}, {}, usual={(): usual}) == {(): is_wrong}


def test_what_is_usual_is_not_known_from_one_week() -> None:
    when = {"kind": "unusual", "metric": "eopiez_workflows"}
    assert seen(when, {(): 1e9}, {}, usual={(): [1.0]}) == []


@pytest.mark.parametrize(
    ("long", "short", "is_wrong"),
    [((150, 10_000), (20, 1000), True), ((140, 10_000), (20, 1000), False), ((150, 10_000), (14, 1000), False),
     ((0, 0), (0, 0), False)],
)  # fmt: skip
def test_a_budget_burns_in_both_windows(long: tuple[int, int], short: tuple[int, int], is_wrong: bool) -> None:
    when = {"kind": "burn_rate", "bad": {"metric": HTTP}, "all": {"metric": HTTP}, "objective": 0.999,
            "windows": [{"long": "1h", "short": "5m", "factor": 14.4}]}  # fmt: skip
    values: list[Values] = [{(): float(count)} for count in (*long, *short)]
    assert wrong(when, *values) == {(): is_wrong}


def test_the_default_windows_ask_for_each_count_once() -> None:
    when = {"kind": "burn_rate", "bad": {"metric": HTTP, "where": {"status": "500"}}, "all": {"metric": HTTP},
            "objective": 0.99}  # fmt: skip
    assert [query.window_s for query in queries_of(rule(when=when).when, None)] == [
        3600, 3600, 300, 300, 21_600, 21_600, 1800, 1800,
    ]  # fmt: skip


def test_projects_share_what_is_read() -> None:
    when = {"kind": "threshold", "metric": "eopiez_queue_age_seconds", "above": 10}
    asked = {query for project in map(str, range(100)) for query in queries_of(rule(when=when).when, project)}
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"kind": "threshold", "metric": "nonsense", "above": 1}, "there is no metric 'nonsense'"),
        ({"kind": "threshold", "metric": ENDED, "read": "count"}, "give one of `above` and `below`"),
        ({"kind": "threshold", "metric": ENDED, "read": "count", "above": 1, "below": 2}, "give one of"),
        ({"kind": "threshold", "metric": ENDED, "above": 1}, "is a counter: read count"),
        ({"kind": "threshold", "metric": "eopiez_workflows", "read": "p95", "above": 1}, "is a gauge: read latest or"),
        ({"kind": "threshold", "metric": ENDED, "read": "count", "above": 1, "clear": 2}, "wrong side of the bound"),
        ({"kind": "threshold", "metric": "eopiez_workflows", "above": 1, "by": ["planet"]}, "has no label 'planet'"),
        ({"kind": "threshold", "metric": "eopiez_workflows", "above": 1, "where": {"planet": "x"}}, "has no label"),
        ({"kind": "threshold", "metric": "eopiez_workflows", "above": float("inf")}, "finite number"),
        ({"kind": "rate", "metric": "eopiez_workflows", "above": 1}, "is a gauge, which does not count"),
        (
            {"kind": "ratio", "part": {"metric": ENDED}, "whole": {"metric": "eopiez_workflows"}, "above": 1},
            "a gauge is",
        ),
        ({"kind": "events", "source": "audit", "above": 1, "by": ["planet"]}, "events of audit have no 'planet'"),
        ({"kind": "events", "source": "audit", "above": 1, "window": "2d"}, "over a day at most"),
        ({"kind": "events", "source": "audit", "above": 1, "window": "soon"}, "write a duration such as 30s"),
        ({"kind": "events", "source": "audit", "above": 1, "window": True}, "no truth value"),
        ({"kind": "events", "source": "audit", "above": 1, "windw": 3}, "Extra inputs"),
        ({"kind": "guess"}, "does not match any of the expected tags"),
    ],
)
def test_what_cannot_be_is_refused_and_says_why(when: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        rule(when=when)


def test_a_project_may_look_at_itself_alone() -> None:
    for when in (
        {"kind": "threshold", "metric": "eopiez_node_cpu_ratio", "above": 1},
        {"kind": "events", "source": "audit", "above": 1},
        {"kind": "audit_chain"},
    ):
        with pytest.raises(ValueError, match="rules of the system"):
            check_project(rule(when=when))
    check_project(rule(when={"kind": "events", "source": "workflows", "above": 1}))


def test_a_rule_survives_being_written() -> None:
    given = rule(when={"kind": "unusual", "metric": ENDED, "window": "2h"}, **{"for": "5m"}, labels={"team": "a"})
    assert Rule.model_validate(to_document(given)) == given


def test_two_rules_of_one_name_are_refused() -> None:
    document = to_document(rule())
    with pytest.raises(ValidationError, match="two rules are called 'loud'"):
        RuleFile.model_validate({"rules": [document, document]})
