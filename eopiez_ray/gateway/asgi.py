"""The gateway without Ray: ``python -m eopiez_ray.gateway.asgi`` serves it where and with what the settings say.

Any other ASGI server takes ``app``, and has to be told by itself where to listen and what to show:
``uvicorn --factory eopiez_ray.gateway.asgi:app``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..errors import EopiezError
from ..settings import Settings
from ..tls import pair_of, usable
from .app import create_app

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


def tls_options(settings: Settings) -> dict[str, Any]:
    """What makes uvicorn, and the proxies of Ray Serve, speak HTTPS; empty without a certificate.

    A certificate that has ended still does: a gateway that starts again with it says more than none.

    Raises:
        CertificateError: it cannot be used.
    """
    pair = pair_of(settings.tls_certificate, settings.tls_key)
    if pair is None:
        return {}
    usable(pair)
    return {"ssl_certfile": str(pair.certificate), "ssl_keyfile": str(pair.key)}


if __name__ == "__main__":
    sys.exit(main())
