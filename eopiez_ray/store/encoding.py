"""Values in a form that Postgres accepts, whatever they contain: text, JSON and times.

Postgres accepts no NUL in text and no lone surrogate in UTF-8; ``jsonb`` accepts neither NaN nor infinity. Text and
JSON of every statement pass through here: these functions are the codecs of each connection.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

DEEPEST = 64
"""Levels of nesting that readable JSON keeps where a value cannot be stored as it is."""
LATEST = 253_402_300_799.0
"""Unix seconds of the last time that Python can represent: 9999-12-31T23:59:59Z."""


def clean(text: str) -> str:
    """The text; NUL is shown as ``␀``, and lone surrogates, such as undecodable bytes of file names, as ``\\udcff``."""
    if "\0" in text:
        text = text.replace("\0", "␀")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def to_json(value: Any) -> str:
    """JSON text of any value. What JSON or Postgres cannot hold becomes text, and what is nested too deeply ``…``."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if "\\u0000" not in text:
            text.encode()
            return text
    except (ValueError, TypeError, RecursionError):
        pass  # A number, key, cycle, depth or surrogate that plain JSON does not accept.
    return json.dumps(_shown(value, DEEPEST), ensure_ascii=False)


def moment(seconds: float | None) -> float | None:
    """Unix seconds, clamped to what Postgres and Python can both show as a date; NaN becomes the epoch."""
    if seconds is None or 0.0 <= seconds <= LATEST:
        return seconds
    return LATEST if seconds > LATEST else 0.0


def _shown(value: Any, depth: int) -> Any:
    """The value as JSON that Postgres accepts."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean(str.__str__(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else f"an integer of {value.bit_length()} bits"
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {clean(str(key)): _shown(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(inner, depth - 1) for inner in value]
    return f"a value of type {clean(type(value).__name__)}"
