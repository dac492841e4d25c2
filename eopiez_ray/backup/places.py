"""Where a repository's files are: a folder, or an object store. A name appears only with its whole content."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..errors import BackupError, StorageFullError
from ..home import make_folder, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


class Found(NamedTuple):
    """A file of a repository."""

    name: str
    """Below the repository, with slashes."""
    size: int


class Place(Protocol):
    """Keeps files by name."""

    url: str

    def read(self, name: str) -> bytes:
        """The content; ``FileNotFoundError`` if there is none."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Keep it; durable, and in place of what had the name, when this returns."""
        ...

    def stage(self, name: str, content: bytes) -> None:
        """Keep it; durable once ``settle`` has returned."""
        ...

    def settle(self) -> None:
        """Make durable what was staged."""
        ...

    def list(self, folder: str) -> Iterator[Found]:
        """All files in a folder and the folders in it."""
        ...

    def delete(self, name: str) -> None:
        """Forget it, if it is there."""
        ...


def place_at(url: str) -> Place:
    """The place at a ``pyarrow.fs`` URL or local path.

    Raises:
        BackupError: there cannot be one.
    """
    if "://" not in url or url.startswith("file://"):
        return Folder(Path(url.removeprefix("file://")).expanduser().absolute())
    return ObjectStore(url)


class Folder:
    """A folder of this machine, or one that is mounted here."""

    def __init__(self, folder: Path) -> None:
        self.url, self._folder = str(folder), folder
        self._touched: set[Path] = set()
        """Folders with names that a crash may still forget."""

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        sync_folder(self._written(name, content).parent)

    def stage(self, name: str, content: bytes) -> None:
        self._touched.add(self._written(name, content).parent)

    def settle(self) -> None:
        while self._touched:
            sync_folder(self._touched.pop())

    def list(self, folder: str) -> Iterator[Found]:
        for parent, _, files in os.walk(self._folder / folder):
            for name in files:
                path = Path(parent, name)
                if not name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):  # Somebody has just deleted or replaced it.
                        yield Found(path.relative_to(self._folder).as_posix(), path.stat().st_size)

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def _written(self, name: str, content: bytes) -> Path:
        """The file, whose content is durable before it has its name. Each is synced by itself: dirty pages that pile up
        would slow down whoever else writes."""
        path = self._folder / name
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            if not path.parent.exists():
                make_folder(path.parent)
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _unwritable(self.url, error) from error
        return path


class ObjectStore:
    """An object store, where what is written is durable."""

    def __init__(self, url: str) -> None:
        import pyarrow.fs as pafs

        self.url = url
        try:
            self._filesystem, self._root = pafs.FileSystem.from_uri(url)
        except (OSError, ValueError) as error:
            raise BackupError(
                f"EOPIEZ_BACKUP_URL is {url!r}, which is neither a folder nor a store: {error}"
            ) from error

    def read(self, name: str) -> bytes:
        with self._filesystem.open_input_file(f"{self._root}/{name}") as file:
            return bytes(file.read())

    def write(self, name: str, content: bytes) -> None:
        try:
            with self._filesystem.open_output_stream(f"{self._root}/{name}", compression=None) as stream:
                stream.write(content)
        except OSError as error:
            raise _unwritable(self.url, error) from error

    stage = write

    def settle(self) -> None:
        """Nothing is left to be done."""

    def list(self, folder: str) -> Iterator[Found]:
        import pyarrow.fs as pafs

        selector = pafs.FileSelector(f"{self._root}/{folder}", allow_not_found=True, recursive=True)
        for info in self._filesystem.get_file_info(selector):
            if info.is_file:
                yield Found(info.path.removeprefix(f"{self._root}/"), info.size)

    def delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._filesystem.delete_file(f"{self._root}/{name}")


def _unwritable(url: str, error: OSError) -> BackupError | StorageFullError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFullError(f"no space left for backups under {url}; free some, or prune old ones")
    return BackupError(f"cannot write backups to {url}: {error}")
