"""Calls to services: an instance is chosen, the request goes out, its answer comes back as it is made."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from fastapi.responses import StreamingResponse
from yarl import URL

from ...logs import get_logger
from ...outbound.connections import CheckedResolver, new_session
from ...outbound.places import Places
from ..problems import RETRY_AFTER_S, AnswerBrokenError, Problem
from .bulkhead import Bulkhead
from .headers import Headers, incoming
from .standing import Standings

if TYPE_CHECKING:
    from uuid import UUID

    from starlette.types import Receive, Scope, Send

    from ...settings import Settings
    from ...store.services import Services, ServiceView
    from .replaying import Replay

ATTEMPTS = 3
"""Instances that one request is sent to at most."""
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
"""Methods whose calls may be repeated (RFC 9110, section 9.2.2); others may with an ``Idempotency-Key``."""
_ELSEWHERE_BETTER = frozenset({502, 503, 504})
"""Answers that say something of the instance, and not of the request."""
CHUNK = 64 * 2**10

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call to a service."""

    project: str
    service: str
    method: str
    path: str
    """With its query, as it was written in the request; empty, or beginning with ``/`` or ``?``."""
    headers: Headers
    body: Replay | None

    @property
    def is_repeatable(self) -> bool:
        """Whether the call may arrive twice."""
        return self.method in IDEMPOTENT or any(name == "idempotency-key" for name, _ in self.headers)


class _FailedError(Exception):
    """An attempt that came to no answer."""

    def __init__(self, problem: Problem, may_have_arrived: bool, is_slow: bool = False) -> None:
        super().__init__(problem.detail)
        self.problem, self.may_have_arrived, self.is_slow = problem, may_have_arrived, is_slow


class Relay:
    """Calls instances of services; one for each replica."""

    def __init__(self, settings: Settings, services: Services) -> None:
        """
        Raises:
            ParameterError: the setting of where services may be cannot be read.
        """
        self._settings, self._services = settings, services
        self.places = Places.of(settings.gateway_services)
        self.resolver = CheckedResolver(self.places)
        self.standings = Standings(random.Random())
        self.bulkhead = Bulkhead(settings.gateway_service_calls)
        self.session = new_session(self.resolver, settings.gateway_service_timeout_s)

    async def close(self) -> None:
        """Close all connections."""
        await self.session.close()
        await self.resolver.close()

    async def call(self, wanted: Wanted) -> StreamingResponse:
        """The answer of an instance, as it comes.

        Raises:
            Problem: no instance has answered, or not as it should; or too many calls are under way.
        """
        if not self.bulkhead.admits(wanted.project):
            detail, after = "too many calls of services are under way", {"Retry-After": "1"}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "busy", detail, "send it again soon", after)
        self.bulkhead.enter(wanted.project)
        try:
            instance, answer = await self._answer(wanted)
            self._check(instance, answer)
        except BaseException:
            self.bulkhead.leave(wanted.project)
            raise
        return _Relayed(self, instance, answer, self._settings.gateway_service_bytes)

    def end(self, instance: ServiceView, answer: aiohttp.ClientResponse) -> None:
        """An answer that ``call`` gave has been sent, or cannot be."""
        self._release(instance, answer)
        self.bulkhead.leave(instance.project)

    async def _answer(self, wanted: Wanted) -> tuple[ServiceView, aiohttp.ClientResponse]:
        """The beginning of an answer, and whose it is.

        Raises:
            Problem: no instance has answered.
        """
        tried: set[UUID] = set()
        while True:
            instance = await self._chosen(wanted, tried)
            tried.add(instance.id)
            try:
                answer = await self._attempt(instance, wanted)
            except _FailedError as failed:
                if not _may_go_on(wanted, failed) or not await self._has_other(wanted, tried):
                    raise failed.problem from failed.__cause__
                continue
            is_bad = answer.status in _ELSEWHERE_BETTER and wanted.is_repeatable and _can_be_sent_again(wanted)
            if not is_bad or not await self._has_other(wanted, tried):
                return instance, answer
            self._release(instance, answer)

    def _check(self, instance: ServiceView, answer: aiohttp.ClientResponse) -> None:
        """Check what the beginning of an answer tells; the call is over if that is wrong."""
        problem = _fault(instance.name, answer, self._settings.gateway_service_bytes)
        if problem is not None:
            self._release(instance, answer)
            raise problem

    async def _chosen(self, wanted: Wanted, tried: set[UUID]) -> ServiceView:
        chosen = self.standings.choose(await self._callable(wanted, tried), time.monotonic())
        if chosen is None:
            after = {"Retry-After": str(RETRY_AFTER_S)}
            detail = f"no instance of service {wanted.service!r} in project {wanted.project} can be called now"
            hint = f"GET /v1/services/{wanted.service}/instances?project={wanted.project} shows them"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-instance", detail, hint, after)
        return chosen

    async def _callable(self, wanted: Wanted, tried: set[UUID]) -> list[ServiceView]:
        found = await self._services.page([wanted.project], wanted.service)
        return [
            each for each in found if each.is_healthy and each.id not in tried and self.resolver.may_be_called(each.url)
        ]

    async def _has_other(self, wanted: Wanted, tried: set[UUID]) -> bool:
        """Whether the call may go to one that it was not sent to yet."""
        if len(tried) == ATTEMPTS:
            return False
        others = await self._callable(wanted, tried)
        return self.standings.choose(others, time.monotonic()) is not None

    async def _attempt(self, instance: ServiceView, wanted: Wanted) -> aiohttp.ClientResponse:
        """The beginning of an instance's answer.

        Raises:
            _FailedError: it has not answered.
        """
        limit_s = self._settings.gateway_service_timeout_s
        self.standings.begin(instance.id, time.monotonic(), limit_s)
        try:
            async with asyncio.timeout(limit_s):
                answer = await self._sent(instance, wanted)
        except (aiohttp.ClientError, OSError) as error:
            self.standings.end(instance.id)
            raise self._failed(instance, wanted, error) from error
        except BaseException:
            self.standings.end(instance.id)
            raise
        self._judge(instance, answer.status not in _ELSEWHERE_BETTER)
        return answer

    async def _sent(self, instance: ServiceView, wanted: Wanted) -> aiohttp.ClientResponse:
        return await self.session.request(
            wanted.method,
            URL(instance.url + wanted.path, encoded=True),
            headers=wanted.headers,
            data=None if wanted.body is None else wanted.body.parts(),
            allow_redirects=False,
        )

    def _failed(self, instance: ServiceView, wanted: Wanted, error: Exception) -> _FailedError:
        if wanted.body is not None and wanted.body.is_broken:
            return _FailedError(Problem(HTTPStatus.BAD_REQUEST, "body-broken", "the body did not arrive whole"), True)
        self._judge(instance, False)
        log.info("a service did not answer", service=instance.name, instance=str(instance.id), error=repr(error))
        about = f"an instance of service {instance.name!r}"
        if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
            detail = f"{about} did not begin to answer in {self._settings.gateway_service_timeout_s:g} s"
            return _FailedError(_bad_gateway(HTTPStatus.GATEWAY_TIMEOUT, "service-timeout", detail), True, True)
        has_connected = not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
        detail = f"{about} closed the connection" if has_connected else f"{about} cannot be reached"
        return _FailedError(_bad_gateway(HTTPStatus.BAD_GATEWAY, "service-failed", detail), has_connected)

    def _judge(self, instance: ServiceView, is_good: bool) -> None:
        if self.standings.judge(instance.id, is_good, time.monotonic()):
            log.warning("an instance is not called for a while", service=instance.name, instance=str(instance.id))

    def _release(self, instance: ServiceView, answer: aiohttp.ClientResponse) -> None:
        """A call is over; a connection with something left to read is closed."""
        answer.close()
        self.standings.end(instance.id)


