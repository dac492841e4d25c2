"""Parts of a task that its phase has measured, on their way to a collector of traces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real

from .failures import exact
from .tasks import Attribute, TaskSpan

NAME_CHARACTERS = 200
TEXT_CHARACTERS = 1000
MOST_ATTRIBUTES = 32
MOST_SPANS = 1000
"""How many of an attempt's spans are kept."""


class Spans:
    """The spans of an attempt, in bounded memory."""

    __slots__ = ("_begun", "_dropped", "_kept")

    def __init__(self) -> None:
        self._kept: list[TaskSpan] = []
        self._begun = self._dropped = 0

    def begin(self) -> int:
        """The number of a new span."""
        self._begun += 1
        return self._begun

    def add(self, span: TaskSpan) -> None:
        """Keep a span that has ended, if there is room."""
        if len(self._kept) < MOST_SPANS:
            self._kept.append(span)
        else:
            self._dropped += 1

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()
        self._dropped = 0

    @property
    def kept(self) -> tuple[TaskSpan, ...]:
        """In the order in which they ended."""
        return tuple(self._kept)

    @property
    def dropped(self) -> int:
        """How many found no room."""
        return self._dropped


def attributes_of(given: Mapping[str, object]) -> dict[str, Attribute]:
    """What a collector can take of facts of any kind: numbers as they are, all else as text of bounded length."""
    some = list(given.items())[:MOST_ATTRIBUTES]
    return {exact(name, NAME_CHARACTERS): _attribute(value) for name, value in some}


def _attribute(value: object) -> Attribute:
    try:
        if isinstance(value, bool):
            return value
        if isinstance(value, Integral) and -(2**63) <= int(value) < 2**63:
            return int(value)
        if isinstance(value, Real) and not isinstance(value, Integral):
            return float(value)
        return exact(value, TEXT_CHARACTERS)
    except Exception as error:  # noqa: BLE001 - objects of users
        return f"a value without text: its __str__ raises {type(error).__name__}"


def moment_of(seconds: float) -> float:
    """Unix seconds that are a date, whatever a worker's clock says."""
    return min(max(0.0, seconds), 2e11) if math.isfinite(seconds) else 0.0
