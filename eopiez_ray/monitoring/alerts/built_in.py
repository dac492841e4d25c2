"""The rules that hold from the first moment.

Whoever wants another bound writes a rule of the system with the same name; whoever wants none says ``enabled: false``
there.
"""

from __future__ import annotations

from typing import Any

from .rules import Rule

FREE_MEMORY = {"metric": "eopiez_node_memory_bytes", "where": {"state": "available"}}
FREE_DISK = {"metric": "eopiez_node_disk_bytes", "where": {"state": "free"}}
ENDED = "eopiez_workflows_ended_total"
HTTP = "eopiez_http_requests_total"
DAY_S = 86_400
FAILURES = {"status": ["500", "502", "504"]}

DOCUMENTS: tuple[dict[str, Any], ...] = (
    # Performance.
    {
        "name": "api-slow", "severity": "warning", "for": "5m",
        "when": {"kind": "threshold", "metric": "eopiez_http_request_seconds", "read": "p99", "window": "5m",
                 "above": 2.5, "clear": 1.5},
        "summary": "The slowest 1 % of the API's answers take $value s or longer.",
    },
    {
        "name": "commits-slow", "severity": "warning", "for": "5m",
        "when": {"kind": "threshold", "metric": "eopiez_postgres_probe_seconds", "read": "p95", "window": "5m",
                 "above": 0.25, "clear": 0.1},
        "summary": "A commit takes $value s, which everything waits for.",
    },
    {
        "name": "first-task-slow", "severity": "warning", "for": "10m",
        "when": {"kind": "threshold", "metric": "eopiez_workflow_first_task_seconds", "by": ["project"], "read": "p95",
                 "window": "30m", "above": 300},
        "summary": "Workflows of project $project wait $value s for their first task.",
    },
    # Error rates.
    {
        "name": "api-budget-burns", "severity": "critical",
        "when": {"kind": "burn_rate", "bad": {"metric": HTTP, "where": FAILURES}, "all": {"metric": HTTP},
                 "objective": 0.999, "least": 100},
        "summary": "The API fails so often that its budget of 0.1 % burns $value times too fast.",
    },
    {
        "name": "workflows-fail", "severity": "warning",
        "when": {"kind": "ratio", "part": {"metric": ENDED, "where": {"status": ["failed", "quarantined"]}},
                 "whole": {"metric": ENDED}, "by": ["project"], "window": "15m", "least": 5, "above": 0.2,
                 "clear": 0.1},
        "summary": "Of the workflows of project $project, $percent fail.",
    },
    {
        "name": "workflow-quarantined", "severity": "critical",
        "when": {"kind": "threshold", "metric": ENDED, "where": {"status": "quarantined"}, "by": ["project"],
                 "read": "count", "window": "15m", "above": 0},
        "summary": "$value workflows of project $project were set aside, because they could not be driven any further.",
    },
    {
        "name": "attempts-unusual", "severity": "info", "for": "10m",
        "when": {"kind": "unusual", "metric": "eopiez_attempts_failed_total", "by": ["project"], "window": "1h",
                 "side": "above", "times": 6, "least": 0.01},
        "summary": "Attempts at tasks of project $project fail $value times a second, which is unusual at this hour.",
    },
    # Resources.
    {
        "name": "disk-full-soon", "severity": "warning", "for": "1m",
        "when": {"kind": "ratio", "part": FREE_DISK, "whole": {"metric": "eopiez_node_disk_bytes"}, "by": ["node"],
                 "window": "1m", "below": 0.1, "clear": 0.12},
        "summary": "On node $node, $percent of the disk are free.",
    },
    {
        "name": "disk-full", "severity": "critical",
        "when": {"kind": "ratio", "part": FREE_DISK, "whole": {"metric": "eopiez_node_disk_bytes"}, "by": ["node"],
                 "window": "1m", "below": 0.04, "clear": 0.06},
        "summary": "On node $node, $percent of the disk are free: workflows are about to stop.",
    },
    {
        "name": "memory-short", "severity": "warning", "for": "2m",
        "when": {"kind": "ratio", "part": FREE_MEMORY, "whole": {"metric": "eopiez_node_memory_bytes"},
                 "by": ["node"], "window": "1m", "below": 0.05, "clear": 0.1},
        "summary": "On node $node, $percent of the memory are free.",
    },
    {
        "name": "cpu-saturated", "severity": "info", "for": "30m",
        "when": {"kind": "threshold", "metric": "eopiez_node_cpu_ratio", "by": ["node"], "read": "mean",
                 "window": "10m", "above": 0.95, "clear": 0.85},
        "summary": "The CPUs of node $node were busy for $percent of the time.",
    },
    {
        "name": "transaction-too-long", "severity": "warning", "for": "1m",
        "when": {"kind": "threshold", "metric": "eopiez_postgres_longest_transaction_seconds", "above": 1800},
        "summary": "A transaction has been open for $value s, which keeps Postgres from cleaning up.",
    },
    {
        "name": "deadlocks", "severity": "warning",
        "when": {"kind": "threshold", "metric": "eopiez_postgres_deadlocks_total", "read": "count", "window": "15m",
                 "above": 0},
        "summary": "Postgres broke $value deadlocks in 15 minutes.",
    },
    {
        "name": "artifacts-unreachable", "severity": "critical", "for": "30s",
        "when": {"kind": "threshold", "metric": "eopiez_artifact_probe_failures_total", "read": "count",
                 "window": "2m", "above": 0},
        "summary": "The artifact store cannot be written and read: $value tries failed in two minutes.",
    },
    {
        "name": "artifacts-damaged", "severity": "critical",
        "when": {"kind": "threshold", "metric": "eopiez_artifact_operations_total", "where": {"outcome": "damaged"},
                 "read": "count", "window": "15m", "above": 0},
        "summary": "Artifacts are not what was written: $value reads found so in 15 minutes. Look at the disks, and "
        "verify the last backup.",
    },
    {
        "name": "backup-too-old", "severity": "critical", "for": "5m",
        "when": {"kind": "ratio", "part": {"metric": "eopiez_backup_age_seconds"},
                 "whole": {"metric": "eopiez_backup_interval_seconds"}, "window": "5m", "above": 1.5, "clear": 1.2},
        "summary": "The last backup is $value times as old as it may be.",
    },
    {
        "name": "certificate-ends-soon", "severity": "warning",
        "when": {"kind": "threshold", "metric": "eopiez_certificate_left_seconds", "below": 21 * DAY_S},
        "summary": "The gateway's certificate ends in less than 21 days, to be exact in $value s. Renew it.",
    },
    {
        "name": "certificate-ends", "severity": "critical",
        "when": {"kind": "threshold", "metric": "eopiez_certificate_left_seconds", "below": 3 * DAY_S},
        "summary": "The gateway's certificate ends in less than 3 days, to be exact in $value s: then nobody gets in.",
    },
    # Security.
    {
        "name": "passwords-guessed", "severity": "warning",
        "when": {"kind": "events", "source": "audit", "where": {"action": "session.create", "result": "refused"},
                 "by": ["address"], "window": "5m", "above": 9},
        "summary": "From $address, $value sign-ins were refused in five minutes.",
    },
    {
        "name": "account-attacked", "severity": "warning",
        "when": {"kind": "events", "source": "audit", "where": {"action": "session.create", "result": "refused"},
                 "by": ["actor"], "window": "15m", "above": 19},
        "summary": "As $actor, $value sign-ins were refused in 15 minutes.",
    },
    {
        "name": "refresh-token-reused", "severity": "critical", "resolve_after": "5m",
        "when": {"kind": "events", "source": "audit", "where": {"action": "session.reuse"}, "by": ["actor"],
                 "window": "15m", "above": 0},
        "summary": "A refresh token of $actor was used twice: somebody else has it. The session was ended.",
    },
    {
        "name": "privileges-changed", "severity": "info",
        "when": {"kind": "events", "source": "audit",
                 "where": {"action": ["user.create", "user.update", "member.put"], "result": "done"},
                 "by": ["actor"], "window": "5m", "above": 0},
        "summary": "What others may do was changed $value times by $actor; the audit log says how.",
    },
    {
        "name": "refusals-many", "severity": "warning",
        "when": {"kind": "events", "source": "audit", "where": {"result": "refused"}, "by": ["address"],
                 "window": "5m", "above": 49},
        "summary": "From $address, $value requests were refused in five minutes.",
    },
    {
        "name": "audit-log-broken", "severity": "critical", "when": {"kind": "audit_chain"},
        "summary": "The audit log was tampered with: $value faults. `eopiez audit verify` says where.",
    },
    # The engine.
    {
        "name": "orchestrator-gone", "severity": "critical", "for": "60s",
        "when": {"kind": "threshold", "metric": "eopiez_orchestrators", "below": 1},
        "summary": "No orchestrator drives workflows.",
    },
    {
        "name": "metrics-absent", "severity": "warning", "for": "30s",
        "when": {"kind": "absence", "metric": "eopiez_processes", "window": "2m"},
        "summary": "Nothing has been measured for two minutes; rules over metrics see nothing.",
    },
    {
        "name": "lease-churn", "severity": "warning",
        "when": {"kind": "ratio", "part": {"metric": "eopiez_workflow_claims_total"},
                 "whole": {"metric": "eopiez_workflows_submitted_total"}, "window": "15m", "least": 1, "above": 5},
        "summary": "Workflows change hands: $value times as many were taken up as were submitted.",
    },
    {
        "name": "queue-grows", "severity": "warning", "for": "5m",
        "when": {"kind": "unusual", "metric": "eopiez_workflows", "where": {"status": "queued"}, "by": ["project"],
                 "window": "15m", "side": "above", "times": 6, "least": 50},
        "summary": "$value workflows of project $project are queued, which is unusual at this hour.",
    },
    {
        "name": "backlog-old", "severity": "warning", "for": "2m",
        "when": {"kind": "threshold", "metric": "eopiez_queue_age_seconds", "by": ["project"], "above": 1800,
                 "clear": 900},
        "summary": "A workflow of project $project has been queued for $value s.",
    },
    {
        "name": "monitoring-fails", "severity": "warning",
        "when": {"kind": "threshold", "metric": "eopiez_monitoring_failures_total", "by": ["chore"], "read": "count",
                 "window": "5m", "above": 2},
        "summary": "Monitoring failed $value times to: $chore.",
    },
)  # fmt: skip

BUILT_IN: dict[str, Rule] = {document["name"]: Rule.model_validate(document) for document in DOCUMENTS}
"""By name."""
