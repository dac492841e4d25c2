"""From our values to the JSON that the gateway takes."""

from __future__ import annotations

from typing import Any


def as_json(value: Any) -> Any:
    """A value as JSON: dataclasses as objects, paths and times as text."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value)
