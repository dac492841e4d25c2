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

# Workflows, as they have committed.
SUBMITTED = _counter("eopiez_workflows_submitted_total", "Workflows that were created.", "project", within=("plan",))
ENDED = _counter(
    "eopiez_workflows_ended_total", "Workflows that ended, by status; one that is retried may end again.",
    "project", "status", within=("plan",),
)  # fmt: skip
WORKFLOW_SECONDS = _histogram(
    "eopiez_workflow_seconds", "Time from a workflow's creation to its end.", "project", within=("plan", "status")
)
FIRST_TASK_SECONDS = _histogram(
    "eopiez_workflow_first_task_seconds",
    "Time from a workflow's creation to the start of its first task, of those that ended.", "project",
    within=("plan",),
)  # fmt: skip
REQUESTS = _counter(
    "eopiez_workflow_requests_total", "Pauses, resumes, cancels and retries that were asked for.", "project", "verb"
)
CLAIMS = _counter(
    "eopiez_workflow_claims_total", "Times that an orchestrator took up a workflow to drive it.", "project"
)
DRAIN_SECONDS = _histogram(
    "eopiez_workflow_drain_seconds", "Time from the request for a pause until nothing is in flight.", "project",
    bounds=FAST,
)  # fmt: skip
INTERRUPTED = _counter(
    "eopiez_tasks_interrupted_total", "Tasks in flight that a pause or cancel stopped on purpose.", "project"
)
WORKFLOWS = _gauge("eopiez_workflows", "Workflows that have not ended, by status.", "project", "status")
QUEUE_AGE = _gauge("eopiez_queue_age_seconds", "Age of the oldest queued workflow of a project.", "project")
WAITING = _gauge(
    "eopiez_steps_waiting", "Steps with work that does not start, by what they wait for.", "project", "reason"
)
ORCHESTRATORS = _gauge("eopiez_orchestrators", "Orchestrators that hold a lease now.", is_public=True)

# Tasks, as they have committed.
TASKS = _counter(
    "eopiez_tasks_ended_total", "Tasks that ended: succeeded, cached, or failed for good.", "project", "phase",
    "outcome", within=("plan", "step", "version"),
)  # fmt: skip
ATTEMPTS = _counter(
    "eopiez_attempts_failed_total", "Attempts at tasks that gave no result, by how and with which error they ended.",
    "project", "outcome", "error_type", within=("plan", "step", "phase"),
)  # fmt: skip
RETRIES = _counter("eopiez_tasks_retried_total", "Attempts that were followed by another one.", "project", "phase")
RUN_SECONDS = _histogram(
    "eopiez_task_run_seconds", "What tasks took to run.", "project", "phase", within=("plan", "step", "version")
)
WAIT_SECONDS = _histogram(
    "eopiez_task_wait_seconds", "Time from when all inputs of a task were there until it started, earlier attempts "
    "included; of more than 20,000 tasks in an interval, of a sample.", "project",
    within=("phase", "plan", "step", "version"),
)  # fmt: skip
COMMIT_SECONDS = _histogram(
    "eopiez_task_commit_seconds", "Time from the end of a task until its result began to be committed.", "project",
    within=("phase", "plan", "step", "version"), bounds=FAST,
)  # fmt: skip
NODE_RUN_SECONDS = _histogram(
    "eopiez_node_task_run_seconds", "What tasks took to run, by node.", "node", within=("project",)
)
ROWS = _counter("eopiez_rows_total", "Rows, such as documents, that tasks gave.", "project", "phase")
REJECTS = _counter("eopiez_rows_rejected_total", "Rows that tasks set aside as bad.", "project", "phase")
RESULT_BYTES = _counter("eopiez_result_bytes_total", "Size of what tasks gave.", "project", "phase")
ARTIFACT_BYTES = _counter(
    "eopiez_artifact_result_bytes_total", "Size of results that are artifacts, since they are too large for a row.",
    "project",
)  # fmt: skip
SAVED_SECONDS = _counter(
    "eopiez_cache_saved_seconds_total", "Time that tasks would have run whose result was in the cache, as estimated "
    "from the mean of their phase.", "project", "phase",
)  # fmt: skip
CPU_SECONDS = _counter(
    "eopiez_task_cpu_seconds_total", "CPU time of tasks.", "project", within=("owner", "plan", "phase")
)
GPU_SECONDS = _counter(
    "eopiez_task_gpu_seconds_total", "Time for which tasks held GPUs, times how many.", "project",
    within=("owner", "plan", "phase"),
)  # fmt: skip
MEMORY_SECONDS = _counter(
    "eopiez_task_memory_gibibyte_seconds_total",
    "Memory that tasks held or were seen to use, times the time for which they ran.", "project",
    within=("owner", "plan", "phase"),
)  # fmt: skip
COST = _counter(
    "eopiez_cost_total", "Cost of tasks by the prices that were set when they ended.", "project",
    within=("owner", "plan", "phase"),
)  # fmt: skip
SLOT_SECONDS = _counter(
    "eopiez_slot_seconds_total", "Time of slots, which are CPUs: at work, or by what kept them from it, such as a "
    "limit, lack of room, retries or dependencies; idle if there was nothing to do.", "use",
)  # fmt: skip
HELD_SECONDS = _counter(
    "eopiez_held_back_seconds_total", "Time that work could not start although its inputs were there, times the slots "
    "that it needs, by what held it back: a limit, lack of room, or the pause before another attempt.", "project", "by",
)  # fmt: skip

