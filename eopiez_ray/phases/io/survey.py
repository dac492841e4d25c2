"""What a collection is made of, without reading all of it."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from eopiez_ray.errors import InputError
from eopiez_ray.model.names import shown
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import detect_encoding
from eopiez_ray.phases.io.files import InputFile, find_files
from eopiez_ray.phases.io.mail import read_mail
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.reading import DEFAULTS, input_errors
from eopiez_ray.phases.io.records import Record, Remark, rejected
from eopiez_ray.phases.io.remarks import Remarks
from eopiez_ray.phases.io.sniffing import Format, Opened, open_file
from eopiez_ray.phases.io.tables import TABLES, open_table

LOOK_FILES = 200
"""Files of a format that are opened; the others are taken to be like them."""
LOOK_ROWS = 1_000
"""Rows of a Parquet file that are looked at."""
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
    remarks: Remarks
    """What would be left out of those looked at, or read differently than it stands."""
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
    looking = _Looking(options)
    for file in find_files(inputs, looking.remarks.add):
        looking.at(file)
    parts = (_summary(kind, tally) for kind, tally in looking.tallies.items())
    ordered = tuple(sorted(parts, key=lambda part: -part.documents))
    problems = tuple(looking.problems[:SHOWN_PROBLEMS])
    return Survey(ordered, problems, looking.remarks, options, looking.is_estimate)


class _Looking:
    """What has been seen of a collection so far."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._formats: dict[str, Format] = {}
        """By the ending of files' names."""
        self.tallies: dict[Format, _Tally] = {}
        self.problems: list[Reject] = []
        self.remarks = Remarks()
        self.is_estimate = False

    def at(self, file: InputFile) -> None:
        """Count a file; open it, unless many of its kind have been opened."""
        suffix = Path(file.path).suffix
        known = self._formats.get(suffix)
        if known is not None and self.tallies[known].looked >= LOOK_FILES:
            self.is_estimate = True
            _count_unseen(self.tallies[known], file)
            return
        try:
            with input_errors(file):
                self._formats[suffix] = self._look(file)
        except InputError as error:
            self.problems.append(rejected(file.source, getattr(error, "reason", "") or str(error)))

    def _look(self, file: InputFile) -> Format:
        """Open a file and add what it shows; its format."""
        opened = open_file(file, self._options)
        with opened.raw, opened.stream:
            tally = self.tallies.setdefault(opened.format, _Tally())
            size = os.fstat(opened.raw.fileno()).st_size
            tally.files, tally.looked, tally.bytes = tally.files + 1, tally.looked + 1, tally.bytes + size
            if opened.format is not Format.PARQUET and len(tally.encodings) < 10:
                tally.encodings.add(self._options.encoding or detect_encoding(opened.head))
            tally.documents += self._documents(file, opened, tally, size)
        return opened.format

    def _documents(self, file: InputFile, opened: Opened, tally: _Tally, size: int) -> float:
        """How many documents a file has; an estimate where there are many."""
        if opened.format is Format.MBOX:
            return self._extrapolated(read_mail(file, opened), opened, size)
        if opened.format not in TABLES:
            return 1
        table = open_table(file, opened, self._options)
        tally.columns = tally.columns or table.available
        if table.columns is not None:
            tally.used = tally.used or {role: shown(name) for role, name in table.columns.named().items()}
        if opened.format is Format.PARQUET:
            return self._share(table.records) * int(pq.read_metadata(file.path).num_rows)
        return self._extrapolated(table.records, opened, size)

    def _extrapolated(self, records: Iterator[Record | Reject | Remark], opened: Opened, size: int) -> float:
        """Documents of a file, from the rows in its first chunk."""
        documents, reached = 0, opened.raw.tell()
        for item in records:
            if opened.raw.tell() != reached:  # The next chunk was read, so the rows so far filled what was before.
                self.is_estimate = True
                return documents * size / max(1, reached)
            documents += isinstance(item, Record)
            self._note(item)
        return documents

    def _share(self, records: Iterator[Record | Reject | Remark]) -> float:
        """Which share of the first rows are documents."""
        documents = rows = 0
        for item in itertools.islice(records, LOOK_ROWS):
            documents += isinstance(item, Record)
            rows += not isinstance(item, Remark)
            self._note(item)
        self.is_estimate |= documents != rows
        return documents / max(1, rows)

    def _note(self, item: Record | Reject | Remark) -> None:
        if isinstance(item, Remark):
            self.remarks.add(item)
        elif isinstance(item, Reject) and len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(item)


def _count_unseen(tally: _Tally, file: InputFile) -> None:
    tally.documents += tally.documents / tally.files
    tally.files += 1
    with contextlib.suppress(OSError):  # It may have vanished.
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
