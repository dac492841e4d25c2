"""What every answer is made of: JSON of pydantic models, pages with cursors, entity tags."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from blake3 import blake3
from fastapi import Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, Strict

from .problems import Problem

Item = TypeVar("Item", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
CursorParameter = Annotated[
    str | None, Query(alias="cursor", max_length=1000, description="Continues after an earlier page: its `next`.")
]


WholeNumber = Annotated[int, Strict()]
"""A whole number that is written as one: neither a text nor a truth value."""


Number = Annotated[float, Strict()]
"""A number that is written as one."""


def _as_written(value: Any) -> Any:
    is_time = _MOMENT.match(value) if isinstance(value, str) else isinstance(value, datetime)
    if not is_time:
        raise ValueError("a time is written as RFC 3339 has it, such as 2026-11-29T08:30:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_written)]
"""A point in time (RFC 3339)."""
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt _]\d{2}:\d{2}")


class Body(BaseModel):
    """A body of a request: unknown fields are refused, so that a slip of the pen is noticed."""

    model_config = ConfigDict(extra="forbid")


class Page(BaseModel, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None = Field(default=None, description="The cursor of the next page; null on the last one.")


def reply(body: BaseModel, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """The body as JSON, written by pydantic directly: FastAPI would validate it a second time."""
    return Response(body.__pydantic_serializer__.to_json(body), status, dict(headers or {}), "application/json")


def page_of(items: Sequence[Item], limit: int, key: Any) -> Page[Item]:
    """A page of those items, with a cursor at the key of the last one if there may be more.

    Args:
        items: one page, in order.
        limit: how many were asked for.
        key: JSON value under which the list continues.
    """
    return Page(items=list(items), next=cursor(key) if len(items) >= limit else None)


def cursor(key: Any) -> str:
    """An opaque cursor: where a list continues."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).rstrip(b"=").decode()


def place(text: str | None) -> Any:
    """What a cursor holds; None without one.

    Raises:
        Problem: it is none of ours.
    """
    if text is None:
        return None
    try:
        held = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise bad_cursor() from error
    if held is None:
        raise bad_cursor()
    return held


def number_at(text: str | None, otherwise: int = 0) -> int:
    """The number that a cursor holds. Errors as in ``place``."""
    held = place(text)
    if held is None:
        return otherwise
    if type(held) is not int or not 0 <= held < 2**63:
        raise bad_cursor()
    return held


def id_at(text: str | None) -> UUID | None:
    """The id that a cursor holds. Errors as in ``place``."""
    held = place(text)
    if held is None:
        return None
    try:
        return UUID(held)
    except (ValueError, AttributeError, TypeError) as error:
        raise bad_cursor() from error


def bad_cursor() -> Problem:
    """The answer to a cursor that this list did not give."""
    hint = "take it from `next` of the page before, with the same filters"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-cursor", "the cursor is none of this list", hint)


def entity_tag(*facts: object) -> str:
    """A strong entity tag: equal facts, equal tag."""
    return f'"{blake3(repr(facts).encode()).hexdigest(12)}"'


def check_match(if_match: str | None, tag: str) -> None:
    """Check that the caller has seen what it is about to change.

    Raises:
        Problem: it has changed meanwhile.
    """
    if if_match is not None and if_match.strip() != "*" and tag not in [part.strip() for part in if_match.split(",")]:
        hint = "get it again, and repeat the change with its ETag"
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile", "it has changed since you read it", hint)
