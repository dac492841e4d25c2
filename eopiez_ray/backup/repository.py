"""A repository of backups: objects named by their content and encrypted, manifests, and streams of WAL.

::

    repository.json                  format, and the id of the key
    objects/ab/cdef…                 a piece of a file or database, compressed, encrypted
    backups/20261130T020000Z         a manifest, compressed, encrypted, signed
    streams/STREAM/wal/SEGMENT       a segment of WAL; with .partial, as far as it was written
    streams/STREAM/files/NUMBER      files that were new while the stream went on
    erasures                         what was erased: a restore erases it again
    writers/ID                       somebody is at work here, until the moment in it

Contents that are there are not stored again, so a backup costs what has changed.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import zstandard

from ..errors import BackupError, BackupKeyError, BackupNotFoundError, DamagedBackupError
from .manifest import Manifest, StoredFile, from_row, to_row
from .places import Place, place_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .key import BackupKey

FORMAT = 1
HEADER, ERASURES = "repository.json", "erasures"
LEVEL = 1
"""Of zstd: a backup should cost the work beside it little time."""
WORTH = 0.95
"""Compressed contents are kept if they are smaller than this part of the plain ones."""
LONGEST = 2**31
"""Most bytes that a compressed content may have."""
_PLAIN, _ZSTD = b"\0", b"\1"
_local = threading.local()


class Repository:
    """The backups under a URL."""

    def __init__(self, place: Place, key: BackupKey) -> None:
        self.place, self.key = place, key

    @classmethod
    def at(cls, url: str, key: BackupKey, *, is_new: bool = False) -> Repository:
        """The repository at a URL.

        Args:
            url: a ``pyarrow.fs`` URL or a local path.
            key: the key that it was made with.
            is_new: whether it may be made now.

        Raises:
            BackupError: there is none, or it has a newer format.
            BackupKeyError: it was made with another key.
        """
        place = place_at(url)
        try:
            header = json.loads(place.read(HEADER))
        except FileNotFoundError as error:
            if not is_new:
                raise BackupError(
                    f"there are no backups at {place.url}; `eopiez backup create` makes the first"
                ) from error
            header = {"format": FORMAT, "key": key.id}
            place.write(HEADER, json.dumps(header).encode())
        except (OSError, ValueError) as error:
            raise BackupError(f"cannot read the repository of backups at {place.url}: {error}") from error
        if header.get("format") != FORMAT:
            raise BackupError(f"the backups at {place.url} have format {header.get('format')}; update eopiez")
        if header.get("key") != key.id:
            raise BackupKeyError(
                f"the backups at {place.url} were made with the key {header.get('key')}, and this one is {key.id}; "
                "name the right one by EOPIEZ_BACKUP_KEY or EOPIEZ_BACKUP_KEY_FILE"
            )
        return cls(place, key)

    def put(self, name: str, content: bytes) -> int:
        """Stage an object, and give the bytes that it takes."""
        sealed = self._sealed(content, f"object {name}")
        self.place.stage(_object(name), sealed)
        return len(sealed)

    def get(self, name: str) -> bytes:
        """An object.

        Raises:
            DamagedBackupError: it is missing, or was changed.
        """
        return self._read(_object(name), f"object {name}")

    def names(self) -> dict[str, int]:
        """All objects with the bytes that they take."""
        found = self.place.list("objects")
        return {"".join(each.name.split("/")[-2:]): each.size for each in found if each.size}

    def forget(self, name: str) -> None:
        """Delete an object."""
        self.place.delete(_object(name))

    def backups(self) -> list[str]:
        """The ids of all backups, oldest first."""
        return sorted(each.name.rpartition("/")[2] for each in self.place.list("backups"))

    def manifest(self, backup: str) -> Manifest:
        """What a backup consists of.

        Raises:
            BackupNotFoundError: there is none of this id.
            DamagedBackupError: its manifest was changed.
        """
        try:
            signed = self.place.read(f"backups/{backup}")
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            raise BackupNotFoundError(backup, self.place.url) from error
        place = f"backup {backup}"
        try:
            return Manifest.from_bytes(self._opened(self.key.signed(signed, place), place))
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedBackupError(place, "its manifest cannot be read") from error

    def manifests(self) -> list[Manifest]:
        """All backups, oldest first. Errors as in ``manifest``."""
        return [self.manifest(each) for each in self.backups()]

    def chain(self, manifest: Manifest) -> list[Manifest]:
        """The backup after those that it builds on, the base first. Errors as in ``manifest``."""
        chain = [manifest]
        while (parent := chain[0].database.parent) is not None:
            chain.insert(0, self.manifest(parent))
        return chain

    def publish(self, manifest: Manifest) -> None:
        """Make a backup complete: until now, nobody sees it. All that it refers to is durable before it is."""
        self.place.settle()
        sealed = self._sealed(manifest.to_bytes(), f"backup {manifest.id}")
        self.place.write(f"backups/{manifest.id}", self.key.sign(sealed))

    def withdraw(self, backup: str) -> None:
        """Forget a backup; its objects stay until they are swept."""
        self.place.delete(f"backups/{backup}")

    def put_segment(self, stream: str, segment: str, content: bytes) -> int:
        """Keep a segment of WAL, and give the bytes that it takes."""
        name = f"streams/{stream}/wal/{segment}"
        sealed = self._sealed(content, name)
        self.place.write(name, sealed)
        return len(sealed)

    def segments(self, stream: str) -> dict[str, int]:
        """The names of a stream's segments and histories of timelines, with the bytes that they take."""
        return {each.name.rpartition("/")[2]: each.size for each in self.place.list(f"streams/{stream}/wal")}

    def segment(self, stream: str, segment: str) -> bytes:
        """A segment of WAL. Errors as in ``get``."""
        name = f"streams/{stream}/wal/{segment}"
        return self._read(name, name)

    def forget_segment(self, stream: str, segment: str) -> None:
        """Delete a segment of WAL."""
        self.place.delete(f"streams/{stream}/wal/{segment}")

    def put_files(self, stream: str, number: int, files: dict[str, Sequence[StoredFile]]) -> None:
        """Keep a note of files that are new, by tree; their objects are durable before it is."""
        self.place.settle()
        name = f"streams/{stream}/files/{number:016d}"
        rows = {tree: [to_row(file) for file in found] for tree, found in files.items()}
        self.place.write(name, self._sealed(json.dumps(rows).encode(), name))

    def notes(self, stream: str) -> list[int]:
        """The numbers of a stream's notes of files, in order."""
        return sorted(int(each.name.rpartition("/")[2]) for each in self.place.list(f"streams/{stream}/files"))

    def next_note(self, stream: str, last: Manifest | None) -> int:
        """The number of a stream's next note, which is higher than all that there were, those that were pruned too.

        Args:
            stream: the stream.
            last: the latest backup, of any stream.
        """
        covered = last.database.first_note if last is not None and last.database.stream == stream else 0
        return max([covered, *(number + 1 for number in self.notes(stream))])

    def files(self, stream: str, number: int) -> dict[str, list[StoredFile]]:
        """The files of a note. Errors as in ``get``."""
        name = f"streams/{stream}/files/{number:016d}"
        rows = json.loads(self._read(name, name))
        return {tree: [from_row(row) for row in found] for tree, found in rows.items()}

    def forget_note(self, stream: str, number: int) -> None:
        """Delete a note of files."""
        self.place.delete(f"streams/{stream}/files/{number:016d}")

    def streams(self) -> set[str]:
        """All streams."""
        return {each.name.split("/")[1] for each in self.place.list("streams")}

    def put_erasures(self, text: bytes) -> None:
        """Keep what was erased."""
        self.place.write(ERASURES, self._sealed(text, ERASURES))

    def erasures(self) -> bytes | None:
        """What was erased, if anything was. Errors as in ``get``."""
        try:
            sealed = self.place.read(ERASURES)
        except FileNotFoundError:
            return None
        return self._opened(sealed, ERASURES)

    def _read(self, name: str, place: str) -> bytes:
        try:
            return self._opened(self.place.read(name), place)
        except FileNotFoundError as error:
            raise DamagedBackupError(place, f"it is missing at {self.place.url}") from error
        except OSError as error:
            raise BackupError(f"cannot read {place} at {self.place.url}: {error}") from error

    def _sealed(self, content: bytes, place: str) -> bytes:
        packed = _compressor().compress(content)
        form = _ZSTD + packed if len(packed) < WORTH * len(content) else _PLAIN + content
        return self.key.seal(form, place)

    def _opened(self, sealed: bytes, place: str) -> bytes:
        form = self.key.open(sealed, place)
        if form[:1] != _ZSTD:
            return form[1:]
        return zstandard.ZstdDecompressor().decompress(memoryview(form)[1:], max_output_size=LONGEST)


def needed(manifests: Iterable[Manifest]) -> set[str]:
    """All objects that these backups need."""
    return {name for manifest in manifests for name in manifest.objects()}


def _object(name: str) -> str:
    return f"objects/{name[:2]}/{name[2:]}"


def _compressor() -> zstandard.ZstdCompressor:
    """A compressor of this thread."""
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=LEVEL)
    return _local.compressor  # type: ignore[no-any-return]
