"""Reading archives, damaged ones too."""

from __future__ import annotations

import lzma
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from eopiez_ray.errors import DamagedArchiveError, DocumentNotFoundError, NotAnArchiveError
from eopiez_ray.phases.compression.blocks import Contents, Document, Entry, read_contents, read_text
from eopiez_ray.phases.compression.codebook import Codebook
from eopiez_ray.phases.compression.codecs import BROKEN, PLAIN, Codec
from eopiez_ray.phases.compression.layout import (
    BLOCK_MAGIC,
    BLOCK_START,
    HEAD,
    MAGIC,
    TAIL,
    TAIL_MAGIC,
    VERSION,
    Block,
    Footer,
    LaterVersionError,
    Place,
    digest,
    fingerprint,
    parse_block,
    protected_size,
    stored_size,
    unprotect,
)
from eopiez_ray.phases.compression.unpacking import UnpackFormat, unpack
from eopiez_ray.phases.io.reading import text_digest
from eopiez_ray.phases.schemas import DOCUMENTS

_UNREADABLE = (*BROKEN, KeyError, TypeError, struct.error)


@dataclass(frozen=True, slots=True)
class Verification:
    """What is intact, byte by byte."""

    blocks: int
    """Blocks of the archive, as far as they can be told."""
    damaged: tuple[int, ...]
    """Numbers of the blocks that fail their hash or are missing, counted from 0."""
    parts: tuple[str, ...]
    """Other parts that are damaged, in words. What they say was restored from elsewhere."""

    @property
    def is_intact(self) -> bool:
        return not self.damaged and not self.parts


