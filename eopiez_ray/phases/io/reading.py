"""From inputs to tables of documents."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pyarrow as pa
from blake3 import blake3

from eopiez_ray.errors import EmptyCollectionError, InputError, UnknownColumnError, UnreadableInputError
from eopiez_ray.model.names import shown
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import RowTooLongError, checked_encoding
from eopiez_ray.phases.io.files import InputFile, find_files, shown_input
from eopiez_ray.phases.io.json_rows import NOT_ENCODED
from eopiez_ray.phases.io.mail import read_mail
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.prose import read_prose
from eopiez_ray.phases.io.records import Record, Remark, reason_of, rejected
from eopiez_ray.phases.io.remarks import Remarks
from eopiez_ray.phases.io.sniffing import Format, Opened, open_file
from eopiez_ray.phases.io.tables import TABLES, open_table, rows_of
from eopiez_ray.phases.schemas import DOCUMENTS

DEFAULTS = ReadOptions()
_MACHINE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT})
"""Errors that say nothing of a file, but that the machine has too little of something."""


_DIGESTED_AT_ONCE = 1 << 20
"""Characters whose words are held apart at a time: words take ten times as much memory as the text that they are of."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive documents of a collection, and what was rejected between them."""

    documents: pa.Table
    """Of schema ``DOCUMENTS``. A document without text is kept, with the text ``""``."""
    rejects: tuple[Reject, ...]
    remarks: Remarks = field(default_factory=Remarks)
    """What was passed over or read differently than it stands; the table's metadata say it, too."""


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
    files = find_files(inputs, collector.add)
    first = list(itertools.islice(files, 2))
    for file in itertools.chain(first, files):
        yield from _batches(file, options, collector, is_only=len(first) == 1)
    if not collector.documents:
        raise _nothing(inputs, collector)
    if not collector.is_empty and (batch := collector.take()) is not None:
        yield batch


def _batches(file: InputFile, options: ReadOptions, collector: _Collector, *, is_only: bool) -> Iterator[Batch]:
    """The batches that become full by a file; if it fails, its error is raised only where nothing else was read."""
    before = collector.documents, collector.rejected
    try:
        for item in read_file(file, options):
            collector.add(item)
            if collector.is_full and (batch := collector.take()) is not None:
                yield batch
    except InputError as error:
        if is_only and not collector.documents:
            raise
        collector.add(error)
        if isinstance(error, UnknownColumnError):
            collector.add(Remark(file.source, "row of a file without a text", _count_rows(file, options)))
    if before == (collector.documents, collector.rejected):
        collector.add(Remark(file.source, "file without rows", 1))


def _count_rows(file: InputFile, options: ReadOptions) -> int:
    """Rows of a table that cannot be used, as far as it can be read."""
    number = 0
    with suppress(InputError), input_errors(file):
        opened = open_file(file, options)
        with opened.raw, opened.stream:
            for _ in rows_of(file, opened, options):
                number += 1
    return number


def read_file(file: InputFile, options: ReadOptions) -> Iterator[Record | Reject | Remark]:
    """The documents of one file.

    Raises:
        InputError: it cannot be read, or not to its end; what came before has been given.
    """
    with input_errors(file):
        opened = open_file(file, options)
        with opened.raw, opened.stream:
            yield from _documents(file, opened, options)
            if opened.garbage:
                yield Remark(file.source, "end of a file, after its compressed data", 1)


