"""The gateway without Ray: ``python -m eopiez_ray.gateway.asgi`` serves it where and with what the settings say.

Any other ASGI server takes ``app``, and has to be told by itself where to listen and what to show:
``uvicorn --factory eopiez_ray.gateway.asgi:app``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import EopiezError
from ..settings import Settings
from .app import create_app
from .certified import tls_options

if TYPE_CHECKING:
    from fastapi import FastAPI


def app() -> FastAPI:
    """The application, with settings from the environment."""
    return create_app(Settings())


def main() -> int:
    """Serve until SIGTERM or SIGINT, and give the exit code."""
    import uvicorn

    settings = Settings()
    try:
        uvicorn.run(
            create_app(settings), host=settings.gateway_host, port=settings.gateway_port, proxy_headers=False,
            log_level="warning", **tls_options(settings),
        )  # fmt: skip
    except EopiezError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
