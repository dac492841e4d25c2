"""Rules: what is looked at, when it is too much, and what is said then. They are written as YAML or JSON."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, model_validator

from ...model.alerts import Severity
from .durations import Pause
from .kinds import EXAMPLE, AuditChain, BurnRate, Condition, Events, LabelName, LabelValue, Part, Ratio, Series

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


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
