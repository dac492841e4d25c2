"""What is known of the system on this machine, in a file under the data home, for ``eopiez status`` and ``down``."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import psutil

from ..errors import AlreadyUpError
from ..home import make_file, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = "up"
"""Below the data home: the state, the lock, and what each part logs."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from a later one with the same id."""

    pid: int
    started_at: float
    """Unix seconds."""

    @classmethod
    def of(cls, pid: int) -> Self:
        """A running process."""
        return cls(pid, psutil.Process(pid).create_time())

    @property
    def found(self) -> psutil.Process | None:
        """The process itself, if it still runs."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started_at) < 1
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


@dataclass(frozen=True, slots=True)
class Standing:
    """A system that is up, or was when its supervisor was last heard of."""

    supervisor: Process
    url: str
    """Where the gateway answers."""
    dashboard: str = ""
    """Where Ray's dashboard answers."""
    ray_address: str = ""
    """Address of the cluster's head."""
    is_own_ray: bool = True
    first_password: str = ""
    """The file with the first administrator's one-time password; empty once it has been used."""
    prometheus: str = ""
    """Where Prometheus answers, if it was started."""
    is_ready: bool = False
    """Whether everything was up once."""
    parts: Mapping[str, Process] = field(default_factory=dict)
    restarts: Mapping[str, int] = field(default_factory=dict)
    """How often each part was started again."""

    @property
    def is_alive(self) -> bool:
        """Whether any part still runs."""
        return any(process.found is not None for process in self.parts.values())

    def with_part(self, name: str, process: Process) -> Standing:
        """The same with a part running."""
        return replace(self, parts={**self.parts, name: process})

    @classmethod
    def from_value(cls, value: dict[str, Any]) -> Self:
        """From JSON."""
        parts = {name: Process(**each) for name, each in value["parts"].items()}
        return cls(**value | {"supervisor": Process(**value["supervisor"]), "parts": parts})


class StandingFile:
    """The file, and the lock that its supervisor holds as long as it lives."""

    def __init__(self, home: Path) -> None:
        self.folder = home.expanduser().absolute() / FOLDER
        self._path, self._lock = self.folder / "state.json", self.folder / "lock"

    def read(self) -> Standing | None:
        """The last state; None if there is none."""
        try:
            return Standing.from_value(json.loads(self._path.read_text()))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, standing: Standing) -> None:
        """Replace the state as a whole."""
        temporary = make_file(self._path.with_suffix(".writing"))
        temporary.write_text(json.dumps(asdict(standing)))
        temporary.replace(self._path)

    def clear(self) -> None:
        """There is nothing any more."""
        self._path.unlink(missing_ok=True)

    def is_held(self) -> bool:
        """Whether a supervisor lives."""
        if not self._lock.exists():
            return False
        with self._lock.open("ab") as lock:
            return not _locked(lock)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside the block, this process is the supervisor.

        Raises:
            AlreadyUpError: another process is.
        """
        make_folder(self.folder)
        with make_file(self._lock).open("ab") as lock:
            os.set_inheritable(lock.fileno(), False)
            if not _locked(lock):
                raise AlreadyUpError(str(self.folder.parent))
            yield


def _locked(lock: IO[bytes]) -> bool:
    """Take the lock until the file is closed; False if another process has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
