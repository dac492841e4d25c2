"""What the database's server spends on statements: those that take most by name, and all others together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from .labels import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..store.server import StatementFigures

APART = 30
"""How many statements are told apart."""


class Spent(NamedTuple):
    """What was spent on a statement, or several."""

    calls: int = 0
    seconds: float = 0.0


def spent(now: Mapping[int, StatementFigures], before: Mapping[int, StatementFigures]) -> dict[str, Spent]:
    """What was spent between two looks, by name. What was seen only now has been counted since the first one; a server
    that has forgotten a statement, or all, counts it from the beginning."""
    apart = _slowest(now.values())
    found: dict[str, Spent] = {}
    for number, figures in now.items():
        label = figures.name if figures.name is not None and figures.name in apart else OTHER
        known, more = found.get(label, Spent()), _more(figures, before.get(number))
        found[label] = Spent(known.calls + more.calls, known.seconds + more.seconds)
    return {label: each for label, each in found.items() if each.calls}


def _slowest(figures: Iterable[StatementFigures]) -> set[str]:
    """The names of those on which most was spent so far."""
    totals: defaultdict[str, float] = defaultdict(float)
    for each in figures:
        if each.name is not None:
            totals[each.name] += each.seconds
    return set(sorted(totals, key=lambda name: totals[name], reverse=True)[:APART])


def _more(now: StatementFigures, before: StatementFigures | None) -> Spent:
    if before is None or before.calls > now.calls:
        return Spent(now.calls, now.seconds)
    return Spent(now.calls - before.calls, max(0.0, now.seconds - before.seconds))
