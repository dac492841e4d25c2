"""From inputs to tables of documents."""

from __future__ import annotations

import itertools
import lzma
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from blake3 import blake3

from eopiez_ray.errors import EmptyCollectionError, InputError, UnreadableInputError
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import RowTooLongError, checked_encoding
from eopiez_ray.phases.io.files import InputFile, find_files
from eopiez_ray.phases.io.mail import read_mail
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.prose import read_prose
from eopiez_ray.phases.io.records import Record, rejected
from eopiez_ray.phases.io.sniffing import Format, Opened, open_file
from eopiez_ray.phases.io.tables import TABLES, open_table
from eopiez_ray.phases.schemas import DOCUMENTS

DEFAULTS = ReadOptions()
BROKEN_FILE = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException, RowTooLongError)
"""What the libraries beneath raise for a file that cannot be read or ends too early."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive documents of a collection, and what was rejected between them."""

    documents: pa.Table
    """Of schema ``DOCUMENTS``. A document without text is kept, with the text ``""``."""
    rejects: tuple[Reject, ...]


def read_collection(inputs: Sequence[str], options: ReadOptions = DEFAULTS, start: int = 0) -> Iterator[Batch]:
    """The documents of all inputs, in batches of about 4 MiB of text, each one at least one document.

    The same inputs and options give the same batches: a reader that was interrupted goes on at batch ``start``.
    Memory holds one batch, the largest document, and about 100 bytes for each id that was seen.

    Raises:
        UnreadableInputError: an input does not exist, or the only file cannot be read. Of many files, those that
            cannot be read are rejects.
        UnknownColumnError: the only file, or every file, lacks a column that was named, or a text.
        EmptyCollectionError: there is no document in any input.
        ParameterError: the encoding is unknown.
    """
    options = replace(options, encoding=checked_encoding(options.encoding) if options.encoding else None)
    collector = _Collector(options, start)
    for item in _items(inputs, options):
        collector.add(item)
        if collector.is_full and (batch := collector.take()) is not None:
            yield batch
    if not collector.documents:
        raise _nothing(inputs, collector)
    if not collector.is_empty and (batch := collector.take()) is not None:
        yield batch


def read_file(file: InputFile, options: ReadOptions) -> Iterator[Record | Reject]:
    """The documents of one file.

    Raises:
        InputError: it cannot be read, or not to its end; what came before has been given.
    """
    try:
        opened = open_file(file, options)
    except BROKEN_FILE as error:
        raise _unreadable(file, error) from error
    with opened.raw, opened.stream:
        try:
            yield from _documents(file, opened, options)
        except BROKEN_FILE as error:
            raise _unreadable(file, error) from error


def _documents(file: InputFile, opened: Opened, options: ReadOptions) -> Iterator[Record | Reject]:
    if opened.format in TABLES:
        table = open_table(file, opened, options)
        yield from table.records if table is not None else ()
    elif opened.format in {Format.MBOX, Format.MAIL}:
        yield from read_mail(file, opened)
    else:
        yield read_prose(file, opened, options)


def _unreadable(file: InputFile, error: Exception) -> UnreadableInputError:
    if isinstance(error, PermissionError):
        return UnreadableInputError(file.source, "permission denied", f"allow reading it: chmod +r {file.path}")
    if isinstance(error, FileNotFoundError):
        return UnreadableInputError(file.source, "it is gone, or a link to nothing")
    if isinstance(error, EOFError) or "runcated" in str(error):
        return UnreadableInputError(file.source, "the compressed data ends too early", "copy or download it again")
    if isinstance(error, RowTooLongError):
        return UnreadableInputError(file.source, "a line or row is longer than 256 MiB", "is it of another format?")
    return UnreadableInputError(file.source, str(error).strip() or type(error).__name__)


def _items(inputs: Sequence[str], options: ReadOptions) -> Iterator[Record | Reject | InputError]:
    """Documents and rejects of all files; of a file that fails among others, its error."""
    files = find_files(inputs)
    first = list(itertools.islice(files, 2))
    for file in itertools.chain(first, files):
        try:
            yield from read_file(file, options)
        except InputError as error:
            if len(first) == 1:
                raise
            yield error


