"""A system of its own in a scratch home, brought up as users do, and the memory that its parts hold."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from eopiez_ray.supervision.parts import free_ports

TITLES = {
    "ServeReplica:eopiez-followers": "followers",
    "ServeReplica:eopiez": "API",
    "ProxyActor": "proxy",
    "ray::": "workers and other actors",
}
"""How Ray calls its processes, and what they are; the first that fits."""
LOOPBACK = '["127.0.0.1/32"]'
"""People come from addresses of their own, as through a proxy."""


@dataclass(frozen=True, slots=True)
class House:
    """A system that is up."""

    home: Path
    url: str

    def first_password(self) -> str:
        """The password that was left for the administrator."""
        return (self.home / "first-password").read_text().strip()

    def memory_mib(self) -> dict[str, float]:
        """What each part holds, shared pages divided among those that share them (PSS)."""
        state = json.loads((self.home / "up" / "state.json").read_text())
        postmaster = int((self.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        pids = {name: part["pid"] for name, part in state["parts"].items()} | {"Postgres": postmaster}
        pids["supervisor"] = state["supervisor"]["pid"]
        held = Counter[str]()
        for name, pid in sorted(pids.items(), key=lambda each: each[0] == "supervisor"):
            for process in _family(pid, {*pids.values()} - {pid}):
                held[_part(process) if name == "ray" else name] += _pss(process)
        return {name: size / 2**20 for name, size in sorted(held.items()) if size}


@contextmanager
def standing(is_kept: bool) -> Iterator[House]:
    """A house as long as the block lasts; nothing outlives it but its folder, if that is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="eopiez-day-"))
    (port,) = free_ports(1)
    try:
        _eopiez(folder, "up", "--detach", "--port", str(port), "--cpus", "2")
        yield House(folder / "home", f"http://127.0.0.1:{port}")
    finally:
        _eopiez(folder, "down")
        if is_kept:
            print(f"the home of the system is kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _eopiez(folder: Path, *arguments: str) -> None:
    """Run a command; of the settings around it, none reaches this system."""
    own = {"EOPIEZ_HOME": str(folder / "home"), "EOPIEZ_TRUSTED_PROXIES": LOOPBACK}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EOPIEZ_")} | own
    command = [sys.executable, "-m", "eopiez_ray.cli", *arguments]
    ended = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"eopiez {arguments[0]} failed: {ended.stderr.strip()}")


def _family(pid: int, others: set[int]) -> list[psutil.Process]:
    """A process and what it has started, without the families of others."""
    if not psutil.pid_exists(pid):
        return []
    found, left = [], [psutil.Process(pid)]
    while left:
        process = left.pop()
        found.append(process)
        with contextlib.suppress(psutil.NoSuchProcess):
            left.extend(child for child in process.children() if child.pid not in others)
    return found


def _part(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        title = " ".join(process.cmdline())
        return next((part for name, part in TITLES.items() if name in title), "Ray itself")
    return "Ray itself"


def _pss(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0
