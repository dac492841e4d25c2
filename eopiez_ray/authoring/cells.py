"""Phases that are defined in cells of a notebook: a cell is edited and run again, and nobody thinks of versions."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from blake3 import blake3


def version_of(target: Callable[..., Any]) -> str:
    """The version of a phase that says none: a digest of its text if it is from a cell, so that no result of an earlier
    text is taken from the cache; 1 otherwise, since whoever edits a module says so."""
    if target.__module__ != "__main__" or hasattr(sys.modules["__main__"], "__file__"):
        return "1"
    parts = (
        [part for part in vars(target).values() if inspect.isfunction(part)] if inspect.isclass(target) else [target]
    )
    try:
        text = "\n".join(map(inspect.getsource, parts))
    except (OSError, TypeError):  # Typed where no text is kept, as at Python's own prompt.
        return "1"
    return blake3(text.encode("utf-8", "backslashreplace")).hexdigest(4)
