"""What ``eopiez top`` shows, and what its keys do: pure, so that nothing here needs a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from .terminal import duration, size

Metrics = Sequence[Mapping[str, Any]]


class Page(StrEnum):
    """What is shown."""

    WORKFLOWS = "workflows"
    QUEUES = "queues"
    NODES = "nodes"
    PHASES = "phases"


class Cell(NamedTuple):
    """What is shown of a value, and what rows are sorted by."""

    shown: str
    value: float | str


Row = tuple[Cell, ...]


class Table(NamedTuple):
    """A page's rows."""

    columns: tuple[str, ...]
    rows: Sequence[Row]


KEYS = {"w": Page.WORKFLOWS, "u": Page.QUEUES, "n": Page.NODES, "p": Page.PHASES}
"""Keys that turn to a page."""
ERASE, ENTER, ESCAPE = {"\x7f", "\b"}, {"\r", "\n"}, "\x1b"
LONGEST_FILTER = 80


@dataclass(frozen=True, slots=True)
class State:
    """What the user has chosen."""

    page: Page = Page.WORKFLOWS
    sort: int = 0
    """Position of the column by which rows are sorted."""
    is_descending: bool = True
    filter: str = ""
    is_typing: bool = False
    """Whether keys go into the filter."""
    is_over: bool = False

    def pressed(self, key: str, columns: int) -> State:
        """What the state is after a key, on a page with so many columns."""
        if self.is_typing:
            return self._typed(key)
        if key in KEYS:
            return State(KEYS[key], filter=self.filter)
        if key in {"s", "S"}:
            return replace(self, sort=(self.sort + (1 if key == "s" else -1)) % max(1, columns))
        if key == "r":
            return replace(self, is_descending=not self.is_descending)
        if key == "/":
            return replace(self, is_typing=True, filter="")
        return replace(self, is_over=key in {"q", "\x03", "\x04"})

    def _typed(self, key: str) -> State:
        if key in ENTER:
            return replace(self, is_typing=False)
        if key == ESCAPE:
            return replace(self, is_typing=False, filter="")
        if key in ERASE:
            return replace(self, filter=self.filter[:-1])
        if key.isprintable() and len(self.filter) < LONGEST_FILTER:
            return replace(self, filter=self.filter + key)
        return self

    def chosen(self, table: Table) -> list[Row]:
        """The rows that the filter lets through, sorted."""
        wanted = self.filter.lower()
        rows = [row for row in table.rows if any(wanted in cell.shown.lower() for cell in row)]
        at = min(self.sort, len(table.columns) - 1)
        return sorted(rows, key=lambda row: _order(row[at].value), reverse=self.is_descending)


def _order(value: float | str) -> tuple[bool, float, str]:
    return (True, 0.0, value.lower()) if isinstance(value, str) else (False, value, "")


def queues(metrics: Metrics) -> Table:
    """Projects, with what waits in them and for what."""
    status, reasons = (
        by_label(metrics, "eopiez_workflows", "status"),
        by_label(metrics, "eopiez_steps_waiting", "reason"),
    )
    ages = {key: value for (key,), value in values(metrics, "eopiez_queue_age_seconds", "project").items()}
    columns = "queued", "running", "pausing", "paused"
    waits = "room", "limit", "retry", "node"
    rows = [
        (
            Cell(project, project),
            *(_count(status[project].get(name, 0)) for name in columns),
            Cell(duration(ages.get(project, 0.0)) if ages.get(project) else "", ages.get(project, 0.0)),
            *(_count(_waiting(reasons[project], name)) for name in waits),
        )
        for project in sorted({*status, *reasons})
    ]
    titles = "Project", *(name.capitalize() for name in columns), "Oldest", *(f"Waits for {name}" for name in waits)
    return Table(titles, rows)


def _waiting(reasons: Mapping[str, float], name: str) -> float:
    """Steps that wait; for room, whether others are ahead or not."""
    return reasons.get("resources", 0) + reasons.get("turn", 0) if name == "room" else reasons.get(name, 0)


def nodes(metrics: Metrics) -> Table:
    """Nodes, with what is used of them."""
    cpu = {node: value for (node,), value in values(metrics, "eopiez_node_cpu_ratio", "node").items()}
    memory = by_label(metrics, "eopiez_node_memory_bytes", "state", "node")
    disk = by_label(metrics, "eopiez_node_disk_bytes", "state", "node")
    own = by_label(metrics, "eopiez_process_resident_memory_bytes", "part", "node")
    rows = [
        (
            Cell(node, node),
            Cell(f"{cpu.get(node, 0.0):.0%}", cpu.get(node, 0.0)),
            _bytes(memory[node].get("used", 0.0)),
            _bytes(memory[node].get("available", 0.0)),
            _bytes(disk[node].get("free", 0.0)),
            _bytes(sum(own[node].values())),
        )
        for node in sorted({*cpu, *memory})
    ]
    return Table(("Node", "CPU", "Memory used", "Available", "Disk free", "Own processes"), rows)


def phases(groups: Sequence[Mapping[str, Any]]) -> Table:
    """Phases, with what their tasks did."""
    rows = [
        (
            Cell(each["group"]["phase"], each["group"]["phase"]),
            _count(each["tasks"]),
            Cell(f"{each['tasks_per_s']:.3g}/s", each["tasks_per_s"]),
            _count(each["failed"]),
            *(Cell(duration(each["run"][name]), each["run"][name]) for name in ("p50_s", "p95_s")),
            Cell(duration(each["wait"]["p95_s"]), each["wait"]["p95_s"]),
            Cell(f"{each['run_share']:.0%}", each["run_share"]),
        )
        for each in groups
    ]
    return Table(("Phase", "Tasks", "Rate", "Failed", "p50", "p95", "Wait p95", "Share"), rows)


def by_label(metrics: Metrics, name: str, label: str, of: str = "project") -> defaultdict[str, dict[str, float]]:
    """Values of a metric by one label, for each value of another."""
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (key, value), amount in values(metrics, name, of, label).items():
        found[key][value] = amount
    return found


def values(metrics: Metrics, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Values of a metric by some labels."""
    samples: Sequence[Mapping[str, Any]] = next((each["samples"] for each in metrics if each["name"] == name), [])
    return {tuple(each["labels"].get(label, "") for label in labels): each["value"] for each in samples}


def _count(number: float) -> Cell:
    return Cell(f"{number:,.0f}" if number else "", number)


def _bytes(number: float) -> Cell:
    return Cell(size(number), number)
