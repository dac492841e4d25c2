"""Whether the first row of a table names its columns, or is a row like the others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eopiez_ray.phases.io.options import PROSE_LENGTH, ReadOptions, is_known_name

_LONGEST_NAME = 80
"""Characters beyond which a cell is no name, unless it asks something, as forms do."""
_FEWEST_ROWS = 3
"""Rows that can tell what a column holds."""
_MOST = 0.8
_DIGITS, _LETTERS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SENTENCE = re.compile(r"(?:\S+\s+){5,}.*[.!…]\s*", re.DOTALL)


def names_columns(header: Sequence[str], below: Sequence[Sequence[str]], options: ReadOptions) -> bool:
    """Whether a row names the columns: by a name that is known, else unless a cell is like those below it.

    Args:
        header: the row.
        below: the next rows; those of another width say nothing.
    """
    rows = [cells for cells in below if len(cells) == len(header) and cells != list(header)]
    columns = list(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
    if any(is_known_name(name, options) and name not in values for name, values in columns):
        return True
    if not are_short(header):
        return False
    return len(rows) < _FEWEST_ROWS or not any(_is_value(cell, values) for cell, values in columns)


def are_short(header: Sequence[str]) -> bool:
    """Whether all cells are short enough for names."""
    return not any(
        "\n" in cell or (len(cell) > _LONGEST_NAME and not cell.rstrip().endswith(("?", ":"))) for cell in header
    )


def _is_value(cell: str, values: Sequence[str]) -> bool:
    """Whether a cell is one of a column's values: a frequent one, written like them, or prose like them."""
    cell, filled = cell.strip(), [value for value in map(str.strip, values) if value]
    if not cell or len(filled) < _FEWEST_ROWS:
        return False
    if filled.count(cell) >= max(2, len(filled) // 10):
        return True
    if _is_figure(cell) and not _YEAR.fullmatch(cell):
        return sum(_shape(value) == _shape(cell) for value in filled) >= _MOST * len(filled)
    is_prose = sum(map(len, filled)) >= PROSE_LENGTH * len(filled)
    return is_prose and _SENTENCE.fullmatch(cell) is not None


def _is_figure(cell: str) -> bool:
    """Whether a cell is a number, a date, or something else that consists of numbers."""
    shape = _shape(cell)
    return shape.lstrip("+-").startswith("9") or shape.count("9") > 1


def _shape(cell: str) -> str:
    return _LETTERS.sub("a", _DIGITS.sub("9", cell[:80]))
