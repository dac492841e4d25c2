"""Sealed files: a header, and chunks that are each encrypted and authenticated apart.

The header holds the key's id, a random salt and the content's size. The salt gives the file a key of its own; a chunk's
number is its nonce; header and name are associated data of every chunk. So no chunk can be changed, moved, left out or
brought from another file, and no file be cut, prolonged or given another's name, without an error. A range costs the
chunks that it touches.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..errors import SealDamagedError
from .keys import ID_BYTES, NONCE_BYTES, TAG_BYTES

if TYPE_CHECKING:
    from .keys import Cipher, Keys

CHUNK = 256 * 1024
"""Bytes of content in a chunk; the last one may be shorter."""
_MAGIC = b"\x00eopiez\x01"
_LAYOUT = struct.Struct(f">{len(_MAGIC)}s{ID_BYTES}s16sQI")
HEADER_BYTES = _LAYOUT.size
MAGIC_BYTES = len(_MAGIC)

Fetch = Callable[[int, int], "memoryview | bytes"]
"""Gives the stored bytes from a position up to another, or fewer at the end."""


def sealed_size(size: int) -> int:
    """Bytes of the sealed file of so many bytes."""
    return HEADER_BYTES + size + TAG_BYTES * _count(size)


def is_sealed_file(beginning: bytes) -> bool:
    """Whether a file that begins like this is sealed."""
    return beginning.startswith(_MAGIC)


def sealed_pieces(cipher: Cipher, name: str, pieces: Iterable[memoryview | bytes], size: int) -> Iterator[memoryview]:
    """The sealed file of the pieces, ``size`` bytes together. What is yielded holds until the next is asked for."""
    salt = os.urandom(16)
    header = _LAYOUT.pack(_MAGIC, cipher.id, salt, size, CHUNK)
    bound, sealing = header + name.encode(), cipher.of_file(salt)
    yield memoryview(header)
    room = memoryview(bytearray(CHUNK + TAG_BYTES))
    for number, chunk in enumerate(_chunks(pieces)):
        into = room[: len(chunk) + TAG_BYTES]
        sealing.encrypt_into(_nonce(number), chunk, bound, into)
        yield into


class Header(NamedTuple):
    """What a sealed file says of itself."""

    key: bytes
    salt: bytes
    size: int
    """Bytes of its content."""
    raw: bytes


def read_header(beginning: bytes, name: str) -> Header:
    """The header of a sealed file.

    Raises:
        SealDamagedError: it is none.
    """
    if len(beginning) < HEADER_BYTES:
        raise SealDamagedError(name)
    magic, key, salt, size, chunk = _LAYOUT.unpack(beginning[:HEADER_BYTES])
    if magic != _MAGIC or chunk != CHUNK:
        raise SealDamagedError(name)
    return Header(key, salt, size, bytes(beginning[:HEADER_BYTES]))


class SealedFile:
    """Reads a sealed file."""

    def __init__(self, fetch: Fetch, stored: int, name: str, keys: Keys) -> None:
        """
        Args:
            fetch: reads its bytes.
            stored: how many there are.
            name: what it was sealed as.
            keys: among which its key is.

        Raises:
            DataKeyMissingError: its key is not at hand.
            SealDamagedError: it is no sealed file, or not whole.
        """
        header = read_header(bytes(fetch(0, HEADER_BYTES)), name)
        if sealed_size(header.size) != stored:
            raise SealDamagedError(name)
        self.size = header.size
        """Bytes of its content."""
        self._fetch, self._name = fetch, name
        self._bound = header.raw + name.encode()
        self._cipher = keys.get(header.key, name).of_file(header.salt)

    def read_into(self, start: int, room: memoryview) -> None:
        """Fill ``room`` with the content from ``start`` on.

        Raises:
            SealDamagedError: a chunk of it was changed; what ``room`` holds then is nothing to go by.
        """
        stop = start + len(room)
        first, last = start // CHUNK, max(start, stop - 1) // CHUNK
        begin = _place(first)
        span = memoryview(self._fetch(begin, _place(last) + min(CHUNK, self.size - last * CHUNK) + TAG_BYTES))
        position = start
        while position < stop:
            number, inside = divmod(position, CHUNK)
            length = min(CHUNK, self.size - number * CHUNK)
            taken = min(length - inside, stop - position)
            into = room[position - start : position - start + taken]
            sealed = span[_place(number) - begin :][: length + TAG_BYTES]
            if taken == length:
                self._open_into(number, sealed, into)
            else:
                whole = bytearray(length)
                self._open_into(number, sealed, memoryview(whole))
                into[:] = memoryview(whole)[inside : inside + taken]
            position += taken
        if not self.size:
            self._open_into(0, span, memoryview(bytearray()))

    def _open_into(self, number: int, sealed: memoryview, into: memoryview) -> None:
        from cryptography.exceptions import InvalidTag

        try:
            self._cipher.decrypt_into(_nonce(number), sealed, self._bound, into)
        except (InvalidTag, ValueError) as error:
            raise SealDamagedError(self._name) from error


def _count(size: int) -> int:
    """Chunks of so many bytes; an empty file has one, which proves that it is empty."""
    return max(1, -(-size // CHUNK))


def _place(number: int) -> int:
    """Where a chunk begins in the file."""
    return HEADER_BYTES + number * (CHUNK + TAG_BYTES)


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES, "big")


def _chunks(pieces: Iterable[memoryview | bytes]) -> Iterator[memoryview | bytearray]:
    """The content in chunks; those that lie in one piece are not copied."""
    held, count = bytearray(), 0
    for piece in pieces:
        view = memoryview(piece).cast("B")
        start = 0
        if held:
            start = min(CHUNK - len(held), len(view))
            held += view[:start]
        if len(held) == CHUNK:
            yield held
            held, count = bytearray(), count + 1
        while not held and len(view) - start >= CHUNK:
            yield view[start : start + CHUNK]
            start, count = start + CHUNK, count + 1
        held += view[start:]
    if held or not count:
        yield held
