"""The file that calls Ray: the cluster, and pools of worker actors."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from ..errors import ClusterError
from .executor import SHORT_S, CallTimedOutError, Slot, WorkerLostError

if TYPE_CHECKING:
    from ..model.policies import Resources
    from ..model.tasks import Report
    from ..model.work import WorkCall
    from ..settings import Settings

NAMESPACE = "eopiez"
ATTACH_S = 30.0
"""Seconds after which a running cluster that does not answer is given up."""
ORPHAN_S = 60.0
"""Seconds without a call or a sign of life after which a worker ends itself."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Pooled:
    """A worker actor and what it is doing."""

    name: str
    actor: Any
    resources: Resources
    load: int = 0
    busy_until: float = 0.0
    """Monotonic seconds at which the calls on it should be over, by their estimates."""
    is_dead: bool = False
    code_seen: set[str] = field(default_factory=set)


class RayExecutor:
    """Runs calls on detached Ray actors, one pool for each shape of resources."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers: dict[str, _Pooled] = {}
        self._totals: dict[str, float] = {}
        self._session: Path | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self._number = 0
        self._prefix = secrets.token_hex(4)

    async def start(self) -> None:
        """Start a cluster on this machine, or attach to the one that the settings name.

        Raises:
            ClusterError: it does not start or answer, or has several nodes and a local artifact folder.
        """
        await asyncio.to_thread(self._connect)
        self._heartbeat = asyncio.create_task(self._beat())

    def _connect(self) -> None:
        _authenticate(self._settings.home)
        import ray

        address = self._settings.ray_address
        if address is not None:
            self._attach(ray, address)
        else:
            self._session = _start_local(ray, self._settings)
        self._totals = dict(ray.cluster_resources())
        self._check_nodes(ray)

    def _attach(self, ray: Any, address: str) -> None:
        """Attach within a bound: Ray itself would go on trying a dead head for ten minutes."""
        outcome: list[BaseException | None] = []

        def attach() -> None:
            try:
                ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
                outcome.append(None)
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
                outcome.append(error)

        thread = threading.Thread(target=attach, daemon=True)
        thread.start()
        thread.join(ATTACH_S)
        if not outcome or outcome[0] is not None:
            reason = f"{outcome[0]}" if outcome else f"no answer in {ATTACH_S:.0f} s"
            raise ClusterError(f"cannot attach to the Ray cluster at {address!r}: {reason}; unset EOPIEZ_RAY_ADDRESS to start one here") from (outcome[0] if outcome else None)

    def _check_nodes(self, ray: Any) -> None:
        hosts = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
        url = self._settings.artifacts
        if len(hosts) > 1 and ("://" not in url or url.startswith("file://")):
            raise ClusterError(f"the cluster has {len(hosts)} machines, but artifacts go to a local folder ({url}); set EOPIEZ_ARTIFACT_URL to storage that all of them reach, such as s3://bucket/path")

    async def close(self) -> None:
        """Stop all workers; stop the cluster if it was started here."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self.stop_workers()
        await asyncio.to_thread(self._disconnect)

    def _disconnect(self) -> None:
        import ray

        ray.shutdown()
        if self._session is not None:
            shutil.rmtree(self._session, ignore_errors=True)

    def refusal(self, resources: Resources) -> str | None:
        """Which of the resources no machine of the cluster has."""
        for name, amount in resources.totals().items():
            available = self._totals.get(name, 0.0)
            if amount > available:
                return f"it needs {amount:g} {name}, the whole cluster has {available:g}"
        return None

    def slots(self, resources: Resources) -> int:
        """As many workers as the cluster's totals hold."""
        needs = resources.totals() or {"CPU": 0.1}
        return max(1, int(min(self._totals.get(name, 0.0) / amount for name, amount in needs.items())))

    def take(self, resources: Resources, worker: str | None = None) -> Slot | None:
        """Room on an idle worker, else on a new one, else behind a short call."""
        if worker is not None and worker in self._workers and self._workers[worker].load == 0:
            return self._claim(self._workers[worker])
        alike = [pooled for pooled in self._workers.values() if pooled.resources == resources and not pooled.is_dead]
        idle = next((pooled for pooled in alike if pooled.load == 0), None)
        if idle is not None:
            return self._claim(idle)
        if len(alike) < self.slots(resources) and self._make_room(resources):
            return self._claim(self._spawn(resources))
        soon = time.monotonic() + SHORT_S
        short = [pooled for pooled in alike if pooled.load == 1 and pooled.busy_until < soon]
        return self._claim(short[0]) if short else None

    def _claim(self, pooled: _Pooled) -> Slot:
        pooled.load += 1
        return Slot(pooled.name, pooled.resources)

    def _make_room(self, resources: Resources) -> bool:
        """Whether the totals hold one more worker, idle ones of other shapes released if they must."""
        def fits() -> bool:
            used: dict[str, float] = {}
            for pooled in self._workers.values():
                for name, amount in pooled.resources.totals().items():
                    used[name] = used.get(name, 0.0) + amount
            return all(used.get(name, 0.0) + amount <= self._totals.get(name, 0.0) + 1e-9 for name, amount in resources.totals().items())

        for pooled in [other for other in self._workers.values() if other.load == 0 and other.resources != resources]:
            if fits():
                break
            self._kill(pooled)
        return fits()

    def _spawn(self, resources: Resources) -> _Pooled:
        import ray

        from .actor import WorkerActor

        self._number += 1
        name = f"worker-{self._prefix}-{self._number}"
        custom = dict(resources.custom)
        actor = ray.remote(WorkerActor).options(
            name=name,
            namespace=NAMESPACE,
            lifetime="detached",
            max_restarts=0,
            max_concurrency=1,
            num_cpus=resources.cpu,
            num_gpus=resources.gpu,
            memory=resources.memory_bytes or None,
            resources=custom or None,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": str(max(1, int(resources.cpu))), "PYTHONHASHSEED": "0"}},
        ).remote(self._settings.artifacts, name, ORPHAN_S)  # fmt: skip
        self._workers[name] = _Pooled(name, actor, resources)
        log.info("worker started", worker=name, resources=resources.totals())
        return self._workers[name]

    def _kill(self, pooled: _Pooled) -> None:
        import ray

        pooled.is_dead = True
        self._workers.pop(pooled.name, None)
        try:
            ray.kill(pooled.actor)
        except (ValueError, ray.exceptions.RayError) as error:
            log.info("worker was gone already", worker=pooled.name, error=str(error))

    def give_back(self, slot: Slot) -> None:
        """Free the slot."""
        if slot.worker in self._workers:
            self._workers[slot.worker].load -= 1

    async def run(self, slot: Slot, call: WorkCall, estimate_s: float, timeout_s: float | None) -> Sequence[Report]:
        """Send the call and wait for its reports."""
        import ray

        pooled = self._workers.get(slot.worker)
        if pooled is None:
            raise WorkerLostError(slot.worker, "the worker was stopped")
        pooled.busy_until = max(time.monotonic(), pooled.busy_until) + estimate_s
        try:
            reports: Sequence[Report] = await asyncio.wait_for(_as_future(pooled.actor.run.remote(call)), timeout_s)
        except TimeoutError:
            self._kill(pooled)
            raise CallTimedOutError(slot.worker, timeout_s or 0.0) from None
        except (ray.exceptions.RayError, ConnectionError) as error:
            self._kill(pooled)
            raise WorkerLostError(slot.worker, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}") from error
        finally:
            pooled.load -= 1
        return reports

    def stop_workers(self) -> None:
        """Kill all worker processes."""
        for pooled in list(self._workers.values()):
            self._kill(pooled)

    def release_idle(self) -> None:
        """Kill idle workers, so that other users of the cluster find their resources free."""
        for pooled in [pooled for pooled in self._workers.values() if pooled.load == 0]:
            self._kill(pooled)

    async def _beat(self) -> None:
        """Tell idle workers that their pool is alive."""
        while True:
            await asyncio.sleep(ORPHAN_S / 4)
            for pooled in self._workers.values():
                if pooled.load == 0:
                    pooled.actor.beat.remote()


def _as_future(reference: Any) -> asyncio.Future[Any]:
    return asyncio.wrap_future(reference.future())


def _authenticate(home: Path) -> None:
    """A token of our own for every cluster we start or join, readable by this user alone."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if os.environ["RAY_AUTH_MODE"] != "token" or "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return
    path = home.expanduser().absolute() / "ray.token"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)


def _start_local(ray: Any, settings: Settings) -> Path:
    """Start a cluster; on a busy machine the first try can time out, so there is a second."""
    for attempt in (1, 2):
        try:
            context = ray.init(
                address="local",
                namespace=NAMESPACE,
                num_cpus=settings.cpus,
                object_store_memory=settings.object_store_bytes,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
            )
            return Path(context["session_dir"])
        except Exception as error:  # noqa: BLE001 - Ray raises all kinds when it cannot start
            ray.shutdown()
            if attempt == 2:
                raise ClusterError(f"Ray does not start: {error}; its logs are under /tmp/ray/session_latest/logs") from error
            log.warning("Ray did not start, trying once more", error=str(error))
    raise AssertionError("unreachable")
