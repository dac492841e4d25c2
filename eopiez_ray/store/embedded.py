"""A Postgres server of our own under the data home, which runs as long as anyone uses it.

Its users hold a shared lock on a file; the last to leave stops the server. A user that is killed loses its lock, so
the next one finds the server, uses it and stops it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil

from ..errors import EmbeddedPostgresError
from ..home import make_file, make_folder
from .programs import binaries, run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 120
"""Seconds that a start may take, including crash recovery."""
RESTORING = "restoring"
"""The file under its folder that says that a backup is being restored there."""
SUMMARIZES_FROM = 17
"""The first version of Postgres that can keep account of changed blocks, which incremental backups need."""
KEPT_WAL = "max_slot_wal_keep_size=4GB"
"""How much WAL waits for whoever takes it into a backup, before the disk matters more."""
COUNTS_STATEMENTS = "pg_stat_statements"
"""The module that does, for about 2 µs each."""
SOCKET_PATH_BYTES = 107
"""Longest path of a Unix socket."""
CONFIGURATION = """
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 128MB
max_wal_size = 2GB
wal_compression = on
log_min_messages = warning
"""


class EmbeddedServer:
    """The server under ``home``; call ``start`` before use and ``leave`` after."""

    def __init__(self, home: Path, *, is_restoring: bool = False) -> None:
        """
        Args:
            home: the data home.
            is_restoring: whether this is for a restore, before whose end nobody else may start the server.
        """
        self._is_restoring = is_restoring
        self.folder = home.expanduser().absolute() / "postgres"
        self._data, self._log = self.folder / "data", self.folder / "server.log"
        self._users: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """Where to connect: a Unix socket that only this user can open."""
        return f"postgresql://eopiez@/postgres?host={self._socket_folder()}"

    def start(self) -> str:
        """Make sure that the server runs, become one of its users, and give its address.

        Raises:
            EmbeddedPostgresError: no binaries are found, or the server does not come up.
        """
        try:
            make_folder(self.folder)
            with self._alone():
                self._make_socket_folder()
                self._check_restored()
                if self._users is None:
                    self._users = make_file(self.folder / "users.lock").open("ab")
                    fcntl.flock(self._users, fcntl.LOCK_SH)
                if not (self._data / "PG_VERSION").exists():
                    self._initialize()
                if not self.is_running():
                    self._launch()
        except OSError as error:
            raise EmbeddedPostgresError(
                f"cannot keep a database under {self.folder}: {error}; set EOPIEZ_HOME to a folder you can write to"
            ) from error
        return self.url

    @property
    def data(self) -> Path:
        """The folder of the server's files."""
        return self._data

    def version(self) -> int:
        """The server's major version, by its files."""
        return int((self._data / "PG_VERSION").read_text())

    def leave(self) -> None:
        """Stop being a user; the last one stops the server."""
        if self._users is None:
            return
        with self._alone():
            try:
                fcntl.flock(
                    self._users, fcntl.LOCK_EX | fcntl.LOCK_NB
                )  # Turns the shared lock into an exclusive one, unless others share it.
                if self.is_running():
                    run_program("pg_ctl", "-D", self._data, "-m", "fast", "-t", str(START_S), "stop")
                self._remove_socket_folder()
            except BlockingIOError:
                pass
            finally:
                self._users.close()
                self._users = None

    def is_running(self) -> bool:
        """Whether a server process works on the data folder."""
        try:
            return self.postmaster_pid() in self._processes()
        except (FileNotFoundError, IndexError, ValueError):
            return False

    def is_alive(self) -> bool:
        """Whether its main process exists: a quick look, for those who look often."""
        try:
            return psutil.pid_exists(self.postmaster_pid())
        except (FileNotFoundError, IndexError, ValueError):
            return False

    def _processes(self) -> set[int]:
        """The server's processes, which all work in the data folder, not counting zombies."""
        found, data = set(), self._data.resolve()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == data:
                    found.add(process.pid)
        return found

    def postmaster_pid(self) -> int:
        """Process id of the running server."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with make_file(self.folder / "start.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _socket_folder(self) -> Path:
        """The nearest folder whose name is short enough: that for temporary files may be long itself."""
        digest = hashlib.blake2b(os.fsencode(self.folder), digest_size=8).hexdigest()
        name = f"eopiez-{os.getuid()}-{digest}"
        near, *others = self.folder / "run", Path(tempfile.gettempdir()) / name, Path("/tmp") / name  # noqa: S108 - made ours
        return next((folder for folder in (near, *others) if _holds_sockets(folder)), near)

    def _make_socket_folder(self) -> None:
        sockets = make_folder(self._socket_folder())
        if sockets.stat().st_uid != os.getuid():  # Its owner could put another server's socket there.
            raise EmbeddedPostgresError(f"{sockets} belongs to another user of this machine; let them delete it")

    def _remove_socket_folder(self) -> None:
        """Leave nothing among other programs' temporary files."""
        with contextlib.suppress(OSError):  # It has been cleared away, or holds what is not ours.
            self._socket_folder().rmdir()

    def _initialize(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        run_program(
            "initdb",
            "-D",
            self._data,
            "-U",
            "eopiez",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-instructions",
        )
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(CONFIGURATION)

    def _launch(self) -> None:
        sockets = self._socket_folder()
        make_file(self._log)
        deadline = time.monotonic() + START_S
        while True:
            if not self._processes():
                # After a kill: its process id may now be a zombie's or another process's, and would be in the way.
                (self._data / "postmaster.pid").unlink(missing_ok=True)
            started = run_program(
                "pg_ctl",
                "-D",
                self._data,
                "-l",
                self._log,
                "-w",
                "-t",
                str(START_S),
                "-o",
                f"-k '{sockets}' {self._options()}",
                "start",
                check=False,
            )
            if started.returncode == 0:
                return
            if time.monotonic() > deadline or not self._is_waiting_for_old_children():
                raise EmbeddedPostgresError(
                    f"the database under {self.folder} did not start: {started.stdout.strip()}; "
                    f"its log is {self._log}:\n{self._last_lines()}"
                )
            time.sleep(0.3)

    def _options(self) -> str:
        """What backups need, also of servers that were made before there were any; and statements are counted, where
        Postgres has come with that."""
        options = [KEPT_WAL, *(["summarize_wal=on"] if self.version() >= SUMMARIZES_FROM else [])]
        if (binaries().parent / "lib" / f"{COUNTS_STATEMENTS}.so").exists():
            options += [f"shared_preload_libraries={COUNTS_STATEMENTS}", f"{COUNTS_STATEMENTS}.max=1000"]
        return " ".join(f"-c {option}" for option in options)

    def _check_restored(self) -> None:
        if not self._is_restoring and (self.folder / RESTORING).exists():
            raise EmbeddedPostgresError(
                f"a backup is being restored into {self.folder.parent}, or that was interrupted; "
                "say `eopiez backup restore` again"
            )

    def _is_waiting_for_old_children(self) -> bool:
        """Whether shared memory is still in use, as it is after a kill until the last backend notices."""
        return "still in use" in self._last_lines() or "lock file" in self._last_lines()

    def _last_lines(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-6:]) if self._log.exists() else ""


def _holds_sockets(folder: Path) -> bool:
    return len(os.fsencode(folder / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES
