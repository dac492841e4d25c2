"""Rules by which users of one cluster share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class LimitKind(StrEnum):
    """What a limit is on."""

    OWNER = "owner"
    LABEL = "label"
    """Named ``key=value``."""
    PHASE = "phase"


class LimitKey(NamedTuple):
    """One limit's name."""

    kind: LimitKind
    name: str


@dataclass(frozen=True, slots=True)
class Rules:
    """All limits and weights."""

    maxima: Mapping[LimitKey, int] = field(default_factory=dict)
    """Calls at work at once, at most; 0 stops all of them."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Parts of the cluster by owner; an owner without one has 1."""
