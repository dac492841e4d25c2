"""What makes servers of the gateway speak HTTPS. Who only deploys it needs this, and not the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tls import pair_of, usable

if TYPE_CHECKING:
    from ..settings import Settings


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
