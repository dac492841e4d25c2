"""The same rules as Prometheus takes them, for systems where it is there.

What Prometheus does not see is left out and named: events, and the audit log. What is exposed has fewer labels than
what is kept (``Metric.within``), so that a rule by one of those is left out as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from ..catalogue import Kind
from .durations import written
from .kinds import Absence, AuditChain, Bound, BurnRate, Events, Rate, Ratio, Series, Threshold, Unusual
from .rules import Rule, series_of


@dataclass(frozen=True, slots=True)
class Exported:
    """Rules for Prometheus, and those that it cannot have."""

    document: dict[str, Any]
    """What a rule file of Prometheus holds."""
    left_out: list[str]


def exported(rules: Iterable[Rule], project: str | None = None) -> Exported:
    """Rules as Prometheus takes them.

    Args:
        rules: of one project, or of the system.
        project: whose they are.
    """
    written_rules, left_out = [], []
    for rule in rules:
        if rule.enabled and _is_seen(rule):
            written_rules.append(_alert(rule, project))
        elif rule.enabled:
            left_out.append(rule.name)
    groups = [{"name": f"eopiez {project or 'system'}", "rules": written_rules}] if written_rules else []
    return Exported({"groups": groups}, left_out)


def _is_seen(rule: Rule) -> bool:
    """Whether Prometheus sees what the rule looks at."""
    if isinstance(rule.when, Events | AuditChain):
        return False
    by = getattr(rule.when, "by", [])
    return all({*series.where, *by} <= {*series.meant.labels} for series in series_of(rule))


def _alert(rule: Rule, project: str | None) -> dict[str, Any]:
    annotations = {"summary": _summary(rule.summary)}
    alert: dict[str, Any] = {"alert": rule.name, "expr": _expression(rule, project)}
    if rule.hold:
        alert["for"] = written(rule.hold)
    alert["labels"] = {"severity": rule.severity.value, **rule.labels}
    return alert | {"annotations": annotations}


def _summary(summary: str) -> str:
    """Our placeholders as Prometheus' own."""
    return _PLACEHOLDER.sub(lambda found: _SHOWN.get(found[1], f"{{{{ $labels.{found[1]} }}}}"), summary)


_PLACEHOLDER = re.compile(r"\$([a-z_][a-z0-9_]*)")
_SHOWN = {
    "value": "{{ $value | humanize }}", "percent": "{{ $value | humanizePercentage }}",
    "rule": "{{ $labels.alertname }}",
}  # fmt: skip


def _expression(rule: Rule, project: str | None) -> str:
    when = rule.when
    if isinstance(when, Threshold):
        return _compared(_threshold(when, project), when)
    if isinstance(when, Rate):
        return _compared(f"sum{_by(when.by)}(rate({_selector(when, project)}[{written(when.window)}]))", when)
    if isinstance(when, Ratio):
        part, whole = (_count(each, when.by, when.window, project) for each in (when.part, when.whole))
        return f"({_compared(f'({part} / {whole})', when)}) and {whole} >= {_number(when.least)}"
    if isinstance(when, Absence):
        return f"absent({_present(when, project)})"
    if isinstance(when, Unusual):
        return _unusual(when, project)
    if isinstance(when, BurnRate):
        return _burning(when, project)
    assert not isinstance(when, Events | AuditChain), "Prometheus does not see them"
    assert_never(when)


def _threshold(when: Threshold, project: str | None) -> str:
    selector = _selector(when, project)
    if when.quantile is not None:
        buckets = _selector(when, project, "_bucket")
        by = _by([*when.by, "le"])
        return f"histogram_quantile({when.quantile:g}, sum{by}(rate({buckets}[{written(when.window)}])))"
    if when.read == "latest":
        return f"sum{_by(when.by)}({selector})"
    if when.read == "mean":
        return f"sum{_by(when.by)}(avg_over_time({selector}[{written(when.window)}]))"
    return _count(when, when.by, when.window, project)


def _count(series: Series, by: Sequence[str], window_s: float, project: str | None) -> str:
    """What a counter or histogram counted in a window, or the mean of a gauge."""
    if series.meant.kind is Kind.GAUGE:
        return f"sum{_by(by)}(avg_over_time({_selector(series, project)}[{written(window_s)}]))"
    suffix = "_count" if series.meant.kind is Kind.HISTOGRAM else ""
    return f"sum{_by(by)}(increase({_selector(series, project, suffix)}[{written(window_s)}]))"


def _unusual(when: Unusual, project: str | None) -> str:
    """The distance from the mean of the same hour in other weeks: PromQL has no median over offsets."""
    now = _rate_of(when, project, "")
    weeks = [_rate_of(when, project, f" offset {week}w") for week in range(1, when.weeks + 1)]
    usual = f"(({' + '.join(weeks)}) / {when.weeks})"
    difference = {"above": f"({now} - {usual})", "below": f"({usual} - {now})", "both": f"abs({now} - {usual})"}
    # PromQL has no deviation over offsets either: half of what is usual stands for the limit.
    return f"({difference[when.side]} > 0.5 * abs({usual})) and ({difference[when.side]} > {_number(when.least)})"


def _rate_of(when: Unusual, project: str | None, offset: str) -> str:
    selector, window = _selector(when, project), written(when.window)
    function = "avg_over_time" if when.meant.kind is Kind.GAUGE else "rate"
    if when.meant.kind is Kind.HISTOGRAM:
        selector = _selector(when, project, "_count")
    return f"sum{_by(when.by)}({function}({selector}[{window}]{offset}))"


def _burning(when: BurnRate, project: str | None) -> str:
    pairs = []
    for pair in when.windows:
        burns = [
            f"({_count(when.bad, when.by, window, project)} / {_count(when.all, when.by, window, project)})"
            f" > {_number(pair.factor * (1 - when.objective))}"
            for window in (pair.long, pair.short)
        ]
        enough = f"{_count(when.all, when.by, pair.long, project)} >= {_number(when.least)}"
        pairs.append(f"(({burns[0]}) and ({burns[1]}) and {enough})")
    return " or ".join(pairs)


def _present(series: Series, project: str | None) -> str:
    suffix = "_count" if series.meant.kind is Kind.HISTOGRAM else ""
    return _selector(series, project, suffix)


def _compared(value: str, bound: Bound) -> str:
    if bound.above is not None:
        return f"{value} > {_number(bound.above)}"
    return f"{value} < {_number(bound.below or 0.0)}"


def _selector(series: Series, project: str | None, suffix: str = "") -> str:
    where = dict(series.where)
    if project is not None:
        where["project"] = project
    conditions = ",".join(_condition(name, value) for name, value in sorted(where.items()))
    return f"{series.metric}{suffix}" + (f"{{{conditions}}}" if conditions else "")


def _condition(name: str, value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return f"{name}={_quoted(value)}"
    return f"{name}=~{_quoted('|'.join(map(_literal, value)))}"


def _literal(text: str) -> str:
    """A text that stands for itself in RE2."""
    return "".join(f"\\{letter}" if letter in "\\.+*?()|[]{}^$" else letter for letter in text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _by(names: Sequence[str]) -> str:
    return f" by ({', '.join(names)}) " if names else ""


def _number(value: float) -> str:
    return f"{value:.12g}"
