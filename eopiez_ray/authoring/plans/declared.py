"""What was asked for when a plan was built, step by step, before its steps were split into levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...model.plan import PlanSpec
    from ..contract import Phase


class Declared(NamedTuple):
    """A step as it was asked for."""

    name: str
    phase: Phase | None
    """None for a step that gives values."""
    inputs: tuple[str, ...]
    parameters: dict[str, Any]
    values: list[Any]
    levels: tuple[str, ...]
    """The steps that came of it: several for a reduce with a combine."""


class Declaration(NamedTuple):
    """A plan as it was asked for."""

    name: str
    labels: Mapping[str, str]
    priority: int
    steps: Sequence[Declared]
    spec: PlanSpec
    """What came of it."""