# Postgres.
DB_CONNECTIONS = _gauge("eopiez_postgres_connections", "Connections to the database, by what they do.", "state")
DB_TRANSACTIONS = _counter(
    "eopiez_postgres_transactions_total", "Transactions of the database, committed and rolled back.", "outcome"
)
DB_BLOCKS = _counter(
    "eopiez_postgres_blocks_total", "Blocks of 8 KiB that were read: hits in the cache, and reads.", "source"
)
DB_ROWS = _gauge("eopiez_postgres_rows", "Rows of a table, live and dead, as estimated.", "table", "state")
DB_TABLE_BYTES = _gauge("eopiez_postgres_table_bytes", "Size of a table with its indexes.", "table")
DB_BYTES = _gauge("eopiez_postgres_size_bytes", "Size of the database.")
DB_WAITING = _gauge("eopiez_postgres_locks_waiting", "Sessions that wait for a lock.")
DB_LONGEST = _gauge("eopiez_postgres_longest_transaction_seconds", "Age of the oldest open transaction.")
DB_LAG = _gauge(
    "eopiez_postgres_replication_lag_bytes", "What a standby has not replayed yet, of the one furthest behind."
)
DB_DEADLOCKS = _counter("eopiez_postgres_deadlocks_total", "Deadlocks that the database broke.")
DB_TEMPORARY = _counter("eopiez_postgres_temporary_bytes_total", "Bytes that sorts and joins spilled to disk.")
DB_STATEMENT_SECONDS = _counter(
    "eopiez_postgres_statement_seconds_total", "Time that statements took in the server, by their names in the code; "
    "those that took least, and those that are not ours, together as `(other)`. Where pg_stat_statements counts them.",
    "statement",
)  # fmt: skip
DB_STATEMENT_CALLS = _counter(
    "eopiez_postgres_statement_calls_total", "How often statements ran in the server, by their names in the code.",
    "statement",
)  # fmt: skip
DB_BLOAT = _gauge(
    "eopiez_postgres_bloat_bytes", "What tables and their indexes occupy beyond what their rows need, as estimated by "
    "the planner's statistics.", "table", "kind",
)  # fmt: skip
DB_PROBE_SECONDS = _histogram(
    "eopiez_postgres_probe_seconds", "Time that a commit of one small row takes, with its round trips.", bounds=FAST
)

# The artifact store and Ray.
ARTIFACT_SECONDS = _histogram(
    "eopiez_artifact_probe_seconds", "Time to write a small artifact and read it back.", bounds=FAST
)
ARTIFACT_FAILURES = _counter(
    "eopiez_artifact_probe_failures_total", "Times that a small artifact could not be written and read back."
)
ARTIFACT_OPERATIONS = _counter(
    "eopiez_artifact_operations_total", "Reads, writes, looks and deletions of artifacts by all processes, by how they "
    "ended; a write that found the same content there is called so.", "operation", "outcome",
)  # fmt: skip
ARTIFACT_OPERATION_SECONDS = _histogram(
    "eopiez_artifact_operation_seconds", "Time that an operation on an artifact took that succeeded; a first read in a "
    "process includes the comparison with its digest.", "operation", bounds=FAST,
)  # fmt: skip
ARTIFACT_TRANSFERRED = _counter(
    "eopiez_artifact_transferred_bytes_total", "Bytes of artifacts that were read and written by all processes.",
    "operation",
)  # fmt: skip
BACKUP_AGE = _gauge(
    "eopiez_backup_age_seconds", "Seconds since the last backup that succeeded began, or since the first try.",
    across=Across.LARGEST,
)  # fmt: skip
BACKUP_INTERVAL = _gauge(
    "eopiez_backup_interval_seconds", "Seconds from one backup to the next, as they are wanted.", across=Across.LARGEST
)
BACKUP_VERIFIED_AGE = _gauge(
    "eopiez_backup_verified_age_seconds", "Seconds since a backup was last restored for trial.", across=Across.LARGEST
)
CERTIFICATE_LEFT = _gauge(
    "eopiez_certificate_left_seconds", "Seconds until the gateway's certificate ends; negative once it has.",
    across=Across.LARGEST,
)  # fmt: skip
RAY_NODES = _gauge("eopiez_ray_nodes", "Nodes of the cluster that are alive.", across=Across.LARGEST)
RAY_RESOURCES = _gauge(
    "eopiez_ray_resources", "What the cluster has of each resource; of memory, bytes.", "resource",
    across=Across.LARGEST,
)  # fmt: skip
RAY_HELD = _gauge(
    "eopiez_ray_resources_held", "What workers that are at work hold of each resource; of memory, bytes.", "resource"
)
RAY_WORKERS = _gauge(
    "eopiez_ray_workers", "Workers: busy, idle, and waiting for a node that has room for them.", "state"
)
RAY_STORE = _gauge(
    "eopiez_ray_object_store_bytes", "Memory of the object store on all nodes of a cluster, used and free.", "state"
)
RAY_SPILLED = _counter(
    "eopiez_ray_spilled_bytes_total", "Bytes that the object store wrote to disk for lack of memory."
)
RAY_RESTORED = _counter("eopiez_ray_restored_bytes_total", "Spilled bytes that the object store read back.")

# Monitoring itself.
FOLD_SECONDS = _histogram(
    "eopiez_monitoring_fold_seconds", "Time that folding what was measured into samples takes.", bounds=FAST
)
SERIES = _gauge("eopiez_monitoring_series", "Series that are kept.")
CHORE_FAILURES = _counter(
    "eopiez_monitoring_failures_total", "Chores of monitoring that failed and were tried again.", "chore"
)
