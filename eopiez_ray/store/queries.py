"""The named statements of ``sql/queries.sql``."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def statements() -> dict[str, str]:
    """All statements by name."""
    text = (files(__package__) / "sql" / "queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def sql(name: str) -> str:
    """The statement of that name."""
    return statements()[name]
