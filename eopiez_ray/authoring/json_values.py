"""What JSON can express exactly."""

from __future__ import annotations

from typing import Any


def is_json(value: Any, depth: int = 100) -> bool:
    """Whether a value survives a round trip through JSON, types included.

    Args:
        depth: the deepest nesting of lists and dicts that is allowed.
    """
    if type(value) in {dict, list} and depth > 0:
        keys, inside = (value.keys(), value.values()) if isinstance(value, dict) else ((), value)
        return all(type(key) is str for key in keys) and all(is_json(inner, depth - 1) for inner in inside)
    return value is None or type(value) in {str, int, float, bool}
