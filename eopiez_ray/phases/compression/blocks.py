"""Documents as blocks, and blocks as documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.compression.codebook import Codebook
from eopiez_ray.phases.compression.codecs import CANDIDATES, PLAIN, Codec, Coders, Effort, smallest
from eopiez_ray.phases.compression.layout import Block, fingerprint

BLOCK_SIZE = 1 << 20
"""Bytes of text in a block, about."""
DISAPPOINTING = 1.15
"""Compressed size over the expected one from which a block tries the other codecs too."""
SMALL = 32 << 10
"""Bytes of text up to which a block tries Brotli too: it brings a dictionary where there is little to learn from."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = ("id", "title", "source", "time", "label")
_SOURCES = ("document_id", "title", "source", "time", "label")


class Document(NamedTuple):
    """One document of an archive."""

    id: str
    text: str
    title: str | None
    source: str
    time: datetime | None
    label: str | None


class Entry(NamedTuple):
    """What a block knows of a document that begins in it."""

    id: str
    title: str | int | None
    """A number stands for that many bytes at the beginning of the text."""
    source: str | bool
    """True stands for the id."""
    time: int | None
    """Microseconds since 1970, UTC."""
    label: str | None
    start: int
    end: int
    """Bytes in the block's text; a document that goes on in the next block ends where the text does."""

    def document(self, text: bytes) -> Document:
        """The document with its text."""
        time = None if self.time is None else _EPOCH + timedelta(microseconds=self.time)
        title = text[: self.title].decode() if isinstance(self.title, int) else self.title
        source = self.source if isinstance(self.source, str) else self.id
        return Document(self.id, text.decode(), title, source, time, self.label)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The documents of one partition, compressed."""

    blocks: tuple[Block, ...]
    fingerprints: tuple[int, ...]
    """One a document, 8 bytes each."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a block says beside its text."""

    head: int
    """Bytes at the beginning of the text that belong to the last document of the block before."""
    entries: tuple[Entry, ...]


def compress_documents(documents: pa.Table, codebook: Codebook, block_size: int = BLOCK_SIZE) -> Blocks:
    """The blocks of one partition, a table of schema ``DOCUMENTS``; its digests are not kept, for texts give them.

    A document that is longer than a block is cut, and its parts fill blocks of their own.
    """
    texts = [text.encode() for text in documents.column("text").to_pylist()]
    rows = _rows(documents, texts)
    blocks = tuple(_block(codebook, rows, cut) for cut in _cut(texts, block_size))
    return Blocks(blocks, tuple(fingerprint(row.id) for row in rows))


def read_contents(block: Block) -> Contents:
    """The metadata of a block.

    Raises:
        ValueError, KeyError, TypeError: it is not of the format.
    """
    columns = json.loads(PLAIN.decompress(block.metadata, block.metadata_codec, block.metadata_size))
    entries, start = [], columns["head"]
    for *values, length in zip(*(columns[name] for name in _COLUMNS), columns["length"], strict=True):
        entries.append(Entry._make([*values, start, start + length]))
        start += length
    return Contents(columns["head"], tuple(entries))


def read_text(block: Block, coders: Coders) -> bytes:
    """The text of a block; ``coders`` are those of the archive's codebook."""
    return coders.decompress(block.text, block.text_codec, block.text_size)


def _rows(documents: pa.Table, texts: list[bytes]) -> list[Entry]:
    """The metadata of each document, its place in a block still open."""
    nothing = pa.nulls(documents.num_rows)
    found = {name: documents.column(name) if name in documents.column_names else nothing for name in _SOURCES}
    found["time"] = pc.cast(pc.cast(found["time"], pa.timestamp("us", tz="UTC")), pa.int64())
    rows = zip(*(found[name].to_pylist() for name in _SOURCES), strict=True)
    return [_entry(*row, text=text) for row, text in zip(rows, texts, strict=True)]


def _entry(
    name: str, title: str | None, source: str | None, time: int | None, label: str | None, *, text: bytes
) -> Entry:
    """An entry that does not repeat what its text or its id says."""
    is_first_line = title is not None and text.startswith(title.encode())
    short = len(title.encode()) if title is not None and is_first_line else title
    return Entry(name, short, True if source in {name, None} else str(source), time, label, 0, 0)


class _Cut(NamedTuple):
    """The text of one block."""

    first: int
    """The first document that begins in it."""
    pieces: list[bytes]
    """Of the documents that begin in it."""
    head: bytes = b""
    """Of the document before them."""
    goes_on: bool = False


def _cut(texts: list[bytes], size: int) -> Iterator[_Cut]:
    """Blocks of about equal size; a text longer than ``size`` has its own."""
    total = sum(map(len, texts))
    wanted = min(size, total / max(1, round(total / size)))
    pieces: list[bytes] = []
    filled = 0
    for i, text in enumerate(texts):
        if len(text) > size:
            if pieces:
                yield _Cut(i - len(pieces), pieces)
            yield from _cut_long(i, text, size)
            pieces, filled = [], 0
            continue
        pieces.append(text)
        filled += len(text)
        if filled >= wanted:
            yield _Cut(i + 1 - len(pieces), pieces)
            pieces, filled = [], 0
    if pieces:
        yield _Cut(len(texts) - len(pieces), pieces)


def _cut_long(number: int, text: bytes, size: int) -> Iterator[_Cut]:
    yield _Cut(number, [text[:size]], goes_on=True)
    for at in range(size, len(text), size):
        yield _Cut(number + 1, [], text[at : at + size], at + size < len(text))


def _block(codebook: Codebook, rows: list[Entry], cut: _Cut) -> Block:
    own = rows[cut.first : cut.first + len(cut.pieces)]
    columns: dict[str, Any] = {"head": len(cut.head)}
    columns |= {name: [row[i] for row in own] for i, name in enumerate(_COLUMNS)}
    columns["length"] = [len(piece) for piece in cut.pieces]
    metadata = json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode()
    text = cut.head + b"".join(cut.pieces)
    metadata_codec, stored_metadata = smallest(metadata, (Codec.ZSTD, Codec.BZIP2), Effort.NORMAL)
    text_codec, stored = _compress_text(text, codebook)
    sizes = len(text), stored, len(metadata), stored_metadata
    return Block(text_codec, metadata_codec, len(own), *sizes, cut.goes_on)


def _compress_text(text: bytes, codebook: Codebook) -> tuple[Codec, bytes]:
    """The codec that was best on the sample; another one where that disappoints, or where effort is no object."""
    usable = tuple(codec for codec in CANDIDATES[codebook.effort] if _is_usable(codec, codebook))
    if len(text) <= SMALL and codebook.effort is not Effort.FAST:
        usable = tuple(dict.fromkeys([*usable, Codec.BROTLI]))
    elif codebook.effort is not Effort.BEST and codebook.codec in usable:
        stored = codebook.coders.compress(text, codebook.codec, codebook.effort)
        if len(stored) <= DISAPPOINTING * codebook.expected * len(text):
            return codebook.codec, stored
    return smallest(text, usable, codebook.effort, codebook.coders)


def _is_usable(codec: Codec, codebook: Codebook) -> bool:
    if codec is Codec.WORDS_BZIP2:
        return bool(codebook.words)
    return bool(codebook.sample) if codec is Codec.ZSTD_DICTIONARY else True
