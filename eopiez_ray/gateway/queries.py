"""The parameters of a URL: one that its endpoint does not know is refused. A misspelt filter would filter nothing."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.exceptions import RequestValidationError

if TYPE_CHECKING:
    from fastapi import Request
    from fastapi.dependencies.models import Dependant

Handler = TypeVar("Handler", bound=Callable[..., Any])
_ANY = "takes_any_query"
EVERYWHERE = "project"
"""What any request may name: its project is the one that the request counts for."""


def takes_any_query(handler: Handler) -> Handler:
    """Mark an endpoint that hands the query on, or that others call with parameters of theirs."""
    setattr(handler, _ANY, True)
    return handler


def parameters_of(endpoint: Callable[..., Any], dependant: Dependant) -> frozenset[str] | None:
    """The parameters that an endpoint and its dependencies know; None if it takes any."""
    return None if hasattr(endpoint, _ANY) else frozenset({EVERYWHERE, *_names(dependant)})


def check_query(request: Request, known: frozenset[str] | None) -> None:
    """See to it that the endpoint knows all parameters of the URL.

    Raises:
        RequestValidationError: it does not.
    """
    if known is None or not request.scope["query_string"]:
        return
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError([
            {"type": "unknown", "loc": ("query", name[:80]), "msg": _hint(name, known), "input": None}
            for name in unknown
        ])  # fmt: skip


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)


def _hint(name: str, known: frozenset[str]) -> str:
    """What might have been meant, or all that can be."""
    near = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}?" if near else f"this takes {', '.join(sorted(known))}"
    return f"there is no such parameter; {meant}"
