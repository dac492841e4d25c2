"""Backups of a large system: ``python benchmarks/backup.py [GIGABYTES]``, or ``make bench-backup``.

A system with so many gigabytes of artifacts, 10 by default, half of which can be compressed, and a tenth as much in
its database. Measured: the first backup beside a plain copy of the same files, what it costs the work that goes on
meanwhile, a second backup after 1 % has changed, a restore, and a trial.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import eopiez_ray as ez
from eopiez_ray.store import connect

ARTIFACT_BYTES = 2**20
ROW_BYTES = 32 * 1024
TASKS, ROUNDS = 3000, 3


@ez.phase(version="1")
def numbers(count: int) -> Iterator[int]:
    yield from range(count)


@ez.phase(version="1")
def roots(number: int) -> float:
    return float(sum(each**0.5 for each in range(20_000)) + number)


class Ground:
    """A system in a folder, and commands on it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.folder = folder / "home", folder
        self.random = np.random.default_rng(5)
        self._environment = os.environ | {
            "EOPIEZ_BACKUP_URL": str(folder / "repository"), "EOPIEZ_BACKUP_KEY_FILE": str(folder / "key"),
        }  # fmt: skip
        self._count = 0

    def backup(self, *arguments: str, home: Path | None = None) -> subprocess.Popen[str]:
        """Begin a command of ``eopiez backup``."""
        command = [sys.executable, "-m", "eopiez_ray.cli", "backup", *arguments, "--json"]
        environment = {**self._environment, "EOPIEZ_HOME": str(home or self.home)}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def told(self, *arguments: str, home: Path | None = None) -> tuple[Any, float]:
        """What a command says, and how long it took."""
        began = time.perf_counter()
        process = self.backup(*arguments, home=home)
        said, _ = process.communicate()
        assert process.returncode == 0, arguments
        return json.loads(said.splitlines()[-1]), time.perf_counter() - began

    def write_artifacts(self, count: int) -> None:
        """Add artifacts: half of each is random, and half of it zeros."""
        for _ in range(count):
            name = f"{self._count:032x}"
            file = self.home / "artifacts" / name[-2:] / name[:-2]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.random.bytes(ARTIFACT_BYTES // 2) + bytes(ARTIFACT_BYTES // 2))
            self._count += 1

    async def write_rows(self, url: str, count: int) -> None:
        """Add results to the database."""
        async with await connect(url) as database:
            for _ in range(count):
                await database.fetch(
                    "insert into cache (key, digest, size, form, inline, rows) values ($1, $1, $2, 'pickle', $3, 1)",
                    self.random.bytes(16), ROW_BYTES, self.random.bytes(ROW_BYTES),
                )  # fmt: skip

    async def settle(self, url: str) -> None:
        """Let Postgres do what it would do soon after so many rows."""
        async with await connect(url) as database:
            await database.fetch("vacuum (freeze)")
        os.sync()


def work(system: ez.Local) -> float:
    """Seconds that some work takes."""
    plan = ez.Plan("work")
    plan.step("roots", roots, plan.step("numbers", numbers, count=TASKS))
    began = time.perf_counter()
    system.start(plan).wait()
    return time.perf_counter() - began


def work_beside(system: ez.Local, process: subprocess.Popen[str]) -> list[float]:
    """How long work takes as long as a backup is being made."""
    taken = []
    while process.poll() is None:
        taken.append(work(system))
    return taken[:-1] or taken


def report(name: str, value: str) -> None:
    print(f"{name:58}{value:>24}", flush=True)


def measure(here: Ground, gigabytes: float) -> None:
    artifacts = round(gigabytes * 2**30 / ARTIFACT_BYTES)
    here.write_artifacts(artifacts)
    with ez.local(home=here.home) as system:
        asyncio.run(here.write_rows(system.database_url, round(gigabytes * 0.1 * 2**30 / ROW_BYTES)))
        asyncio.run(here.settle(system.database_url))
        work(system)
        alone = [work(system) for _ in range(ROUNDS)]
        began = time.perf_counter()
        shutil.copytree(here.home / "artifacts", here.folder / "copy")
        os.sync()
        copied = time.perf_counter() - began
        shutil.rmtree(here.folder / "copy")
        first = here.backup("create")
        beside = work_beside(system, first)
        made = json.loads(first.communicate()[0])
        report("first backup, work beside it", f"{made['size'] / 2**30:.1f} GiB in {made['took_s']:.1f} s")
        report("  of it new in the repository", f"{made['new_bytes'] / 2**30:.2f} GiB")
        report("  a plain copy of the artifacts, nothing beside it", f"{copied:.1f} s")
        ratio = statistics.median(beside) / statistics.median(alone)
        report(f"  work beside it, of {len(beside)} runs, over work alone", f"{ratio:.2f}")

        here.write_artifacts(max(artifacts // 100, 1))
        asyncio.run(here.write_rows(system.database_url, round(gigabytes * 0.001 * 2**30 / ROW_BYTES)))
        second, took = here.told("create")
        report("second backup, after 1 % more", f"{took:.1f} s")
        report("  of it new, over the first", f"{second['new_bytes'] / made['new_bytes']:.2%}")
    restored, took = here.told("restore", home=here.folder / "other")
    report("restore of both into another home", f"{took:.1f} s")
    assert restored["files"] == second["files"]
    shutil.rmtree(here.folder / "other")
    checked, took = here.told("verify")
    report(f"trial, all {checked['rows']:,} rows read", f"{took:.1f} s")


def main() -> None:
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory(prefix="eopiez-bench-backup-") as folder:
        measure(Ground(Path(folder)), gigabytes)


if __name__ == "__main__":
    main()
