"""Endpoints, a module for each resource."""

from . import (
    audit,
    auth,
    history,
    keys,
    members,
    monitoring,
    openid,
    profile,
    projects,
    requests,
    results,
    users,
    workflows,
)

ROUTERS = (
    workflows.router, requests.router, history.router, results.router, monitoring.router, auth.router, openid.router,
    profile.router, keys.router, projects.router, members.router, users.router, audit.router,
)  # fmt: skip
"""In the order of the API's description."""
