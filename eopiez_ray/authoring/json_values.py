"""What JSON can say exactly."""

from __future__ import annotations

from typing import Any


def is_json(value: Any, depth: int = 100) -> bool:
    """Whether a value is what JSON gives back, type by type.

    Args:
        depth: of lists and dicts inside each other, above which it is not.
    """
    if type(value) in {dict, list} and depth > 0:
        keys, inside = (value.keys(), value.values()) if isinstance(value, dict) else ((), value)
        return all(type(key) is str for key in keys) and all(is_json(inner, depth - 1) for inner in inside)
    return value is None or type(value) in {str, int, float, bool}
