"""The application: ``create_app(settings)`` runs under Ray Serve, under uvicorn, and in tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from . import problems
from .description import describe
from .guard import PREFIX, Guard
from .measuring import Measuring
from .routes import DASHBOARD, ROUTERS
from .system import OpensAuthenticator, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..settings import Settings

TITLE = "Eopiez"
DESCRIPTION = """\
Durable workflows on Ray, and the phases that find motifs, themes and structure in large collections of text.

Every path begins with `/v1`; the same paths without it answer the same. Times are RFC 3339 in UTC. Errors are RFC 9457
problems: their `type` is stable, `hint` says what to do, and `request_id` is how the log knows the request. Lists have
a `next` that continues them as `cursor`. With an `Idempotency-Key`, what creates a workflow does so once, however often
it is sent; pausing, resuming, cancelling and retrying can be repeated as they are.
"""


def create_app(settings: Settings, opens_authenticator: OpensAuthenticator | None = None) -> FastAPI:
    """The gateway's application; its connections open when it starts and close when it ends.

    Args:
        settings: where the database is, and the bounds of a request.
        opens_authenticator: what knows who sends a request; users, sessions and keys in the database by default.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(settings, opens_authenticator) as system:
            app.state.system = system
            yield

    app = FastAPI(
        title=TITLE, description=DESCRIPTION, version="1", lifespan=lifespan, openapi_url="/v1/openapi.json",
        docs_url=None, redoc_url=None, separate_input_output_schemas=False,
    )  # fmt: skip
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(DASHBOARD)
    describe(app)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Measuring)
    return app
