"""What the API's description says of credentials: which there are, and which endpoints need none."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from .identity.authenticator import COOKIE

SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of `POST /v1/auth/login`, or an API key.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "For browsers; what changes something also needs the header `X-Eopiez-Request`.",
    },
}
OPEN = frozenset({
    "login", "refresh", "begin_openid", "finish_openid", "list_signing_keys", "accept_invitation", "get_liveness",
    "get_readiness", "get_health",
})  # fmt: skip
"""Endpoints for whoever comes."""


def describe_credentials(app: FastAPI) -> None:
    """Let the application's description name the credentials of each endpoint."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(described())
        return described()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(schema: dict[str, Any]) -> None:
    schema.setdefault("components", {})["securitySchemes"] = SCHEMES
    schema["security"] = [{name: []} for name in SCHEMES]
    for methods in schema["paths"].values():
        for operation in methods.values():
            if operation["operationId"] in OPEN:
                operation["security"] = []
