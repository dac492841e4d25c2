"""A plan as declared, step by step, before its steps were split into levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...model.plan import PlanSpec
    from ..contract import Phase


class Declared(NamedTuple):
    """A step as declared."""

    name: str
    phase: Phase | None
    """None for a step that provides values."""
    inputs: tuple[str, ...]
    parameters: dict[str, Any]
    values: list[Any]
    levels: tuple[str, ...]
    """The resulting steps: several for a reduce with a combine."""


class Declaration(NamedTuple):
    """A plan as declared."""

    name: str
    labels: Mapping[str, str]
    priority: int
    steps: Sequence[Declared]
    spec: PlanSpec
    """The resulting plan."""
