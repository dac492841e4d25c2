"""Tables that are one value of JSON: a list inside an object, rows by their keys, columns by their names."""

from __future__ import annotations

from typing import Any

from eopiez_ray.phases.io.options import ReadOptions, is_known_name


def rows_inside(value: dict[str, Any], options: ReadOptions) -> list[Any] | None:
    """The rows that an object holds which is all of a file; None if it is a row itself."""
    if len(value) > 1 and all(isinstance(inner, dict) for inner in value.values()):
        return _rows_by_key(value, options)
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return _rows_below(value["columns"], value["data"])
    return _rows_of_columns(value) or _only_list(value)


def _only_list(value: dict[str, Any]) -> list[Any] | None:
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner and isinstance(inner[0], dict)]
    return lists[0] if len(lists) == 1 and not isinstance(value.get("text"), str) else None


def _rows_by_key(value: dict[str, dict[str, Any]], options: ReadOptions) -> list[Any] | None:
    """The inner objects if they are alike, or, where they are columns, what they have under the same keys."""
    inner = list(value.values())
    first = inner[0].keys()
    if not first or any(2 * len(first & other.keys()) < len(first | other.keys()) for other in inner):
        return None
    is_of_columns = any(is_known_name(name, options) for name in value) and not any(
        is_known_name(name, options) for name in first
    )
    if not is_of_columns:
        return [{"id": key} | row for key, row in value.items()]
    keys = dict.fromkeys(key for column in inner for key in column)
    return [{name: column.get(key) for name, column in value.items()} for key in keys]


def _rows_of_columns(value: dict[str, Any]) -> list[Any] | None:
    """The rows of lists that are equally long and hold no lists or objects."""
    columns = list(value.values())
    if len(columns) < 2 or not all(isinstance(column, list) for column in columns):
        return None
    if len(columns[0]) < 2 or any(len(column) != len(columns[0]) for column in columns):
        return None
    if any(isinstance(cell, (list, dict)) for column in columns for cell in column):
        return None
    return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _rows_below(names: list[Any], rows: list[Any]) -> list[Any] | None:
    if not all(isinstance(name, str) for name in names) or not all(isinstance(row, list) for row in rows):
        return None
    return [dict(zip(names, row, strict=True)) if len(row) == len(names) else row for row in rows]
