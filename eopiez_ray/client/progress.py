"""How far a workflow is, on a terminal while somebody waits."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .workflow import Told


@contextmanager
def bar(name: str, *, is_wanted: bool | None = None) -> Iterator[Told | None]:
    """A bar on standard error as long as the block lasts, drawn by what it is told; None if there is none.

    Args:
        name: what it is about.
        is_wanted: whether there is one; by default if standard error is a terminal.
    """
    if not (sys.stderr.isatty() if is_wanted is None else is_wanted):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[count]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=None, count="")

        def told(facts: Mapping[str, Any]) -> None:
            done, known = facts["tasks_done"], facts["tasks_known"]
            steps = f"{facts['steps_done']:,}/{facts['steps']:,} steps"
            progress.update(task, completed=done, total=known or None, count=f"{done:,}/{known:,} tasks, {steps}")

        yield told
