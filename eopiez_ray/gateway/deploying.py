"""Deploys the gateway on Ray Serve, or ends Serve: ``python -m eopiez_ray.gateway.deploying up``, or ``down``.

Serve's replicas live without this process, so it ends once that is done, and the memory that Ray takes in it is free.
"""

from __future__ import annotations

import sys

from ray import serve

from ..engine.joining import join, part
from ..errors import EopiezError
from ..settings import Settings
from .certified import tls_options
from .serve import FOLLOWERS, Options, api, followers


def main() -> int:
    """Do it, and give the exit code."""
    settings = Settings()
    try:
        join(settings)
        if sys.argv[1:] == ["down"]:
            serve.shutdown()  # type: ignore[no-untyped-call]
        else:
            _deploy(settings)
        part()
    except EopiezError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _deploy(settings: Settings) -> None:
    options = Options(
        min_replicas=settings.gateway_min_replicas,
        max_replicas=settings.gateway_max_replicas,
        follower_replicas=settings.gateway_follower_replicas,
    )
    serve.start(http_options={"host": settings.gateway_host, "port": settings.gateway_port, **tls_options(settings)})
    serve.run(api(options), name="eopiez", route_prefix="/")
    serve.run(followers(options), name="eopiez-followers", route_prefix=FOLLOWERS)


if __name__ == "__main__":
    sys.exit(main())
