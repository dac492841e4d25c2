"""Errors as RFC 9457 problems, and the only place where ours become theirs.

A problem has a stable ``type``, a ``detail`` that says what was wrong with this request, a ``hint`` that says what to
do, and the id of the request, under which the log knows it. It never says anything about what the caller may not see.
"""

from __future__ import annotations

import math
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ..errors import (
    AccountError,
    AccountExistsError,
    ArtifactMissingError,
    ChangedMeanwhileError,
    CrossSiteError,
    DatabaseUnavailableError,
    DataKeyMissingError,
    EopiezError,
    ErasureWaitsError,
    ForbiddenError,
    IdempotencyConflictError,
    IdentityProviderError,
    MasterKeyError,
    NoSuchAccountError,
    NotSignedInError,
    ParameterError,
    PasswordChangeNeededError,
    PlanError,
    ProjectBusyError,
    ProjectExistsError,
    ProjectNotEmptyError,
    ProjectNotFoundError,
    SealDamagedError,
    SecondFactorNeededError,
    StorageFullError,
    TooManyRequestsError,
    TransitionError,
    UpdateRefusedError,
    WeakPasswordError,
    WorkflowNotFinishedError,
    WorkflowNotFoundError,
    WriteRefusedError,
)
from ..logs import get_logger
from .recording import record_refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES = "urn:eopiez:problem:"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
"""Seconds after which what was unavailable is likely to be back."""
_JSON = re.compile(r"application/([\w.+-]+\+)?json\s*(;|$)", re.IGNORECASE)
"""What bodies are read as."""
SHOWN = 20
"""How many of a request's faults are listed."""

