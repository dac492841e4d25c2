"""``eopiez down``."""

from __future__ import annotations

import time

import typer

from ..errors import EopiezError
from .system import read_settings, stay_here
from .terminal import err

PATIENCE_S = 90.0
"""Seconds that everything gets to stop."""
POLL_S = 0.1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(down)


def down() -> None:
    """Stop what `eopiez up` has started here. Workflows stay in the database, and go on when it is up again."""
    import signal

    from ..supervision.standing import StandingFile
    from ..supervision.supervisor import stop_all

    stay_here("down")
    file = StandingFile(read_settings().home)
    standing = file.read()
    if not file.is_held():
        stop_all(standing)  # A supervisor that was killed has left them behind.
        file.clear()
        err().print("Nothing is up here." if standing is None else "Stopped what was left.")
        return
    supervisor = None if standing is None else standing.supervisor.found
    if supervisor is None:
        raise EopiezError(f"the supervisor under {file.folder} is just starting or ending; try again in a moment")
    supervisor.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while file.is_held() and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if file.is_held():
        raise EopiezError(f"the system has not stopped in {PATIENCE_S:.0f} s; see {file.folder / 'supervisor.log'}")
    err().print("Everything is stopped.")
