"""Endpoints, a module for each resource."""

from . import history, monitoring, pipeline, requests, results, uploads, workflows

_RESOURCES = (workflows, requests, history, results, pipeline, uploads, monitoring)
"""In the order of the API's description."""
ROUTERS = tuple(resource.router for resource in _RESOURCES)
