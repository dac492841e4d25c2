"""``eopiez events``: the history of a workflow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import typer

from .sheet import Sheet, name, word
from .system import open_system
from .terminal import moment, out, print_json
from .workflow import AsJson, NamedOrLatest, find

if TYPE_CHECKING:
    from ..store import EventView

SAID = ("by", "why")
"""Event data that have columns of their own."""
LEFT_OUT = (*SAID, "traceback")
"""``eopiez show`` shows tracebacks, where there is room for them."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(events)


def events(workflow: NamedOrLatest = None, as_json: AsJson = False) -> None:
    """Print a workflow's history: what happened and when, who asked for it and why, and what changed."""
    with open_system() as local:
        found = find(local, workflow).history()
        if as_json:
            for event in found:
                print_json({"id": event.id, "at": event.at, "kind": event.kind, "data": event.data})
            return
        sheet = Sheet(word("When"), word("What"), name("By", 3), name("Why", 2), name("Data", 1))
        for event in found:
            sheet.add(moment(event.at), event.kind, *_said(event))
    sheet.print(out())


def _said(event: EventView) -> list[str]:
    """Who asked and why, and any further data."""
    rest = {name: value for name, value in event.data.items() if name not in LEFT_OUT and value not in ({}, [], "")}
    data = "; ".join(re.sub(r"[{}\"']", "", f"{name}: {value}") for name, value in rest.items())
    return [str(event.data.get(name, "")) for name in SAID] + [data]
