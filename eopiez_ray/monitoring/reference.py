"""``docs/metrics.md``, made from the catalogue: ``python -m eopiez_ray.monitoring.reference > docs/metrics.md``."""

from __future__ import annotations

from collections.abc import Iterator

from .catalogue import CATALOGUE, Metric

HEAD = """\
# Metrics

What `GET /metrics` shows. This page is made from the catalogue in the code; [monitoring.md](monitoring.md) says how
metrics are measured, kept and seen.

Labels in *italics* are kept for analyses (`GET /performance`), and summed up in a scrape.
"""
GROUPS = {
    "Nodes and processes": (
        "eopiez_node_cpu", "eopiez_node_m", "eopiez_node_d", "eopiez_node_network", "eopiez_process", "eopiez_event",
    ),
    "Gateway": ("eopiez_http", "eopiez_project", "eopiez_active"),
    "Workflows": ("eopiez_workflow", "eopiez_tasks_interrupted", "eopiez_queue", "eopiez_steps", "eopiez_orch"),
    "Postgres": ("eopiez_postgres",),
    "Ray": ("eopiez_ray",),
    "Artifact store": ("eopiez_artifact_probe", "eopiez_artifact_operation", "eopiez_artifact_transferred"),
    "Monitoring itself": ("eopiez_monitoring",),
}  # fmt: skip
TASKS = "Tasks, results and cost"


def page() -> str:
    """The whole page."""
    sections: dict[str, list[Metric]] = {}
    for metric in CATALOGUE.values():
        sections.setdefault(_group(metric), []).append(metric)
    return "\n".join([HEAD, *(line for title, metrics in sections.items() for line in _section(title, metrics))])


def _group(metric: Metric) -> str:
    return next((title for title, starts in GROUPS.items() if metric.name.startswith(starts)), TASKS)


def _section(title: str, metrics: list[Metric]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| metric | kind | labels | what it says |\n|---|---|---|---|"
    for metric in metrics:
        labels = [f"`{label}`" for label in metric.labels] + [f"*{label}*" for label in metric.within]
        yield f"| `{metric.name}` | {metric.kind} | {', '.join(labels)} | {metric.help} |"
    yield ""


if __name__ == "__main__":
    print(page().rstrip("\n"))
