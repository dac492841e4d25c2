"""Rows of tables: JSON lines, JSON arrays, CSV and TSV, Parquet. All are streamed."""

from __future__ import annotations

import csv
import itertools
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from eopiez_ray.errors import UnreadableInputError
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import MAXIMUM_ROW, SAMPLE, detect_encoding, telling_sample, text_chunks, text_lines
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.options import SAMPLE_ROWS, Columns, ReadOptions, choose_columns
from eopiez_ray.phases.io.records import Record, parse_time, plain_value, rejected
from eopiez_ray.phases.io.sniffing import Format, Opened, find_delimiter, open_stream

_HEADER_CELL = 80
"""Characters beyond which a cell of the first row is not the name of a column."""
_PARQUET_ROWS = 1_000
"""Rows of a Parquet file that are decoded at a time."""


class Row(NamedTuple):
    """A row and where it stands: its line, or its number from 1."""

    number: int
    cells: Mapping[str, Any]


class Table(NamedTuple):
    """A table whose columns have been chosen."""

    columns: Columns
    available: list[str]
    records: Iterator[Record | Reject]


Rows = Iterator[Row | Reject]


def open_table(file: InputFile, opened: Opened, options: ReadOptions) -> Table | None:
    """The table in a file; None if it has no rows.

    Raises:
        UnknownColumnError: a column that the user named is missing, or none can be taken for the text.
        UnreadableInputError: the file is not of its format.
    """
    rows = _READERS[opened.format](file, opened, options)
    first = list(itertools.islice(rows, SAMPLE_ROWS))
    sample = [row.cells for row in first if isinstance(row, Row)]
    rest = itertools.chain(first, rows)
    if not sample:
        rejects = (item for item in rest if isinstance(item, Reject))
        return Table(Columns("text"), [], rejects) if first else None
    columns = choose_columns(file.source, sample, options)
    available = list(dict.fromkeys(name for cells in sample for name in cells))
    return Table(columns, available, _records(file, rest, columns))


def _records(file: InputFile, rows: Iterator[Row | Reject], columns: Columns) -> Iterator[Record | Reject]:
    """Each row as a document; a row without a text is rejected."""
    text_name, named, prefix = columns.text, columns, file.source + ":"
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        number, cells = row
        text = cells.get(text_name)
        source = f"{prefix}{number}"
        if type(text) is not str:
            yield _without_text(source, text_name, text, cells)
            continue
        yield Record(
            text,
            source,
            plain_value(cells.get(named.id)) if named.id else None,
            plain_value(cells.get(named.title)) if named.title else None,
            parse_time(cells.get(named.time)) if named.time else None,
            plain_value(cells.get(named.label)) if named.label else file.label,
        )


def _without_text(source: str, column: str, value: object, cells: Mapping[str, Any]) -> Reject:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return rejected(source, f"it has no {column!r}", repr(dict(cells)))
    return rejected(source, f"its {column!r} is {_kind(value)} and not a text", repr(value))


def _kind(value: object) -> str:
    names = {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), f"of type {type(value).__name__}")


def _encoding(file: InputFile, opened: Opened, options: ReadOptions) -> str:
    """Of a streamed file: by its first part that is not ASCII, however far down that is."""
    if options.encoding:
        return options.encoding
    if not opened.head.isascii() or len(opened.head) < SAMPLE:
        return detect_encoding(opened.head)
    stream, raw, _ = open_stream(file)
    with raw, stream:
        return detect_encoding(telling_sample(stream))


def _read_jsonl(file: InputFile, opened: Opened, options: ReadOptions) -> Rows:
    encoding = _encoding(file, opened, options)
    for number, line in enumerate(text_lines(opened.stream, encoding), 1):
        try:
            value = json.loads(line)
        except ValueError as error:
            if line and not line.isspace():
                yield rejected(f"{file.source}:{number}", f"the line is not JSON: {error}", line)
            continue
        except RecursionError:
            yield rejected(f"{file.source}:{number}", "the line is not JSON: it is nested too deeply", line)
            continue
        yield _json_row(file, number, value)


def _json_row(file: InputFile, number: int, value: Any) -> Row | Reject:
    if isinstance(value, dict):
        return Row(number, value)
    if isinstance(value, str):
        return Row(number, {"text": value})
    return rejected(f"{file.source}:{number}", f"it is {_kind(value)} and not an object with fields", repr(value))


def _read_json(file: InputFile, opened: Opened, options: ReadOptions) -> Rows:
    """The elements of an array, the values of a sequence, or the one list inside a single object."""
    values = enumerate(_json_values(file, opened, _encoding(file, opened, options)), 1)
    first = next(values, None)
    if first is None:
        return
    second = next(values, None)
    if second is None and isinstance(first[1], dict) and (inner := _only_list(first[1])) is not None:
        values = enumerate(inner, 1)
        first = next(values, None)
    for number, value in itertools.chain((item for item in (first, second) if item), values):
        yield value if isinstance(value, Reject) else _json_row(file, number, value)


def _only_list(value: dict[str, Any]) -> list[Any] | None:
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner and isinstance(inner[0], dict)]
    return lists[0] if len(lists) == 1 and not isinstance(value.get("text"), str) else None


