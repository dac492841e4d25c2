"""Rules: what is looked at, when it is too much, and what is said then. They are written as YAML or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...model.alerts import Severity
from ..catalogue import CATALOGUE, Kind, Metric
from .durations import Pause, Window

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
Number = Annotated[float, Field(allow_inf_nan=False, strict=False)]
LabelName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
LabelValue = Annotated[str, Field(max_length=255)]
Where = dict[LabelName, LabelValue | Annotated[list[LabelValue], Field(min_length=1, max_length=50)]]
By = Annotated[list[LabelName], Field(max_length=6)]
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class Part(BaseModel):
    """A part of a rule: unknown keys are refused, so that a slip of the pen is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Series(Part):
    """Series of a metric."""

    metric: str = Field(max_length=100, examples=["eopiez_workflows_ended_total"])
    where: Where = Field(default_factory=dict, description="Only series with these labels; a list means any of them.")

    @property
    def meant(self) -> Metric:
        """The metric itself."""
        return CATALOGUE[self.metric]

    @model_validator(mode="after")
    def _is_in_the_catalogue(self) -> Series:
        if self.metric not in CATALOGUE:
            raise ValueError(f"there is no metric {self.metric!r}; docs/metrics.md lists them")
        _check_labels(self.meant, self.where)
        return self


class Bound(Part):
    """When a value is too much or too little, and when it is well again."""

    above: Number | None = Field(default=None, description="It is wrong while the value is greater.")
    below: Number | None = Field(default=None, description="It is wrong while the value is smaller.")
    clear: Number | None = Field(
        default=None,
        description="Once firing, it goes on until the value is past this, so that a value that wavers about the bound "
        "raises one alert and not many; the bound itself by default.",
    )

    @model_validator(mode="after")
    def _is_one(self) -> Bound:
        if (self.above is None) == (self.below is None):
            raise ValueError("give one of `above` and `below`")
        bad = self.clear is not None and (
            (self.above is not None and self.clear > self.above) or (self.below is not None and self.clear < self.below)
        )
        if bad:
            raise ValueError("`clear` is on the wrong side of the bound: what is wrong would be well at once")
        return self

    def is_wrong(self, value: float) -> bool:
        """Whether the value is past the bound."""
        return value > self.above if self.above is not None else value < (self.below or 0.0)

    def is_well(self, value: float) -> bool:
        """Whether the value is back."""
        if self.above is not None:
            return value <= (self.above if self.clear is None else self.clear)
        return value >= ((self.below or 0.0) if self.clear is None else self.clear)


class Threshold(Series, Bound):
    """A value that is past a bound."""

    kind: Literal["threshold"]
    by: By = Field(
        default_factory=list, description="An alert for each combination of these labels; else values add up."
    )
    read: Literal["latest", "mean", "count", "p50", "p90", "p95", "p99"] = Field(
        default="latest",
        description="`latest` or `mean` of a gauge, the `count` of what a counter or histogram counted in the window, "
        "or a quantile of a histogram.",
    )
    window: Window = Field(default=300.0, description="How far to look back; nothing to `latest`.")

    @property
    def quantile(self) -> float | None:
        """Which quantile is read, if one is."""
        return _QUANTILES.get(self.read)

    @model_validator(mode="after")
    def _fits(self) -> Threshold:
        _check_labels(self.meant, self.by)
        fitting = {
            Kind.GAUGE: ("latest", "mean"), Kind.COUNTER: ("count",), Kind.HISTOGRAM: ("count", *_QUANTILES),
        }[self.meant.kind]  # fmt: skip
        if self.read not in fitting:
            raise ValueError(f"{self.metric} is a {self.meant.kind.value}: read {' or '.join(fitting)}")
        return self


class Rate(Series, Bound):
    """How much a counter grows a second."""

    kind: Literal["rate"]
    by: By = Field(default_factory=list)
    window: Window = 300.0

    @model_validator(mode="after")
    def _fits(self) -> Rate:
        _check_labels(self.meant, self.by)
        _check_counts(self.meant)
        return self


class Ratio(Bound):
    """What part one count is of another."""

    kind: Literal["ratio"]
    part: Series
    whole: Series
    by: By = Field(default_factory=list)
    window: Window = 300.0
    least: Number = Field(default=1.0, gt=0, description="The whole must be so much, or nothing is said.")

    @model_validator(mode="after")
    def _fits(self) -> Ratio:
        for series in (self.part, self.whole):
            _check_labels(series.meant, self.by)
        if (self.part.meant.kind is Kind.GAUGE) != (self.whole.meant.kind is Kind.GAUGE):
            raise ValueError("a gauge is compared with a gauge, a count with a count")
        return self


class Absence(Series):
    """A metric of which nothing is heard."""

    kind: Literal["absence"]
    window: Window = 300.0


class Unusual(Series):
    """A value far from what is usual at this hour of the week."""

    kind: Literal["unusual"]
    by: By = Field(default_factory=list)
    window: Window = 3600.0
    times: Number = Field(default=5.0, gt=0, description="How many robust standard deviations are unusual.")
    side: Literal["above", "below", "both"] = "both"
    least: Number = Field(default=0.0, ge=0, description="Differences smaller than this are never unusual.")
    weeks: int = Field(default=4, ge=2, le=5, description="How many weeks show what is usual.")

    @model_validator(mode="after")
    def _fits(self) -> Unusual:
        _check_labels(self.meant, self.by)
        return self


