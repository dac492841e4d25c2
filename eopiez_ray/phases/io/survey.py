"""What a collection is made of, without reading all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from eopiez_ray.errors import InputError
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import detect_encoding
from eopiez_ray.phases.io.files import InputFile, find_files
from eopiez_ray.phases.io.mail import read_mail
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.reading import BROKEN_FILE, DEFAULTS
from eopiez_ray.phases.io.records import Record, rejected
from eopiez_ray.phases.io.sniffing import Format, Opened, open_file
from eopiez_ray.phases.io.tables import TABLES, open_table

LOOK_FILES = 200
"""Files of a format that are opened; the others are taken to be like them."""
SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class FormatSurvey:
    """The files of one format."""

    format: Format
    files: int
    bytes: int
    """On disk."""
    documents: int
    """Estimated, unless every file was read to its end."""
    columns: tuple[str, ...]
    """Found in the first table; empty for other formats."""
    used: dict[str, str]
    """Role (``text``, ``id`` …) to the column that would be used."""
    encodings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What would be read, and how."""

    formats: tuple[FormatSurvey, ...]
    """Most documents first."""
    problems: tuple[Reject, ...]
    """Files and rows among those looked at that would be rejected, the first ``SHOWN_PROBLEMS``."""
    options: ReadOptions
    is_estimate: bool
    """Whether the numbers of documents are extrapolated."""

    @property
    def files(self) -> int:
        return sum(part.files for part in self.formats)

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.formats)

    @property
    def documents(self) -> int:
        return sum(part.documents for part in self.formats)


@dataclass(slots=True)
class _Tally:
    files: int = 0
    looked: int = 0
    bytes: int = 0
    documents: float = 0.0
    columns: list[str] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)
    encodings: set[str] = field(default_factory=set)


def survey(inputs: Sequence[str], options: ReadOptions = DEFAULTS) -> Survey:
    """The files by format, their columns, and an estimate of the documents; at most a few MiB of each are read.

    Raises:
        UnreadableInputError: an input does not exist.
    """
    tallies: dict[Format, _Tally] = {}
    formats_by_suffix: dict[str, Format] = {}
    problems: list[Reject] = []
    is_estimate = False
    for file in find_files(inputs):
        suffix = Path(file.path).suffix
        known = formats_by_suffix.get(suffix)
        if known is not None and tallies[known].looked >= LOOK_FILES:
            is_estimate = True
            _count_unseen(tallies[known], file)
            continue
        found, is_partial = _look(file, options, tallies, problems)
        is_estimate |= is_partial
        if found is not None:
            formats_by_suffix[suffix] = found
    parts = (_summary(kind, tally) for kind, tally in tallies.items())
    ordered = tuple(sorted(parts, key=lambda part: -part.documents))
    return Survey(ordered, tuple(problems[:SHOWN_PROBLEMS]), options, is_estimate)


def _look(
    file: InputFile, options: ReadOptions, tallies: dict[Format, _Tally], problems: list[Reject]
) -> tuple[Format | None, bool]:
    """Open one file and add what it shows; its format, and whether only a part of it was read."""
    kind = None
    try:
        opened = open_file(file, options)
        with opened.raw, opened.stream:
            kind = opened.format
            tally = tallies.setdefault(kind, _Tally())
            size = os.fstat(opened.raw.fileno()).st_size
            tally.files, tally.looked, tally.bytes = tally.files + 1, tally.looked + 1, tally.bytes + size
            documents, is_partial = _estimate(file, opened, options, tally, problems, size)
            tally.documents += documents
            return kind, is_partial
    except (InputError, *BROKEN_FILE) as error:
        problems.append(rejected(file.source, getattr(error, "reason", "") or str(error)))
        return kind, False


def _estimate(
    file: InputFile, opened: Opened, options: ReadOptions, tally: _Tally, problems: list[Reject], size: int
) -> tuple[float, bool]:
    if opened.format is not Format.PARQUET and len(tally.encodings) < 10:
        tally.encodings.add(options.encoding or detect_encoding(opened.head))
    if opened.format in TABLES:
        table = open_table(file, opened, options)
        if table is None:
            return 0, False
        tally.columns = tally.columns or table.available
        tally.used = tally.used or table.columns.named()
        if opened.format is Format.PARQUET:
            return int(pq.read_metadata(file.path).num_rows), False
        return _extrapolate(table.records, opened, problems, size)
    if opened.format is Format.MBOX:
        return _extrapolate(read_mail(file, opened), opened, problems, size)
    return 1, False


def _extrapolate(
    records: Iterator[Record | Reject], opened: Opened, problems: list[Reject], size: int
) -> tuple[float, bool]:
    """Documents of a file, from the rows in its first chunk; and whether that is a guess."""
    documents, reached = 0, opened.raw.tell()
    for item in records:
        if opened.raw.tell() != reached:  # The next chunk was read, so the rows so far filled what was read before.
            return documents * size / max(1, reached), True
        if isinstance(item, Record):
            documents += 1
        elif len(problems) < SHOWN_PROBLEMS:
            problems.append(item)
    return documents, False


def _count_unseen(tally: _Tally, file: InputFile) -> None:
    tally.documents += tally.documents / tally.files
    tally.files += 1
    tally.bytes += os.path.getsize(file.path)  # noqa: PTH202


def _summary(kind: Format, tally: _Tally) -> FormatSurvey:
    return FormatSurvey(
        kind,
        tally.files,
        tally.bytes,
        round(tally.documents),
        tuple(tally.columns),
        tally.used,
        tuple(sorted(tally.encodings)),
    )
