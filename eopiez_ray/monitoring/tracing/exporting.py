"""Sends finished work to a collector: one process at a time, from where the last one has come, which Postgres knows.

The place moves on only after the collector has taken what is before it. So nothing is lost if this process or the
collector dies, and what is sent again has the same ids. The work itself never waits for any of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from ...errors import NotDeliveredError
from ...logs import get_logger
from ...store.traces import TraceStore
from ..station import SYSTEM
from .spans import Span, spans_of
from .wire import rejected, request_of

if TYPE_CHECKING:
    import httpx

    from ..station import Station

EXPORT_S = 5.0
"""Seconds between exports."""
WINDOW = timedelta(seconds=10)
"""How much is read at once."""
MOST_SPANS = 1000
"""Spans in a request."""
TIMEOUT_S = 10.0
REFUSED = {400, 413}
"""Statuses of a collector that would say the same of the same spans again."""

log = get_logger(__name__)


class Exporter:
    """Exports what has finished, as far as it is committed."""

    def __init__(self, station: Station, url: str, headers: Mapping[str, str] | None = None) -> None:
        """
        Args:
            station: whose watch over the system says who exports.
            url: where the collector takes traces by OTLP over HTTP.
            headers: of requests to it, besides those that the protocol asks for.
        """
        self._station, self._url = station, url
        self._headers = {**(headers or {}), "Content-Type": "application/x-protobuf"}
        self._store = TraceStore(station.database)
        self._is_away = False

    async def export(self) -> None:
        """Export all that is left; a collector that cannot be reached gets it next time."""
        import httpx

        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            try:
                while await self._export_once(client):
                    pass
            except (httpx.HTTPError, NotDeliveredError) as error:
                self._note_away(str(error) or type(error).__name__)

    async def _export_once(self, client: httpx.AsyncClient) -> bool:
        """Export what finished in a window, and pass over idle time after it; True if there is more."""
        window = await self._store.window()
        until = min(window.through + WINDOW, window.horizon)
        if until <= window.through:
            return False
        finished = await self._store.finished(window.through, until)
        for request, count in _requests(spans_of(finished)):
            await self._send(client, request, count)
        if finished.is_empty and until < window.horizon:
            until = await self._store.idle_until(until, window.horizon)
        async with self._station.watches.held(SYSTEM) as connection:
            if connection is None:
                return False
            await self._store.advance(connection, until)
        return until < window.horizon

    async def _send(self, client: httpx.AsyncClient, request: bytes, count: int) -> None:
        """Let the collector take a request; what it refuses for good is logged and passed over.

        Raises:
            NotDeliveredError: it may take it later.
            httpx.HTTPError: the same.
        """
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
