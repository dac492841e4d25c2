"""``eopiez phases``: what phases have taken in past runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from .sheet import Sheet, figure, name, word
from .system import open_local
from .terminal import ago, duration, err, out, print_json, size
from .workflow import AsJson

if TYPE_CHECKING:
    from ..store import KnownPhase


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(phases)


def phases(as_json: AsJson = False) -> None:
    """List the time and memory per task measured for each phase, across all workflows.

    Recent tasks weigh more in these means, which set how many tasks go into a call. **eopiez plan phases** lists the
    phases that plans can name, whether they have run or not.
    """
    with open_local("phases") as local:
        known = local.profiles()
    if as_json:
        for phase in known:
            print_json(_phase_value(phase))
        return
    if not known:
        err().print("No phase has run yet.")
        return
    sheet = Sheet(
        name("Phase"), name("Version", 2), figure("Tasks"), figure("Mean"), figure("CPU", 4), figure("Memory", 1),
        word("Last seen", 3),
    )  # fmt: skip
    for phase in known:
        profile = phase.profile
        memory = size(profile.peak_bytes) if profile.peak_bytes else "–"
        times = duration(profile.wall_s), duration(profile.cpu_s)
        sheet.add(profile.name, profile.version, f"{profile.tasks:,}", *times, memory, ago(phase.seen_at))
    sheet.print(out())


def _phase_value(phase: KnownPhase) -> dict[str, Any]:
    return phase.profile._asdict() | {"seen_at": phase.seen_at}
