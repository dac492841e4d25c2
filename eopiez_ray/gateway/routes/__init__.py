"""Endpoints, a module for each resource."""

from . import (
    audit,
    auth,
    documentation,
    failures,
    history,
    keys,
    members,
    monitoring,
    openid,
    performance,
    pipeline,
    plans,
    profile,
    projects,
    requests,
    results,
    services,
    uploads,
    users,
    workflows,
)

_RESOURCES = (
    workflows, failures, requests, history, results, plans, pipeline, uploads, services, monitoring, performance,
    auth, openid, profile, keys, projects, members, users, audit, documentation,
)  # fmt: skip
"""In the order of the API's description."""
ROUTERS = tuple(resource.router for resource in _RESOURCES)