@contextmanager
def input_errors(file: InputFile) -> Iterator[None]:
    """Whatever goes wrong while a file is read is an error of this file, except where the machine is at its limits.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except OSError as error:
        if error.errno in _MACHINE:
            raise
        raise _unreadable(file, error) from error
    except Exception as error:  # A file is a stranger's, and so are most libraries that read it.
        raise _unreadable(file, error) from error


def _documents(file: InputFile, opened: Opened, options: ReadOptions) -> Iterator[Record | Reject | Remark]:
    if opened.format in TABLES:
        yield from open_table(file, opened, options).records
    elif opened.format in {Format.MBOX, Format.MAIL}:
        yield from read_mail(file, opened)
    else:
        yield read_prose(file, opened, options)


def _unreadable(file: InputFile, error: Exception) -> UnreadableInputError:
    if isinstance(error, PermissionError):
        return UnreadableInputError(file.source, "permission denied", f"allow reading it: chmod +r {shown(file.path)}")
    if isinstance(error, FileNotFoundError):
        return UnreadableInputError(file.source, "it is gone, or a link to nothing")
    if isinstance(error, EOFError) or "runcated" in str(error):
        return UnreadableInputError(file.source, "the compressed data ends too early", "copy or download it again")
    if isinstance(error, RowTooLongError):
        return UnreadableInputError(file.source, "a line or row is longer than 256 MiB", "is it of another format?")
    return UnreadableInputError(file.source, shown(_told(error)))


def _told(error: Exception) -> str:
    """What happened, without the path, which is told beside it."""
    if isinstance(error, OSError) and error.strerror:
        return "it is a link that leads to itself" if error.errno == errno.ELOOP else error.strerror.lower()
    if isinstance(error, (RecursionError, LookupError, TypeError, AttributeError)):
        return reason_of(error)
    return str(error).strip() or type(error).__name__


def _nothing(inputs: Sequence[str], collector: _Collector) -> InputError:
    """Why there is no document at all."""
    if collector.first_error is not None:
        return collector.first_error
    where = ", ".join(map(shown_input, inputs))
    if collector.first_reject is None:
        counted = ", ".join(f"{count:,} × {what}" for what, count in collector.left_out.items())
        told = f" (left out: {counted})" if counted else ""
        return EmptyCollectionError(f"there is nothing to analyse in {where}: no file in it has any rows or text{told}")
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
        self._remarks = Remarks()
        self._characters = 0
        self._seen: set[int] = set()
        self._repeats: dict[str, int] = {}
        self.documents = self.rejected = 0
        self.first_reject: Reject | None = None
        self.first_error: InputError | None = None

    @property
    def left_out(self) -> Mapping[str, int]:
        """What has been passed over since the last batch, and how often."""
        return self._remarks.left_out

    @property
    def is_full(self) -> bool:
        rows = len(self._rows) + len(self._rejects)
        return rows >= self._options.batch_rows or self._characters >= self._options.batch_characters

    @property
    def is_empty(self) -> bool:
        return not self._rows and not self._rejects and not self._remarks

    def add(self, item: Record | Reject | Remark | InputError) -> None:
        if isinstance(item, Record):
            self._add_record(item)
        elif isinstance(item, Reject):
            self._add_reject(item)
        elif isinstance(item, Remark):
            self._remarks.add(item)
        else:
            self.first_error = self.first_error or item
            source = getattr(item, "source", "")
            self._add_reject(rejected(source, getattr(item, "reason", "") or str(item)))

    def take(self) -> Batch | None:
        """What has been gathered; None if it is before the batch to start at."""
        rows, rejects, remarks = self._rows, tuple(self._rejects), self._remarks
        self._rows, self._rejects, self._remarks, self._characters = [], [], Remarks(), 0
        if self._skipped > 0:
            self._skipped -= 1
            return None
        return Batch(_table(rows, remarks), rejects, remarks)

    def _add_record(self, record: Record) -> None:
        try:
            digest = text_digest(record.text)
        except UnicodeEncodeError:
            self._add_reject(rejected(record.source, NOT_ENCODED, record.text))
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
    if len(text) <= _DIGESTED_AT_ONCE:
        return blake3(" ".join(text.split()).encode()).digest(16)
    digest, is_begun, has_gap = blake3(), False, False
    for start in range(0, len(text), _DIGESTED_AT_ONCE):
        piece = text[start : start + _DIGESTED_AT_ONCE]
        words = " ".join(piece.split()).encode()
        if words:
            digest.update(b" " + words if is_begun and (has_gap or piece[0].isspace()) else words)
        is_begun, has_gap = is_begun or bool(words), piece[-1].isspace()
    return digest.digest(16)


def _table(rows: list[tuple[str, Record, bytes]], remarks: Remarks) -> pa.Table:
    columns = [
        [name for name, _, _ in rows],
        [record.text for _, record, _ in rows],
        [record.title for _, record, _ in rows],
        [record.source for _, record, _ in rows],
        [record.time for _, record, _ in rows],
        [record.label for _, record, _ in rows],
        [digest for _, _, digest in rows],
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, DOCUMENTS, strict=True)]
    return remarks.kept_with(pa.table(arrays, schema=DOCUMENTS))
