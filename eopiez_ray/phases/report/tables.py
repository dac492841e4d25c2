"""The tables of a run as Parquet files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from eopiez_ray.errors import ContractError
from eopiez_ray.phases.report.files import whole_file


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table that was written."""

    name: str
    path: str
    """Below the output folder."""
    rows: int
    stored_bytes: int


def write_tables(folder: Path, tables: Mapping[str, Any]) -> tuple[TableFacts, ...]:
    """Write each input, a table or partitions of one, as ``<name>.parquet``; one partition is held in memory.

    Raises:
        StorageFullError: no space is left.
        ContractError: an input is not a table.
    """
    return tuple(_write(folder / f"{name}.parquet", name, given) for name, given in tables.items())


def described(documents: Any, traits: Any) -> Iterator[pa.Table]:
    """Documents with the columns of their ``TRAITS``, partition by partition.

    Raises:
        ContractError: they do not belong together.
    """
    for table, known in itertools.zip_longest(parts_of(documents), parts_of(traits)):
        if table is None or known is None or not table.column("document_id").equals(known.column("document_id")):
            raise ContractError("documents came with the traits of others; both must come from one collection")
        for name in known.column_names[1:]:
            table = table.append_column(known.schema.field(name), known.column(name))
        yield table


def parts_of(given: Any) -> Iterator[pa.Table]:
    """The tables of an input: a single one, or one for each partition.

    Raises:
        ContractError: it holds something else.
    """
    for part in (given,) if isinstance(given, pa.Table) else given:
        if not isinstance(part, pa.Table):
            raise ContractError(f"a report is made of tables, but was given a {type(part).__name__}")
        yield part


def _write(path: Path, name: str, given: Any) -> TableFacts:
    rows = 0
    parts = parts_of(given)
    first = next(parts, None)
    if first is None:
        raise ContractError(f"the table {name!r} has no partitions, not even an empty one")
    with whole_file(path) as partial:
        with pq.ParquetWriter(partial, first.schema, compression="zstd") as writer:
            writer.write_table(first)
            rows += first.num_rows
            for part in parts:
                writer.write_table(part.cast(first.schema))
                rows += part.num_rows
        size = partial.stat().st_size
    return TableFacts(name, f"tables/{path.name}", rows, size)
