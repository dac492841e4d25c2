"""Makes boards for Grafana from ``boards.yaml``: ``python deploy/grafana/make.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT, ACROSS = 12, 8, 2
"""Of a panel, in Grafana's grid of 24 columns, and how many are side by side."""


def boards() -> dict[str, str]:
    """The boards' files by name."""
    given = yaml.safe_load((HERE / "boards.yaml").read_text())
    return {f"{name}.json": json.dumps(board(name, each), indent=1) + "\n" for name, each in given.items()}


def board(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """A board as Grafana reads it."""
    links = [link | {"type": "link", "targetBlank": True} for link in given.get("links", [])]
    return {
        "uid": f"eopiez-{name}", "title": given["title"], "tags": ["eopiez"], "schemaVersion": 39, "version": 1,
        "editable": True, "refresh": "30s", "time": {"from": "now-3h", "to": "now"}, "timezone": "browser",
        "links": [{"type": "dashboards", "tags": ["eopiez"], "asDropdown": True, "title": "Eopiez"}, *links],
        "templating": {"list": [_project()]},
        "panels": [panel(number, **each) for number, each in enumerate(given["panels"])],
    }  # fmt: skip


def panel(number: int, title: str, unit: str, queries: dict[str, str]) -> dict[str, Any]:
    """A panel with a line for each series."""
    place = {"x": number % ACROSS * WIDTH, "y": number // ACROSS * HEIGHT, "w": WIDTH, "h": HEIGHT}
    targets = [
        {"refId": chr(65 + at), "datasource": SOURCE, "expr": query, "legendFormat": legend, "range": True}
        for at, (legend, query) in enumerate(queries.items())
    ]
    return {
        "id": number + 1, "title": title, "type": "timeseries", "datasource": SOURCE, "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }  # fmt: skip


def _project() -> dict[str, Any]:
    """The choice of projects at the top."""
    query = "label_values(eopiez_workflows, project)"
    return {
        "name": "project", "label": "Project", "type": "query", "datasource": SOURCE, "refresh": 2, "query": query,
        "definition": query, "includeAll": True, "multi": True, "allValue": ".*", "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }  # fmt: skip


if __name__ == "__main__":
    for name, text in boards().items():
        (HERE / "boards" / name).write_text(text)
