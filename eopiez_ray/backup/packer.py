"""Stores contents in a repository by several threads, each content once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import IO, TYPE_CHECKING, Self, TypeVar

from ..errors import BackupError
from .manifest import StoredFile
from .yielding import give_way

if TYPE_CHECKING:
    from .repository import Repository
    from .trees import Entry, Tree

T = TypeVar("T")
THREADS = 4
PIECE_BYTES = 4 * 2**20
"""Size of an object, before compression; the last one of a file is smaller."""
AHEAD = 2 * THREADS
"""Pieces that are read before they are stored."""


class Packer:
    """Stores pieces and files. Use it as a context manager; leaving it waits for all."""

    def __init__(self, repository: Repository, known: Iterable[str], *, is_urgent: bool = False) -> None:
        """
        Args:
            repository: where to.
            known: names of objects that are there.
            is_urgent: whether it does not give way to the work beside it.
        """
        self._repository, self._known = repository, set(known)
        self._lock, self._is_over = threading.Lock(), False
        self._threads = ThreadPoolExecutor(THREADS, "eopiez backup", initializer=None if is_urgent else give_way)
        self.read_bytes = self.new_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def give_up(self) -> None:
        """Let whoever stores something here end soon, by an error."""
        self._is_over = True

    def pieces(self, contents: Iterable[bytes]) -> list[str]:
        """Store pieces in order, and give their names.

        Raises:
            BackupError: it was given up, or cannot be stored.
        """
        return [*self._in_turn(partial(self._piece, content) for content in contents)]

    def files(
        self, tree: Tree, before: Mapping[str, StoredFile], entries: Iterable[Entry] | None = None
    ) -> list[StoredFile]:
        """Store files of a tree. Errors as in ``pieces``.

        Args:
            tree: where they are; those that vanish meanwhile are left out.
            before: files that are stored already, by path: what has not changed is not read again.
            entries: which files; None: all.
        """
        held, changed = [], []
        for entry in tree.entries() if entries is None else entries:
            stored = before.get(entry.path)
            if stored is not None and is_same(stored, entry, tree):
                held.append(stored)
            else:
                changed.append(entry)
        new = self._in_turn(partial(self._file, tree, entry) for entry in changed)
        return sorted((*held, *(each for each in new if each is not None)), key=lambda file: file.path)

    def _in_turn(self, works: Iterable[Callable[[], T]]) -> Iterator[T]:
        """The results of works that threads do, in their order, with few under way at once."""
        under_way: deque[Future[T]] = deque()
        for work in works:
            if self._is_over:
                raise BackupError("the backup was given up")
            under_way.append(self._threads.submit(work))
            if len(under_way) > AHEAD:
                yield under_way.popleft().result()
        for future in under_way:
            yield future.result()

    def _file(self, tree: Tree, entry: Entry) -> StoredFile | None:
        try:
            with tree.open(entry.path) as file:
                names, size = [], 0
                for piece in cut(file):
                    names.append(self._piece(piece))
                    size += len(piece)
        except FileNotFoundError:
            return None
        return StoredFile(entry.path, size, entry.mtime_ns, tuple(names))

    def _piece(self, content: bytes) -> str:
        name = self._repository.key.name(content)
        with self._lock:
            self.read_bytes += len(content)
            if name in self._known:
                return name
            self._known.add(name)
        size = self._repository.put(name, content)
        with self._lock:
            self.new_bytes += size
        return name


def is_same(held: StoredFile, entry: Entry, tree: Tree) -> bool:
    """Whether a file is as it was stored."""
    return held.size == entry.size and (tree.is_fixed or held.mtime_ns == entry.mtime_ns)


def cut(file: IO[bytes]) -> Iterator[bytes]:
    """A file in pieces; none if it is empty."""
    while piece := file.read(PIECE_BYTES):
        yield piece