class _Relayed(StreamingResponse):
    """An instance's answer, passed on as it comes."""

    def __init__(self, relay: Relay, instance: ServiceView, answer: aiohttp.ClientResponse, limit: int) -> None:
        super().__init__(_bounded(answer, limit, instance.name), answer.status)
        self._relay, self._instance, self._answer = relay, instance, answer
        headers = incoming(answer.headers.items())
        self.raw_headers = [
            (name.encode("latin-1"), value.encode("utf-8", "surrogateescape")) for name, value in headers
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. However that ends, the call is over."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._relay.end(self._instance, self._answer)


async def _bounded(answer: aiohttp.ClientResponse, limit: int, service: str) -> AsyncIterator[bytes]:
    """The parts of an answer.

    Raises:
        AnswerBrokenError: it is too long, or breaks off.
    """
    sent = 0
    try:
        async for part in answer.content.iter_chunked(CHUNK):
            sent += len(part)
            if sent > limit:
                raise AnswerBrokenError(f"the answer of service {service!r} has more than {limit:,} bytes")
            yield part
    except (aiohttp.ClientError, OSError) as error:
        raise AnswerBrokenError(f"the answer of service {service!r} broke off") from error


def _fault(service: str, answer: aiohttp.ClientResponse, limit: int) -> Problem | None:
    """What is wrong with an answer, as its beginning tells."""
    if 300 <= answer.status < 400 and answer.status != HTTPStatus.NOT_MODIFIED:
        detail = f"service {service!r} sends the caller elsewhere, and redirects are not followed"
        return _bad_gateway(HTTPStatus.BAD_GATEWAY, "service-redirects", detail)
    if answer.status < 200 or answer.status > 599:
        detail = f"service {service!r} answers with status {answer.status}"
        return _bad_gateway(HTTPStatus.BAD_GATEWAY, "service-failed", detail)
    if answer.method != "HEAD" and (answer.content_length or 0) > limit:
        return _too_large(service, limit)
    return None


def _too_large(service: str, limit: int) -> Problem:
    detail = f"the answer of service {service!r} has more than {limit:,} bytes"
    return _bad_gateway(HTTPStatus.BAD_GATEWAY, "answer-too-large", detail)


def _bad_gateway(status: HTTPStatus, name: str, detail: str, headers: Mapping[str, str] | None = None) -> Problem:
    return Problem(status, name, detail, "ask whoever runs the service; the request id is known to it", headers)


def _can_be_sent_again(wanted: Wanted) -> bool:
    return wanted.body is None or wanted.body.can_be_sent_again


def _may_go_on(wanted: Wanted, failed: _FailedError) -> bool:
    """Whether another instance may be asked. What was slow once would only be slow again."""
    may_arrive_twice = wanted.is_repeatable or not failed.may_have_arrived
    return may_arrive_twice and not failed.is_slow and _can_be_sent_again(wanted)