class Archive:
    """An open archive. Threads may share it; it is closed by ``close`` or at the end of a ``with`` block."""

    def __init__(self, path: str, data: mmap.mmap | bytes) -> None:
        self._path, self._data = path, data
        self._damage: list[str] = []
        self._footer = self._read_footer()
        self._head_size = self._read_head()
        self._places, self._missing = self._find_blocks()

    @classmethod
    def open(cls, path: str | Path) -> Archive:
        """Open an archive; one that has lost its footer or its end is searched for its blocks.

        Raises:
            NotAnArchiveError: it has neither the beginning nor the end of an archive.
            OSError: the file cannot be read.
        """
        with Path(path).open("rb") as file:
            if file.seek(0, 2) == 0:
                raise NotAnArchiveError(f"{path} is empty, not an .eopz archive")
            return cls(str(path), mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    @property
    def facts(self) -> dict[str, Any]:
        """What the writer said of the collection; empty if the footer is lost."""
        return self._footer.facts if self._footer else {}

    def __len__(self) -> int:
        """Documents that begin in the blocks that were found."""
        return sum(place.documents for place in self._places.values())

    def ids(self) -> Iterator[str]:
        """The ids of all documents in intact blocks, in order; texts stay compressed.

        Raises:
            DamagedArchiveError: at the end, if blocks are damaged.
        """
        damaged = set(self._missing)
        for number in sorted(self._places):
            try:
                contents = self._contents(number)[1]
            except DamagedArchiveError:
                damaged.add(number)
                continue
            yield from (entry.id for entry in contents.entries)
        self._report(damaged)

    def read(self, document_id: str) -> Document:
        """One document; only its block (or blocks, if it is long) is decompressed.

        Raises:
            DocumentNotFoundError: no document has this id.
            DamagedArchiveError: the document is in a damaged block, or may be.
        """
        damaged = set(self._missing)
        for number in self._candidates(document_id):
            try:
                block, contents = self._contents(number)
            except DamagedArchiveError:
                damaged.add(number)
                continue
            for entry in contents.entries:
                if entry.id == document_id:
                    return entry.document(self._text_of(number, block, entry))
        self._report(damaged)
        raise DocumentNotFoundError(f"{self._path} holds no document {document_id!r}; ids are matched exactly")

    def documents(self) -> Iterator[pa.Table]:
        """All documents of intact blocks, in order, a table of schema ``DOCUMENTS`` a block.

        Raises:
            DamagedArchiveError: at the end, if blocks are damaged; every other document has been given.
        """
        damaged = set(self._missing)
        for number in sorted(self._places):
            rows: list[Document] = []
            try:
                rows.extend(self._documents_of(number))
            except DamagedArchiveError as error:
                damaged.update(error.blocks)
            if rows:
                yield _table(rows)
        self._report(damaged)

    def _documents_of(self, number: int) -> Iterator[Document]:
        block, contents = self._contents(number)
        if not contents.entries:
            return
        text = self._text(number, block)
        for entry in contents.entries[:-1]:
            yield entry.document(text[entry.start : entry.end])
        last = contents.entries[-1]
        yield last.document(self._text_of(number, block, last, text))

    def unpack(self, folder: str | Path, format: UnpackFormat | str = UnpackFormat.JSONL) -> int:
        """Write all documents into a folder, as ``jsonl``, ``parquet`` or ``text``; how many there were.

        Raises:
            DamagedArchiveError: blocks are damaged; the documents of all others have been written.
            ParameterError: there is no such format.
            OSError: the folder cannot be written.
        """
        return unpack(self.documents(), folder, format)

    def verify(self) -> Verification:
        """Check every byte."""
        damaged = set(self._missing)
        for number in self._places:
            try:
                block, _ = self._contents(number)
                self._text(number, block)
            except DamagedArchiveError:
                damaged.add(number)
        blocks = len(self._footer.places) if self._footer else len(self._places) + len(self._missing)
        parts = list(self._damage)
        if self._codebook is None:
            parts.append("codebook")
        elif self._codebook[1]:
            parts.append("codebook (restored)")
        return Verification(blocks, tuple(sorted(damaged)), tuple(parts))

    def _report(self, damaged: set[int]) -> None:
        if damaged:
            raise DamagedArchiveError(self._path, sorted(damaged))

    def _read_footer(self) -> Footer | None:
        size = len(self._data)
        if size >= TAIL.size:
            stored_length, expected, magic = TAIL.unpack_from(self._data, size - TAIL.size)
            stored = self._data[max(0, size - TAIL.size - stored_length) : size - TAIL.size]
            if magic == TAIL_MAGIC and digest(stored) == expected:
                try:
                    return Footer.from_bytes(stored)
                except LaterVersionError as error:
                    raise self._too_new(error.version) from error
        self._damage.append("footer")
        return None

    def _too_new(self, version: int) -> NotAnArchiveError:
        return NotAnArchiveError(f"{self._path} has version {version} of the format; update eopiez to read it")

    def _read_head(self) -> int:
        """Size of the codebook, by the footer or else by the head."""
        head = HEAD.unpack_from(self._data) if len(self._data) >= HEAD.size else (b"", 0, 0, 0)
        magic, version, reserved, size = head
        is_intact = (magic, version, reserved) == (MAGIC, VERSION, 0)
        if self._footer is not None:
            if not is_intact or size != self._footer.codebook_size:
                self._damage.append("head")
            return self._footer.codebook_size
        if magic == MAGIC and version > VERSION:
            raise self._too_new(version)
        if not is_intact or HEAD.size + protected_size(size) > len(self._data):
            raise NotAnArchiveError(f"{self._path} is not an .eopz archive, or its beginning and its end are missing")
        return int(size)

    @cached_property
    def _codebook(self) -> tuple[Codebook, int] | None:
        """The codebook, and how many slices of it had to be restored; None if it is lost."""
        data = self._data[HEAD.size : HEAD.size + protected_size(self._head_size)]
        try:
            book, restored = unprotect(data, self._head_size)
            return Codebook.from_bytes(book), restored
        except (ValueError, lzma.LZMAError, struct.error):
            return None

    def _find_blocks(self) -> tuple[dict[int, Place], list[int]]:
        """The blocks by number, and the numbers of those that are missing."""
        if self._footer is not None:
            return dict(enumerate(self._footer.places)), []
        found: dict[int, Place] = {}
        last = None
        at = self._data.find(BLOCK_MAGIC, HEAD.size)
        while at >= 0:
            size = self._block_size(at)
            try:
                number, is_last, block = parse_block(self._data[at : at + size])
            except ValueError:
                at = self._data.find(BLOCK_MAGIC, at + 1)
                continue
            found[number] = Place(at, size, block.documents)
            last = number if is_last else last
            at = self._data.find(BLOCK_MAGIC, at + size)
        end = last if last is not None else max(found, default=-1) + 1
        return found, [number for number in range(end + 1) if number not in found]

    def _block_size(self, at: int) -> int:
        head = self._data[at : at + BLOCK_START]
        return stored_size(head) if len(head) == BLOCK_START else len(head)

    def _block(self, number: int) -> Block:
        place = self._places.get(number)
        if place is None:
            raise DamagedArchiveError(self._path, [number])
        try:
            return parse_block(self._data[place.offset : place.offset + place.size], number)[2]
        except ValueError as error:
            raise DamagedArchiveError(self._path, [number]) from error

    def _contents(self, number: int) -> tuple[Block, Contents]:
        block = self._block(number)
        try:
            return block, read_contents(block)
        except _UNREADABLE as error:
            raise DamagedArchiveError(self._path, [number]) from error

    def _text(self, number: int, block: Block) -> bytes:
        coders = PLAIN
        if block.text_codec in {Codec.WORDS_BZIP2, Codec.ZSTD_DICTIONARY}:
            if self._codebook is None:
                raise DamagedArchiveError(self._path, [number])
            coders = self._codebook[0].coders
        try:
            return read_text(block, coders)
        except _UNREADABLE as error:
            raise DamagedArchiveError(self._path, [number]) from error

    def _text_of(self, number: int, block: Block, entry: Entry, text: bytes | None = None) -> bytes:
        """The text of a document that begins in a block, and goes on in the next ones if they say so."""
        text = self._text(number, block) if text is None else text
        pieces = [text[entry.start : entry.end]]
        is_open = block.goes_on and entry.end == len(text)
        while is_open:
            number += 1
            following, contents = self._contents(number)
            pieces.append(self._text(number, following)[: contents.head])
            is_open = following.goes_on and not contents.entries
        return b"".join(pieces)

    def _candidates(self, document_id: str) -> Iterator[int]:
        """Blocks that may hold a document."""
        if self._footer is None:
            yield from sorted(self._places)
            return
        wanted = fingerprint(document_id, self._footer.width)
        rows = np.flatnonzero(self._footer.fingerprints == wanted)
        ends = np.cumsum([place.documents for place in self._footer.places])
        yield from map(int, np.unique(np.searchsorted(ends, rows, side="right")))


def _table(rows: list[Document]) -> pa.Table:
    columns = [
        [row.id for row in rows],
        [row.text for row in rows],
        [row.title for row in rows],
        [row.source for row in rows],
        [row.time for row in rows],
        [row.label for row in rows],
        [text_digest(row.text) for row in rows],
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, DOCUMENTS, strict=True)]
    return pa.table(arrays, schema=DOCUMENTS)
