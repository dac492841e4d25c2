"""Rules by which projects and users of one cluster share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from .names import DEFAULT_PROJECT


class LimitKind(StrEnum):
    """What a limit applies to."""

    PROJECT = "project"
    OWNER = "owner"
    LABEL = "label"
    """Named ``key=value``."""
    PHASE = "phase"


class LimitKey(NamedTuple):
    """The name of one limit."""

    kind: LimitKind
    name: str
    project: str = ""
    """The project whose calls alone count; empty if those of all projects count together."""


class StandingLimit(NamedTuple):
    """A limit, and how much of it is in use."""

    key: LimitKey
    maximum: int
    held: int
    """Calls that living orchestrators run under it, or may start at once."""
    wanted: int
    """Calls that they could run without it."""


class Owner(NamedTuple):
    """Whose a workflow is: the same name in two projects is two owners."""

    project: str
    name: str


LEAST_WEIGHT, MOST_WEIGHT = 0.001, 1000.0
"""Weights of owners and projects; beyond, what is at work over a weight could be more than a number holds."""
NOBODY = Owner(DEFAULT_PROJECT, "")


@dataclass(frozen=True, slots=True)
class Rules:
    """All limits and weights."""

    maxima: Mapping[LimitKey, int] = field(default_factory=dict)
    """Maximum concurrent calls; 0 stops them all."""
    weights: Mapping[Owner, float] = field(default_factory=dict)
    """Shares of what their projects have by owner; an owner without one has 1."""
    project_weights: Mapping[str, float] = field(default_factory=dict)
    """Shares of the cluster by project; a project without one has 1."""
