"""Tables: JSON lines, JSON arrays, CSV and TSV, Parquet. All are streamed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from eopiez_ray.model.names import shown
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.delimited import read_delimited
from eopiez_ray.phases.io.encodings import SAMPLE, decoded, detect_encoding, telling_sample
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.json_rows import read_json, read_jsonl
from eopiez_ray.phases.io.options import SAMPLE_ROWS, Columns, ReadOptions, choose_columns
from eopiez_ray.phases.io.parquet import read_parquet
from eopiez_ray.phases.io.records import (
    Piece,
    Record,
    Remark,
    converted,
    kind_of,
    parse_time,
    plain_value,
    rejected,
)
from eopiez_ray.phases.io.sniffing import Format, Opened, is_binary, open_stream

_DEEPEST_COLUMN = 5
"""Levels of objects inside objects that are looked into for columns."""

Rows = Iterator[Piece[dict[str, Any]] | Reject | Remark]
Documents = Iterator[Record | Reject | Remark]


class Table(NamedTuple):
    """A table whose columns have been chosen."""

    columns: Columns | None
    """None as long as there has been no row, but rejects alone."""
    available: list[str]
    records: Documents


def open_table(file: InputFile, opened: Opened, options: ReadOptions) -> Table:
    """The table in a file.

    Raises:
        UnknownColumnError: a column that the user named is missing, or none can be taken for the text.
        UnreadableInputError: the file is not of its format.
    """
    rows = rows_of(file, opened, options)
    first = list(itertools.islice(rows, SAMPLE_ROWS))
    if not any(isinstance(item, Piece) for item in first):
        return Table(None, [], _late(file, first, rows, options))
    return _table(file, first, rows, options)


def rows_of(file: InputFile, opened: Opened, options: ReadOptions) -> Rows:
    """The rows of a table as they are, before any column is chosen."""
    if opened.format is Format.PARQUET:
        return read_parquet(file, opened, options)
    return _READERS[opened.format](file, opened, options, _encoding(file, opened, options))


def _late(file: InputFile, first: list[Any], rows: Rows, options: ReadOptions) -> Documents:
    """The documents of a table that begins with many rejects: its columns are chosen once there is a row."""
    yield from first
    for item in rows:
        if isinstance(item, Piece):
            sample = [item, *itertools.islice(rows, SAMPLE_ROWS)]
            yield from _table(file, sample, rows, options).records
            return
        yield item


def _table(file: InputFile, first: list[Any], rows: Rows, options: ReadOptions) -> Table:
    sample = [item.content for item in first if isinstance(item, Piece)]
    wide = [_flat(cells) for cells in sample]
    columns = choose_columns(file.source, wide, options, {name for cells in sample for name in cells})
    available = [shown(name) for name in dict.fromkeys(name for cells in wide for name in cells)]
    used = columns.named().values()
    is_deep = any(name in flat and name not in cells for cells, flat in zip(sample, wide, strict=True) for name in used)
    convert = _converter(file, columns, options, is_deep)
    return Table(columns, available, converted(file.source, itertools.chain(first, rows), convert))


def _flat(cells: Mapping[str, Any], level: int = _DEEPEST_COLUMN) -> Mapping[str, Any]:
    """A row whose objects are columns of their own: ``post.text`` is the ``text`` inside ``post``."""
    if not level or not any(type(value) is dict for value in cells.values()):
        return cells
    found: dict[str, Any] = {}
    for name, value in cells.items():
        if isinstance(value, dict):
            inner = _flat(value, level - 1)
            found.update({f"{name}.{below}": cell for below, cell in inner.items()})
        else:
            found[name] = value
    return found | {name: value for name, value in cells.items() if not isinstance(value, dict)}


def _converter(
    file: InputFile, columns: Columns, options: ReadOptions, is_deep: bool
) -> Callable[[str, dict[str, Any]], Record | Reject]:
    """What makes a document of a row; a row without a text is rejected."""
    text_name, id_name, title_name = columns.text, columns.id, columns.title
    time_name, label_name, folder = columns.time, columns.label, file.label

    def convert(source: str, cells: Mapping[str, Any]) -> Record | Reject:
        if is_deep:
            cells = _flat(cells)
        text = cells.get(text_name)
        if type(text) is not str:
            text = _as_text(text, options)
            if text is None:
                return _without_text(source, text_name, cells)
        return Record(
            text,
            source,
            plain_value(cells.get(id_name)) if id_name else None,
            plain_value(cells.get(title_name)) if title_name else None,
            parse_time(cells.get(time_name)) if time_name else None,
            plain_value(cells.get(label_name)) if label_name else folder,
        )

    return convert


def _as_text(value: object, options: ReadOptions) -> str | None:
    """The text that bytes or a list of paragraphs stand for; None if they stand for none."""
    if isinstance(value, bytes):
        return None if b"\0" in value or is_binary(value) else decoded(value, options.encoding)
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return _run_on(value) if isinstance(value, list) and value else None


def _run_on(parts: list[Any]) -> str | None:
    """The text of a message whose links and the like are objects with a ``text``; None if one of them has none."""
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    whole = [text for text in texts if isinstance(text, str)]
    return "".join(whole) if len(whole) == len(texts) else None


def _without_text(source: str, column: str, cells: Mapping[str, Any]) -> Reject:
    value = cells.get(column)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return rejected(source, f"it has no {column!r}", dict(cells))
    if isinstance(value, bytes):
        return rejected(source, f"its {column!r} is binary data and not a text", value[:100])
    return rejected(source, f"its {column!r} is {kind_of(value)} and not a text", value)


def _encoding(file: InputFile, opened: Opened, options: ReadOptions) -> str:
    """Of a streamed file: by its first part that is not ASCII, however far down that is."""
    if options.encoding:
        return options.encoding
    if not opened.head.isascii() or len(opened.head) < SAMPLE:
        return detect_encoding(opened.head)
    stream, raw, _ = open_stream(file)
    with raw, stream:
        return detect_encoding(telling_sample(stream))


_READERS: dict[Format, Callable[[InputFile, Opened, ReadOptions, str], Rows]] = {
    Format.JSONL: read_jsonl,
    Format.JSON: read_json,
    Format.CSV: read_delimited,
    Format.TSV: read_delimited,
}
TABLES = frozenset({*_READERS, Format.PARQUET})
"""The formats that hold a document a row."""
