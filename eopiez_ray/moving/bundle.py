"""The file in which workflows travel: a tar file of plain members, written and read from its beginning to its end.

``manifest.json`` comes first, then ``tables/NAME/000000.jsonl``, a JSON object a line, then ``artifacts/DIGEST``, and
at last ``end.json`` with a SHA-256 over all members before it. Nothing is compressed, so that nothing can grow when it
is read, and no member's name is ever used as a path.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from ..errors import DamagedBundleError, NotABundleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FORMAT, VERSION = "eopiez-export", 1
MANIFEST, END = "manifest.json", "end.json"
BLOCK = tarfile.BLOCKSIZE
PIECE_BYTES = 2**20
"""Bytes that are read and written at once."""
MEMBER_BYTES = 4 * 2**20
"""Bytes of lines after which a table goes on in another member."""
LONGEST_BYTES = 2**28
"""Largest member but for artifacts: it is held in memory."""
_NAMES = re.compile(r"manifest\.json|end\.json|tables/([a-z]+)/\d{6,12}\.jsonl|artifacts/([0-9a-f]{32})")


class BundleWriter:
    """Writes a bundle to a stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash = stream, hashlib.sha256()
        self._members = 0
        self.bytes = 0
        """What was written."""

    def add(self, name: str, content: bytes) -> None:
        """Write a member."""
        self.add_stream(name, len(content), [content])

    def add_stream(self, name: str, size: int, pieces: Iterable[bytes | memoryview]) -> None:
        """Write a member of ``size`` bytes, piece by piece."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        self._write(entry.tobuf(tarfile.GNU_FORMAT))
        self._hash.update(_heading(name, size))
        for piece in pieces:
            self._hash.update(piece)
            self._write(piece)
        self._write(bytes(-size % BLOCK))
        self._members += 1

    def end(self, facts: Mapping[str, Any]) -> None:
        """Write the last member, which vouches for all before it."""
        told = {"members": self._members, "sha256": self._hash.hexdigest(), **facts}
        self.add(END, json.dumps(told, indent=2).encode() + b"\n")
        self._write(bytes(2 * BLOCK))

    def _write(self, piece: bytes | memoryview) -> None:
        self._stream.write(piece)
        self.bytes += len(piece)


@dataclass(frozen=True, slots=True)
class Member:
    """A member whose content has not been read yet."""

    name: str
    size: int
    table: str
    """The table that it has rows of; empty if it has none."""
    digest: bytes
    """The artifact's digest; empty if it is none."""


class BundleReader:
    """Reads a bundle from a stream, and believes none of it before its end.

    Errors of all methods are ``NotABundleError`` and ``DamagedBundleError``, which name the place.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash = stream, hashlib.sha256()
        self._members = 0
        self.bytes = 0
        """What was read."""
        self.manifest = self._manifest()
        """What the file says of itself."""
        self.facts: Mapping[str, Any] = {}
        """What its last member says, once all others have been read."""

    def members(self) -> Iterator[Member]:
        """The members between manifest and end. Read the content of each before the next one is asked for."""
        while (member := self._next()).name != END:
            if not member.table and not member.digest:
                raise DamagedBundleError(member.name, "it does not belong there")
            yield member
        sealed, count = self._hash.hexdigest(), self._members
        self.facts = _object(self._content(member), END)
        if (self.facts.get("sha256"), self.facts.get("members")) != (sealed, count):
            raise DamagedBundleError("the file", "its checksum does not fit")

    def rows(self, member: Member) -> list[dict[str, Any]]:
        """The rows of a table's member."""
        lines = self._content(member).split(b"\n")
        if lines.pop():
            raise DamagedBundleError(member.name, "its last line is cut")
        return [_object(line, f"line {number} of {member.name}") for number, line in enumerate(lines, 1)]

    def pieces(self, member: Member) -> Iterator[bytes]:
        """The content of a member, piece by piece."""
        self._hash.update(_heading(member.name, member.size))
        left = member.size
        while left:
            piece = self._read(min(left, PIECE_BYTES), member.name)
            self._hash.update(piece)
            left -= len(piece)
            yield piece
        if any(self._read(-member.size % BLOCK, member.name)):
            raise DamagedBundleError(member.name, "there is something after its end")
        self._members += 1

    def _content(self, member: Member) -> bytes:
        if member.size > LONGEST_BYTES:
            raise DamagedBundleError(member.name, f"it has {member.size:,} bytes, more than {LONGEST_BYTES:,}")
        return b"".join(self.pieces(member))

    def _manifest(self) -> dict[str, Any]:
        try:
            member = self._next()
        except DamagedBundleError as error:
            raise NotABundleError("this is no file of `eopiez export`") from error
        if member.name != MANIFEST:
            raise NotABundleError("this is no file of `eopiez export`; those begin with manifest.json")
        manifest = _object(self._content(member), MANIFEST)
        if manifest.get("format") != FORMAT:
            raise NotABundleError(f"this is no file of `eopiez export`: its format is {manifest.get('format')!r}")
        if manifest.get("version") != VERSION:
            raise NotABundleError(
                f"this file has version {manifest.get('version')!r} of the format, and this program reads {VERSION}; "
                "import it with the version of eopiez that has made it, or a newer one"
            )
        return manifest

    def _next(self) -> Member:
        block = self._read(BLOCK, "the next member")
        try:
            entry = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise DamagedBundleError("the beginning of a member", str(error)) from error
        found = _NAMES.fullmatch(entry.name)
        if found is None or entry.type != tarfile.REGTYPE or entry.size < 0:
            raise DamagedBundleError(f"member {entry.name!r}", "no such member belongs there")
        return Member(entry.name, entry.size, found[1] or "", bytes.fromhex(found[2] or ""))

    def _read(self, size: int, place: str) -> bytes:
        """So many bytes, however few the stream gives at once."""
        found = bytearray()
        while len(found) < size:
            piece = self._stream.read(size - len(found))
            if not piece:
                raise DamagedBundleError(place, "the file ends there")
            found += piece
        self.bytes += size
        return bytes(found)


def _heading(name: str, size: int) -> bytes:
    """What a member's name and size add to the checksum."""
    return f"{name} {size}\n".encode()


def _object(text: bytes, place: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedBundleError(place, "it is no JSON") from error
    if not isinstance(value, dict):
        raise DamagedBundleError(place, "it is no JSON object")
    return value
