"""The gateway on Ray Serve: replicas that scale with the requests in flight, and followers apart from them.

Followers of events and logs stay for long. In a deployment of their own, of a fixed size, they keep neither the others'
scaling nor rolling updates waiting. The API sends them there by a redirect.
"""

# Annotations are not postponed here: by that of a builder's argument, Ray knows what to make of a configuration's args.

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from ..settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from ray.serve import Application

FOLLOWERS = "/follow"
"""Where followers are served, beside the API at ``/``."""
ADMITTED = 20
"""Requests that a replica admits beyond those that it answers, so that it says itself that it is busy."""


class Options(BaseModel):
    """What ``serve_config.yaml`` can say of the gateway; everything else comes from ``EOPIEZ_*`` variables."""

    model_config = ConfigDict(extra="forbid")

    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=4, ge=1)
    target_ongoing_requests: float = Field(default=16, gt=0)
    """Requests in flight for each replica to which Serve scales."""
    follower_replicas: int = Field(default=1, ge=1)
    settings: dict[str, Any] = Field(default_factory=dict)
    """Fields of ``Settings`` that override variables."""


def api(options: Options) -> "Application":
    """The API, to be served at ``/``."""
    overrides = options.settings | {"gateway_followers": FOLLOWERS}
    scaling = {
        "min_replicas": options.min_replicas,
        "max_replicas": max(options.min_replicas, options.max_replicas),
        "target_ongoing_requests": options.target_ongoing_requests,
    }
    bound: Application = _deployment("Gateway", overrides, autoscaling_config=scaling).bind()
    return bound


def followers(options: Options) -> "Application":
    """The same application for those who follow, to be served at ``FOLLOWERS``."""
    bound: Application = _deployment("Followers", options.settings, num_replicas=options.follower_replicas).bind()
    return bound


def _deployment(name: str, overrides: dict[str, Any], **options: Any) -> Any:
    """A deployment whose replicas build the application themselves: a pickled one would not work.

    They read their settings where they run, so that no password of a database is in Serve's own records. They take no
    CPU from the work: whoever asks and whoever computes should not wait for each other.
    """
    settings = Settings(**overrides)

    def build() -> "FastAPI":  # A plain function: anything else, Serve would take for the application itself.
        from .app import create_app  # Whoever deploys it needs seconds less without the application.

        return create_app(Settings(**overrides))

    deploy = serve.deployment(
        name=name,
        ray_actor_options={"num_cpus": 0},
        max_ongoing_requests=settings.gateway_requests + settings.gateway_streams + ADMITTED,
        health_check_period_s=1,  # A replica that has died is noticed by this.
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=10,
        graceful_shutdown_wait_loop_s=0.2,
        **options,
    )
    return deploy(serve.ingress(build)(type(name, (), {})))
