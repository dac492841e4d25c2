"""Compressed files as streams: members one after the other, and whatever follows them."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

FEED = 8 << 10
"""Bytes that are decompressed at a time; a member can grow a thousandfold and more."""
LONGEST_WINDOW = 1 << 31
"""Bytes back to which zstd may refer (``--long=31``, the longest there is); memory holds as many, at most."""


class _Decompressor(Protocol):
    """What the libraries have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _zstd() -> _Decompressor:
    return zstandard.ZstdDecompressor(max_window_size=LONGEST_WINDOW).decompressobj()


COMPRESSIONS: dict[str, tuple[bytes, Callable[[], _Decompressor]]] = {
    "gzip": (b"\x1f\x8b", lambda: zlib.decompressobj(zlib.MAX_WBITS | 16)),
    "zstd": (b"\x28\xb5\x2f\xfd", _zstd),
    "bzip2": (b"BZh", bz2.BZ2Decompressor),
    "xz": (b"\xfd7zXZ\0", lzma.LZMADecompressor),
}
"""What a compressed file begins with, and what decompresses one member of it."""
BROKEN_STREAM = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What decompressing a damaged file raises."""


class Members(io.RawIOBase):
    """The content of all members of a compressed file.

    Reading raises one of ``BROKEN_STREAM`` where a member is damaged, and EOFError where the last one is cut off.
    """

    def __init__(self, raw: io.BufferedReader, compression: str) -> None:
        self._raw = raw
        self._magic, self._start = COMPRESSIONS[compression]
        self._member: _Decompressor | None = None
        self._ready = memoryview(b"")
        self._rest = b""
        self.garbage = 0
        """Bytes after the last member that are none; zeros do not count."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._ready:
            data = self._rest or self._raw.read(FEED)
            self._rest = b""
            if not data:
                return self._end()
            self._ready = memoryview(self._decompress(data))
        size = min(len(target), len(self._ready))
        target[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _end(self) -> int:
        if self._member is not None:
            raise EOFError
        return 0

    def _decompress(self, data: bytes) -> bytes:
        if self._member is None:
            data = self._at_a_member(data)
            if not data:
                return b""
            self._member = self._start()
        output = self._member.decompress(data)
        if self._member.eof:
            self._rest, self._member = self._member.unused_data, None
        return output

    def _at_a_member(self, data: bytes) -> bytes:
        """What is left from the next member on; nothing where other bytes follow, for then none can be found."""
        data = data.lstrip(b"\0")
        if 0 < len(data) < len(self._magic):
            data += self._raw.read(FEED)
        if not data or self._is_member(data):
            return data
        self.garbage += len(data)
        while chunk := self._raw.read(1 << 20):
            self.garbage += len(chunk)
        return b""

    def _is_member(self, data: bytes) -> bool:
        is_skipped = self._magic == COMPRESSIONS["zstd"][0] and data[1:4] == b"\x2a\x4d\x18" and data[0] >> 4 == 5
        return data.startswith(self._magic) or is_skipped
