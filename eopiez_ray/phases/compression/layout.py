"""The bytes of an archive, as docs/archive-format.md describes them. All numbers are little-endian.

file      = head, codebook, block*, footer, tail
codebook  = slice*                                       # redundant: any one slice may be lost
block     = block head, metadata section, text section
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard
from blake3 import blake3

from eopiez_ray.phases.compression.codecs import Codec

MAGIC = b"EOPZ"
BLOCK_MAGIC = b"\xf5EZB"
"""Begins with a byte that no UTF-8 text has."""
TAIL_MAGIC = b"ZPOE"
VERSION = 1
HASH = 16
"""Bytes of each BLAKE3 hash."""
SLICES = 16
"""Parts of the codebook; one more holds their parity."""

HEAD = struct.Struct("<4sHHI")
"""Magic, version, reserved, size of the codebook."""
BLOCK_HEAD = struct.Struct("<4sIBBBxIIIII")
"""Magic, number, text codec, metadata codec, flags, documents, and four sizes: text, stored text, metadata, stored
metadata. A hash of head and sections follows."""
TAIL = struct.Struct("<I16s4s")
"""Stored size of the footer, its hash, magic."""
BLOCK_START = BLOCK_HEAD.size + HASH
IS_LAST, GOES_ON = 1, 2
"""Flags of a block: it is the archive's last one; its last document goes on in the next one."""


class LaterVersionError(ValueError):
    """The archive is of a later version of the format."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} of the format")
        self.version = version


def digest(*parts: bytes) -> bytes:
    """The first ``HASH`` bytes of BLAKE3 of the parts one after the other."""
    hasher = blake3()
    for part in parts:
        hasher.update(part)
    return hasher.digest(HASH)


@dataclass(frozen=True, slots=True)
class Block:
    """A block before it has its place in an archive."""

    text_codec: Codec
    metadata_codec: Codec
    documents: int
    """Documents that begin in the block."""
    text_size: int
    text: bytes
    """Stored form."""
    metadata_size: int
    metadata: bytes
    """Stored form."""
    goes_on: bool = False
    """Whether the last document goes on in the next block."""

    def to_bytes(self, number: int, is_last: bool) -> bytes:
        """The block at its place."""
        head = BLOCK_HEAD.pack(
            BLOCK_MAGIC,
            number,
            self.text_codec,
            self.metadata_codec,
            IS_LAST * is_last + GOES_ON * self.goes_on,
            self.documents,
            self.text_size,
            len(self.text),
            self.metadata_size,
            len(self.metadata),
        )
        return head + digest(head, self.metadata, self.text) + self.metadata + self.text


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block is in its file, and what its head says."""

    offset: int
    size: int
    """Of head and sections."""
    documents: int


def parse_block(data: bytes | memoryview, number: int | None = None) -> tuple[int, bool, Block]:
    """A block's number, whether it is the last, and the block, after its hash has been checked.

    Args:
        number: what the block must be, if that is known.

    Raises:
        ValueError: the bytes are not an intact block.
    """
    if len(data) < BLOCK_START:
        raise ValueError("cut off")
    magic, found, text_codec, metadata_codec, flags, documents, *sizes = BLOCK_HEAD.unpack_from(data)
    text_size, stored_text, metadata_size, stored_metadata = sizes
    end = BLOCK_START + stored_metadata + stored_text
    if magic != BLOCK_MAGIC or len(data) < end or number not in {None, found}:
        raise ValueError("not a block, or another one")
    metadata, text = bytes(data[BLOCK_START : end - stored_text]), bytes(data[end - stored_text : end])
    if digest(bytes(data[: BLOCK_HEAD.size]), metadata, text) != bytes(data[BLOCK_HEAD.size : BLOCK_START]):
        raise ValueError("its hash is wrong")
    codecs = Codec(text_codec), Codec(metadata_codec)
    block = Block(*codecs, documents, text_size, text, metadata_size, metadata, bool(flags & GOES_ON))
    return found, bool(flags & IS_LAST), block


def stored_size(head: bytes | memoryview) -> int:
    """Size of a whole block by its head, unchecked."""
    *_, stored_text, _, stored_metadata = BLOCK_HEAD.unpack_from(head)
    return BLOCK_START + int(stored_metadata) + int(stored_text)


