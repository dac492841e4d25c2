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


def is_json(value: Any, depth: int = 100) -> bool:
    """Whether a value is what JSON gives back, type by type.

    Args:
        depth: of lists and dicts inside each other, above which it is not.
    """
    if type(value) in {dict, list} and depth > 0:
        keys, inside = (value.keys(), value.values()) if isinstance(value, dict) else ((), value)
        return all(type(key) is str for key in keys) and all(is_json(inner, depth - 1) for inner in inside)
    return value is None or type(value) in {str, int, float, bool}
