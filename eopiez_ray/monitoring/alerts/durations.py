"""Durations as people write them: ``30s``, ``5m``, ``2h``, ``3d``, ``2w``, or a number of seconds."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_WRITTEN = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw])")
LONGEST_S = 35 * 86_400.0
"""Samples of an hour are kept for so long."""


def seconds(value: Any) -> Any:
    """The seconds of a duration; whatever else it is, is left to the check that follows."""
    if isinstance(value, str):
        found = _WRITTEN.fullmatch(value.strip())
        if found is None:
            raise ValueError("write a duration such as 30s, 5m, 2h, 3d or 2w, or a number of seconds")
        return float(found[1]) * _UNITS[found[2]]
    if isinstance(value, bool):
        raise ValueError("a duration is no truth value")  # noqa: TRY004 - pydantic reports ValueError
    return value


def written(given: float) -> str:
    """A duration as Prometheus writes it, in whole seconds at least."""
    whole = max(1, round(given))
    for unit in ("w", "d", "h", "m"):
        if whole % _UNITS[unit] == 0:
            return f"{whole // int(_UNITS[unit])}{unit}"
    return f"{whole}s"


def _form(least: float) -> WithJsonSchema:
    number = {"type": "number", "minimum": least, "maximum": LONGEST_S}
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d{1,9}(\.\d{1,3})?[smhdw]$"}, number]})


Pause = Annotated[float, BeforeValidator(seconds), Field(ge=0, le=LONGEST_S, allow_inf_nan=False), _form(0)]
"""Any duration, 0 too."""
Window = Annotated[float, BeforeValidator(seconds), Field(ge=10, le=LONGEST_S, allow_inf_nan=False), _form(10)]
"""How far to look back: samples have 10 seconds."""
