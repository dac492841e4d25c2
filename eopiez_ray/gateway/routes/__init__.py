"""Endpoints, a module for each resource."""

from . import (
    alert_channels,
    alert_rules,
    alert_silences,
    alerts,
    audit,
    auth,
    comparison,
    costs,
    dashboard,
    disagreements,
    documentation,
    erasures,
    exploring,
    failures,
    history,
    keys,
    limits,
    logs,
    members,
    metric_history,
    monitoring,
    openid,
    performance,
    pictures,
    pipeline,
    plan_versions,
    plans,
    profile,
    projects,
    rejects,
    requests,
    results,
    retention,
    services,
    uploads,
    users,
    workflows,
)

_RESOURCES = (
    workflows, plan_versions, failures, requests, history, pictures, results, rejects, plans, pipeline, exploring,
    disagreements, comparison, uploads, services, monitoring, metric_history, performance, costs, logs, alerts,
    alert_rules, alert_silences, alert_channels, auth, openid, profile, keys, projects, limits, retention, erasures,
    members, users, audit, documentation,
)  # fmt: skip
"""In the order of the API's description."""
ROUTERS = tuple(resource.router for resource in _RESOURCES)
DASHBOARD = dashboard.router
"""Not a part of the API: its paths have no version."""
