"""The errors that endpoints document, by what they do."""

from __future__ import annotations

from typing import Any

from .problems import MEDIA_TYPE, ProblemBody

Documented = dict[int | str, dict[str, Any]]

_MEANINGS = {
    400: "The request cannot be read.",
    401: "Nobody known sends it: sign in, or use a key.",
    403: "The caller's role does not allow it.",
    404: "There is none that the caller can see.",
    406: "It cannot be given in this form.",
    409: "Its state does not allow it, or the idempotency key belongs to something else.",
    410: "Its data is gone.",
    412: "It has changed since the caller read it.",
    428: "A change names the version that it is based on, as If-Match.",
    413: "The body is too large.",
    422: "A value is invalid; `faults` has each place.",
    429: "Too many requests: wait for `Retry-After` seconds.",
    502: "A service, or what a URL leads to, does not answer as it should.",
    504: "A service, or what a URL leads to, does not answer in time.",
    503: "A part of the system is away: send it again after `Retry-After` seconds.",
}


def answers(*statuses: int) -> Documented:
    """These errors, and those that any endpoint can answer with."""
    chosen = sorted({401, 403, 404, 422, 429, 503, *statuses})
    schema = {"schema": {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}}
    return {status: {"description": _MEANINGS[status], "content": {MEDIA_TYPE: schema}} for status in chosen}


READS = answers()
WRITES = answers(400, 403, 409, 413)