def protect(data: bytes) -> bytes:
    """``data`` in ``SLICES`` slices and their parity (exclusive or), each after its hash: any one can be restored."""
    size = -(-len(data) // SLICES)
    slices = np.frombuffer(data.ljust(size * SLICES, b"\0"), np.uint8).reshape(SLICES, size)
    parity = np.bitwise_xor.reduce(slices, axis=0)
    return b"".join(digest(bytes([i]), part.tobytes()) + part.tobytes() for i, part in enumerate([*slices, parity]))


def protected_size(size: int) -> int:
    """Bytes that ``protect`` makes of ``size``."""
    return (SLICES + 1) * (HASH + -(-size // SLICES))


def unprotect(data: bytes, size: int) -> tuple[bytes, int]:
    """What was protected, and how many slices had to be restored.

    Raises:
        ValueError: more than one slice is damaged.
    """
    width = HASH + -(-size // SLICES)
    parts = [data[i * width : (i + 1) * width] for i in range(SLICES + 1)]
    bad = [i for i, part in enumerate(parts) if digest(bytes([i]), part[HASH:]) != part[:HASH] or len(part) != width]
    if len(bad) > 1:
        raise ValueError(f"{len(bad)} of {SLICES + 1} slices of the codebook are damaged")
    slices = [np.frombuffer(part[HASH:], np.uint8) for i, part in enumerate(parts) if i not in bad]
    if bad:
        slices.insert(bad[0], np.bitwise_xor.reduce(np.stack(slices), axis=0))
    return b"".join(part.tobytes() for part in slices[:SLICES])[:size], len(bad)


@dataclass(frozen=True, slots=True)
class Footer:
    """The index of an archive."""

    codebook_size: int
    places: tuple[Place, ...]
    fingerprints: npt.NDArray[np.uint64]
    """One a document, in order: the first bytes of the hash of its id; see ``fingerprint``."""
    width: int
    """Bytes of each fingerprint."""
    facts: dict[str, Any]
    """What the writer wanted to say of the archive; JSON."""

    def to_bytes(self) -> bytes:
        """The footer and the tail."""
        head = {
            "version": VERSION,
            "codebook_size": self.codebook_size,
            "blocks": len(self.places),
            "documents": len(self.fingerprints),
            "fingerprint_width": self.width,
            "facts": self.facts,
        }
        text = json.dumps(head, ensure_ascii=False).encode()
        sizes = np.array([(place.size, place.documents) for place in self.places], "<u8").reshape(-1, 2)
        prints = self.fingerprints.astype("<u8").view(np.uint8).reshape(-1, 8)[:, : self.width]
        body = struct.pack("<I", len(text)) + text + sizes.T.tobytes() + np.ascontiguousarray(prints).tobytes()
        stored = zstandard.ZstdCompressor(level=9).compress(body)
        return stored + TAIL.pack(len(stored), digest(stored), TAIL_MAGIC)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Footer:
        """The footer of bytes whose hash has been checked.

        Raises:
            LaterVersionError: it was written by a later version.
        """
        body = zstandard.ZstdDecompressor().decompress(stored)
        (length,) = struct.unpack_from("<I", body)
        head = json.loads(body[4 : 4 + length])
        if head["version"] > VERSION:
            raise LaterVersionError(head["version"])
        blocks, documents, width = head["blocks"], head["documents"], head["fingerprint_width"]
        at = 4 + length
        sizes = np.frombuffer(body, "<u8", 2 * blocks, at).reshape(2, blocks).astype(np.int64)
        offsets = HEAD.size + protected_size(head["codebook_size"]) + np.cumsum(sizes[0]) - sizes[0]
        padded = np.zeros((documents, 8), np.uint8)
        padded[:, :width] = np.frombuffer(body, np.uint8, documents * width, at + 16 * blocks).reshape(documents, width)
        places = tuple(Place(*map(int, row)) for row in zip(offsets, *sizes, strict=True))
        return cls(head["codebook_size"], places, padded.view("<u8").ravel(), width, head["facts"])


def fingerprint(document_id: str, width: int = 8) -> int:
    """The first ``width`` bytes of BLAKE3 of an id, as a number."""
    return int.from_bytes(blake3(document_id.encode()).digest(width), "little")


def fingerprint_width(documents: int) -> int:
    """Bytes with which about one false match is to be expected in a search of all documents at most."""
    return max(1, -(-documents.bit_length() // 8))
