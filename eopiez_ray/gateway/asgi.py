"""For ASGI servers: ``uvicorn --factory eopiez_ray.gateway.asgi:app`` serves the gateway without Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..settings import Settings
from .app import create_app

if TYPE_CHECKING:
    from fastapi import FastAPI


def app() -> FastAPI:
    """The application, with settings from the environment."""
    return create_app(Settings())
