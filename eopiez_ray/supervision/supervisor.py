"""Starts the parts of a system in order, starts again what dies, and stops all at the end.

The supervisor holds no state that matters: workflows are in the database. If it is killed, its parts go on without it,
and the next one stops what it finds and starts afresh.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil

from ..engine.joining import authenticate
from ..errors import PartFailedError
from ..gateway.identity.first import FILE, ensure_first_administrator
from ..home import make_file, open_home
from ..logs import get_logger
from ..model.log_lines import Part as LogPart
from ..monitoring.logs.recorder import Recorder
from ..monitoring.logs.redaction import Redaction
from ..store import EmbeddedServer, connect
from .parts import RAY, Part, check_certificate, check_port, free_ports, is_open, parts_of
from .places import Places
from .prometheus import check_prometheus, furnish, metrics_token, url_of
from .standing import Process, Standing, StandingFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ..settings import Settings

POLL_S = 0.1
STOP_S = 20.0
"""Seconds that a part gets to end by itself."""
BACKOFF_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a part is started again, the more often it has died of late."""
FORGIVEN_S = 600.0
"""Seconds of work after which earlier deaths no longer count."""
DASHBOARD = 8265
"""Ray's usual port for its dashboard."""

log = get_logger(__name__)


class Supervisor:
    """The system on this machine. ``run`` it until ``stop``."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        """
        Args:
            settings: where everything is.
            tell: is told what happens, a line each.
        """
        self._settings, self._tell = settings, tell
        self._recorder: Recorder | None = None
        """Records this process's log, once there is a database."""
        self._file = StandingFile(settings.home)
        self._server = EmbeddedServer(settings.home) if settings.database_url is None else None
        self._children: dict[str, Child] = {}
        self._is_stopping = False

    def stop(self) -> None:
        """Let ``run`` stop everything and end; callable from a signal handler."""
        self._is_stopping = True

    def run(self) -> None:
        """Start everything, and keep it up until ``stop``.

        Raises:
            AlreadyUpError: another supervisor has this data home.
            CertificateError: the gateway's certificate cannot be used.
            ParameterError: Prometheus is wanted, and cannot be started.
            PartFailedError: a part does not start at all.
            EopiezError: the database does not start.
        """
        check_certificate(self._settings)
        check_prometheus(self._settings)
        open_home(self._settings.home)
        with self._file.held():
            stop_all(self._file.read())
            check_port(self._settings)
            try:
                self._start_all()
                self._keep_all()
            finally:
                self._stop_all()
                self._file.clear()

    def _start_all(self) -> None:
        authenticate(self._settings.home, is_joining=self._settings.ray_address is not None)
        places = self._places()
        self._recorder = Recorder(
            places.database_url, LogPart.SUPERVISOR, Redaction.of(self._settings), encryption=self._settings.at_rest
        )
        self._recorder.start()
        asyncio.run(_make_administrator(places.database_url, self._settings.home))
        password = self._settings.home.expanduser().absolute() / FILE
        own_ray = bool(places.ray_ports)
        dashboard = f"http://127.0.0.1:{places.ray_ports[1]}" if own_ray else ""
        self._standing = Standing(
            Process.of(os.getpid()),
            shown_url(self._settings),
            dashboard,
            places.ray_address,
            own_ray,
            first_password=str(password) if password.exists() else "",
            prometheus=url_of(self._settings) if self._settings.prometheus else "",
        )
        self._file.write(self._standing)
        if self._settings.prometheus:
            furnish(self._settings, places)
        for part in parts_of(self._settings, places):
            if self._is_stopping:
                return
            self._children[part.name] = Child(part, self._file)
            self._begin(self._children[part.name])
            if not self._await(self._children[part.name]):
                return
        self._standing = replace(self._standing, is_ready=True)
        self._file.write(self._standing)
        self._say("ready")

    def _places(self) -> Places:
        settings = self._settings
        url = settings.database_url
        if self._server is not None:
            self._say("starting the database")
            url = self._server.start()
        assert url is not None
        ports: tuple[int, ...] = ()
        if settings.ray_address is None:
            head, spare = free_ports(2)
            ports = head, spare if is_open(DASHBOARD) else DASHBOARD
        address = settings.ray_address or f"127.0.0.1:{ports[0]}"
        return Places(url, address, ports, settings.gateway_url, metrics_token(settings))

    def _begin(self, child: Child) -> None:
        self._say(f"starting {child.part.name}")
        self._standing = self._standing.with_part(child.part.name, child.begin())
        self._file.write(self._standing)

    def _await(self, child: Child) -> bool:
        """Wait until the part is ready; False if everything is to stop.

        Raises:
            PartFailedError: it ended, or takes too long.
        """
        deadline = time.monotonic() + child.part.patience_s
        while not self._is_stopping:
            if child.part.is_ready():
                return True
            if child.has_ended or time.monotonic() > deadline:
                raise PartFailedError(child.part.name, child.last_words(), str(child.log))
            time.sleep(POLL_S)
        return False

    def _keep_all(self) -> None:
        while not self._is_stopping:
            self._keep_database()
            for child in self._children.values():
                if child.has_ended and child.is_due:
                    self._restart(child)
            time.sleep(POLL_S)

    def _say(self, text: str) -> None:
        log.info(text)
        self._tell(text)

    def _keep_database(self) -> None:
        if self._server is not None and not self._server.is_alive():
            self._say("the database is gone, starting it again")
            self._server.start()

    def _restart(self, child: Child) -> None:
        """Start a part again, and those that cannot go on without it."""
        name = child.part.name
        log.warning("a part has ended", part=name, code=child.code)
        self._say(f"{name} has ended, starting it again")
        dependent = [other for other in self._children.values() if name in other.part.needs]
        for other in dependent:
            other.stop()
        for each in (child, *dependent):
            restarts = {**self._standing.restarts, each.part.name: self._standing.restarts.get(each.part.name, 0) + 1}
            self._standing = replace(self._standing, restarts=restarts)
            self._begin(each)
            if each is child and name == RAY:
                self._await(each)

    def _stop_all(self) -> None:
        for child in reversed(self._children.values()):
            self._say(f"stopping {child.part.name}")
            child.stop()
        if self._recorder is not None:
            self._recorder.stop()
        if self._server is not None:
            self._say("stopping the database")
            self._server.leave()


