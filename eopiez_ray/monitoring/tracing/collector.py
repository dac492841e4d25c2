"""Sends spans to a collector by OTLP over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from ...errors import NotDeliveredError
from ...logs import get_logger
from .wire import rejected, request_of

if TYPE_CHECKING:
    import httpx

    from .spans import Span

MOST_SPANS = 1000
"""Spans in a request."""
TIMEOUT_S = 10.0
REFUSED = {400, 413}
"""Statuses of a collector that would say the same of the same spans again."""

log = get_logger(__name__)


class Collector:
    """Where spans go."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """
        Args:
            url: where it takes traces.
            headers: of requests to it, besides those that the protocol asks for.
        """
        self._url, self._headers = url, {**(headers or {}), "Content-Type": "application/x-protobuf"}
        self._is_away = False

    def client(self) -> httpx.AsyncClient:
        """Connections to it."""
        import httpx

        return httpx.AsyncClient(timeout=TIMEOUT_S)

    async def send(self, client: httpx.AsyncClient, spans: Iterable[Span]) -> None:
        """Let it take spans; what it refuses for good is logged and passed over.

        Raises:
            NotDeliveredError: it may take them later.
        """
        import httpx

        try:
            for request, count in _requests(iter(spans)):
                await self._send(client, request, count)
        except (httpx.HTTPError, NotDeliveredError) as error:
            self._note_away(str(error) or type(error).__name__)
            raise NotDeliveredError(str(error)) from error

    async def _send(self, client: httpx.AsyncClient, request: bytes, count: int) -> None:
        answer = await client.post(self._url, content=request, headers=self._headers)
        if answer.status_code in REFUSED:
            log.error("the collector refused spans", status=answer.status_code, spans=count)
        elif not answer.is_success:
            raise NotDeliveredError(f"the collector answered {answer.status_code}")
        else:
            _note_rejected(answer)
        self._is_away = False

    def _note_away(self, reason: str) -> None:
        """Say so, once for each outage."""
        if not self._is_away:
            log.warning("traces wait for the collector", reason=reason)
        self._is_away = True


def _requests(spans: Iterator[Span]) -> Iterator[tuple[bytes, int]]:
    """Bodies of requests, with how many spans each has."""
    while some := list(islice(spans, MOST_SPANS)):
        yield request_of(some), len(some)


def _note_rejected(answer: httpx.Response) -> None:
    """Log how many spans the collector took the request without, if its answer says so."""
    if answer.headers.get("Content-Type") != "application/x-protobuf":
        return
    count, reason = rejected(answer.content)
    if count:
        log.error("the collector rejected spans", spans=count, reason=reason)
