"""The named statements of ``sql/``, one file per noun."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

SCHEMA = "schema.sql"


@cache
def statements() -> dict[str, str]:
    """All statements by name.

    Raises:
        ValueError: two have the same name.
    """
    folder = files(__package__) / "sql"
    texts = sorted((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir() if file.name != SCHEMA)
    return collected(texts)


def collected(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The statements in files, each by its name. Errors as in ``statements``."""
    found: dict[str, str] = {}
    for file, text in texts:
        parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{file}: there is another statement named {name!r}")
            found[name] = body.strip()
    return found


def sql(name: str) -> str:
    """The statement with that name."""
    return statements()[name]
