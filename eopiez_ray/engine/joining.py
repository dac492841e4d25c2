"""Reaching a Ray cluster: one that already runs, or one started on this machine."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import sys
import threading
import warnings
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ClusterError
from ..home import make_file, make_folder
from ..logs import get_logger
from ..settings import ray_job
from .figures import StoreFigures
from .nodes import Node, Nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..settings import Settings

NAMESPACE = "eopiez"
ATTACH_S = 30.0
"""Seconds after which a running cluster that does not answer is given up."""
OUTAGE_S = 1_000_000
"""Seconds that Ray tries to reach a head before it ends the process. How long we wait is for us to say."""
RAYS_TOKEN = Path("~/.ray/auth_token")
"""Where Ray looks for a token unless told otherwise."""
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

log = get_logger(__name__)


_FAREWELL = threading.Lock()
"""Held while this process joins or leaves a cluster. Ray knows only one, so a late farewell would end the next one."""


def join(settings: Settings) -> Path | None:
    """Attach to the cluster named in the settings, or start one and give its folder.

    Raises:
        ClusterError: it does not start or answer, or this process cannot get away from the last one.
    """
    if not _FAREWELL.acquire(timeout=ATTACH_S):
        raise ClusterError(
            "this process has left a Ray cluster that does not answer, and can join no other before it does; "
            "start another process"
        )
    try:
        return _join(settings)
    finally:
        _FAREWELL.release()


def part() -> None:
    """Leave the cluster, and stop it if it was started here."""
    import ray

    with _FAREWELL:
        ray.shutdown()


def _join(settings: Settings) -> Path | None:
    authenticate(settings.home, is_joining=settings.ray_address is not None)
    _shorten_farewells(settings)
    ray = _imported_quietly()
    rays_log = logging.getLogger("ray._private.worker")
    if _is_news not in rays_log.filters:
        rays_log.filters.insert(0, _is_news)  # Before any that passes records on.
    _hush(ray)
    if settings.ray_address is None:
        return _start_local(ray, settings)
    _attach(ray, settings.ray_address)
    return None


def _imported_quietly() -> Any:
    """Ray, without its advice to install widgets, which nothing here would use."""
    logging.getLogger("ray.widgets.util").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import ray
    return ray


def living_nodes() -> Nodes:
    """The living nodes as Ray knows them."""
    import ray

    return Nodes(
        [
            Node(node["NodeID"], node["NodeManagerHostname"], node["Resources"], node["Labels"])
            for node in ray.nodes()  # type: ignore[no-untyped-call]
            if node["Alive"]
        ]
    )


def address() -> str:
    """The address of the cluster's head, unique across machines."""
    import ray

    host, _, port = str(ray.get_runtime_context().gcs_address).rpartition(":")
    return f"{socket.gethostname() if host.strip('[]') in LOOPBACK else host}:{port}"


def object_store(address: str, timeout_s: float) -> StoreFigures:
    """How the cluster's object store is used: any node asks all others. Ray's public interface does not say that.

    Raises:
        grpc.RpcError: no node answers in time.
    """
    from ray._private.internal_api import get_memory_info_reply
    from ray._private.state import state

    answer = get_memory_info_reply(state, timeout_seconds=timeout_s)  # type: ignore[no-untyped-call]
    found = answer.store_stats
    in_memory = found.object_store_bytes_used - found.object_store_bytes_fallback
    free = max(0, found.object_store_bytes_avail - in_memory)  # What Ray calls available is all there is.
    return StoreFigures(address, in_memory, free, found.spilled_bytes_total, found.restored_bytes_total)