class Child:
    """A part as a process of this supervisor."""

    def __init__(self, part: Part, file: StandingFile) -> None:
        self.part, self.log = part, file.folder / f"{part.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._died_at: list[float] = []
        """When it was seen to have ended, of late."""

    def begin(self) -> Process:
        """Start it."""
        with make_file(self.log).open("ab") as log_file:
            self._process = subprocess.Popen(
                self.part.command,
                env=dict(self.part.environment),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Process.of(self._process.pid)

    @property
    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.poll() if self._process is not None else None

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self.code is not None

    @property
    def is_due(self) -> bool:
        """Whether it may be started again now; note that it was seen to have ended."""
        now = time.monotonic()
        self._died_at = [at for at in self._died_at if now - at < FORGIVEN_S]
        wait = BACKOFF_S[min(len(self._died_at), len(BACKOFF_S) - 1)]
        if self._died_at and now - self._died_at[-1] < wait:
            return False
        self._died_at.append(now)
        return True

    def stop(self) -> None:
        """End it and all that it has started."""
        if self._process is not None:
            end_tree([self._process.pid])
            self._process.wait()

    def last_words(self) -> str:
        """What it last wrote to its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:]) if self.log.exists() else ""


def shown_url(settings: Settings) -> str:
    """Where people are told that the gateway is: with a certificate, under the name that it is for, if that is set."""
    has_name = settings.tls_certificate is not None and settings.public_url is not None
    return str(settings.public_url).rstrip("/") if has_name else settings.gateway_url


async def _make_administrator(url: str, home: Path) -> None:
    async with await connect(url) as database:
        await ensure_first_administrator(database, home)


def stop_all(standing: Standing | None) -> None:
    """Stop parts whose supervisor is gone."""
    if standing is not None:
        end_tree([each.pid for each in standing.parts.values() if each.found is not None])


def end_tree(pids: Iterable[int]) -> None:
    """End processes with their descendants: ask them, and kill those that do not end in time."""
    roots = [process for pid in pids for process in _existing(pid)]
    tree = [*roots, *(child for root in roots for child in _descendants(root))]
    for process in roots:
        _signal(process, signal.SIGTERM)
    _, left = psutil.wait_procs(roots, timeout=STOP_S)
    for process in {*left, *(process for process in tree if process.is_running())}:
        _signal(process, signal.SIGTERM if process not in left else signal.SIGKILL)
    _, left = psutil.wait_procs(tree, timeout=5)
    for process in left:
        _signal(process, signal.SIGKILL)


def _existing(pid: int) -> list[psutil.Process]:
    try:
        return [psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return []


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
