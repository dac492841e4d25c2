"""Where rounds take place: a data home, a cluster or two, and orchestrator processes, all ended here too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from ..engine.cluster import DAEMONS, RayExecutor
from ..engine.local import Local
from ..errors import ClusterError, StoreError
from ..home import make_folder
from ..model.ids import OrchestratorId, uuid7
from ..model.limits import LimitKind
from ..store import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from ..authoring.plans.builder import Plan
    from ..engine.handle import Workflow
    from ..settings import Settings
    from ..store import TaskTime
    from .workload import Workload

ANSWER_S = 120.0
"""Seconds that a driver gets to answer; it may have to start Ray first."""
LEAVE_S = 30.0
"""Seconds that a driver gets to end by itself."""
LOOK_S = 0.02


class Driver:
    """A child process that is an orchestrator."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "eopiez_ray.chaos.driver", settings.model_dump_json()]
        with log.open("ab") as errors:
            # A session of its own, so that Ctrl-C in the terminal is heard by one process, which ends the others.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0, start_new_session=True
            )
        self._is_ready = False

    @property
    def process(self) -> psutil.Process:
        """The process itself."""
        return psutil.Process(self._process.pid)

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ready(self) -> None:
        """Wait until it can drive.

        Raises:
            ClusterError: it does not come up.
        """
        if not self._is_ready:
            self._hear()
            self._is_ready = True

    def start(self, workload: Workload, owner: str = "") -> str:
        """Let it start a workflow of that owner; give the workflow's id."""
        return self._ask({"start": workload.value(), "owner": owner})

    def resume(self, workflow: str) -> None:
        """Let it claim a workflow, now or as soon as nobody else drives it."""
        self._ask({"resume": workflow})

    def kill(self) -> None:
        """``kill -9``."""
        self._process.kill()
        self._process.wait()
        self._close_pipes()

    def leave(self) -> None:
        """End it, if need be by force."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # It is gone already.
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_S)
        self.kill()

    def _ask(self, request: dict[str, Any]) -> str:
        self.ready()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError as error:
            raise self._silent() from error
        return str(self._hear()["workflow"])

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        heard, _, _ = select.select([self._process.stdout], [], [], ANSWER_S)
        line = self._process.stdout.readline() if heard else b""
        if not line:
            raise self._silent()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _silent(self) -> ClusterError:
        return ClusterError(f"an orchestrator process does not answer; its log is {self.log}")

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class SharedCluster:
    """A Ray cluster that outlives the orchestrators on it."""

    def __init__(self, settings: Settings) -> None:
        # Ray's daemons die with the thread that has started them, so that thread's loop lives as long as this.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="eopiez-cluster", daemon=True)
        self._thread.start()
        self._executor = RayExecutor(settings, OrchestratorId(uuid7()))
        try:
            self._run(self._executor.start())
            self.address = _gcs_address()
        except BaseException:
            self.close()
            raise

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """End it."""
        self._run(self._executor.close())
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _gcs_address() -> str:
    """Where the cluster that this process has started can be reached, by what its raylet was told."""
    for child in psutil.Process().children():
        for argument in child.cmdline() if child.name() == "raylet" else ():
            if argument.startswith("--gcs-address="):
                return argument.partition("=")[2]
    raise ClusterError("the Ray cluster died as soon as it had started; start again")


class Ground:
    """A data home and what runs on it. ``close`` it, whatever happens."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.home / "chaos"
        make_folder(self.folder)
        self.server = EmbeddedServer(settings.home)
        self._system = Local(settings)
        self._cluster: SharedCluster | None = None
        self._drivers: list[Driver] = []
        self._count = 0
        self._seen: dict[int, psutil.Process] = {}
        self._launched: list[int] = []

    def drivers(self, count: int, *, is_attached: bool) -> list[Driver]:
        """Processes ready to drive: on one cluster that outlives them, or each on one that it has started itself."""
        if self._drivers and (self._cluster is not None) is not is_attached:
            self.clear()
        if is_attached and self._cluster is None:
            self._cluster = SharedCluster(self.settings)
        while len(self._drivers) < count:
            self._drivers.append(self._launch())
        for driver in self._drivers:
            driver.ready()
        return list(self._drivers)

    def kill(self, driver: Driver) -> None:
        """``kill -9`` of a process that drives; nobody takes its place before ``drivers`` is asked again."""
        driver.kill()
        self._drivers.remove(driver)

    def _launch(self) -> Driver:
        self._count += 1
        address = self._cluster.address if self._cluster is not None else None
        settings = self.settings.model_copy(update={"ray_address": address})
        driver = Driver(settings, self.folder / f"driver-{self._count}.log")
        self._launched.append(driver.process.pid)
        return driver

    def daemons(self) -> dict[str, psutil.Process]:
        """The daemons of the cluster that the driving process has started, by name."""
        (driver,) = self._drivers
        return {child.name(): child for child in driver.process.children() if child.name() in DAEMONS}

    def submit(self, plan: Plan) -> str:
        """A new workflow, which nobody drives before a driver is told to; its id."""
        return str(self._system.submit(plan).id)

    def limit(self, owner: str, calls: int) -> None:
        """Limit an owner's concurrent calls."""
        self._system.limit(LimitKind.OWNER, owner, calls)

    def workflow(self, workflow: str) -> Workflow:
        """A handle that only looks."""
        return self._system.workflow(workflow)

    def rows(self, workflow: str) -> list[TaskTime]:
        """The rows of finished tasks, retrying while the database is unavailable."""
        deadline = time.monotonic() + ANSWER_S
        while True:
            try:
                return self.workflow(workflow).task_times()
            except StoreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_S)

    def settled(self, workflow: str, patience_s: float) -> str:
        """The workflow's status once it is at rest, or when patience runs out."""
        deadline, status = time.monotonic() + patience_s, "unknown"
        while time.monotonic() < deadline:
            with contextlib.suppress(StoreError):  # The database may be what was killed.
                view = self.workflow(workflow).view()
                status = view.status.value
                if view.status.is_at_rest:
                    return status
            time.sleep(LOOK_S)
        return f"still {status} after {patience_s:g} s"

    def note(self) -> None:
        """Remember the existing processes, to take care of them at the end."""
        self._seen = {pid: process for pid, process in self._seen.items() if process.is_running()}
        roots = [driver.process for driver in self._drivers if driver.is_alive()]
        own = [child for child in psutil.Process().children() if child.name() in DAEMONS] if self._cluster else []
        for root in (*roots, *own):
            with contextlib.suppress(psutil.Error):
                for process in (*([root] if root in own else []), *root.children(recursive=True)):
                    self._seen[process.pid] = process

    def clear(self) -> None:
        """End the orchestrator processes and the clusters; the data home stays."""
        self.note()
        for driver in self._drivers:
            driver.leave()
        self._drivers.clear()
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None
        end([process for process in self._seen.values() if process.is_running()])
        self._seen.clear()
        for session in [session for pid in self._launched for session in _sessions(pid)]:
            shutil.rmtree(session, ignore_errors=True)
        self._launched.clear()

    def close(self) -> None:
        """End everything that was started here."""
        try:
            self.clear()
        finally:
            self._system.close()


def end(processes: Sequence[psutil.Process]) -> None:
    """``kill -9``; a process id that now belongs to another process is left alone."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=LEAVE_S)


def end_server(home: Path) -> None:
    """Stop the data home's server if it still runs: an interruption may come between its start and its first use."""
    server = EmbeddedServer(home)
    if server.is_running():
        master = psutil.Process(server.postmaster_pid())
        master.send_signal(signal.SIGINT)  # A fast shutdown.
        psutil.wait_procs([master], timeout=LEAVE_S)


def _sessions(pid: int) -> list[Path]:
    """The folders of the clusters that a process started: their names end with its id."""
    folder = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    return list(Path(folder, "ray").glob(f"session_*_{pid}"))
