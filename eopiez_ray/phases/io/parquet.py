"""Rows of Parquet files. A value that cannot be had is missing, and its row stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from eopiez_ray.errors import UnreadableInputError
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.options import ReadOptions, is_known_name, unique_names
from eopiez_ray.phases.io.records import Piece, Remark
from eopiez_ray.phases.io.sniffing import Opened

_BATCH_ROWS = 1_000
"""Rows that are decoded at a time."""

_NOTHING: dict[str, Any] = {}
_NO_VALUE = (ValueError, OverflowError, LookupError, pa.ArrowException)
"""What Arrow raises for a value that Python cannot hold, or in a time zone that nobody knows."""

Row = Piece[dict[str, Any]]


def read_parquet(file: InputFile, opened: Opened, options: ReadOptions) -> Iterator[Row | Reject | Remark]:
    """The rows, with those columns that can be a text, an id, a title, a time or a label.

    Raises:
        UnreadableInputError: the file is compressed as a whole.
    """
    if opened.compression is not None:
        raise UnreadableInputError(file.source, f"a Parquet file inside {opened.compression}", "decompress it first")
    number = 0
    with _opened(opened) as parquet:
        schema = parquet.schema_arrow
        wanted = _wanted(schema, options)
        yield from _renamed(file, schema.names)
        if not wanted:
            yield from (Piece(row, _NOTHING) for row in range(1, parquet.metadata.num_rows + 1))
            return
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
            for cells in _row_dicts(batch):
                number += 1
                yield Piece(number, cells)


def _opened(opened: Opened) -> pq.ParquetFile:
    """The file, its dictionaries left as they are stored: pyarrow makes none of strings that are not UTF-8."""
    parquet = pq.ParquetFile(opened.stream, pre_buffer=False)
    leaves = (leaf for field in parquet.schema_arrow for leaf in _leaves(field.name, field.type))
    dictionaries = [path for path, kind in leaves if pa.types.is_dictionary(kind)]
    if not dictionaries:
        return parquet
    return pq.ParquetFile(opened.stream, pre_buffer=False, read_dictionary=dictionaries)


def _renamed(file: InputFile, names: list[str]) -> Iterator[Remark]:
    for name, unique in zip(names, unique_names(names), strict=True):
        if name != unique:
            what = f"there is another column {name!r}, here called {unique!r}; name the one that you want"
            yield Remark(file.source, what)


def _wanted(schema: pa.Schema, options: ReadOptions) -> list[str]:
    """The columns to read, by their paths; vectors and blobs stay on disk.

    Bytes are read as a text where their column's name says so, or where there is no other that could be one.
    """
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    plain = [path for path, kind in leaves if not _is_bytes(kind)]
    named = [path for path, kind in leaves if _is_bytes(kind) and _is_named(path, options)]
    is_text_there = any(_is_string(kind) for _, kind in leaves) or bool(named)
    return plain + (named if is_text_there else [path for path, kind in leaves if _is_bytes(kind)])


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """The paths below a column that lead to plain values or to lists of strings."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    elif not pa.types.is_nested(kind) or (_is_list(kind) and _is_string(kind.value_type)):
        yield path, kind


def _is_named(path: str, options: ReadOptions) -> bool:
    return is_known_name(path, options) or is_known_name(path.rpartition(".")[2], options)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_bytes(kind.value_type)
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def _is_string(kind: pa.DataType) -> bool:
    """Whether values can be texts; lists of strings count, for they may be paragraphs."""
    if pa.types.is_dictionary(kind) or _is_list(kind):
        return _is_string(kind.value_type)
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _row_dicts(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    names = unique_names(batch.schema.names)
    columns = map(_values, batch.columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _values(column: pa.Array) -> list[Any]:
    """The values of a column; moments in UTC, cut to microseconds, for Python has no finer ones."""
    if pa.types.is_timestamp(column.type):
        unit = "us" if column.type.unit == "ns" else column.type.unit
        column = column.cast(pa.timestamp(unit, tz=column.type.tz and "UTC"), safe=False)
    try:
        values: list[Any] = column.to_pylist()
    except _NO_VALUE:
        return [_value(scalar) for scalar in column]
    return values


def _value(scalar: pa.Scalar) -> Any:
    """A value; of a broken string its bytes, None where there is no value in Python, as for a year beyond 9999."""
    try:
        return scalar.as_py()
    except _NO_VALUE:
        if isinstance(scalar, pa.StructScalar):
            return {name: _value(scalar[name]) for name in scalar}
        if isinstance(scalar, pa.DictionaryScalar):
            return _value(scalar.value)
        return scalar.as_buffer().to_pybytes() if hasattr(scalar, "as_buffer") else None
