"""What visitors of a gateway have met while its parts were killed, and whether its promises were kept. No I/O."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple


class Victim(StrEnum):
    """A part of a whole system."""

    REPLICA = "replica"
    """A replica of the API on Ray Serve."""
    PROXY = "proxy"
    """Serve's HTTP proxy."""
    CONTROLLER = "controller"
    """Serve's controller."""
    ORCHESTRATOR = "orchestrator"
    POSTGRES = "postgres"


ALLOWED = frozenset({429, 503})
"""Statuses that say: send it again."""
BEREAVED = 500
"""What Serve's proxy answers, without a body of ours, to a request that was in flight on a replica when it died."""


class Visit(NamedTuple):
    """A request and its answer."""

    at: float
    """Unix seconds of the answer."""
    status: int
    """0 if the connection broke."""
    is_ours: bool = True
    """Whether the gateway itself has answered, and not the proxy before it."""

    @property
    def is_answered(self) -> bool:
        """Whether it was answered as asked."""
        return self.status in range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """A part that was killed, and what visitors met until the next."""

    victim: Victim
    at: float
    visits: Sequence[Visit]

    @property
    def away_s(self) -> float:
        """The longest time without an answer as asked, from the kill on."""
        moments = [self.at, *sorted(visit.at for visit in self.visits if visit.is_answered)]
        return max((after - before for before, after in pairwise(moments)), default=0.0)

    @property
    def statuses(self) -> Counter[str]:
        """What was met, by name."""
        return Counter(map(_named, self.visits))

    @property
    def breaches(self) -> tuple[str, ...]:
        """Errors that nobody should meet."""
        return tuple(f"{count} answered {name}" for name, count in self.statuses.items() if name.endswith("!"))


def _named(visit: Visit) -> str:
    if visit.is_answered:
        return "answered"
    if visit.status == 0:
        return "broken"
    if visit.status in ALLOWED or (visit.status == BEREAVED and not visit.is_ours):
        return str(visit.status)
    return f"{visit.status}!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of all that was accepted."""

    accepted: int
    lost: int
    """Accepted workflows that were not there, or did not succeed, at the end."""
    wrong: Sequence[str]
    """Answers that were not true, in words."""
    doubled: int
    """Workflows beyond one for each idempotency key."""

    @property
    def breaches(self) -> tuple[str, ...]:
        """The promises that were broken, in words."""
        found = {
            f"{self.lost} lost": self.lost,
            f"{self.doubled} doubled": self.doubled,
            f"{len(self.wrong)} wrong answers, such as: {next(iter(self.wrong), '')}": len(self.wrong),
        }
        return tuple(sentence for sentence, is_so in found.items() if is_so)


@dataclass(frozen=True, slots=True, kw_only=True)
class VictimSummary:
    """What killing one kind of part has cost over all rounds."""

    victim: Victim
    rounds: int
    requests: int
    statuses: Mapping[str, int]
    away_median_s: float
    away_worst_s: float
    breaches: tuple[str, ...]


def summarize(strikes: Sequence[Strike]) -> list[VictimSummary]:
    """The figures by victim, in the order in which they first fell."""
    found = []
    for victim in dict.fromkeys(strike.victim for strike in strikes):
        own = [strike for strike in strikes if strike.victim is victim]
        away = [strike.away_s for strike in own]
        statuses: Counter[str] = Counter()
        for strike in own:
            statuses += strike.statuses
        found.append(
            VictimSummary(
                victim=victim, rounds=len(own), requests=statuses.total(), statuses=dict(statuses),
                away_median_s=statistics.median(away), away_worst_s=max(away),
                breaches=tuple(dict.fromkeys(breach for strike in own for breach in strike.breaches)),
            )
        )  # fmt: skip
    return found
