"""A tar file on its way: cut where its members begin, so that what has not changed stays the same piece.

Postgres writes plain ustar: a header of 512 bytes with the name, the size in octal digits, then the content, padded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import IO

BLOCK = 512
SMALL = 2**20
"""Members below this size share a piece."""


class TarCutter:
    """Reads a tar file to its end, gives it in pieces, and keeps some of its members."""

    def __init__(self, stream: IO[bytes], piece_bytes: int, wanted: Collection[str]) -> None:
        """
        Args:
            stream: where to read.
            piece_bytes: size of the largest piece, two blocks or more.
            wanted: the names of members to keep.
        """
        self._stream, self._most, self._wanted = stream, piece_bytes, wanted
        self.bytes = 0
        """What was read."""
        self.members: dict[str, bytes] = {}
        """The contents of the members that were wanted."""

    def __iter__(self) -> Iterator[bytes]:
        held = bytearray()
        while header := self._read(BLOCK):
            name, size = header[:100].rstrip(b"\0").decode("utf-8", "surrogateescape"), _size(header)
            if held and (size >= SMALL or len(held) + BLOCK + size > self._most):
                yield bytes(held)
                held.clear()
            held += header
            left, kept = -size % BLOCK + size, bytearray()
            while left:
                part = self._read(min(left, self._most - len(held)))
                if name in self._wanted:
                    kept += part
                held += part
                left -= len(part)
                if len(held) == self._most:
                    yield bytes(held)
                    held.clear()
            if name in self._wanted:
                self.members[name] = bytes(kept[:size])
        if held:
            yield bytes(held)

    def _read(self, size: int) -> bytes:
        """So many bytes, or none at the end.

        Raises:
            EOFError: it ends in the middle.
        """
        found = self._stream.read(size)
        if found and len(found) < size:
            raise EOFError("the tar file ends in the middle of a member")
        self.bytes += len(found)
        return found


def _size(header: bytes) -> int:
    """The size of a member: 0 for the blocks of zeros at the end."""
    digits = header[124:136].strip(b" \0")
    return int(digits, 8) if digits else 0
