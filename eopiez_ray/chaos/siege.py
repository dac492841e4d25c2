"""A whole system under mixed load over HTTP, while its parts are killed one after another."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import httpx
import psutil

from ..errors import ClusterError
from .tally import Account, Strike, Victim, VictimSummary, summarize
from .visitors import ANSWER_S, Visitors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK_S = 0.2
BACK_S = 120.0
"""Seconds after which a system that does not answer counts as gone."""
START_S = 40.0
ROUND_S = 12.0
"""Approximate seconds to start a system, and of one kill."""
TITLES = {
    Victim.REPLICA: "ServeReplica:eopiez:Gateway",
    Victim.PROXY: "ProxyActor",
    Victim.CONTROLLER: "ServeController",
}
"""How Ray calls the processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiegeOrders:
    """What to do."""

    rounds: int
    """Kills of each kind of part."""
    seed: int
    home: Path
    """The data home of the system."""
    victims: tuple[Victim, ...] = tuple(Victim)
    calm_s: tuple[float, float] = (2.0, 5.0)
    """Seconds from when all is well to the next kill, from and to."""


@dataclass(frozen=True, slots=True)
class SiegeOutcome:
    """The results."""

    summaries: list[VictimSummary]
    account: Account

    @property
    def is_kept(self) -> bool:
        """Whether no promise was broken."""
        return not self.account.breaches and not any(summary.breaches for summary in self.summaries)


class Besieged:
    """A whole system of its own, brought up as users do."""

    def __init__(self, home: Path, port: int) -> None:
        self._home, self.url = home, f"http://127.0.0.1:{port}"
        self._port = port

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Up as long as the block lasts.

        Raises:
            ClusterError: it does not start.
        """
        try:
            self._run("up", "--detach", "--port", str(self._port))
            yield
        finally:
            self._run("down")

    def sign_in(self) -> str:
        """An API key of its administrator."""
        with httpx.Client(base_url=f"{self.url}/v1/", timeout=ANSWER_S) as http:
            password, new = (self._home / "first-password").read_text().strip(), secrets.token_urlsafe(16)
            first = http.post("auth/login", json={"login": "admin", "password": password}).raise_for_status().json()
            bearer = {"Authorization": f"Bearer {first['access_token']}"}
            change = {"password": password, "new_password": new}
            changed = http.post("users/profile/password", json=change, headers=bearer).raise_for_status().json()
            bearer = {"Authorization": f"Bearer {changed['access_token']}"}
            key = http.post("keys", json={"name": "siege", "role": "developer"}, headers=bearer).raise_for_status()
            return str(key.json()["key"])

    def find(self, victim: Victim) -> psutil.Process:
        """A process of that part.

        Raises:
            ClusterError: there is none.
        """
        state = json.loads((self._home / "up" / "state.json").read_text())
        if victim is Victim.ORCHESTRATOR:
            return psutil.Process(state["parts"]["orchestrator"]["pid"])
        if victim is Victim.POSTGRES:
            return psutil.Process(int((self._home / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
        for process in psutil.Process(state["parts"]["ray"]["pid"]).children(recursive=True):
            if TITLES[victim] in _title(process):
                return process
        raise ClusterError(f"no {victim} runs")

    def is_whole(self) -> bool:
        """Whether every part works."""
        try:
            return httpx.get(f"{self.url}/v1/health/ready", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _run(self, *arguments: str) -> None:
        own = {
            "EOPIEZ_HOME": str(self._home),
            **{f"EOPIEZ_RATE_{each}": "0" for each in ("CALLER", "ADDRESS", "PROJECT")},
        }  # fmt: skip
        foreign = {
            "EOPIEZ_DATABASE_URL", "EOPIEZ_ARTIFACT_URL", "EOPIEZ_RAY_ADDRESS",
            "EOPIEZ_TLS_CERTIFICATE", "EOPIEZ_TLS_KEY",
        }  # fmt: skip
        environment = {name: value for name, value in os.environ.items() if name not in foreign} | own
        ended = subprocess.run(
            [sys.executable, "-m", "eopiez_ray.cli", *arguments], env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ended.returncode:
            raise ClusterError(f"eopiez {arguments[0]} failed: {ended.stderr.strip()}")


def expected_s(orders: SiegeOrders) -> float:
    """Approximate duration, as measured on two cores."""
    return START_S + ROUND_S * orders.rounds * len(orders.victims)


def lay_siege(orders: SiegeOrders, tell: Callable[[Strike], None]) -> SiegeOutcome:
    """Bring a system up, let visitors come, and kill its parts in turn, calling ``tell`` after each.

    Raises:
        ClusterError: the system does not start, or does not come back.
    """
    system = Besieged(orders.home, _free_port())
    with system.standing():
        visitors = Visitors(system.url, system.sign_in(), orders.seed)
        return asyncio.run(besiege(orders, system, visitors, tell))


async def besiege(
    orders: SiegeOrders, system: Besieged, visitors: Visitors, tell: Callable[[Strike], None]
) -> SiegeOutcome:
    """The same for a system that stands already."""
    random, strikes = Random(orders.seed), list[Strike]()
    async with visitors.visiting():
        for _ in range(orders.rounds):
            for victim in orders.victims:
                strikes.append(await _strike(system, visitors, victim, random.uniform(*orders.calm_s)))
                tell(strikes[-1])
    return SiegeOutcome(summarize(strikes), await visitors.account())


async def _strike(system: Besieged, visitors: Visitors, victim: Victim, calm_s: float) -> Strike:
    """Kill a part, wait until another one is there and all is well, and for some calm seconds more."""
    before, struck_at = len(visitors.notes.visits), time.time()
    fallen = await asyncio.to_thread(system.find, victim)
    fallen.kill()
    deadline = time.monotonic() + BACK_S
    while fallen.is_running() or not await asyncio.to_thread(system.is_whole) or not _is_replaced(system, victim):
        if time.monotonic() > deadline:
            raise ClusterError(f"the system did not come back within {BACK_S:g} s after its {victim} was killed")
        await asyncio.sleep(LOOK_S)
    await asyncio.sleep(calm_s)
    return Strike(victim=victim, at=struck_at, visits=tuple(visitors.notes.visits[before:]))


def _is_replaced(system: Besieged, victim: Victim) -> bool:
    try:
        return system.find(victim).is_running()
    except (ClusterError, psutil.Error, OSError, ValueError):
        return False


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
