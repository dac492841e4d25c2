"""Rules by which users of one cluster share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class LimitKind(StrEnum):
    """What a limit applies to."""

    OWNER = "owner"
    LABEL = "label"
    """Named ``key=value``."""
    PHASE = "phase"


class LimitKey(NamedTuple):
    """The name of one limit."""

    kind: LimitKind
    name: str


@dataclass(frozen=True, slots=True)
class Rules:
    """All limits and weights."""

    maxima: Mapping[LimitKey, int] = field(default_factory=dict)
    """Maximum concurrent calls; 0 stops them all."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Shares of the cluster by owner; an owner without one has 1."""
