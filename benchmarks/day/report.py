"""What people have met in a day, in figures. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

EXAMPLES = 20
"""Errors that a report quotes at most."""
AT_REST = frozenset({"succeeded", "failed", "cancelled", "quarantined"})


class Kind(StrEnum):
    """What a request is for."""

    READ = "reads"
    SUBMISSION = "submissions"
    CHANGE = "changes"
    """Signing in, steering, uploading."""
    FOLLOWING = "following"
    """From the request to the first message of a stream."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that was answered, or whose connection broke."""

    part: str
    kind: Kind
    took_ms: float
    error: str = ""
    """What was wrong with the answer; empty if it was one that has to be expected."""


@dataclass
class Notes:
    """What all people together have met."""

    visits: list[Visit] = field(default_factory=list)
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)
    """How each accepted workflow may end, by its id."""
    wrong: list[str] = field(default_factory=list)
    """Answers that were not true, in words."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of the work."""

    statuses: Mapping[str, str]
    """The status of each workflow that there is at the end, by its id."""
    waited_s: float
    """Seconds from the end of the day until all work was at rest."""


def report(notes: Notes, ending: Ending) -> dict[str, Any]:
    """The figures, ready for JSON; times in milliseconds."""
    errors = [f"{visit.part}: {visit.error}" for visit in notes.visits if visit.error]
    lost = [name for name, allowed in notes.accepted.items() if ending.statuses.get(name) not in allowed]
    return {
        "requests": len(notes.visits),
        "errors": len(errors),
        "error_examples": [f"{count} × {error}" for error, count in Counter(errors).most_common(EXAMPLES)],
        "kinds": {kind.value: _times(visit for visit in notes.visits if visit.kind is kind) for kind in Kind},
        "parts": {part: _times(visit for visit in notes.visits if visit.part == part) for part in _parts(notes)},
        "work": {
            "accepted": len(notes.accepted),
            "ended": dict(Counter(ending.statuses[name] for name in notes.accepted if name in ending.statuses)),
            "lost": len(lost),
            "lost_examples": [f"{name} {ending.statuses.get(name, 'is not there')}" for name in lost[:EXAMPLES]],
            "doubled": len(ending.statuses.keys() - notes.accepted.keys()),
            "wrong": notes.wrong[:EXAMPLES],
            "at_rest_after_s": round(ending.waited_s, 1),
        },
    }


def is_kept(figures: Mapping[str, Any]) -> bool:
    """Whether every answer was as it should be, and no work was lost, done twice or wrong."""
    work = figures["work"]
    return not (figures["errors"] or work["lost"] or work["doubled"] or work["wrong"])


def text(figures: Mapping[str, Any]) -> str:
    """The same for people."""
    rows = [f"{'':<28}{'requests':>9}{'errors':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'most':>9}  ms"]
    for name, times in {**figures["kinds"], **figures["parts"]}.items():
        quantiles = "".join(f"{times[each]:>8.1f}" for each in ("p50", "p95", "p99"))
        rows.append(f"{name:<28}{times['requests']:>9,}{times['errors']:>8}{quantiles}{times['most']:>9.1f}")
    work = figures["work"]
    ended = ", ".join(f"{count:,} {status}" for status, count in sorted(work["ended"].items()))
    rows.append(f"\nworkflows: {work['accepted']:,} accepted, {ended}; {work['lost']} lost, {work['doubled']} doubled, "
                f"{len(work['wrong'])} wrong; at rest {work['at_rest_after_s']:g} s after the end")  # fmt: skip
    for part, (start, end) in figures.get("memory_mib", {}).items():
        rows.append(f"memory of {part:<18}{start:>9,.0f} MiB at the start, {end:,.0f} at the end")
    return "\n".join([*rows, *figures["error_examples"], *work["lost_examples"], *work["wrong"]])


def _parts(notes: Notes) -> list[str]:
    return sorted({visit.part for visit in notes.visits})


def _times(visits: Iterable[Visit]) -> dict[str, float]:
    chosen = list(visits)
    took = sorted(visit.took_ms for visit in chosen) or [0.0]
    return {
        "requests": len(chosen),
        "errors": sum(bool(visit.error) for visit in chosen),
        **{f"p{share}": round(took[min(len(took) - 1, len(took) * share // 100)], 1) for share in (50, 95, 99)},
        "most": round(took[-1], 1),
    }
