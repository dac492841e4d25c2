"""Why a value cannot be pickled: which member is at fault, and where it is."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import cloudpickle

DEEPEST = 8
"""How many levels of members are searched."""
MOST = 10_000
"""How many members of one container are searched."""
UNPICKLABLE = (pickle.PicklingError, TypeError, AttributeError, RecursionError, ValueError)
"""The errors that picklers raise."""


def culprit(value: Any, place: str = "result") -> str:
    """The place and type of the innermost member that cannot be pickled, as ``result['a'][3] is of type lock``."""
    for _ in range(DEEPEST):
        found = next(((f"{place}{where}", inner) for where, inner in _members(value) if _fault(inner)), None)
        if found is None:
            break
        place, value = found
    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.").removeprefix("_thread.")
    return f"{place} is of type {name} ({_fault(value) or 'nested too deeply'})"


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """The members of a value, each with the expression that reaches it."""
    if isinstance(value, Mapping):
        pairs = ((f"[{key!r}]", inner) for key, inner in value.items())
    elif isinstance(value, list | tuple):
        pairs = ((f"[{number}]", inner) for number, inner in enumerate(value))
    elif isinstance(value, set | frozenset):
        pairs = (("{…}", inner) for inner in value)
    else:
        pairs = ((f".{name}", inner) for name, inner in getattr(value, "__dict__", {}).items())
    yield from (pair for pair, _ in zip(pairs, range(MOST), strict=False))


def _fault(value: Any) -> str:
    """What keeps it from being pickled; empty if nothing does."""
    try:
        cloudpickle.dumps(value, protocol=5)
    except Exception as error:  # noqa: BLE001 - objects of users
        return str(error)[:200] or type(error).__name__
    return ""
