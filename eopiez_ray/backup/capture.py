"""Takes the database into a repository: its server's files if the server is ours, and a dump if it is another's.

The files of a running server are copied by pg_basebackup, together with the WAL that makes them whole; from Postgres 17
on, what has changed since an earlier backup is enough. A dump is made by pg_dump, in one transaction.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..errors import BackupError
from ..logs import get_logger
from ..store.addresses import without_password
from ..store.programs import program
from .manifest import BASE, DUMP, INCREMENT, DatabaseCopy
from .packer import PIECE_BYTES, Packer, cut
from .tar import TarCutter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store.backups import ServerState
    from .manifest import Manifest
    from .repository import Repository

INCREMENTS_FROM = 17
"""The first version of Postgres that knows what has changed."""
LONGEST_CHAIN = 14
"""Increments after which the files are copied as a whole again: each makes a restore longer."""
MANIFEST, LABEL = "backup_manifest", "backup_label"

log = get_logger(__name__)


def copy_files(url: str, server: int, parent: Manifest | None, packer: Packer, repository: Repository) -> DatabaseCopy:
    """The files of the embedded server.

    Args:
        url: where it listens.
        server: its major version.
        parent: the backup to build on.
        packer: stores them.
        repository: has the parent's list of files.

    Raises:
        BackupError: pg_basebackup fails.
    """
    if parent is None:
        return _copied(url, server, None, [], packer)
    with tempfile.TemporaryDirectory(prefix="eopiez-") as folder:
        contents = Path(folder, MANIFEST)
        contents.write_bytes(b"".join(map(repository.get, parent.database.contents)))
        try:
            return _copied(url, server, parent.id, [f"--incremental={contents}"], packer)
        except BackupError as error:  # As after a restore, or when the server has forgotten what has changed.
            log.warning("copying the whole database, since an increment cannot be had", error=str(error))
            return _copied(url, server, None, [], packer)


def can_build_on(parent: Manifest, chain: int, server: int) -> bool:
    """Whether the next backup can be an increment of that one, whose chain has so many backups."""
    database = parent.database
    return (
        database.kind in {BASE, INCREMENT}
        and bool(database.contents)
        and database.server == server >= INCREMENTS_FROM
        and chain <= LONGEST_CHAIN
    )


def dump(url: str, state: ServerState, packer: Packer) -> DatabaseCopy:
    """The schema ``eopiez`` of another's server, with the extension that it uses.

    Raises:
        BackupError: pg_dump fails, as it does if the server is newer.
    """
    address, password = without_password(url)
    command = [
        program("pg_dump"), f"--dbname={address}", "--no-password", "--no-owner", "--no-privileges",
        "--schema=eopiez", "--format=custom", "--compress=none",
    ]  # fmt: skip
    if state.has_trigrams:
        command.append("--extension=pg_trgm")
    before = packer.read_bytes
    with _Program("pg_dump", command, password) as output:
        objects = packer.pieces(cut(output))
    return DatabaseCopy(DUMP, tuple(objects), packer.read_bytes - before, state.server)


def _copied(url: str, server: int, parent: str | None, options: Sequence[str], packer: Packer) -> DatabaseCopy:
    command = [
        program("pg_basebackup"), f"--dbname={url}", "--pgdata=-", "--format=tar", "--wal-method=fetch",
        "--checkpoint=fast", "--no-password", "--label=eopiez", *options,
    ]  # fmt: skip
    with _Program("pg_basebackup", command) as output:
        cutter = TarCutter(output, PIECE_BYTES, {MANIFEST, LABEL})
        objects = packer.pieces(cutter)
    contents = packer.pieces([cutter.members[MANIFEST]])
    return DatabaseCopy(
        BASE if parent is None else INCREMENT,
        tuple(objects),
        cutter.bytes,
        server,
        parent,
        tuple(contents),
        first_segment(cutter.members[LABEL].decode()),
    )


def first_segment(label: str) -> str:
    """The name of the segment of WAL at which recovery begins, by Postgres's label of a backup."""
    found = re.search(r"^START WAL LOCATION: .*\(file ([0-9A-F]{24})\)$", label, re.MULTILINE)
    if found is None:
        raise BackupError(f"pg_basebackup wrote a label that says no segment: {label!r}")
    return found[1]


def program_environment(password: str | None) -> dict[str, str]:
    """The environment of a program of Postgres, which finds the password there: arguments are for all to read."""
    return {**os.environ} if password is None else {**os.environ, "PGPASSWORD": password}


class _Program:
    """A program whose output is read while it runs; it is ended with the block, and must have succeeded."""

    def __init__(self, name: str, command: Sequence[str], password: str | None = None) -> None:
        self._name, self._command = name, command
        self._environment = program_environment(password)

    def __enter__(self) -> IO[bytes]:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=self._environment,
        )
        assert self._process.stdout is not None
        return self._process.stdout

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._process.stdout is not None
        if kind is not None and kind is not EOFError:
            self._process.kill()
        self._process.stdout.close()
        code = self._process.wait()
        self._errors.seek(0)
        words = self._errors.read().decode("utf-8", "replace").strip()
        self._errors.close()
        if code and (kind is None or kind is EOFError):
            raise BackupError(f"{self._name} failed with exit code {code}: {words}")
