"""Pods as far as the kernel goes: each has a network, process ids and folders of its own, and the names of services."""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import sys
from pathlib import Path

import psutil

from tests.documents import ROOT

NETWORK = "10.87.54"
_numbers = itertools.count()
OWN = ("/tmp", "/dev/shm", "/var/lib")
"""Folders that each pod has for itself, empty at first; its containers share them."""


class Pods:
    """Pods on one network, by name; the first is 10.87.54.1."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        """
        Args:
            folder: outside of what pods have for themselves; all pods reach it.
            names: the pods', which also resolve to their addresses.
        """
        self._folder, self._bridge = folder, _link()
        self._addresses = {name: f"{NETWORK}.{number + 1}" for number, name in enumerate(names)}
        self._holders: dict[str, subprocess.Popen[bytes]] = {}
        self._running: list[subprocess.Popen[bytes]] = []

    def open(self) -> None:
        """Make the network and empty pods."""
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("link", "set", self._bridge, "up")
        for name in self._addresses:
            self._open(name)

    def _open(self, name: str) -> None:
        """A process holds a pod's namespaces open, as the pause container does."""
        mounts = "; ".join(f"mount -t tmpfs tmpfs {each}" for each in OWN)
        hosts = "".join(f"{address} {known}\n" for known, address in self._addresses.items())
        (self._folder / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
        script = f"mount --bind {self._folder}/hosts /etc/hosts; {mounts}; mkdir /var/lib/eopiez; echo; sleep infinity"
        apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        holder = subprocess.Popen([*apart, "bash", "-ec", script], stdout=subprocess.PIPE)
        self._holders[name] = holder
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"\n", "the pod was not made"
        inner = self._inner(name)
        cable = _link()
        _ip("link", "add", cable, "master", self._bridge, "type", "veth", "peer", "name", "eth0", "netns", str(inner))
        _ip("link", "set", cable, "up")
        address = f"address add {self._addresses[name]}/24 dev eth0"
        # Ray takes the address from which it would reach the world.
        for command in (address, "link set eth0 up", "link set lo up", "route add default dev eth0"):
            subprocess.run(["nsenter", "-t", str(inner), "--net", "ip", *command.split()], check=True)

    def _inner(self, name: str) -> int:
        """The first process of a pod, by the number that it has outside."""
        (child,) = psutil.Process(self._holders[name].pid).children()
        return child.pid

    def run(self, name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Run a container's command in a pod, again and again until it succeeds, as the kubelet would."""
        kept = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        inside = ["nsenter", "-t", str(self._inner(name)), "--net", "--mount", "--pid"]
        script = f"until {shlex.join(command)}; do sleep 0.5; done"
        with (self._folder / f"{name}-{command[0]}-{len(self._running)}.log").open("wb") as log:
            started = subprocess.Popen([*inside, "bash", "-c", script], env=kept | environment, stdout=log, stderr=log)
        self._running.append(started)
        return started

    @staticmethod
    def terminate(started: subprocess.Popen[bytes]) -> int:
        """Ask a container's program to end, and give the exit code of what kept it running."""
        program = psutil.Process(started.pid).children(recursive=True)[-1]
        program.terminate()
        return started.wait(120)

    def asks(self, name: str, url: str) -> bool:
        """Whether a GET succeeds from within a pod, as the kubelet's probes do."""
        program = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)"
        inside = ["nsenter", "-t", str(self._inner(name)), "--net", sys.executable, "-c", program, url]
        return subprocess.run(inside, capture_output=True).returncode == 0

    def address(self, name: str) -> str:
        """A pod's address."""
        return self._addresses[name]

    def close(self) -> None:
        """End all processes of all pods, and the network."""
        for holder in self._holders.values():
            with holder:
                holder.kill()
        for each in self._running:
            each.kill()
            each.wait()
        _ip("link", "del", self._bridge)


def _link() -> str:
    """The name of a new link: one that is being taken down keeps its own for a while."""
    return f"ez{os.getpid()}-{next(_numbers)}"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
