"""What a kill in the middle of a workflow costs: ``kill -9`` of a worker, of Postgres, of the process that drives."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from common import CORES, STEPS, STRUCK_STEPS, recovery, slow, struck, tell

import eopiez_ray as ez
from eopiez_ray.chaos.ground import Ground
from eopiez_ray.store import EmbeddedServer

ENGINE = "eopiez"


def in_sequence(marks: Path) -> ez.Plan:
    """Steps of 0.2 s, one after the other."""
    phase = ez.phase(slow_step)
    plan = ez.Plan("recovery")
    last = plan.values("start", [0])
    for step in range(STEPS):
        last = plan.step(f"step {step}", phase, last, step=step, marks=str(marks))
    return plan


def slow_step(before: int, *, step: int, marks: str) -> int:
    """The task of all engines, after the step before it."""
    return slow(step, marks)


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="eopiez-bench-") as home:
        settings = ez.Settings(home=Path(home), cpus=CORES)
        with ez.Local(settings) as system:
            system.warm_up()
            server = EmbeddedServer(settings.home)
            kills: dict[str, Callable[[int], object]] = {
                "worker": lambda pid: os.kill(pid, signal.SIGKILL),
                "Postgres": lambda _: os.kill(server.postmaster_pid(), signal.SIGKILL),
            }
            for what, kill in kills.items():
                runs = [in_one_process(system, Path(home, f"{what}-{step}"), step, kill) for step in STRUCK_STEPS]
                tell(ENGINE, f"W6 {what}", **recovery(runs))
        with contextlib.closing(Ground(settings)) as ground:
            runs = [taken_over(ground, Path(home, f"orchestrator-{step}"), step) for step in STRUCK_STEPS]
            tell(ENGINE, "W6 orchestrator", **recovery(runs))


def in_one_process(system: ez.Local, marks: Path, step: int, kill: Callable[[int], object]) -> tuple[float, int]:
    """One process does it all, and goes on by itself."""
    workflow = system.start(in_sequence(marks))
    return struck(marks, step, kill, workflow.wait)


def taken_over(ground: Ground, marks: Path, step: int) -> tuple[float, int]:
    """One process drives on a cluster that outlives it; another stands by, and claims when the first is gone."""
    driver, standby = ground.drivers(2, is_attached=True)
    workflow = ground.submit(in_sequence(marks))
    driver.resume(workflow)
    standby.resume(workflow)
    ground.note()
    return struck(marks, step, lambda _: ground.kill(driver), lambda: ground.settled(workflow, 60))


if __name__ == "__main__":
    main()
