"""Which work starts next. Ray has no priorities; these decisions are ours, and pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..machine import next_call
from ..machine.packing import CALL_S, MAXIMUM_TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..machine import Call
    from ..model.policies import Resources
    from .run import Run


def in_turn(runs: Iterable[Run], resources: Resources) -> list[Run]:
    """The runs that want these resources, in the order in which they may start work.

    Priority comes first; then the owner with the fewest calls in flight, so that owners share alike however much
    each of them brings; then the run with the fewest, then the oldest.
    """
    held = list(runs)
    busy: Counter[str] = Counter()
    for run in held:
        busy[run.owner] += len(run.calls)
    wanting = [run for run in held if resources in run.wants]
    return sorted(wanting, key=lambda run: (-run.priority, busy[run.owner], len(run.calls), run.order))


def pack(wanting: Sequence[Run], resources: Resources, slots: int) -> list[tuple[Run, Call]]:
    """Work for one call: the first run's, and that of others behind it while all is short; empty if nothing may start.

    Args:
        wanting: as ``in_turn`` gives them.
        resources: the shape of the worker.
        slots: calls that the cluster can run at once, among which short work is spread.
    """
    share = -(-len(wanting) // slots)
    packed: list[tuple[Run, Call]] = []
    spent, tasks = 0.0, 0
    for run in wanting:
        call = next_call(run.state, resources, run.packing, CALL_S - spent if packed else None)
        if call is None:
            continue
        packed.append((run, call))
        spent += call.estimate_s
        tasks += len(call.tasks)
        if call.is_alone or spent >= CALL_S or tasks >= MAXIMUM_TASKS or len(packed) >= share:
            break
    return packed
