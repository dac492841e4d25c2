"""Where artifacts are kept, by name: a folder of this machine or an object store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.fs as pafs

from ..home import make_folder, sync_folder


class Collected(NamedTuple):
    """Artifacts that nothing referred to."""

    artifacts: int
    bytes: int


class Place(Protocol):
    """Where artifacts are kept, by name."""

    def holds(self, name: str, size: int) -> bool: ...
    def renew(self, name: str, size: int) -> bool: ...
    def write(self, name: str, pieces: Iterable[memoryview | bytes]) -> None: ...
    def read(self, name: str) -> pa.Buffer: ...
    def size(self, name: str) -> int: ...
    def part(self, name: str, begin: int, end: int) -> memoryview: ...
    def discard(self, name: str, before: float) -> bool | None:
        """Whether it was old enough, and deleted; None if it was not there."""

    def set_aside(self, name: str) -> None:
        """Give what is damaged another name, so that it can be looked at, and the whole be written again."""

    def is_aside(self, name: str) -> bool: ...


class Folder:
    """A folder of this machine; reads are memory maps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, name: str, size: int) -> bool:
        path = self._folder / name
        return path.exists() and path.stat().st_size == size

    def renew(self, name: str, size: int) -> bool:
        """Whether it exists; if so, mark it as just written, so that no collection deletes it."""
        try:
            os.utime(self._folder / name)
        except FileNotFoundError:
            return False
        return self.holds(name, size)

    def collect(self, live: Collection[str], before: float, *, dry_run: bool) -> Collected:
        """Delete files last written before that moment (Unix seconds) whose names are not among ``live``."""
        found = [path for path in self._folder.glob("??/*") if f"{path.parent.name}/{path.name}" not in live]
        removed = [size for path in found if (size := self._remove(path, before, dry_run=dry_run)) is not None]
        return Collected(len(removed), sum(removed))

    def _remove(self, path: Path, before: float, *, dry_run: bool) -> int | None:
        """Delete the file if it is old enough, and give its size. It is renamed first, so that nobody can renew it
        meanwhile."""
        try:
            if path.stat().st_mtime >= before:
                return None
            if dry_run:
                return path.stat().st_size
            aside = path.rename(path.with_name(f".old-{path.name}"))
        except FileNotFoundError:
            return None
        if aside.stat().st_mtime >= before:
            aside.rename(path)
            return None
        size = aside.stat().st_size
        aside.unlink()
        return size

    def write(self, name: str, pieces: Iterable[memoryview | bytes]) -> None:
        path = self._folder / name
        if not path.parent.exists():
            make_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(descriptor)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)

    def read(self, name: str) -> pa.Buffer:
        with pa.memory_map(str(self._folder / name)) as mapped:
            return mapped.read_buffer()

    def size(self, name: str) -> int:
        return (self._folder / name).stat().st_size

    def part(self, name: str, begin: int, end: int) -> memoryview:
        return memoryview(self.read(name)).cast("B")[begin:end]

    def discard(self, name: str, before: float) -> bool | None:
        path = self._folder / name
        if self._remove(path, before, dry_run=False) is not None:
            return True
        return False if path.exists() else None

    def set_aside(self, name: str) -> None:
        with suppress(FileNotFoundError):  # Somebody else saw it too.
            (self._folder / name).replace(self._folder / _aside(name))

    def is_aside(self, name: str) -> bool:
        return (self._folder / _aside(name)).exists()


class ObjectStore:
    """An object store; a name appears there only once its object is complete."""

    def __init__(self, url: str) -> None:
        self._filesystem, self._root = pafs.FileSystem.from_uri(url)

    def holds(self, name: str, size: int) -> bool:
        info = self._filesystem.get_file_info(f"{self._root}/{name}")
        return bool(info.is_file and info.size == size)

    def renew(self, name: str, size: int) -> bool:
        return self.holds(name, size)

    def write(self, name: str, pieces: Iterable[memoryview | bytes]) -> None:
        with self._filesystem.open_output_stream(f"{self._root}/{name}") as stream:
            for piece in pieces:
                stream.write(piece)

    def read(self, name: str) -> pa.Buffer:
        with self._filesystem.open_input_file(f"{self._root}/{name}") as file:
            return file.read_buffer()

    def size(self, name: str) -> int:
        info = self._filesystem.get_file_info(f"{self._root}/{name}")
        if not info.is_file:
            raise FileNotFoundError(name)
        return int(info.size)

    def part(self, name: str, begin: int, end: int) -> memoryview:
        with self._filesystem.open_input_file(f"{self._root}/{name}") as file:
            return memoryview(file.read_at(end - begin, begin))

    def discard(self, name: str, before: float) -> bool | None:
        info = self._filesystem.get_file_info(f"{self._root}/{name}")
        if not info.is_file:
            return None
        if info.mtime_ns is not None and info.mtime_ns / 1e9 >= before:
            return False
        self._filesystem.delete_file(f"{self._root}/{name}")
        return True

    def set_aside(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._filesystem.move(f"{self._root}/{name}", f"{self._root}/{_aside(name)}")

    def is_aside(self, name: str) -> bool:
        return bool(self._filesystem.get_file_info(f"{self._root}/{_aside(name)}").is_file)


def _aside(name: str) -> str:
    """The name of what was found damaged; a collection deletes it, since nothing refers to it."""
    folder, _, file = name.partition("/")
    return f"{folder}/.damaged-{file}"
