"""From an answer of a gateway to our own errors."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..errors import (
    AccountError,
    AccountExistsError,
    ArtifactMissingError,
    ChangedMeanwhileError,
    CrossSiteError,
    DataKeyMissingError,
    EopiezError,
    ErasureWaitsError,
    ForbiddenError,
    GatewayError,
    GatewayUnavailableError,
    IdempotencyConflictError,
    MasterKeyError,
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

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES = "urn:eopiez:problem:"
SENTENCES: dict[str, type[EopiezError]] = {
    "account-refused": AccountError,
    "artifact-missing": ArtifactMissingError,
    "changed-meanwhile": ChangedMeanwhileError,
    "code-forbidden": ForbiddenError,
    "cross-site": CrossSiteError,
    "data-key-missing": DataKeyMissingError,
    "erasure-waits": ErasureWaitsError,
    "exists": AccountExistsError,
    "forbidden": ForbiddenError,
    "invalid-parameter": ParameterError,
    "invalid-plan": PlanError,
    "invalid-request": ParameterError,
    "master-key-unavailable": MasterKeyError,
    "not-finished": WorkflowNotFinishedError,
    "not-storable": WriteRefusedError,
    "password-change-needed": PasswordChangeNeededError,
    "path-forbidden": ForbiddenError,
    "plan-missing": PlanError,
    "project-busy": ProjectBusyError,
    "project-missing": ParameterError,
    "seal-damaged": SealDamagedError,
    "second-factor-needed": SecondFactorNeededError,
    "storage-full": StorageFullError,
    "unauthenticated": NotSignedInError,
    "weak-password": WeakPasswordError,
}
"""Problems that become errors of a sentence, by the end of their type."""
FACTUAL: dict[str, type[EopiezError]] = {
    "exists": ProjectExistsError,
    "idempotency-conflict": IdempotencyConflictError,
    "project-not-empty": ProjectNotEmptyError,
    "project-not-found": ProjectNotFoundError,
    "transition-refused": TransitionError,
    "update-refused": UpdateRefusedError,
    "workflow-not-found": WorkflowNotFoundError,
}
"""Problems that become errors with attributes, which the gateway sends as ``facts``."""
_AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
SHOWN = 200
"""Characters of an answer that is no problem."""


def error_of(status: int, headers: Mapping[str, str], content: bytes) -> EopiezError:
    """The error that an answer stands for. What the gateway said in full is its ``__cause__``."""
    said = _problem(content)
    told = _told(status, said, content)
    name = told.type.removeprefix(TYPES)
    error: EopiezError = told
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        error = TooManyRequestsError(str(told), retry_after_s(headers) or 1.0)
    elif name in FACTUAL and isinstance(said.get("facts"), dict):
        error = _raised_there(FACTUAL[name], told.detail, said["facts"])
    elif name in SENTENCES:
        error = _raised_there(SENTENCES[name], str(told), {})
    if error is not told:
        error.__cause__ = told
    return error


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that the gateway asks to wait; None if it does not say."""
    said = headers.get("retry-after", "")
    return float(said) if said.isdigit() else None


def _problem(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _told(status: int, said: Mapping[str, Any], content: bytes) -> GatewayError:
    """The answer as it came: a problem, or whatever a proxy in between has said."""
    facts = {name: str(said.get(name) or "") for name in ("type", "detail", "hint", "request_id")}
    facts["detail"] = facts["detail"] or content[:SHOWN].decode("utf-8", "replace").strip() or "no reason given"
    hint = f"; {facts['hint']}" if facts["hint"] and "/v1/" not in facts["hint"] else ""  # Endpoints help nobody here.
    kind = GatewayUnavailableError if status in _AWAY else GatewayError
    sentence = facts["detail"] if facts["type"] else f"the gateway answered {status}: {facts['detail']}"
    return kind(f"{sentence}{hint}", status=status, **facts)


def _raised_there(kind: type[EopiezError], detail: str, facts: Mapping[str, Any]) -> EopiezError:
    """The error as it was raised there: by its sentence and attributes, the way a pickle brings it back."""
    error = kind.__new__(kind, detail)
    vars(error).update({name: str(fact) for name, fact in facts.items()})
    return error
