"""An archive as files again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from eopiez_ray.errors import DamagedArchiveError, ParameterError
from eopiez_ray.phases.schemas import DOCUMENTS

_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*\\]')
_LONGEST_NAME = 200
"""Bytes of one part of a path."""


class UnpackFormat(StrEnum):
    """What an archive can be unpacked to."""

    JSONL = "jsonl"
    """``documents.jsonl``, an object a line."""
    PARQUET = "parquet"
    """``documents.parquet``."""
    TEXT = "text"
    """A file a document, named by its id; titles, times and labels are left out."""


def unpack(tables: Iterator[pa.Table], folder: str | Path, format: UnpackFormat | str) -> int:
    """Write the documents of tables into a folder; how many there were. See ``Archive.unpack``."""
    try:
        write = _WRITERS[UnpackFormat(format)]
    except ValueError as error:
        raise ParameterError(f"there is no format {format!r}; choose {', '.join(UnpackFormat)}") from error
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    source = _Undamaged(tables)
    written = write(target, iter(source))
    if source.damage is not None:
        raise source.damage
    return written


class _Undamaged:
    """The tables of an archive; its damage is kept for when they have all been written."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self.damage: DamagedArchiveError | None = None

    def __iter__(self) -> Iterator[pa.Table]:
        try:
            yield from self._tables
        except DamagedArchiveError as damage:
            self.damage = damage


def _write_jsonl(folder: Path, tables: Iterator[pa.Table]) -> int:
    written = 0
    with (folder / "documents.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for table in tables:
            for row in table.drop_columns(["digest"]).to_pylist():
                file.write(json.dumps(_json_row(row), ensure_ascii=False) + "\n")
            written += table.num_rows
    return written


def _json_row(row: dict[str, Any]) -> dict[str, Any]:
    named = {"id": row.pop("document_id"), **row}
    if named["time"] is not None:
        named["time"] = named["time"].isoformat()
    return {name: value for name, value in named.items() if value is not None}


def _write_parquet(folder: Path, tables: Iterator[pa.Table]) -> int:
    written = 0
    with pq.ParquetWriter(folder / "documents.parquet", DOCUMENTS, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            written += table.num_rows
    return written


def _write_text(folder: Path, tables: Iterator[pa.Table]) -> int:
    taken: set[str] = set()
    for table in tables:
        names, texts = table.column("document_id").to_pylist(), table.column("text").to_pylist()
        for name, text in zip(names, texts, strict=True):
            path = folder / _free_name(name, taken)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    return len(taken)


def _free_name(document_id: str, taken: set[str]) -> str:
    """A path for a document that stays inside the folder, and that no other document has.

    Every file ends in ``.txt`` and no folder does, so that no file is in the way of a folder.
    """
    parts = [_UNSAFE.sub("_", part).strip(" .") for part in document_id.split("/")]
    parts = [part.encode()[:_LONGEST_NAME].decode(errors="ignore") or "_" for part in parts if part] or ["_"]
    folders = [part + "_" if part.casefold().endswith(".txt") else part for part in parts[:-1]]
    stem = "/".join([*folders, re.sub(r"(?i)\.txt$", "", parts[-1])])
    name, number = f"{stem}.txt", 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}~{number}.txt"
    taken.add(name.casefold())
    return name


_WRITERS: dict[UnpackFormat, Callable[[Path, Iterator[pa.Table]], int]] = {
    UnpackFormat.JSONL: _write_jsonl,
    UnpackFormat.PARQUET: _write_parquet,
    UnpackFormat.TEXT: _write_text,
}