def _nothing(inputs: Sequence[str], collector: _Collector) -> InputError:
    """Why there is no document at all."""
    if collector.first_error is not None:
        return collector.first_error
    where = ", ".join(inputs)
    if collector.first_reject is None:
        return EmptyCollectionError(f"there is nothing to analyse in {where}: no file in it has any rows or text")
    source, reason, *_ = collector.first_reject
    return EmptyCollectionError(
        f"there is nothing to analyse in {where}: all {collector.rejected:,} rows or files were rejected, "
        f"the first ({source}) because: {reason}"
    )


class _Collector:
    """Gathers documents and rejects into batches, and keeps ids unique."""

    def __init__(self, options: ReadOptions, start: int) -> None:
        self._options, self._skipped = options, start
        self._rows: list[tuple[str, Record, bytes]] = []
        self._rejects: list[Reject] = []
        self._characters = 0
        self._seen: set[int] = set()
        self._repeats: dict[str, int] = {}
        self.documents = self.rejected = 0
        self.first_reject: Reject | None = None
        self.first_error: InputError | None = None

    @property
    def is_full(self) -> bool:
        rows = len(self._rows) + len(self._rejects)
        return rows >= self._options.batch_rows or self._characters >= self._options.batch_characters

    @property
    def is_empty(self) -> bool:
        return not self._rows and not self._rejects

    def add(self, item: Record | Reject | InputError) -> None:
        if isinstance(item, Record):
            self._add_record(item)
        elif isinstance(item, Reject):
            self._add_reject(item)
        else:
            self.first_error = self.first_error or item
            source = getattr(item, "source", "")
            self._add_reject(rejected(source, getattr(item, "reason", "") or str(item)))

    def take(self) -> Batch | None:
        """What has been gathered; None if it is before the batch to start at."""
        rows, rejects = self._rows, tuple(self._rejects)
        self._rows, self._rejects, self._characters = [], [], 0
        if self._skipped > 0:
            self._skipped -= 1
            return None
        return Batch(_table(rows), rejects)

    def _add_record(self, record: Record) -> None:
        try:
            digest = text_digest(record.text)
        except UnicodeEncodeError:
            reason = "the text has bytes that are invalid in the file's encoding; name it with --encoding"
            self._add_reject(rejected(record.source, reason, record.text))
            return
        self._rows.append((self._unique(record.id or record.source), record, digest))
        self._characters += len(record.text)
        self.documents += 1

    def _add_reject(self, reject: Reject) -> None:
        self._rejects.append(reject)
        self.rejected += 1
        self.first_reject = self.first_reject or reject

    def _unique(self, wanted: str) -> str:
        """The id, or with ``#2``, ``#3`` … if it was seen before. Hashes stand for ids to save memory."""
        name = wanted
        while hash(name) in self._seen:
            self._repeats[wanted] = self._repeats.get(wanted, 1) + 1
            name = f"{wanted}#{self._repeats[wanted]}"
        self._seen.add(hash(name))
        return name


def text_digest(text: str) -> bytes:
    """The first 16 bytes of BLAKE3 of the text with every run of white space as one space.

    Raises:
        UnicodeEncodeError: the text holds a lone surrogate.
    """
    return blake3(" ".join(text.split()).encode()).digest(16)


def _table(rows: list[tuple[str, Record, bytes]]) -> pa.Table:
    columns = [
        [name for name, _, _ in rows],
        [record.text for _, record, _ in rows],
        [record.title for _, record, _ in rows],
        [_printable(record.source) for _, record, _ in rows],
        [record.time for _, record, _ in rows],
        [record.label for _, record, _ in rows],
        [digest for _, _, digest in rows],
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, DOCUMENTS, strict=True)]
    return pa.table(arrays, schema=DOCUMENTS)


def _printable(name: str) -> str:
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
