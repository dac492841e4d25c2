"""``eopiez status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from .sheet import Sheet, name, word
from .system import read_settings, stay_here
from .terminal import err, out, print_json

if TYPE_CHECKING:
    from ..supervision.standing import Standing

DOWN = 3
"""Exit code if nothing is up, or not all of it (as `systemctl status` has it)."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what `eopiez up` has started here: where it answers, what runs, and how often a part had to start again.

    Exit code 3 if nothing is up, or not all of it.
    """
    from ..supervision.standing import StandingFile

    stay_here("status")
    file = StandingFile(read_settings().home)
    standing, is_supervised = file.read(), file.is_held()
    if standing is None or not (is_supervised or standing.is_alive):
        if as_json:
            print_json({"is_up": False})
        else:
            err().print("Nothing is up here. Start it with: [bold]eopiez up --detach[/]")
        raise typer.Exit(DOWN)
    print_standing(standing, as_json=as_json)
    if not is_supervised:
        err().print("Nobody starts its parts again: its supervisor was killed. Replace it with: [bold]eopiez up[/]")
        raise typer.Exit(DOWN)
    if not standing.is_ready or any(process.found is None for process in standing.parts.values()):
        raise typer.Exit(DOWN)


def print_standing(standing: Standing, *, as_json: bool) -> None:
    """Print where the system answers, and its parts."""
    if as_json:
        print_json(_value(standing))
        return
    console = out()
    for what, where in _places(standing):
        console.print(f"{what:<18}", Text(where, "bold"))
    sheet = Sheet(name("Part"), word("Process"), word("State"), word("Restarts"))
    for part, process in standing.parts.items():
        state = Text("up", "green") if process.found is not None else Text("starting again", "red")
        sheet.add(part, str(process.pid), state, str(standing.restarts.get(part, 0)))
    sheet.print(console)


def _places(standing: Standing) -> list[tuple[str, str]]:
    places = [
        ("Gateway", standing.url),
        ("Dashboard", f"{standing.url}/"),
        ("API", f"{standing.url}/v1/docs"),
        ("First sign-in", _first_sign_in(standing.first_password)),
        ("Ray", standing.ray_address),
        ("Ray's dashboard", standing.dashboard),
        ("Prometheus", standing.prometheus),
    ]
    return [(what, where) for what, where in places if where]


def _first_sign_in(file: str) -> str:
    return f"admin, with the password in {file}, which works once" if file and Path(file).exists() else ""


def _value(standing: Standing) -> dict[str, Any]:
    parts = {
        part: {"pid": process.pid, "is_up": process.found is not None, "restarts": standing.restarts.get(part, 0)}
        for part, process in standing.parts.items()
    }
    known = {
        "url": standing.url, "ray_address": standing.ray_address, "dashboard": standing.dashboard,
        "prometheus": standing.prometheus,
    }  # fmt: skip
    return {"is_up": True, "is_ready": standing.is_ready, **known, "parts": parts}
