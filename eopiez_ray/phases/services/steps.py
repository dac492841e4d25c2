"""A phase that runs elsewhere: each value is sent to a service, and its answer is the result."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import Field

from eopiez_ray.authoring.context import current_task
from eopiez_ray.authoring.contract import phase
from eopiez_ray.errors import ContractError, ParameterError, ServiceFailedError, ServiceRefusedError
from eopiez_ray.model.policies import RetryPolicy
from eopiez_ray.phases.services.access import gateway_url, key_of, trusted

if TYPE_CHECKING:
    import aiohttp

MOST_BYTES = 64 * 2**20
"""Size of the largest answer."""
SHOWN = 500
"""Characters of an answer that an error shows."""
_TOO_MANY = 429
_LATER = frozenset({408, 425, 429})
"""Refusals of a moment."""
_PATIENT = RetryPolicy(initial_interval_s=0.5, maximum_interval_s=30.0, maximum_attempts=10)
"""About two minutes, in which a service can be started again."""

ServiceName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
ServicePath = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~/%-]*$", max_length=1000)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


@phase(name="service", kind="map", retry=_PATIENT)
async def call_service(
    value: Any, *, service: ServiceName, path: ServicePath = "", answer_within_s: Seconds = 30.0
) -> Any:
    """The answer of a service to a value, both JSON; the service runs elsewhere, in any language.

    Every attempt of a task sends the same ``Idempotency-Key``, by which the service can tell a repeated call.

    Args:
        service: its name in the workflow's project.
        path: what is called, below the service's URL.
        answer_within_s: seconds that an answer may take.

    Raises:
        ServiceRefusedError: it refuses the value (4xx); that is not tried again.
        ServiceFailedError: it did not answer, or answered with 5xx; the step's policy says when it is tried again.
        ContractError: its answer is no JSON.
        ParameterError: the value cannot be written as JSON, or the worker cannot reach the gateway.
    """
    import aiohttp

    task = current_task()
    url = f"{gateway_url()}/v1/services/{service}/call/{path.lstrip('/')}?{urlencode({'project': task.project})}"
    headers = {
        "Authorization": f"Bearer {key_of(task.project)}",
        "Content-Type": "application/json",
        "Idempotency-Key": quote(task.token, safe="/"),
    }
    try:
        async with asyncio.timeout(answer_within_s):
            return _result(service, *await _answer(service, url, _written(value), headers))
    except TimeoutError as error:
        raise ServiceFailedError(service, f"no answer within {answer_within_s:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ServiceFailedError(service, f"{type(error).__name__}: {error}"[:SHOWN]) from error


async def _answer(service: str, url: str, sent: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body; a request that is one too many is sent again once it may be, which costs no attempt."""
    import aiohttp

    trust = trusted()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers=headers) as session:
        while True:
            async with session.post(url, data=sent, allow_redirects=False, ssl=trust) as answer:
                after = answer.headers.get("Retry-After", "")
                if answer.status != _TOO_MANY or not after.isdigit():
                    return answer.status, await _body(service, answer)
            await asyncio.sleep(int(after) * random.uniform(1, 2))


def _written(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(f"the value cannot be sent to a service as JSON: {str(error)[:200]}") from error


async def _body(service: str, answer: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > MOST_BYTES:
            raise ContractError(f"the answer of service {service!r} has more than {MOST_BYTES:,} bytes")
        parts.append(part)
    return b"".join(parts)


def _result(service: str, status: int, body: bytes) -> Any:
    """What an answer gives.

    Raises: as in ``call_service``.
    """
    if status in _LATER or status >= 500:
        raise ServiceFailedError(service, f"status {status}: {_shown(body)}")
    if status >= 300:
        raise ServiceRefusedError(service, status, _shown(body))
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError) as error:
        raise ContractError(f"the answer of service {service!r} is no JSON: {_shown(body)}") from error


def _shown(body: bytes) -> str:
    """The beginning of an answer; of a problem, its detail."""
    text = body[: 4 * SHOWN].decode("utf-8", "replace")
    try:
        facts = json.loads(body[: 2**16])
    except (ValueError, RecursionError):
        return text[:SHOWN]
    return str(facts["detail"])[:SHOWN] if isinstance(facts, dict) and "detail" in facts else text[:SHOWN]
