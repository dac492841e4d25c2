"""The files of a system that belong into a backup, besides the database: each tree with a root of its own.

Artifacts are named by their content and never change, so a name and a size tell whether one is in the backup already.
Other files may change: they count as the same while size and time of their last change stay.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from ..errors import BackupError
from ..home import make_file, make_folder

if TYPE_CHECKING:
    from ..settings import Settings

UNSYNCED_BYTES = 512 * 2**20
"""Bytes that are restored before they are made durable together: one sync for many files."""
ARTIFACTS, SHARED, HOME = "artifacts", "shared", "home"
HOME_FILES = ("first-password",)
"""What else of the data home belongs into a backup; the rest is made anew where it is needed."""


SETTLED_NS = 2 * 10**9
"""After that time, a change of a folder gets another time than the one before."""


class Entry(NamedTuple):
    """A file as it is found."""

    path: str
    """Below the root, with slashes."""
    size: int
    mtime_ns: int


class Tree(Protocol):
    """Files below a root."""

    is_fixed: bool
    """Whether a file never changes once it is there."""

    def entries(self) -> Iterator[Entry]:
        """All files."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """Open a file to read it."""
        ...

    def write(self, entry: Entry, pieces: Iterable[bytes]) -> None:
        """Make a file; durable after ``settle``."""
        ...

    def settle(self) -> None:
        """Make durable what was written."""
        ...


def trees_of(settings: Settings) -> dict[str, Tree]:
    """The trees of a system, by name."""
    url = settings.artifacts
    is_local = "://" not in url or url.startswith("file://")
    artifacts = LocalTree(Path(url.removeprefix("file://")), is_fixed=True) if is_local else RemoteTree(url)
    home = settings.home.expanduser().absolute()
    return {
        ARTIFACTS: artifacts,
        SHARED: LocalTree(settings.shared_folder, is_fixed=False),
        HOME: LocalTree(home, is_fixed=False, only=HOME_FILES),
    }


class LocalTree:
    """Files of this machine."""

    def __init__(self, root: Path, *, is_fixed: bool, only: Iterable[str] | None = None) -> None:
        """
        Args:
            root: where they are.
            is_fixed: whether they never change; names that begin with a dot are then files that are being written.
            only: names of files right below the root, if there are others that do not belong here.
        """
        self.root, self.is_fixed, self._only = root, is_fixed, only
        self._written = 0

    def entries(self) -> Iterator[Entry]:
        return self.entries_below(self.root)

    def entries_below(self, root: Path) -> Iterator[Entry]:
        """All files, named from a folder above."""
        above = self.root.relative_to(root).as_posix() + "/" if self.root != root else ""
        paths = self._found() if self._only is None else ((name, self.root / name) for name in self._only)
        for name, path in paths:
            with contextlib.suppress(FileNotFoundError):  # It may have been deleted meanwhile.
                status = path.lstat()
                if not path.is_symlink() and path.is_file():
                    yield Entry(above + name, status.st_size, status.st_mtime_ns)

    def open(self, path: str) -> IO[bytes]:
        return (self.root / path).open("rb")

    def write(self, entry: Entry, pieces: Iterable[bytes]) -> None:
        path = self.root / entry.path
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise BackupError(f"the backup names a file outside of its tree: {entry.path!r}")
        make_folder(path.parent)
        with make_file(path).open("wb") as file:
            for piece in pieces:
                file.write(piece)
                self._written += len(piece)
        os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))
        if self._written > UNSYNCED_BYTES:
            self.settle()

    def settle(self) -> None:
        os.sync()
        self._written = 0

    def _found(self) -> Iterator[tuple[str, Path]]:
        for parent, _, files in os.walk(self.root):
            for name in files:
                if not (self.is_fixed and name.startswith(".")):
                    path = Path(parent, name)
                    yield path.relative_to(self.root).as_posix(), path


class Fresh:
    """The files of a tree that may have changed since the last look. A tree whose files never change has new ones only
    in folders that have."""

    def __init__(self, tree: LocalTree) -> None:
        self._tree = tree
        self._seen: dict[str, int] = {}
        """When a folder had last changed, by its path; those that had changed just before the look are not in here."""

    def entries(self) -> Iterator[Entry]:
        """Files that may be new."""
        if not self._tree.is_fixed:
            yield from self._tree.entries()
            return
        settled = time.time_ns() - SETTLED_NS
        for folder in self._folders():
            with contextlib.suppress(FileNotFoundError):
                changed = folder.stat().st_mtime_ns
                if self._seen.get(str(folder)) != changed:
                    yield from LocalTree(folder, is_fixed=True).entries_below(self._tree.root)
                    if changed < settled:
                        self._seen[str(folder)] = changed

    def _folders(self) -> list[Path]:
        if not self._tree.root.is_dir():
            return []
        with os.scandir(self._tree.root) as found:
            return sorted(Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False))


class RemoteTree:
    """Artifacts in an object store."""

    is_fixed = True

    def __init__(self, url: str) -> None:
        import pyarrow.fs as pafs

        self._filesystem, self._root = pafs.FileSystem.from_uri(url)

    def entries(self) -> Iterator[Entry]:
        import pyarrow.fs as pafs

        for info in self._filesystem.get_file_info(pafs.FileSelector(self._root, allow_not_found=True, recursive=True)):
            if info.is_file:
                yield Entry(info.path.removeprefix(f"{self._root}/"), info.size, info.mtime_ns or 0)

    def open(self, path: str) -> IO[bytes]:
        found: IO[bytes] = self._filesystem.open_input_file(f"{self._root}/{path}")
        return found

    def write(self, entry: Entry, pieces: Iterable[bytes]) -> None:
        with self._filesystem.open_output_stream(f"{self._root}/{entry.path}", compression=None) as stream:
            for piece in pieces:
                stream.write(piece)

    def settle(self) -> None:
        """Nothing is left to be done."""
