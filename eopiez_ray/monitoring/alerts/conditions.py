"""From what was measured to what is wrong: pure functions, one for each kind of condition."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from .queries import PROJECT, Values
from .rules import Absence, AuditChain, Bound, BurnRate, Condition, Events, Rate, Ratio, Threshold, Unusual
from .states import Observation

MAD_TO_SIGMA = 1.4826
"""Of a normal distribution, the standard deviation is so many median absolute deviations (Rousseeuw and Croux 1993)."""
LEAST_SPREAD = 0.02
"""A series that never changes has no deviation; this part of its median stands for one."""
FEWEST_WEEKS = 2

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """What one rule asked, of its own project alone."""

    values: Sequence[Values]
    """In the order of ``queries_of``."""
    usual: Mapping[Labels, Sequence[float]]
    """What was usual at this hour of the week, a value a week; by the second, of what counts."""
    audit_faults: int
    """How many rows of the audit log are not as they should be."""


def observe(when: Condition, answers: Answers) -> Iterator[Observation]:
    """What the condition says, for all labels that it knows of."""
    names = _names(when)
    if isinstance(when, AuditChain):
        yield Observation({}, float(answers.audit_faults), answers.audit_faults > 0, answers.audit_faults == 0)
    elif isinstance(when, Threshold | Events):
        yield from _bounded(when, answers.values[0], names)
    elif isinstance(when, Rate):
        rates = {labels: value / when.window for labels, value in answers.values[0].items()}
        yield from _bounded(when, rates, names)
    elif isinstance(when, Ratio):
        yield from _bounded(when, _ratios(when, *answers.values), names)
    elif isinstance(when, Absence):
        is_absent = not answers.values[0]
        yield Observation({}, float(is_absent), is_absent, not is_absent)
    elif isinstance(when, Unusual):
        yield from _unusual(when, answers, names)
    elif isinstance(when, BurnRate):
        yield from _burning(when, answers.values, names)
    else:
        assert_never(when)


def _names(when: Condition) -> tuple[str, ...]:
    return () if isinstance(when, Absence | AuditChain) else tuple(when.by)


def _bounded(bound: Bound, values: Values, names: tuple[str, ...]) -> Iterator[Observation]:
    for labels, value in values.items():
        if not math.isnan(value):
            yield Observation(dict(zip(names, labels, strict=True)), value, bound.is_wrong(value), bound.is_well(value))


def _ratios(when: Ratio, part: Values, whole: Values) -> dict[Labels, float]:
    return {labels: part.get(labels, 0.0) / total for labels, total in whole.items() if total >= when.least}


def _unusual(when: Unusual, answers: Answers, names: tuple[str, ...]) -> Iterator[Observation]:
    is_rate = when.meant.kind.value != "gauge"
    for labels, value in answers.values[0].items():
        current = value / when.window if is_rate else value
        usual = answers.usual.get(labels, ())
        if len(usual) >= FEWEST_WEEKS:
            is_wrong = _is_unusual(when, current, usual)
            yield Observation(dict(zip(names, labels, strict=True)), current, is_wrong, not is_wrong)


def _is_unusual(when: Unusual, value: float, usual: Sequence[float]) -> bool:
    """Whether a value is far from the median of usual ones, measured by their median absolute deviation."""
    middle = statistics.median(usual)
    spread = MAD_TO_SIGMA * statistics.median(abs(each - middle) for each in usual)
    difference = value - middle
    is_on_side = {"above": difference > 0, "below": difference < 0, "both": True}[when.side]
    limit = max(when.times * max(spread, LEAST_SPREAD * abs(middle)), when.least)
    return is_on_side and abs(difference) > limit


def _burning(when: BurnRate, values: Sequence[Values], names: tuple[str, ...]) -> Iterator[Observation]:
    budget = 1.0 - when.objective
    for labels in values[1]:
        worst, is_wrong = 0.0, False
        for at, pair in enumerate(when.windows):
            long_bad, long_all, short_bad, short_all = values[4 * at : 4 * at + 4]
            long = _burn(long_bad, long_all, labels, budget, when.least)
            short = _burn(short_bad, short_all, labels, budget, 0.0)
            worst = max(worst, min(long, short))
            is_wrong |= long > pair.factor and short > pair.factor
        yield Observation(dict(zip(names, labels, strict=True)), worst, is_wrong, not is_wrong)


def _burn(bad: Values, everything: Values, labels: Labels, budget: float, least: float) -> float:
    """How many times faster the budget burns than the objective allows."""
    total = everything.get(labels, 0.0)
    return bad.get(labels, 0.0) / total / budget if total > 0 and total >= least else 0.0


def of_project(values: Mapping[Labels, float], project: str, by: Sequence[str]) -> dict[Labels, float]:
    """The values of one project, of an answer that tells projects apart by its first label.

    Args:
        values: the answer.
        project: which.
        by: the labels that the rule asked for; its project may be among them.
    """
    return {_placed(labels, project, by): value for labels, value in values.items() if labels and labels[0] == project}


def _placed(labels: Labels, project: str, by: Sequence[str]) -> Labels:
    rest = iter(labels[1:])
    return tuple(project if name == PROJECT else next(rest) for name in by)
