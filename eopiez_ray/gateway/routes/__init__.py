"""Endpoints, a module for each resource."""

from . import history, monitoring, requests, results, workflows

ROUTERS = (workflows.router, requests.router, history.router, results.router, monitoring.router)
"""In the order of the API's description."""