def _json_values(file: InputFile, opened: Opened, encoding: str) -> Iterator[Any]:
    """Values one after the other, between white space, commas and the brackets of an outer array.

    Decoding a value is tried again, each time with twice the text, as long as it may only be cut off.
    """
    chunks = text_chunks(opened.stream, encoding)
    decoder = json.JSONDecoder()
    buffer, position, count, is_array, is_open = "", 0, 0, None, True
    while True:
        position = _next_value(buffer, position, is_array is True)
        if position == len(buffer):
            if not is_open:
                return
            buffer, position = next(chunks, ""), 0
            is_open = bool(buffer)
            continue
        if is_array is None:
            is_array = buffer[position] == "["
            position += is_array
            continue
        try:
            value, end = decoder.raw_decode(buffer, position)
        except (ValueError, RecursionError) as error:
            if not is_open or _is_certain(error, len(buffer)) or len(buffer) - position > MAXIMUM_ROW:
                sample = buffer[position : position + 200]
                yield rejected(f"{file.source}:{count + 1}", f"the JSON is broken from here on: {error}", sample)
                return
            buffer, position, is_open = _grown(buffer[position:], chunks)
            continue
        if end == len(buffer) and is_open and not isinstance(value, (dict, list, str)):
            buffer, position, is_open = _grown(buffer[position:], chunks)  # A number may go on in the next chunk.
            continue
        count, position = count + 1, end
        yield value


def _next_value(buffer: str, position: int, is_array: bool) -> int:
    skipped = " \t\n\r," + ("]" if is_array else "")
    while position < len(buffer) and buffer[position] in skipped:
        position += 1
    return position


def _grown(rest: str, chunks: Iterator[str]) -> tuple[str, int, bool]:
    pieces, wanted = [rest], len(rest)
    while wanted >= 0:
        chunk = next(chunks, "")
        if not chunk:
            return "".join(pieces), 0, False
        pieces.append(chunk)
        wanted -= len(chunk)
    return "".join(pieces), 0, True


def _is_certain(error: Exception, length: int) -> bool:
    """Whether a value is broken, and not just cut off at the end of what has been read."""
    if not isinstance(error, json.JSONDecodeError):
        return True
    return not error.msg.startswith("Unterminated string") and error.pos < length - 16


def _read_delimited(file: InputFile, opened: Opened, options: ReadOptions) -> Rows:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    encoding = _encoding(file, opened, options)
    delimiter = "\t"
    if opened.format is Format.CSV:
        delimiter = find_delimiter(opened.head.decode(encoding, "replace").removeprefix("\ufeff")) or ","
    reader = csv.reader((line + "\n" for line in text_lines(opened.stream, encoding)), delimiter=delimiter)
    header: list[str] | None = None
    start = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield rejected(f"{file.source}:{start}", f"the row is not valid: {error}")
            start = reader.line_num + 1
            continue
        if cells is None:
            return
        number, start = start, reader.line_num + 1
        if not cells:
            continue
        if header is None:
            header, is_data = _header(cells)
            if not is_data:
                continue
        if len(cells) == len(header):
            yield Row(number, dict(zip(header, cells, strict=True)))
        else:
            yield _ragged(f"{file.source}:{number}", cells, header, reader.line_num - number)


def _header(cells: list[str]) -> tuple[list[str], bool]:
    """The names of the columns, and whether the first row was data because it does not look like names."""
    if any(len(cell) > _HEADER_CELL or "\n" in cell for cell in cells):
        return [f"column{i}" for i in range(1, len(cells) + 1)], True
    names: list[str] = []
    for i, cell in enumerate(cells, 1):
        name = cell.strip() or f"column{i}"
        names.append(name if name not in names else f"{name}.{i}")
    return names, False


def _ragged(source: str, cells: list[str], header: list[str], extra_lines: int) -> Reject:
    hint = f"; a quote may be left open, the row spans {extra_lines + 1} lines" if extra_lines > 20 else ""
    return rejected(
        source,
        f"the row has {len(cells)} fields, and the header {len(header)}{hint}",
        " | ".join(c[:80] for c in cells),
    )


def _read_parquet(file: InputFile, opened: Opened, options: ReadOptions) -> Rows:
    if opened.compression is not None:
        raise UnreadableInputError(file.source, f"a Parquet file inside {opened.compression}", "decompress it first")
    number = 0
    with pq.ParquetFile(opened.stream, pre_buffer=False) as parquet:
        for batch in parquet.iter_batches(batch_size=_PARQUET_ROWS, columns=_readable(parquet.schema_arrow)):
            for cells in _row_dicts(batch):
                number += 1
                yield Row(number, cells)


def _readable(schema: pa.Schema) -> list[str]:
    """Columns that can be a text, an id, a title, a time or a label; vectors and blobs stay on disk."""

    def is_plain(kind: pa.DataType) -> bool:
        if pa.types.is_dictionary(kind):
            return is_plain(kind.value_type)
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return bool(pa.types.is_string(kind.value_type))
        return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    return [field.name for field in schema if is_plain(field.type)]


def _row_dicts(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows as dictionaries; moments are cut to microseconds, for Python has no finer ones."""
    columns = []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
        columns.append(column.to_pylist())
    names = batch.schema.names
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


_READERS: dict[Format, Callable[[InputFile, Opened, ReadOptions], Rows]] = {
    Format.JSONL: _read_jsonl,
    Format.JSON: _read_json,
    Format.CSV: _read_delimited,
    Format.TSV: _read_delimited,
    Format.PARQUET: _read_parquet,
}
TABLES = frozenset(_READERS)
"""The formats that hold a document a row."""
