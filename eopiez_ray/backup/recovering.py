"""Makes Postgres whole again from what was stored of it: its files with their WAL, or a dump."""

from __future__ import annotations

import asyncio
import io
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BackupError, StoreError
from ..home import make_folder
from ..store.addresses import without_password
from ..store.backups import ended_recovery, has_system
from ..store.programs import program, run_program
from .capture import program_environment
from .stream import part_offset, whole_segment

if TYPE_CHECKING:
    from ..store import EmbeddedServer
    from .manifest import Manifest
    from .repository import Repository

AUTO = "postgresql.auto.conf"


class Pieces(io.RawIOBase):
    """Pieces as one stream to read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._left = iter(pieces), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def restore_files(repository: Repository, chain: Sequence[Manifest], data: Path) -> None:
    """Write a server's data folder from a base and the increments on it.

    Raises:
        BackupError: they do not fit together.
    """
    work = data.with_name(data.name + ".restoring")
    shutil.rmtree(work, ignore_errors=True)
    folders = []
    for number, manifest in enumerate(chain):
        folder = make_folder(work / str(number))
        stream = io.BufferedReader(Pieces(map(repository.get, manifest.database.objects)), 2**20)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            archive.extractall(folder, filter="data")
        folders.append(folder)
    whole = folders[0]
    if len(folders) > 1:
        whole = work / "whole"
        run_program("pg_combinebackup", *folders, "-o", whole)
    whole.chmod(0o700)
    shutil.rmtree(data, ignore_errors=True)
    whole.rename(data)
    shutil.rmtree(work)


def wal_after(repository: Repository, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """The segments of WAL since a backup by name, the last of them as far as it was written; and histories of
    timelines."""
    stream = manifest.database.stream
    assert stream is not None
    stored = repository.segments(stream)
    parts: dict[str, list[str]] = {}
    for name in sorted(stored):
        if is_wanted(name, manifest.database.segment):
            parts.setdefault(name.partition(".part-")[0], []).append(name)
    for segment, names in parts.items():
        if segment in stored:
            yield segment, repository.segment(stream, segment)
        else:
            yield segment, whole_segment((part_offset(name), repository.segment(stream, name)) for name in names)


def is_wanted(name: str, first: str) -> bool:
    """Whether recovery needs a segment if it begins with another one. The first 8 digits are the timeline."""
    return name.endswith(".history") or name[8:24] >= first[8:24]


async def recover(
    server: EmbeddedServer, wal: Iterable[tuple[str, bytes]] | None, at: datetime | None
) -> datetime | None:
    """Start the server on files that were restored, let it recover, and stop it.

    Args:
        server: its data folder is as ``restore_files`` left it.
        wal: segments to recover with; None: those alone that came with the files.
        at: the moment to go to; None: as far as the segments go.

    Returns:
        When the last transaction was committed that was brought back, if segments held any.

    Raises:
        BackupError: the segments end before that moment.
        EmbeddedPostgresError: the server does not start.
    """
    folder, configuration = server.folder / "wal", server.data / AUTO
    own = configuration.read_text(encoding="utf-8")
    if wal is not None:
        await asyncio.to_thread(_provide, folder, wal)
        configuration.write_text(own + recovery_settings(folder, at), encoding="utf-8")
        (server.data / "recovery.signal").touch()
    try:
        with _explained(server, at):
            return await ended_recovery(await asyncio.to_thread(server.start))
    finally:
        configuration.write_text(own, encoding="utf-8")
        await asyncio.to_thread(server.leave)
        shutil.rmtree(folder, ignore_errors=True)


def recovery_settings(folder: Path, at: datetime | None) -> str:
    """What tells the server where the segments are, and how far to go."""
    command = f"cp {shlex.quote(str(folder)).replace('%', '%%')}/%f %p"
    lines = [f"restore_command = '{_quoted(command)}'", "recovery_target_action = 'promote'"]
    if at is not None:
        lines.append(f"recovery_target_time = '{at.isoformat()}'")
    return "\n".join(["", *lines, ""])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "''")


def _provide(folder: Path, wal: Iterable[tuple[str, bytes]]) -> None:
    """Write the segments where the server looks for them."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    for name, content in wal:
        (folder / name).write_bytes(content)


@contextmanager
def _explained(server: EmbeddedServer, at: datetime | None) -> Iterator[None]:
    """Say so if the server ended because the WAL does."""
    try:
        yield
    except StoreError as error:
        words = (server.folder / "server.log").read_text(errors="replace")
        if at is not None and "before configured recovery target was reached" in words:
            raise BackupError(
                f"what was kept of changes ends before {at.isoformat()}; leave out the moment to go as far as it does"
            ) from error
        raise


async def restore_dump(
    server: EmbeddedServer | None, url: str | None, repository: Repository, manifest: Manifest
) -> None:
    """Bring a dump into the embedded server, or into the database of another's server.

    Raises:
        BackupError: the database holds a system already, or pg_restore fails.
    """
    if server is not None:
        url = await asyncio.to_thread(server.start)
    assert url is not None
    try:
        if await has_system(url):
            raise BackupError("the database holds a system already; name an empty one by EOPIEZ_DATABASE_URL")
        await asyncio.to_thread(_load_dump, url, map(repository.get, manifest.database.objects))
    finally:
        if server is not None:
            await asyncio.to_thread(server.leave)


def _load_dump(url: str, pieces: Iterable[bytes]) -> None:
    address, password = without_password(url)
    command = [
        program("pg_restore"), f"--dbname={address}", "--no-password", "--no-owner", "--no-privileges",
        "--single-transaction", "--exit-on-error",
    ]  # fmt: skip
    with tempfile.TemporaryFile() as file:
        for piece in pieces:
            file.write(piece)
        file.seek(0)
        ended = subprocess.run(
            command, stdin=file, capture_output=True, check=False, env=program_environment(password), text=True
        )
    if ended.returncode:
        raise BackupError(f"pg_restore failed with exit code {ended.returncode}: {ended.stderr.strip()}")
