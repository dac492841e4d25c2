"""Sealed files in folders: written in place of plain ones, and read as streams."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .files import CHUNK, HEADER_BYTES, SealedFile, is_sealed_file, read_header, sealed_pieces, sealed_size
from .keys import Keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .keys import Cipher

KEYS = Keys()
"""The keys that a worker's process has been sent, for phases that read sealed files."""


def seal_in_place(path: Path, cipher: Cipher) -> None:
    """Replace a plain file by a sealed one; after a crash there is either of them, whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.sealing")
    try:
        with path.open("rb") as plain, partial.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            for piece in sealed_pieces(cipher, _name(path), _read(plain), path.stat().st_size):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def sealed_content(content: bytes, path: Path, cipher: Cipher) -> bytes:
    """The sealed file of some content, for that path."""
    return b"".join(map(bytes, sealed_pieces(cipher, _name(path), [content], len(content))))


def content_size(path: Path) -> int:
    """Bytes of a file's content, sealed or plain."""
    stored = path.stat().st_size
    with path.open("rb") as file:
        beginning = file.read(HEADER_BYTES)
    if len(beginning) == HEADER_BYTES and is_sealed_file(beginning):
        size = read_header(beginning, _name(path)).size
        if stored == sealed_size(size):
            return size
    return stored


class SealedStream(io.RawIOBase):
    """Reads a sealed file from any place; a read costs the chunks that it touches."""

    def __init__(self, file: BinaryIO, path: Path, keys: Keys) -> None:
        """
        Args:
            file: the file as it is stored; it is closed with the stream.
            path: where it is, which it was sealed for.
            keys: among which its key is.

        Raises:
            DataKeyMissingError: its key is not at hand.
            SealDamagedError: it is not whole, or was sealed elsewhere.
        """
        self._file, self._at = file, 0
        self._sealed = SealedFile(self._fetch, os.fstat(file.fileno()).st_size, _name(path), keys)

    def _fetch(self, begin: int, end: int) -> bytes:
        return os.pread(self._file.fileno(), end - begin, begin)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The file's."""
        return self._file.fileno()

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the content."""
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._sealed.size}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        """Fill as much of ``room`` as there is content.

        Raises:
            SealDamagedError: what would be read was changed.
        """
        length = max(0, min(len(room), self._sealed.size - self._at))
        if length:
            self._sealed.read_into(self._at, memoryview(room).cast("B")[:length])
        self._at += length
        return length

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()


def buffered(file: BinaryIO, path: Path, keys: Keys = KEYS) -> io.BufferedReader:
    """A sealed file as a stream that decrypts each chunk once if it is read in order. Errors as in ``SealedStream``."""
    return io.BufferedReader(SealedStream(file, path, keys), CHUNK)


def _read(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece


def _name(path: Path) -> str:
    """What a file is sealed as: its folder, which is named by an id, and its name."""
    return "/".join(path.parts[-2:])
