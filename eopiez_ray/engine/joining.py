"""Reaching a Ray cluster: one that runs already, or one that is started on this machine."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import sys
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ClusterError
from ..home import make_file, make_folder
from ..logs import get_logger
from .nodes import Node, Nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..settings import Settings

NAMESPACE = "eopiez"
ATTACH_S = 30.0
"""Seconds after which a running cluster that does not answer is given up."""
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

log = get_logger(__name__)


def join(settings: Settings) -> Path | None:
    """Attach to the cluster that the settings name, or start one; the folder of the one that was started.

    Raises:
        ClusterError: it does not start or answer.
    """
    authenticate(settings.home)
    _shorten_farewells(settings)
    import ray

    rays_log = logging.getLogger("ray._private.worker")
    if _is_news not in rays_log.filters:
        rays_log.filters.insert(0, _is_news)  # Before any that hands records on.
    _hush(ray)
    if settings.ray_address is None:
        return _start_local(ray, settings)
    _attach(ray, settings.ray_address)
    return None


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
    """Where the cluster's head is: no other cluster has the same address, of this machine or another."""
    import ray

    host, _, port = str(ray.get_runtime_context().gcs_address).rpartition(":")
    return f"{socket.gethostname() if host.strip('[]') in LOOPBACK else host}:{port}"


def authenticate(home: Path) -> None:
    """A token of our own for every cluster we start or join, readable by this user alone.

    Ray reads it once in a process. So it stays the same there, though the home in which it lay may be gone.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if _is_late():
        return
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if os.environ["RAY_AUTH_MODE"] != "token" or "RAY_AUTH_TOKEN" in os.environ:
        return
    folder, named = home.expanduser().absolute(), os.environ.get("RAY_AUTH_TOKEN_PATH")
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
    """Let Ray not wait, when it is left, for those who no longer answer; what a user has set stays.

    It would give a head that is gone 5 s to take the last events of tasks. And it would wait 10 s for an agent that
    takes metrics, of which a cluster of our own, without a dashboard, has none at work.
    """
    os.environ.setdefault("RAY_task_events_shutdown_flush_timeout_ms", "500")
    if settings.ray_address is None:
        os.environ.setdefault("RAY_enable_open_telemetry", "0")


@cache
def _is_late() -> bool:
    """Whether Ray was imported before we were first asked: what it has read then holds, its own token file too.

    Looked at once, since Ray writes the settings that it goes by into the environment later.
    """
    return "ray" in sys.modules and "RAY_AUTH_MODE" not in os.environ


_TOKENS: dict[str, str] = {}
"""Tokens that this process uses, by their files."""


def _write_token(path: Path, token: str) -> None:
    make_folder(path.parent)
    make_file(path).write_text(token)


def _attach(ray: Any, address: str) -> None:
    """Attach within a bound: Ray itself would go on trying a dead head for ten minutes."""
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
    """The address, or that of the cluster that runs on this machine."""
    if address != "auto":
        return address
    return str(ray._private.services.get_ray_address_from_environment(address, None))


@contextmanager
def _on_loopback(ray: Any, *, wanted: bool = True) -> Iterator[None]:
    """Inside the block the address of this machine is 127.0.0.1 for Ray, as it always is on macOS and Windows.

    So a cluster that is started listens there alone, and that address is not exchanged for an outer one on the way to
    it. Ray reads the setting from the environment when it is imported, which may be long ago.
    """
    constants = ray._private.ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = before and not wanted
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _is_on_loopback_only(ray: Any, address: str) -> bool:
    """Whether the cluster there is one of this machine that nobody reaches from outside, as those of ours are."""
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
    """See at once whether anything listens there.

    Raises:
        OSError: nothing does, or the host is not known.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=ATTACH_S).close()


def _start_local(ray: Any, settings: Settings) -> Path:
    """Start a cluster; on a busy machine the first try can time out, so there is a second."""
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
                    f"Ray does not start: {error}; its logs are under /tmp/ray/session_latest/logs"
                ) from error
            log.warning("Ray did not start, trying once more", error=str(error))
        else:
            folder = Path(context.address_info["session_dir"])
            folder.chmod(0o700)  # Ray lets everybody in, and what phases print is there.
            return folder
    raise AssertionError("unreachable")


_WORKERS: set[int] = set()
"""Process ids of our workers, of whose end Ray need not tell the user: we do."""
_PID = re.compile(r"Worker PID: (\d+)")


def note_worker(pid: int) -> None:
    """This process is one of our workers."""
    _WORKERS.add(pid)


def _hush(ray: Any) -> None:
    """Keep Ray from printing paragraphs about ends of our workers, and let it say all else as before.

    There is no setting for it: Ray prints them whether or not logs go to the driver.
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
    """Ray warns that it sets no signal handler outside the main thread, which is what we want."""
    return "SIGTERM handler is not set" not in record.getMessage()