def authenticate(home: Path, *, is_joining: bool = False) -> None:
    """A token of our own for every cluster we start or join, readable by this user alone.

    Ray reads it once per process, so it stays the same there even if its data home is gone. A job already has its
    cluster's token, and whoever joins a cluster may have it where Ray itself looks.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if _is_late() or ray_job() is not None:
        return
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if os.environ["RAY_AUTH_MODE"] != "token" or "RAY_AUTH_TOKEN" in os.environ:
        return
    folder, named = home.expanduser().absolute(), os.environ.get("RAY_AUTH_TOKEN_PATH")
    if named is None and is_joining and RAYS_TOKEN.expanduser().exists():
        return
    if named is None:
        path = folder / "ray.token"
        if not path.exists():
            _write_token(path, secrets.token_hex(32))
    elif named in _TOKENS and not Path(named).exists():
        path = folder / f"ray-{os.getpid()}.token"
        _write_token(path, _TOKENS[named])
    else:
        return
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)
    _TOKENS[str(path)] = path.read_text()


def _shorten_farewells(settings: Settings) -> None:
    """Keep Ray from waiting on shutdown for what no longer answers, or ending this process; a user's own settings stay.

    It would give a dead head 5 s to accept the last task events, and would wait 10 s for a metrics agent, which a
    cluster of our own, having no dashboard, does not run. And once a question had waited 60 s for a dead head, it would
    end the whole process, by ``_Exit(1)`` and without a word, even if that cluster was left long ago.
    """
    os.environ.setdefault("RAY_task_events_shutdown_flush_timeout_ms", "500")
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(OUTAGE_S))
    if settings.ray_address is None:
        os.environ.setdefault("RAY_enable_open_telemetry", "0")


@cache
def _is_late() -> bool:
    """Whether Ray was imported before this was first called: its settings are then fixed, its token file included.

    Checked once, since Ray later writes the settings it uses into the environment.
    """
    return "ray" in sys.modules and "RAY_AUTH_MODE" not in os.environ


_TOKENS: dict[str, str] = {}
"""Tokens that this process uses, by file."""


def _write_token(path: Path, token: str) -> None:
    make_folder(path.parent)
    make_file(path).write_text(token)


def _attach(ray: Any, address: str) -> None:
    """Attach within a time limit: Ray itself would keep trying a dead head for ten minutes."""
    outcome: list[BaseException | None] = []

    def attach() -> None:
        try:
            where = _found(ray, address)
            _knock(where)
            with _on_loopback(ray, wanted=_is_on_loopback_only(ray, where)):
                ray.init(address=where, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
            outcome.append(None)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            outcome.append(error)

    thread = threading.Thread(target=attach, daemon=True)
    thread.start()
    thread.join(ATTACH_S)
    if not outcome or outcome[0] is not None:
        reason = f"{outcome[0]}" if outcome else f"no answer in {ATTACH_S:.0f} s"
        raise ClusterError(
            f"cannot attach to the Ray cluster at {address!r}: {reason}; unset EOPIEZ_RAY_ADDRESS to start one here"
        ) from (outcome[0] if outcome else None)


def _found(ray: Any, address: str) -> str:
    """The address, or that of the cluster running on this machine."""
    if address != "auto":
        return address
    return str(ray._private.services.get_ray_address_from_environment(address, None))


@contextmanager
def _on_loopback(ray: Any, *, wanted: bool = True) -> Iterator[None]:
    """Inside the block, Ray takes 127.0.0.1 as this machine's address, as it always does on macOS and Windows.

    So a cluster started here listens only there, and Ray does not replace that address with an external one. Ray reads
    the setting from the environment on import, which may be long ago.
    """
    constants = ray._private.ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = before and not wanted
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _is_on_loopback_only(ray: Any, address: str) -> bool:
    """Whether that cluster is on this machine and unreachable from outside, as ours are."""
    host, _, port = address.rpartition(":")
    if host.strip("[]") not in LOOPBACK or not port.isdigit():
        return False
    try:
        outer = ray._private.services.node_ip_address_from_perspective()
        socket.create_connection((outer, int(port)), timeout=ATTACH_S).close()
    except OSError:
        return True
    return False


def _knock(address: str) -> None:
    """Check at once whether anything listens there.

    Raises:
        OSError: nothing does, or the host is unknown.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=ATTACH_S).close()


def _start_local(ray: Any, settings: Settings) -> Path:
    """Start a cluster; on a busy machine the first attempt can time out, so there is a second."""
    for attempt in (1, 2):
        try:
            with _on_loopback(ray):
                context = ray.init(
                    address="local",
                    namespace=NAMESPACE,
                    num_cpus=settings.cpus,
                    object_store_memory=settings.object_store_bytes,
                    include_dashboard=False,
                    log_to_driver=False,
                    configure_logging=False,
                )
        except Exception as error:
            ray.shutdown()
            if attempt == 2:
                raise ClusterError(
                    f"Ray did not start: {error}; its logs are in /tmp/ray/session_latest/logs"
                ) from error
            log.warning("Ray did not start, trying again", error=str(error))
        else:
            folder = Path(context.address_info["session_dir"])
            folder.chmod(0o700)  # Ray leaves it open to everyone, and it holds what phases print.
            return folder
    raise AssertionError("unreachable")


_WORKERS: set[int] = set()
"""Process ids of our workers; Ray need not report their end to the user, since we do."""
_PID = re.compile(r"Worker PID: (\d+)")


def note_worker(pid: int) -> None:
    """Remember this process as one of our workers."""
    _WORKERS.add(pid)


def _hush(ray: Any) -> None:
    """Keep Ray from printing paragraphs when our workers end, and let it print everything else.

    There is no setting for this: Ray prints them whether or not logs go to the driver.
    """
    module = ray._private.worker
    tell = getattr(module, "print_to_stdstream", None)
    if tell is None or getattr(tell, "is_hushed", False):
        return

    def tell_the_rest(data: Any, *arguments: Any, **options: Any) -> None:
        text = "".join(map(str, data.get("lines", ()))) if isinstance(data, dict) else ""
        pids = {int(pid) for pid in _PID.findall(text)}
        if not pids or pids - _WORKERS:
            tell(data, *arguments, **options)

    tell_the_rest.is_hushed = True  # type: ignore[attr-defined]
    module.print_to_stdstream = tell_the_rest


def _is_news(record: logging.LogRecord) -> bool:
    """Drop Ray's warning that it sets no signal handler outside the main thread, which is what we want."""
    return "SIGTERM handler is not set" not in record.getMessage()
