"""``eopiez up``."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ..errors import EopiezError, PartFailedError
from ..home import make_file, make_folder
from .status import print_standing
from .system import read_settings, stay_here
from .terminal import err, results_only

if TYPE_CHECKING:
    from ..settings import Settings
    from ..supervision.standing import Standing, StandingFile
    from ..supervision.supervisor import Supervisor

POLL_S = 0.2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once everything is ready.")] = False,
    host: Annotated[
        str | None,
        typer.Option(help="Where the gateway listens; 0.0.0.0 lets other machines in.", show_default="127.0.0.1"),
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Its port.", show_default="8000")] = None,
    cpus: Annotated[
        int | None,
        typer.Option(min=1, help="CPUs for the cluster started here; all by default.", show_default=False),
    ] = None,
    with_prometheus: Annotated[
        bool, typer.Option("--with-prometheus", help="Start Prometheus, too, which has to be installed.")
    ] = False,
) -> None:
    """Start the whole system on this machine: database, Ray, gateway and orchestrator. Whatever dies is started again.

    Without **--detach** it runs until Ctrl-C or SIGTERM, which stop everything; workflows stay in the database and go
    on when the system is up again. Started twice, it only says what is up.

    **Examples**

    ```
    eopiez up --detach
    eopiez up --host 0.0.0.0 --port 80
    EOPIEZ_DATABASE_URL=postgresql://db/eopiez EOPIEZ_RAY_ADDRESS=head:6379 eopiez up
    ```
    """
    _check_extra()
    stay_here("up")
    from ..supervision.standing import StandingFile

    settings = read_settings(gateway_host=host, gateway_port=port, cpus=cpus, prometheus=with_prometheus or None)
    file = StandingFile(settings.home)
    standing = file.read() if file.is_held() else None
    if standing is not None:
        lacks = " Prometheus is not part of it; stop it first: [bold]eopiez down[/]"
        err().print("It is already up." + (lacks if settings.prometheus and not standing.prometheus else ""))
        _await_readiness(file, None)
        print_standing(file.read() or standing, as_json=False)
    elif detach:
        _start_detached(settings, file)
    else:
        _run_here(settings, file)


def _check_extra() -> None:
    if find_spec("fastapi") is None:
        raise EopiezError("the gateway is not installed; run: pip install 'eopiez-ray[gateway]'")


def _run_here(settings: Settings, file: StandingFile) -> None:
    from ..supervision.supervisor import Supervisor

    def tell(line: str) -> None:
        if line == "ready":
            standing = file.read()
            assert standing is not None
            print_standing(standing, as_json=False)
            err().print("Stop everything with Ctrl-C.")
        else:
            err().print(f"[bright_black]{escape(line)} …[/]")

    with results_only():
        supervisor = Supervisor(settings, tell)
        _stop_on_signals(supervisor)
        supervisor.run()


def _stop_on_signals(supervisor: Supervisor) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.stop())


def _start_detached(settings: Settings, file: StandingFile) -> None:
    """Start a supervisor that outlives this command, and wait until everything is ready."""
    make_folder(file.folder)
    log = make_file(file.folder / "supervisor.log")
    command = [sys.executable, "-m", "eopiez_ray.cli", "up", *_options(settings)]
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=written, stderr=written, start_new_session=True
        )
    standing = _await_readiness(file, process, log)
    print_standing(standing, as_json=False)


def _options(settings: Settings) -> list[str]:
    options = ["--host", settings.gateway_host, "--port", str(settings.gateway_port)]
    if settings.cpus is not None:
        options += ["--cpus", str(settings.cpus)]
    return [*options, "--with-prometheus"] if settings.prometheus else options


def _await_readiness(file: StandingFile, process: subprocess.Popen[Any] | None, log: Path | None = None) -> Standing:
    """Wait until everything is up, telling what it waits for.

    Raises:
        PartFailedError: it ended before that.
    """
    told = 0
    while True:
        standing = file.read()
        is_its_own = standing is not None and (process is None or standing.supervisor.pid == process.pid)
        if standing is not None and is_its_own and standing.is_ready:
            return standing
        told = _tell_news(log, told)
        is_gone = process.poll() is not None if process is not None else not file.is_held()
        if is_gone:
            words = log.read_text(errors="replace").strip() if log is not None else ""
            raise PartFailedError("system", words, str(log or file.folder))
        time.sleep(POLL_S)


def _tell_news(log: Path | None, told: int) -> int:
    """Show the supervisor's new lines, and say how many have been shown."""
    lines = log.read_text(errors="replace").splitlines() if log is not None and log.exists() else []
    for line in lines[told:]:
        if line.startswith("starting"):
            err().print(f"[bright_black]{escape(line)}[/]")
    return len(lines)
