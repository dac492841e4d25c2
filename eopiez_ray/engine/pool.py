"""An orchestrator's workers and the room on the nodes: which to use, which make way, and what is kept free."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .executor import SHORT_S
from .nodes import Nodes

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ..model.policies import Resources
    from .actors import Started


@dataclass(slots=True, eq=False)
class Pooled:
    """A worker actor and what it is doing."""

    name: str
    actor: asyncio.Future[Started]
    """The handle, once the actor has started."""
    resources: Resources
    known: set[str] = field(default_factory=set)
    """Digests of the code, and ids of the data keys, it has been sent."""
    heard: list[str] = field(default_factory=list)
    """Calls whose reports have arrived but have not been acknowledged to it."""
    load: int = 0
    busy_until: float = 0.0
    """Monotonic seconds at which the calls on it should be over, by their estimates."""
    node: str = ""
    """Ray's id of its node, once it has started."""
    has_unknown: bool = False
    """Whether the duration of its last call is unknown."""
    is_beyond: bool = False
    """Whether it was requested although the nodes are full, and waits in Ray's queue for a node to join."""
    is_retiring: bool = False
    """Whether it gets no more calls, since a program of another version has started it."""
    is_stopped: bool = False
    """Whether it was killed on purpose: its calls are not lost but requeued, and it is not replaced."""
    departed: asyncio.Future[None] = field(init=False)
    """Resolved once its node has been away for too long."""

    def __post_init__(self) -> None:
        self.departed = self.actor.get_loop().create_future()

    def delay_s(self, now: float) -> float:
        """Computed from its calls' estimates; a late call is assumed to take as long again as it is late."""
        return abs(self.busy_until - now) if self.load else 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a cluster has, and what one orchestrator holds of it."""

    nodes: int
    total: Mapping[str, float]
    """Of each resource, by Ray's names."""
    held: Mapping[str, float]
    """By workers that are at work."""
    busy: int
    """Workers at work."""
    idle: int
    waiting: int
    """Workers that have not started yet, since no node has room for them."""


