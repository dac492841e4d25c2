"""Two machines on one: network namespaces with a cable between them, on which Ray and our programs run."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from ..documents import ROOT

AS_HEAD = "--head", "--port=6379", "--include-dashboard=false"
HEAD, NODE = "10.87.53.1", "10.87.53.2"


def has_namespaces() -> bool:
    """Whether this user may make network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    tried = subprocess.run(["ip", "netns", "add", f"ez-try-{os.getpid()}"], capture_output=True)
    subprocess.run(["ip", "netns", "del", f"ez-try-{os.getpid()}"], capture_output=True)
    return tried.returncode == 0


def _ray(machine: str, *options: str) -> list[str]:
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--node-ip-address={machine}"]
    return [*start, f"--object-store-memory={80 * 2**20}", *options]


class Net:
    """Two machines, as far as their network goes."""

    def __init__(self, folder: Path, database_url: str, **more: str) -> None:
        """
        Args:
            folder: of all files.
            database_url: the database, which both reach by a socket.
            more: environment of the programs.
        """
        self._folder, self._names = folder, {HEAD: f"ez-head-{os.getpid()}", NODE: f"ez-node-{os.getpid()}"}
        (folder / ".ray").mkdir()
        (folder / ".ray" / "auth_token").write_text("a-token-of-tests-0123456789abcdef")
        own = {name: value for name, value in os.environ.items() if not name.startswith(("EOPIEZ_", "RAY_"))}
        self._environment = own | {
            "HOME": str(folder), "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0",
            "EOPIEZ_HOME": str(folder / "home"),
            "EOPIEZ_DATABASE_URL": database_url, "EOPIEZ_RAY_ADDRESS": f"{HEAD}:6379", **more,
        }  # fmt: skip
        self._cables = [f"ez{end}{os.getpid()}" for end in "ab"]
        self._running: list[subprocess.Popen[bytes]] = []

    def open(self) -> None:
        """Lay a cable between two empty machines."""
        for name in self._names.values():
            self._ip("netns", "add", name)
        self._ip("link", "add", self._cables[0], "type", "veth", "peer", "name", self._cables[1])
        for cable, (address, name) in zip(self._cables, self._names.items(), strict=True):
            self._ip("link", "set", cable, "netns", name)
            self._ip("-n", name, "address", "add", f"{address}/24", "dev", cable)
            self._ip("-n", name, "link", "set", cable, "up")
            self._ip("-n", name, "link", "set", "lo", "up")

    def close(self) -> None:
        for process in [*self._running]:
            self.kill(process)
        for name in self._names.values():
            self._ip("netns", "del", name)

    def run(self, machine: str, *command: str) -> subprocess.Popen[bytes]:
        """Keep a program running on one of the machines."""
        kept = ["sh", "-c", 'until "$@"; do sleep 0.2; done', "sh", *command]
        with (self._folder / f"{len(self._running)}.log").open("ab") as log:
            # A head that starts looks for another one among all processes, and finds the node's daemons.
            alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] if machine == HEAD else []
            within = ["ip", "netns", "exec", self._names[machine], *alone, *kept]
            started = subprocess.Popen(within, stdout=log, stderr=log, env=self._environment)
        self._running.append(started)
        return started

    def kill(self, started: subprocess.Popen[bytes]) -> None:
        """As if the power had failed."""
        process = psutil.Process(started.pid)
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):  # It has ended with its parent.
                each.kill()
        started.wait()
        self._running.remove(started)

    def ray(self, machine: str, *options: str) -> subprocess.Popen[bytes]:
        return self.run(machine, *_ray(machine, "--block", *options))

    def head(self) -> subprocess.Popen[bytes]:
        return self.ray(HEAD, *AS_HEAD, "--num-cpus=0")

    def head_with(self, *program: str) -> subprocess.Popen[bytes]:
        """A head with a CPU, and a program beside it that attaches to it: among the same processes."""
        start = shlex.join(_ray(HEAD, *AS_HEAD, "--num-cpus=1"))
        return self.run(HEAD, "sh", "-c", f"{start} && until {shlex.join(program)}; do sleep 0.2; done")

    def has_head(self) -> bool:
        """Whether the node reaches a head."""
        knocking = ["ip", "netns", "exec", self._names[NODE], "bash", "-c", f"exec 3<>/dev/tcp/{HEAD}/6379"]
        return subprocess.run(knocking, capture_output=True).returncode == 0

    def cut(self) -> None:
        """Let every packet get lost: each end takes the other's for another address of the cable."""
        self._neighbour("replace", "lladdr", "02:00:00:00:00:01", "nud", "permanent")

    def mend(self) -> None:
        """Let packets arrive again."""
        self._neighbour("del")

    def _neighbour(self, verb: str, *how: str) -> None:
        for cable, here, there in zip(self._cables, (HEAD, NODE), (NODE, HEAD), strict=True):
            self._ip("-n", self._names[here], "neighbour", verb, there, *how, "dev", cable)

    @staticmethod
    def _ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)
