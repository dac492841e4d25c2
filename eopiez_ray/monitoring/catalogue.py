"""All metrics: what each measures, in which unit, and by which labels.

Names follow Prometheus' rules: base units as suffixes, ``_total`` for what only grows. Labels never are ids, and their
values are bounded: what strangers can invent, such as names of plans, becomes ``(other)`` beyond a limit
(``labels.py``). A label in ``within`` is kept for analyses and left out where metrics are exposed, so that a scrape
stays small.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FAST = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
"""Bounds in seconds for what callers wait for."""
LONG = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""Bounds in seconds for tasks and workflows."""


class Kind(StrEnum):
    """How values of a metric are to be read."""

    GAUGE = "gauge"
    """Where something stands."""
    COUNTER = "counter"
    """How often or how much since the beginning."""
    HISTOGRAM = "histogram"
    """How values are distributed; kept as a sketch."""


class Across(StrEnum):
    """What becomes of a gauge that several processes note at once."""

    SUM = "sum"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A metric."""

    name: str
    kind: Kind
    help: str
    """A sentence for whoever reads it on a board."""
    labels: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    """Labels kept besides, which are summed up where metrics are exposed."""
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets where it is exposed."""
    across: Across = Across.SUM
    is_public: bool = False
    """Whether everybody may see it, although it is about no project."""

    @property
    def kept(self) -> tuple[str, ...]:
        """All its labels, in the order in which values are given."""
        return self.labels + self.within

    @property
    def unit(self) -> str:
        """Its unit, the last word of its name; empty for a plain number."""
        word = self.name.removesuffix("_total").rpartition("_")[2]
        return word if word in {"seconds", "bytes", "ratio"} else ""


CATALOGUE: dict[str, Metric] = {}
"""All metrics by name."""


def _added(metric: Metric) -> Metric:
    assert metric.name not in CATALOGUE, metric.name
    CATALOGUE[metric.name] = metric
    return metric


def _counter(name: str, sentence: str, *labels: str, within: tuple[str, ...] = ()) -> Metric:
    return _added(Metric(name, Kind.COUNTER, sentence, labels, within))


def _gauge(name: str, sentence: str, *labels: str, across: Across = Across.SUM, is_public: bool = False) -> Metric:
    return _added(Metric(name, Kind.GAUGE, sentence, labels, across=across, is_public=is_public))


def _histogram(
    name: str, sentence: str, *labels: str, within: tuple[str, ...] = (), bounds: tuple[float, ...] = LONG
) -> Metric:
    return _added(Metric(name, Kind.HISTOGRAM, sentence, labels, within, bounds))


# Nodes and processes.
NODE_CPU = _gauge("eopiez_node_cpu_ratio", "Share of a node's CPUs that is at work.", "node", across=Across.LARGEST)
NODE_MEMORY = _gauge(
    "eopiez_node_memory_bytes", "Memory of a node, used and available.", "node", "state", across=Across.LARGEST
)
NODE_DISK = _gauge(
    "eopiez_node_disk_bytes", "Space on the disk of a node's data home, used and free.", "node", "state",
    across=Across.LARGEST,
)  # fmt: skip
NODE_DISK_BYTES = _counter(
    "eopiez_node_disk_transferred_bytes_total", "Bytes read from and written to a node's disks.", "node", "direction"
)
NODE_NETWORK_BYTES = _counter(
    "eopiez_node_network_transferred_bytes_total", "Bytes a node received and sent.", "node", "direction"
)
PROCESS_CPU = _counter(
    "eopiez_process_cpu_seconds_total", "CPU time of the system's own processes and their children.", "node", "part"
)
PROCESS_MEMORY = _gauge(
    "eopiez_process_resident_memory_bytes", "Memory that the system's own processes occupy.", "node", "part"
)
PROCESS_THREADS = _gauge("eopiez_process_threads", "Threads of the system's own processes.", "node", "part")
PROCESS_FILES = _gauge(
    "eopiez_process_open_files", "Files and sockets that the system's own processes have open.", "node", "part"
)
PROCESSES = _gauge("eopiez_processes", "Gateway replicas and orchestrators that report.", "part", is_public=True)
LOOP_LAG = _histogram(
    "eopiez_event_loop_lag_seconds", "How late a process' event loop comes to what is due.", "part", bounds=FAST
)

# The gateway.
HTTP_REQUESTS = _counter(
    "eopiez_http_requests_total", "Requests that were answered, by route and status.", "method", "route", "status"
)
HTTP_SECONDS = _histogram(
    "eopiez_http_request_seconds", "Time from a request to the last byte of its answer, streams apart.",
    "route", within=("method",), bounds=FAST,
)  # fmt: skip
HTTP_IN_FLIGHT = _gauge("eopiez_http_requests_in_flight", "Requests that are being answered.")
HTTP_FOLLOWERS = _gauge("eopiez_http_followers", "Followers of events and logs.")
PROJECT_REQUESTS = _counter("eopiez_project_requests_total", "Requests of callers who work for a project.", "project")
ACTIVE_USERS = _gauge(
    "eopiez_active_users", "Users of a project who sent a request in the last five minutes.", "project"
)

# Monitoring itself.
FOLD_SECONDS = _histogram(
    "eopiez_monitoring_fold_seconds", "Time that folding what was measured into samples takes.", bounds=FAST
)
SERIES = _gauge("eopiez_monitoring_series", "Series that are kept.")
CHORE_FAILURES = _counter(
    "eopiez_monitoring_failures_total", "Chores of monitoring that failed and were tried again.", "chore"
)
