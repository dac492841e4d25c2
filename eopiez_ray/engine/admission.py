"""Which work starts next. Ray has no priorities; these decisions are ours, and pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..machine import next_call
from ..machine.packing import CALL_S, MAXIMUM_TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..machine import Call
    from ..model.policies import Resources
    from .run import Run


def in_turn(runs: Iterable[Run], resources: Resources) -> list[Run]:
    """The runs that want these resources, in the order in which they may start work.

    Priority comes first; then the owner with the fewest calls in flight, so that owners share alike however much
    each of them brings; then the run with the fewest, then the oldest.
    """
    held = list(runs)
    wanting = [run for run in held if resources in run.wants]
    if len(wanting) < 2:
        return wanting
    busy: dict[str, int] = {}
    for run in held:
        busy[run.owner] = busy.get(run.owner, 0) + len(run.calls)
    return sorted(wanting, key=lambda run: (-run.priority, busy[run.owner], len(run.calls), run.order))


def reasons(run: Run, room: Room, now: float) -> dict[int, str]:
    """Why steps of the run that have work, and none of it running, wait.

    Args:
        run: as it is after admission.
        room: what is known of the resources that it wants.
        now: Unix seconds.
    """
    found: dict[int, str] = {}
    for step in run.state.steps:
        if step.running or step.is_done or run.state.ending is not None:
            continue
        retries = [at for key, at in run.state.waiting.items() if key.step == step.position]
        if step.ready:
            found[step.position] = room.why_not(step.spec.policy.resources, run)
        elif retries:
            delay = f"{max(0.0, min(retries) - now):.0f} s"
            found[step.position] = f"{_count(len(retries), 'task')} failed; the next attempt is in {delay}"
    return found


class Room(NamedTuple):
    """What is known of the cluster when something waits."""

    slots: Callable[[Resources], int]
    refusal: Callable[[Resources], str | None]
    """Why the cluster can never give such resources."""
    turns: Mapping[Resources, Sequence[Run]]
    """Who wants which resources, in the order of their turns."""

    def why_not(self, resources: Resources, run: Run) -> str:
        """Why the run's tasks with these resources do not start."""
        refusal = self.refusal(resources)
        if refusal is not None:
            return refusal
        ahead = self.turns.get(resources, ()).index(run) if run in self.turns.get(resources, ()) else 0
        needs = ", ".join(f"{amount:g} {name}" for name, amount in resources.totals().items()) or "no resources"
        slots, others = _count(self.slots(resources), "slot"), _count(ahead, "workflow")
        return f"needs {needs}; {slots} busy, {others} ahead of it"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


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