log = get_logger(__name__)


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """A request that gets an error as its answer."""

    def __init__(
        self, status: HTTPStatus, name: str, detail: str, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.name, self.detail, self.hint = status, name, detail, hint
        self.headers = dict(headers or {})
        self.faults: list[dict[str, Any]] = []
        """Each fault of the request, with its place, if there are several."""
        self.facts: dict[str, str] = {}
        """What the error is about, for programs; its ``detail`` says the same."""


class AnswerBrokenError(Exception):
    """An answer that has begun cannot go on; the connection is closed, so that nobody takes it for a whole one."""


class FaultBody(BaseModel):
    """One fault of a request."""

    place: str = Field(examples=["body.labels"])
    message: str = Field(examples=["Input should be a valid dictionary"])


class ProblemBody(BaseModel):
    """What was wrong with a request (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "type": "urn:eopiez:problem:workflow-not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no workflow 0197b3c0-0000-7000-8000-000000000000 that you can see",
        "hint": "GET /v1/workflows lists those that you can see",
        "instance": "/v1/workflows/0197b3c0-0000-7000-8000-000000000000",
        "request_id": "0197b3c1-7a52-7c11-9c3e-5a2d8e1f0b6a",
    }]})  # fmt: skip

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""
    instance: str
    request_id: str
    faults: list[FaultBody] | None = None
    facts: dict[str, str] | None = Field(
        None, description="What the detail is about, for programs.", examples=[{"status": "succeeded"}]
    )


class _Rule(NamedTuple):
    """How errors of a class are answered."""

    status: HTTPStatus
    name: str
    hint: str = ""


_RULES: dict[type[EopiezError], _Rule] = {
    WorkflowNotFoundError: _Rule(
        HTTPStatus.NOT_FOUND, "workflow-not-found", "GET /v1/workflows lists what you can see"
    ),
    ProjectExistsError: _Rule(HTTPStatus.CONFLICT, "exists", "choose another name"),
    ProjectNotEmptyError: _Rule(HTTPStatus.CONFLICT, "project-not-empty"),
    ProjectNotFoundError: _Rule(HTTPStatus.NOT_FOUND, "project-not-found"),
    TransitionError: _Rule(HTTPStatus.CONFLICT, "transition-refused", "its status has to change first"),
    UpdateRefusedError: _Rule(HTTPStatus.CONFLICT, "update-refused", "change what has not started yet"),
    IdempotencyConflictError: _Rule(HTTPStatus.CONFLICT, "idempotency-conflict", "use a new key"),
    WorkflowNotFinishedError: _Rule(HTTPStatus.CONFLICT, "not-finished", "wait until the step has succeeded"),
    PlanError: _Rule(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-plan"),
    ParameterError: _Rule(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-parameter"),
    WriteRefusedError: _Rule(HTTPStatus.UNPROCESSABLE_ENTITY, "not-storable"),
    ArtifactMissingError: _Rule(HTTPStatus.GONE, "artifact-missing", "start the workflow anew, or restore a backup"),
    DataKeyMissingError: _Rule(
        HTTPStatus.GONE, "data-key-missing", "an operator sees the keys with `eopiez encrypt status`"
    ),
    SealDamagedError: _Rule(HTTPStatus.GONE, "seal-damaged", "an operator can restore it from a backup"),
    MasterKeyError: _Rule(HTTPStatus.SERVICE_UNAVAILABLE, "master-key-unavailable", "an operator has to give it"),
    ErasureWaitsError: _Rule(HTTPStatus.CONFLICT, "erasure-waits", "cancel what is under way, and send it again"),
    ProjectBusyError: _Rule(HTTPStatus.CONFLICT, "project-busy"),
    StorageFullError: _Rule(HTTPStatus.SERVICE_UNAVAILABLE, "storage-full", "an operator has to free space"),
    NotSignedInError: _Rule(HTTPStatus.UNAUTHORIZED, "unauthenticated", "sign in with POST /v1/auth/login"),
    SecondFactorNeededError: _Rule(HTTPStatus.UNAUTHORIZED, "second-factor-needed", "send `code` as well"),
    ForbiddenError: _Rule(HTTPStatus.FORBIDDEN, "forbidden"),
    PasswordChangeNeededError: _Rule(HTTPStatus.FORBIDDEN, "password-change-needed"),
    CrossSiteError: _Rule(HTTPStatus.FORBIDDEN, "cross-site", "programs send a token instead of a cookie"),
    TooManyRequestsError: _Rule(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "wait for Retry-After seconds"),
    IdentityProviderError: _Rule(
        HTTPStatus.SERVICE_UNAVAILABLE, "identity-provider-unavailable", "try again soon, or sign in with a password"
    ),
    WeakPasswordError: _Rule(HTTPStatus.UNPROCESSABLE_ENTITY, "weak-password", "several random words are easy to keep"),
    NoSuchAccountError: _Rule(HTTPStatus.NOT_FOUND, "not-found"),
    AccountExistsError: _Rule(HTTPStatus.CONFLICT, "exists", "choose another name"),
    ChangedMeanwhileError: _Rule(HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile", "get it again"),
    AccountError: _Rule(HTTPStatus.CONFLICT, "account-refused"),
    DatabaseUnavailableError: _Rule(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", "send it again soon"),
}
"""By class; an error is answered by the rule of the nearest class that it belongs to."""
_TELLING = (
    WorkflowNotFoundError, TransitionError, UpdateRefusedError, IdempotencyConflictError, ProjectNotFoundError,
    ProjectExistsError, ProjectNotEmptyError,
)  # fmt: skip
"""Errors whose facts are sent as well; their sentences name them anyway."""
_HIDDEN = {
    StorageFullError: "no space is left for data",
    DatabaseUnavailableError: "the database does not answer",
    MasterKeyError: "a master key cannot be used",
}
"""Errors whose own message names places inside the system."""


def not_found(what: str, name: object, hint: str = "") -> Problem:
    """The answer for what does not exist, or does not exist for this caller: both look alike."""
    return Problem(HTTPStatus.NOT_FOUND, f"{what}-not-found", f"there is no {what} {name} that you can see", hint)


def unavailable(detail: str) -> Problem:
    """The answer if a part of the system is away for a moment."""
    after = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, "send it again soon", after)


def problem_of(error: EopiezError) -> Problem:
    """One of our errors as a problem."""
    rule = next((_RULES[kind] for kind in type(error).__mro__ if kind in _RULES), None)
    if rule is None:
        return unforeseen()
    detail = next((text for kind, text in _HIDDEN.items() if isinstance(error, kind)), str(error))
    if isinstance(error, WorkflowNotFoundError):
        detail = f"there is no workflow {error.workflow_id} that you can see"
    problem = Problem(rule.status, rule.name, detail, rule.hint, _headers(rule, error))
    if isinstance(error, _TELLING):
        problem.facts = {name: _sendable(str(fact)) for name, fact in vars(error).items()}
    return problem


def _sendable(text: str) -> str:
    """A text that may hold anything, so that JSON can express it."""
    return text.encode("utf-8", "replace").decode()


def _headers(rule: _Rule, error: EopiezError) -> dict[str, str]:
    if isinstance(error, TooManyRequestsError):
        return {"Retry-After": str(math.ceil(error.retry_after_s))}
    if rule.status is HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    return {"Retry-After": str(RETRY_AFTER_S)} if rule.status is HTTPStatus.SERVICE_UNAVAILABLE else {}


def install(app: FastAPI) -> None:
    """Let the application answer errors with problems."""
    app.add_exception_handler(Problem, _answer_problem)  # type: ignore[arg-type]
    app.add_exception_handler(EopiezError, _answer_ours)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _answer_invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _answer_http)  # type: ignore[arg-type]


def respond(scope: Mapping[str, Any], problem: Problem) -> Response:
    """The response to the request of an ASGI scope."""
    request_id = scope.get("state", {}).get("request_id", "")
    body: dict[str, Any] = {
        "type": TYPES + problem.name,
        "title": problem.status.phrase,
        "status": int(problem.status),
        "detail": _sendable(problem.detail),
        "hint": problem.hint,
        "instance": scope.get("path", ""),
        "request_id": request_id,
    }
    if problem.faults:
        body["faults"] = problem.faults
    if problem.facts:
        body["facts"] = problem.facts
    return Response(to_json(body), int(problem.status), problem.headers, MEDIA_TYPE)


async def _answer_problem(request: Request, problem: Problem) -> Response:
    record_refusal(request, problem.status, problem.name)
    return respond(request.scope, problem)


async def _answer_ours(request: Request, error: EopiezError) -> Response:
    problem = problem_of(error)
    record_refusal(request, problem.status, problem.name)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", path=request.url.path, error=repr(error))
    return respond(request.scope, problem)


async def _answer_invalid(request: Request, error: RequestValidationError) -> Response:
    """Every fault with its place, but never the value that was sent, which may be a secret."""
    is_unread = any(fault["loc"] == ("body",) or fault["type"] == "json_invalid" for fault in error.errors())
    unread = _unread(request) if is_unread else []
    return respond(request.scope, _invalid(unread or _faults(error)))


def _faults(error: RequestValidationError) -> list[dict[str, str]]:
    return [{"place": ".".join(map(str, fault["loc"])), "message": fault["msg"]} for fault in error.errors()[:SHOWN]]


def _invalid(faults: list[dict[str, str]]) -> Problem:
    """The answer to a request that is not as described."""
    first = f"{faults[0]['place']}: {faults[0]['message']}" if faults else "it cannot be read"
    problem = Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", first, "GET /v1/docs shows what is expected")
    problem.faults = faults
    return problem


def _unread(request: Request) -> list[dict[str, str]]:
    """What the headers say of a body that cannot be read, where that is the reason."""
    encoding, media_type = (request.headers.get(name, "") for name in ("content-encoding", "content-type"))
    if encoding.lower() not in {"", "identity"}:
        message = f"bodies encoded as {encoding[:80]} are not read; send it as it is, without this header"
        return [{"place": "header.Content-Encoding", "message": message}]
    if media_type and not _JSON.match(media_type):
        message = f"{media_type[:80]} is not read here; send JSON as application/json"
        return [{"place": "header.Content-Type", "message": message}]
    return []


async def _answer_http(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST and (unread := _unread(request)):
        return respond(request.scope, _invalid(unread))
    name = status.phrase.lower().replace(" ", "-").replace("'", "")
    details = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.url.path} does not take {request.method}",
    }
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    hint = "GET /v1/openapi.json describes every endpoint"
    return respond(request.scope, Problem(status, name, details.get(status, str(error.detail)), hint, headers))


def _methods(request: Request) -> list[str]:
    """What the path takes; the router itself names only the methods of the first function there."""
    path = {"type": "http", "path": request.scope["path"], "root_path": "", "method": ""}
    matching = [route for route in request.app.routes if route.matches(path)[0] is not Match.NONE]
    return sorted({method for route in matching for method in getattr(route, "methods", None) or ()})


def unforeseen() -> Problem:
    """The answer to an error that nobody foresaw."""
    hint = "report it with the request id, under which the log has more"
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "something unforeseen went wrong", hint)
