"""What a cluster's nodes can hold, computed from what Ray last reported about them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..model.policies import Resources


class Node(NamedTuple):
    """A living node."""

    id: str
    host: str
    resources: Mapping[str, float]
    labels: Mapping[str, str]


class Nodes:
    """The living nodes of a cluster."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self.nodes = sorted(nodes, key=lambda node: node.id)
        self._slots: dict[Resources, int] = {}
        self._refusals: dict[Resources, str | None] = {}

    @property
    def hosts(self) -> set[str]:
        """Names of the machines."""
        return {node.host for node in self.nodes}

    def total(self, name: str) -> float:
        """How much of a resource all nodes have in total."""
        return sum(node.resources.get(name, 0.0) for node in self.nodes)

    def largest(self, name: str) -> float:
        """The most of a resource that any single node has."""
        return max((node.resources.get(name, 0.0) for node in self.nodes), default=0.0)

    def fitting(self, resources: Resources) -> list[Node]:
        """The nodes that could run one task with these resources if nothing else ran there."""
        needs, choices = resources.totals(), resources.placement.choices
        return [
            node
            for node in self.nodes
            if all(node.resources.get(name, 0.0) >= amount for name, amount in needs.items())
            and any(matches(node.labels, wanted) for wanted in choices)
        ]

    def fitting_ids(self, resources: Resources) -> set[str]:
        """Ids of the nodes that ``fitting`` gives."""
        return {node.id for node in self.fitting(resources)}

    def hold(self, resources: Resources, beside: Sequence[tuple[str, Resources]]) -> bool:
        """Whether one more task with these resources fits besides others, each given with its node.

        Those without a node count against all nodes together, since they may land on any.
        """
        needs, gang, used = _needs(resources), resources.placement.gang, _used(beside)
        together = sum(used.values(), Counter[str]())
        if any(together[name] + amount * gang > self.total(name) + 1e-9 for name, amount in needs.items()):
            return False
        return sum(max(0, _times(node, needs)) for node in self._left(resources, used)) >= gang

    def roomiest(self, resources: Resources, beside: Sequence[tuple[str, Resources]]) -> str:
        """Id of the node with the most room for such a task besides others, given as in ``hold``.

        Raises:
            ValueError: no node can ever run it.
        """
        needs = _needs(resources)
        return max(self._left(resources, _used(beside)), key=lambda node: _share(node, needs)).id

    def _left(self, resources: Resources, used: Mapping[str, Counter[str]]) -> list[Node]:
        """The nodes on which such a task fits, with how much of what it needs is left there."""
        needs = _needs(resources)
        return [
            node._replace(resources={name: node.resources.get(name, 0.0) - used[node.id][name] for name in needs})
            if node.id in used
            else node
            for node in self.fitting(resources)
        ]

    def slots(self, resources: Resources) -> int:
        """How many tasks with these resources the nodes can run at once if nothing else runs; at least 1."""
        if resources not in self._slots:
            needs = _needs(resources)
            held = sum(_times(node, needs) for node in self.fitting(resources))
            self._slots[resources] = max(1, held // resources.placement.gang)
        return self._slots[resources]

    def refusal(self, resources: Resources) -> str | None:
        """Why no node can ever run a task with these resources; None if one can."""
        if resources not in self._refusals:
            self._refusals[resources] = self._refusal(resources)
        return self._refusals[resources]

    def _refusal(self, resources: Resources) -> str | None:
        fitting, gang = self.fitting(resources), resources.placement.gang
        needs = _needs(resources)
        if fitting:
            held = sum(_times(node, needs) for node in fitting)
            return None if held >= gang else f"it needs {gang} bundles of {_listed(needs)}, but the nodes hold {held}"
        for name, amount in needs.items():
            if amount > self.largest(name):
                return f"it needs {_amount(name, amount)}, but the largest node has {_amount(name, self.largest(name))}"
        choices = [labels for labels in resources.placement.choices if labels]
        if choices and not any(matches(node.labels, wanted) for node in self.nodes for wanted in choices):
            asked = " or ".join(", ".join(f"{key}={value}" for key, value in labels.items()) for labels in choices)
            return f"it needs a node with the label {asked}, but no node has it"
        return f"it needs {_listed(needs)} on one node, but no node it may run on has all of that"


def matches(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a node's labels match, by the rules of Ray's label selectors."""
    return all(_is_met(labels.get(key), value) for key, value in wanted.items())


def _is_met(label: str | None, wanted: str) -> bool:
    is_negated, wanted = wanted.startswith("!"), wanted.removeprefix("!")
    several = re.fullmatch(r"(?:in)?\((.*)\)", wanted)
    allowed = {value.strip() for value in several[1].split(",")} if several else {wanted}
    return (label in allowed) is not is_negated


def _needs(resources: Resources) -> dict[str, float]:
    """What counts as needed: a little CPU if nothing is requested."""
    return resources.totals() or {"CPU": 0.1}


def _used(beside: Iterable[tuple[str, Resources]]) -> dict[str, Counter[str]]:
    """What tasks hold, by node."""
    used: dict[str, Counter[str]] = {}
    for node, taken in beside:
        bundles = taken.placement.gang
        used.setdefault(node, Counter()).update({name: n * bundles for name, n in taken.totals().items()})
    return used


def _times(node: Node, needs: Mapping[str, float]) -> int:
    return int(_share(node, needs) + 1e-9)


def _share(node: Node, needs: Mapping[str, float]) -> float:
    """How many times the node can hold what is needed."""
    return min(node.resources.get(name, 0.0) / amount for name, amount in needs.items())


def _listed(needs: Mapping[str, float]) -> str:
    return ", ".join(_amount(name, amount) for name, amount in needs.items())


def _amount(name: str, amount: float) -> str:
    return f"{amount / 2**30:.3g} GiB of memory" if name == "memory" else f"{amount:g} {name}"
