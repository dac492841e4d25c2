"""The folder that the gateway shares with the workers: uploads that they read, results of the pipeline that they write.

Nothing that a caller names is a path here: folders are named by ids of ours, and a file keeps of its name what is safe.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import shutil
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..encryption.streams import content_size, seal_in_place
from ..errors import StorageFullError
from ..home import make_file, make_folder
from .problems import Problem, not_found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from uuid import UUID

    from ..encryption.keys import Cipher
    from ..settings import Settings
    from ..store.uploads import UploadView

GATHER_BYTES = 2**20
"""Bytes that are gathered before they are written: fewer, larger writes."""
LONGEST_NAME = 120
_UNSAFE = re.compile(r"[^\w.+-]+")


def safe_name(name: str) -> str:
    """A file's name without anything that could lead elsewhere; its ending, by which it is read, stays."""
    last = re.split(r"[/\\]", name)[-1]
    plain = _UNSAFE.sub("_", last).lstrip(".")
    return plain[-LONGEST_NAME:].lstrip(".") or "documents"


class SharedFolder:
    """Where uploads and results are."""

    def __init__(self, settings: Settings) -> None:
        self._root = settings.shared_folder
        self.results = self._root / "results"

    def new_results(self, project: str, key: UUID) -> Path:
        """The folder for the results of a run; the workers create it."""
        return self.results / project / str(key)

    def results_of(self, output: str, project: str) -> Path:
        """A run's folder, as its label names it.

        Raises:
            Problem: the label leads out of the project's own folder.
        """
        folder, own = Path(output).resolve(), (self.results / project).resolve()
        if own not in folder.parents:
            raise not_found("result", "of this workflow", "only runs of POST /v1/pipeline/execute have files here")
        return folder

    def path_of(self, upload: UploadView) -> Path:
        """The file of an upload."""
        return self._root / "uploads" / upload.project / str(upload.id) / safe_name(upload.name)

    def arrived(self, upload: UploadView) -> int:
        """Bytes of it that have arrived."""
        path = self.path_of(upload)
        return content_size(path) if path.exists() else 0

    def seal(self, upload: UploadView, cipher: Cipher) -> None:
        """Encrypt the file of an upload that is complete.

        Raises:
            StorageFullError: there is no room for the encrypted file beside the plain one.
        """
        path = self.path_of(upload)
        with full_disk(path), path.open("rb") as file:
            _lock(file)
            if content_size(path) == path.stat().st_size:
                seal_in_place(path, cipher)

    @asynccontextmanager
    async def written(self, upload: UploadView, offset: int) -> AsyncIterator[Arrival]:
        """The file of an upload, to go on at that offset; durable once the block ends, however it does.

        Raises:
            Problem: somebody else is writing it, or it is not at that offset.
            StorageFullError: no space is left.
        """
        with full_disk(self.path_of(upload)):
            file = await asyncio.to_thread(self._opened, upload, offset)
            try:
                yield Arrival(file, upload.size - offset)
            finally:
                await asyncio.to_thread(closed, file)

    def _opened(self, upload: UploadView, offset: int) -> IO[bytes]:
        path = self.path_of(upload)
        make_folder(path.parent)
        file = make_file(path).open("r+b", buffering=0)
        try:
            _lock(file)
            _check_offset(file.seek(0, os.SEEK_END), offset)
        except BaseException:
            file.close()
            raise
        return file

    def delete(self, upload: UploadView) -> None:
        """Delete the file, if it is there."""
        folder = self.path_of(upload).parent
        if folder.exists():
            shutil.rmtree(folder)


class Arrival:
    """Bytes of an upload as they arrive."""

    def __init__(self, file: IO[bytes], room: int) -> None:
        self._file, self.room = file, room
        """Bytes that may still come."""

    def write(self, data: bytes) -> None:
        """Append; callable from a thread.

        Raises:
            Problem: the upload would be larger than it said.
        """
        if len(data) > self.room:
            detail = f"there are more bytes than the upload said; {self.room:,} were left"
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail, "create another upload")
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self.room -= len(data)


async def gathered(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in larger parts."""
    held: list[bytes] = []
    size = 0
    async for part in parts:
        held.append(part)
        size += len(part)
        if size >= GATHER_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def closed(file: IO[bytes]) -> None:
    """Make what was written durable, and close the file."""
    with file:
        os.fsync(file.fileno())


def _check_offset(size: int, offset: int) -> None:
    if size != offset:
        detail = f"{size:,} bytes have arrived, so the next part cannot begin at {offset:,}"
        headers = {"Upload-Offset": str(size)}
        raise Problem(HTTPStatus.CONFLICT, "wrong-offset", detail, "go on at Upload-Offset", headers)


def _lock(file: IO[bytes]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "wait until that request has ended"
        raise Problem(HTTPStatus.CONFLICT, "upload-busy", "another request is writing this upload", hint) from error


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """A disk without space raises a ``StorageFullError``."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError(f"no space left for {path}; free some and go on") from error
        raise
