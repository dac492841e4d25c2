"""An error that a gateway has answered with is the same error at the client, with the same exit code."""

from __future__ import annotations

import json

import pytest
from starlette.requests import Request

from eopiez_ray.client.problems import error_of
from eopiez_ray.errors import EopiezError, GatewayError, NoSuchAccountError
from eopiez_ray.gateway.problems import _RULES, problem_of, respond
from tests.test_architecture import FACTS

VAGUE = {NoSuchAccountError}
"""A path that is not there is answered in the same words."""


def made(kind: type[EopiezError]) -> EopiezError:
    """One such error."""
    return kind(*FACTS.get(kind.__name__, ("so it is",)))


@pytest.mark.parametrize("kind", _RULES)
def test_what_was_raised_there_is_raised_here(kind: type[EopiezError]) -> None:
    raised = made(kind)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    answer = respond(Request(scope).scope, problem_of(raised))
    error = error_of(answer.status_code, dict(answer.headers), bytes(answer.body))
    if kind in VAGUE:
        assert type(error) is GatewayError
        return
    assert error.exit_code == raised.exit_code
    assert isinstance(error, kind) or (isinstance(error, GatewayError) and kind.exit_code == GatewayError.exit_code)
    assert json.loads(bytes(answer.body))["detail"] in str(error)