class Pool:
    """Workers by name, on the living nodes."""

    def __init__(self) -> None:
        self.workers: dict[str, Pooled] = {}
        self.nodes = Nodes()
        self.parts = 1
        """Orchestrators that share the nodes."""

    def slots(self, resources: Resources) -> int:
        """As many workers as this orchestrator's share of the nodes can hold; at least 1."""
        return max(1, self.nodes.slots(resources) // self.parts)

    def alike(self, resources: Resources) -> list[Pooled]:
        """The workers of this shape."""
        return [pooled for pooled in self.workers.values() if pooled.resources == resources]

    def is_starting(self, resources: Resources) -> bool:
        """Whether a worker of this shape has been requested and should start now."""
        return any(not pooled.node and not pooled.is_beyond for pooled in self.alike(resources))

    def idle(self, resources: Resources, kept: Collection[str] = ()) -> Pooled | None:
        """An idle worker, on a node that is not kept free for others."""
        return next((pooled for pooled in self._usable(resources, kept) if pooled.load == 0), None)

    def soon_idle(self, resources: Resources, now: float, kept: Collection[str] = ()) -> Pooled | None:
        """The worker whose only call is short and ends first, so that another may queue behind it."""
        # A call that should have ended long ago is not short, whatever its estimate.
        short = [
            (delay_s, pooled)
            for pooled in self._usable(resources, kept)
            if pooled.load == 1 and not pooled.has_unknown
            if (delay_s := pooled.delay_s(now)) < SHORT_S
        ]
        return min(short, key=lambda both: both[0])[1] if short else None

    def _usable(self, resources: Resources, kept: Collection[str]) -> Iterator[Pooled]:
        """Workers of this shape that could be sent a call."""
        for pooled in self.alike(resources):
            if pooled.node and pooled.node not in kept and not pooled.is_retiring:
                yield pooled

    def may_grow(self, resources: Resources) -> bool:
        """Whether there are fewer workers of this shape than the nodes could hold."""
        return sum(not pooled.is_beyond for pooled in self.alike(resources)) < self.slots(resources)

    def may_go_beyond(self, resources: Resources) -> bool:
        """Whether another may wait for nodes to join: as many may wait as exist already, so that they double."""
        alike = self.alike(resources)
        return sum(pooled.is_beyond for pooled in alike) < max(1, sum(bool(pooled.node) for pooled in alike))

    def has_room(self, resources: Resources, beside: Iterable[Pooled] | None = None) -> bool:
        """Whether one more worker fits besides these, or besides all; those not yet on a node may land on any."""
        others = self.workers.values() if beside is None else beside
        holding = [
            (pooled.node, pooled.resources)
            for pooled in others
            if pooled.node or not (pooled.is_beyond or self.nodes.refusal(pooled.resources))
        ]
        return self.nodes.hold(resources, holding)

    def making_way(self, resources: Resources, wanted: Collection[Resources]) -> list[Pooled] | None:
        """Idle workers of other shapes to end so that one more of this shape fits; None if it does not fit even then.

        Args:
            resources: the shape that needs room.
            wanted: shapes that work waits for.
        """
        return self._making_way(resources, list(self.workers.values()), wanted)

    def clearing_way(self, resources: Resources, wanted: Collection[Resources]) -> list[Pooled]:
        """As ``making_way``, for one that Ray has not started yet: it may wait for what an idle one of another shape
        has got before it.
        """
        begun = [other for other in self.workers.values() if other.resources != resources or other.node]
        return self._making_way(resources, begun, wanted) or []

    def _making_way(
        self, resources: Resources, beside: Sequence[Pooled], wanted: Collection[Resources]
    ) -> list[Pooled] | None:
        near = self.nodes.fitting_ids(resources)
        dispensable = [other for other in beside if _makes_way(other, resources, near, wanted)]
        staying = [other for other in beside if other not in dispensable]
        if not self.has_room(resources, staying):
            return None
        ended: list[Pooled] = []
        while not self.has_room(resources, staying + dispensable):
            ended.append(dispensable.pop())
        return ended

    def lacks_room(self, resources: Resources, wanted: Collection[Resources]) -> bool:
        """Whether the nodes could hold one more of this shape if others were not busy there."""
        if not self.may_grow(resources) or self.is_starting(resources) or self.nodes.refusal(resources) is not None:
            return False
        return self.making_way(resources, wanted) is None

    def kept_for(self, ahead: Iterable[Resources], resources: Resources, seconds: float, now: float) -> set[str]:
        """Nodes on which no call of this shape may start, so that shapes that go first find room there.

        A shape reserves the node with the most room for it, a gang all nodes it could use; but a call that ends before
        others on that node takes nothing away.

        Args:
            ahead: shapes that lack room and go before this one.
            resources: the shape of the worker that could be used.
            seconds: how long the call is expected to last.
            now: monotonic seconds.
        """
        needs, kept = resources.totals().keys(), set[str]()
        busy = [pooled for pooled in self.workers.values() if pooled.load]
        for other in ahead:
            if needs & other.totals().keys() and self.nodes.refusal(other) is None:
                kept |= self._places(other, busy)
        return {
            node
            for node in kept
            if seconds > max((pooled.delay_s(now) for pooled in busy if pooled.node == node), default=0.0)
        }

    def _places(self, resources: Resources, busy: Iterable[Pooled]) -> set[str]:
        if resources.placement.gang > 1:
            return self.nodes.fitting_ids(resources)
        return {self.nodes.roomiest(resources, [(pooled.node, pooled.resources) for pooled in busy])}

    def usage(self) -> Usage:
        """What the nodes have, and what busy workers hold."""
        busy = [pooled for pooled in self.workers.values() if pooled.load]
        names = {name for node in self.nodes.nodes for name in node.resources if ":" not in name}
        held: Counter[str] = Counter()
        for pooled in busy:
            held.update(pooled.resources.totals())
        started = sum(bool(pooled.node) for pooled in self.workers.values())
        return Usage(
            nodes=len(self.nodes.nodes),
            total={name: self.nodes.total(name) for name in names},
            held={name: held[name] for name in names},
            busy=len(busy),
            idle=sum(bool(pooled.node) and not pooled.load for pooled in self.workers.values()),
            waiting=len(self.workers) - started,
        )

    def surplus(self, resources: Resources) -> list[Pooled]:
        """Idle workers of this shape beyond this orchestrator's share."""
        alike = self.alike(resources)
        beyond = max(0, len(alike) - self.slots(resources))
        return [pooled for pooled in alike if pooled.load == 0][:beyond]

    def free(self, resources: Resources) -> dict[str, float]:
        """The nodes' total of what such a task needs, minus what busy workers hold."""
        busy = [pooled.resources.totals() for pooled in self.workers.values() if pooled.load]
        return {
            name: max(0.0, self.nodes.total(name) - sum(used.get(name, 0.0) for used in busy))
            for name in resources.totals()
        }


def _makes_way(other: Pooled, resources: Resources, near: Collection[str], wanted: Collection[Resources]) -> bool:
    """Whether a worker of another shape may be ended for one with these resources, which fits on the nodes ``near``.

    One that Ray has not started yet holds nothing, but may get what is needed here. It makes way, too, unless work
    waits for it: shapes that are wanted at the same time would end each other's workers for ever.
    """
    if other.load or other.resources == resources:
        return False
    if not other.node:
        return other.resources not in wanted
    return other.node in near or resources.placement.gang > 1
