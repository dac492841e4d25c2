"""A system in a home of its own, worked on by programs: what drills start, kill and delete."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from eopiez_ray.store import EmbeddedServer, connect
from eopiez_ray.store.backups import BackupDesk, Inventory
from tests.documents import ROOT


class System:
    """A data home, and the repository of its backups."""

    def __init__(self, home: Path, repository: Path, key: Path) -> None:
        self.home, self.repository = home, repository
        own = {name: value for name, value in os.environ.items() if not name.startswith("EOPIEZ_")}
        self.environment = own | {
            "EOPIEZ_HOME": str(home), "EOPIEZ_BACKUP_URL": str(repository), "EOPIEZ_BACKUP_KEY_FILE": str(key),
            "EOPIEZ_CPUS": "2", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self._started: list[subprocess.Popen[str]] = []

    def elsewhere(self, home: Path) -> System:
        """Another home with the same backups."""
        return System(home, self.repository, Path(self.environment["EOPIEZ_BACKUP_KEY_FILE"]))

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Start a Python module with arguments."""
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env=self.environment, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._started.append(process)
        return process

    def eopiez(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "eopiez_ray.cli", *arguments],
            env=self.environment, capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip

    def told(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        ended = self.eopiez(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])

    async def inventory(self) -> Inventory:
        """What it holds; its server is running."""
        async with await connect(EmbeddedServer(self.home).url) as database:
            return await BackupDesk(database).inventory()

    def kill(self) -> None:
        """Kill each process of it at once, servers included."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                is_ours = process.environ().get("EOPIEZ_HOME") == str(self.home)
                if is_ours or Path(process.cwd()).is_relative_to(self.home):
                    process.kill()
        for started in self._started:
            started.wait()
            assert started.stdout is not None
            started.stdout.close()
        self._started.clear()
