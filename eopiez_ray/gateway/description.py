"""The API's description: OpenAPI 3.1, with errors and ways to sign in that routes cannot say themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from .identity.authenticator import COOKIE
from .problems import ProblemBody

if TYPE_CHECKING:
    from fastapi import FastAPI

PUBLIC = frozenset({
    "get_liveness", "get_readiness", "get_health", "login", "refresh", "list_signing_keys", "begin_openid",
    "finish_openid", "accept_invitation",
})  # fmt: skip
"""Operations that need nobody who is signed in."""
SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token from `POST /v1/auth/login`, or an API key from `POST /v1/keys`.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A browser's session. What changes something also needs the header `X-Eopiez-Request`.",
    },
}
_TAGS = {
    "workflows": "Create and steer durable workflows.",
    "history": "What workflows have done: events, tasks, attempts, logs; in pages, or as it happens.",
    "results": "What finished steps have made.",
    "pipeline": "Analyse a collection of texts, and look at what was found.",
    "services": "Phases that run elsewhere, in any language.",
    "sharing": "Limits and weights: how projects and owners share the cluster.",
    "retention": "How long projects keep what.",
    "monitoring": "How the system is.",
    "alerts": "What is wrong, and who is told.",
}


def describe(app: FastAPI) -> None:
    """Let the application describe itself completely; the description is made once."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(app)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


def _completed(app: FastAPI) -> dict[str, Any]:
    tags = [{"name": name, "description": meaning} for name, meaning in _TAGS.items()]
    made = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=tags,
        separate_input_output_schemas=False,
    )  # fmt: skip
    schema = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = made["components"]
    parts["schemas"] |= schema.pop("$defs") | {ProblemBody.__name__: schema}
    parts["securitySchemes"] = SCHEMES
    made["security"] = [{name: []} for name in SCHEMES]
    for operations in made["paths"].values():
        for operation in operations.values():
            if operation["operationId"] in PUBLIC:
                operation["security"] = []
    return made