class Burning(Part):
    """Two windows over which an error budget burns too fast."""

    long: Window
    short: Window
    factor: Number = Field(gt=0, description="How many times faster than the objective allows.")


class BurnRate(Part):
    """An objective whose error budget burns too fast (Site Reliability Workbook, chapter 5, section 6)."""

    kind: Literal["burn_rate"]
    bad: Series
    all: Series
    by: By = Field(default_factory=list)
    objective: float = Field(gt=0, lt=1, description="The part that should be good, such as 0.99.")
    windows: list[Burning] = Field(
        default_factory=lambda: [
            Burning(long=3600.0, short=300.0, factor=14.4), Burning(long=21_600.0, short=1800.0, factor=6.0),
        ], min_length=1, max_length=4, description="Both windows of any pair; by default those for 30 days.",
    )  # fmt: skip
    least: Number = Field(default=1.0, gt=0, description="The long window must count so much, or nothing is said.")

    @model_validator(mode="after")
    def _fits(self) -> BurnRate:
        for series in (self.bad, self.all):
            _check_labels(series.meant, self.by)
            _check_counts(series.meant)
        return self


class Events(Bound):
    """How many events happened: rows of the audit log, or of the history of workflows."""

    kind: Literal["events"]
    source: Literal["audit", "workflows"]
    where: Where = Field(
        default_factory=dict, description="`action`, `result`, `actor`, `address`, `project` of audit rows; `kind`, "
        "`project` of a workflow's events. A trailing `*` stands for anything.",
    )  # fmt: skip
    by: By = Field(default_factory=list)
    window: Window = 300.0

    @model_validator(mode="after")
    def _fits(self) -> Events:
        known = EVENT_LABELS[self.source]
        for name in (*self.where, *self.by):
            if name not in known:
                raise ValueError(f"events of {self.source} have no {name!r}; they have {', '.join(known)}")
        if self.window > LONGEST_EVENTS_S:
            raise ValueError("events are counted over a day at most")
        return self


class AuditChain(Part):
    """The audit log was tampered with."""

    kind: Literal["audit_chain"]


LONGEST_EVENTS_S = 86_400.0
EVENT_LABELS = {
    "audit": ("action", "result", "actor", "address", "project"),
    "workflows": ("kind", "project"),
}
EXAMPLE = {
    "kind": "threshold", "metric": "eopiez_queue_age_seconds", "by": ["project"], "above": 1800, "clear": 900,
}  # fmt: skip
Condition = Annotated[
    Threshold | Rate | Ratio | Absence | Unusual | BurnRate | Events | AuditChain, Field(discriminator="kind")
]


class RuleSpec(Part):
    """What is watched, and what is said when it is wrong."""

    when: Condition = Field(examples=[EXAMPLE])
    hold: Pause = Field(
        default=0.0, alias="for", description="How long it must be wrong, without a break, before the alert fires."
    )
    resolve_after: Pause = Field(default=60.0, description="How long it must be well before the alert is resolved.")
    severity: Severity = Severity.WARNING
    labels: dict[LabelName, LabelValue] = Field(
        default_factory=dict, max_length=20, description="Labels that its alerts have besides."
    )
    summary: str = Field(
        default="$rule: $value",
        max_length=500,
        description="What people read. `$value` stands for the value, `$rule` for the rule's name, `$project`, `$node` "
        "and so on for labels.",
    )
    enabled: bool = True

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Rule(RuleSpec):
    """A rule by its name."""

    name: str = Field(pattern=NAME, max_length=63, examples=["too-many-failures"])


class RuleFile(Part):
    """A file of rules."""

    rules: list[Rule] = Field(max_length=10_000)

    @model_validator(mode="after")
    def _names_differ(self) -> RuleFile:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.name in seen:
                raise ValueError(f"two rules are called {rule.name!r}")
            seen.add(rule.name)
        return self


def series_of(rule: Rule) -> list[Series]:
    """The series that a rule looks at."""
    when = rule.when
    if isinstance(when, Series):
        return [when]
    if isinstance(when, Ratio):
        return [when.part, when.whole]
    return [when.bad, when.all] if isinstance(when, BurnRate) else []


def check_project(rule: Rule) -> None:
    """Check that a project may have this rule: that it looks at nothing but the project's own.

    Raises:
        ValueError: it looks at what is of the system.
    """
    if isinstance(rule.when, AuditChain) or (isinstance(rule.when, Events) and rule.when.source == "audit"):
        raise ValueError("the audit log is for rules of the system")
    for series in series_of(rule):
        if "project" not in series.meant.kept:
            raise ValueError(f"{series.metric} is about the whole system, and for rules of the system")


def to_document(rule: Rule) -> dict[str, Any]:
    """The rule as it is written, without what goes without saying."""
    document = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"name": rule.name, **document, "when": {"kind": rule.when.kind, **document["when"]}}


def _check_labels(metric: Metric, names: Sequence[str] | Where) -> None:
    for name in names:
        if name not in metric.kept:
            known = ", ".join(metric.kept) or "none"
            raise ValueError(f"{metric.name} has no label {name!r}; it has {known}")


def _check_counts(metric: Metric) -> None:
    if metric.kind is Kind.GAUGE:
        raise ValueError(f"{metric.name} is a gauge, which does not count; use a threshold")
