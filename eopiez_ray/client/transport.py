"""Requests to a gateway: with credentials, tried again where that is safe, and errors as our own.

A request is sent again after an answer that says it was not processed (429), after a connection that was never made,
and, if sending it twice has the effect of sending it once, after any loss. Others are never sent twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from ..errors import GatewayError, GatewayUnavailableError, ParameterError, UntrustedGatewayError
from ..tls import trusting
from .credentials import Credentials, FixedToken
from .enduring import Endurance, Unanswered
from .patience import Patience
from .problems import error_of, retry_after_s

TIMEOUT = httpx.Timeout(75.0, connect=10.0)
"""A gateway takes up to 60 seconds for a request."""
LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=8)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_MAYBE_LATER = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request."""

    method: str
    path: str
    """Below ``/v1``."""
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    """JSON; None sends nothing."""
    content: bytes | None = None
    """Bytes in place of JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = False
    """Whether sending it twice has the effect of sending it once."""
    follows_redirects: bool = False
    timeout: httpx.Timeout | None = None
    """``TIMEOUT`` by default."""


class Transport:
    """Connections to a gateway, from one event loop."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        ca_file: str | None = None,
    ) -> None:
        """
        Args:
            url: ``http://host:port``, or with a path under which a proxy serves the gateway.
            credentials: who sends the requests; nobody by default.
            patience: how long to try again.
            transport: how requests travel; over the network by default.
            ca_file: authorities in PEM, one of which may stand for the gateway's certificate, besides well-known ones.

        Raises:
            ParameterError: this is no URL of a gateway, or the file holds no authorities.
        """
        self.url = checked_url(url)
        self._credentials: Credentials = credentials or FixedToken(None)
        self.patience = patience or Patience()
        self._http = httpx.AsyncClient(
            base_url=f"{self.url}/v1", timeout=TIMEOUT, limits=LIMITS, transport=transport,
            headers={"User-Agent": "eopiez-client"}, verify=True if ca_file is None else trusting(Path(ca_file)),
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON at a path. Errors as in ``send``."""
        return await self.json(Call(method="GET", path=path, query=query, is_repeatable=True))

    async def json(self, call: Call) -> Any:
        """The JSON that answers a request. Errors as in ``send``."""
        answer = await self.send(call)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise GatewayError(f"{self.url} answers no JSON; is it the URL of a gateway?", status=answer.status_code) \
                from error  # fmt: skip

    async def send(self, call: Call) -> httpx.Response:
        """The answer to a request, once it is a good one.

        Raises:
            GatewayUnavailableError: it does not answer, or something behind it is away.
            UntrustedGatewayError: what answers shows no certificate that is trusted here.
            TooManyRequestsError: it has too much to do, for longer than we are patient.
            EopiezError: it refuses.
        """
        endurance = Endurance(self.patience)
        while True:
            try:
                async with self.stream(call) as answer:
                    await answer.aread()
                    return answer
            except Unanswered as caught:
                await endurance.pause(caught)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx.Response]:
        """A good answer whose body has yet to be read; one try.

        Raises:
            Unanswered: it may come if it is asked for again.
            UntrustedGatewayError: what answers shows no certificate that is trusted here.
            EopiezError: it refuses.
        """
        try:
            answer = await self._answered(call)
            try:
                yield answer
            finally:
                await answer.aclose()
        except httpx.RequestError as lost:
            if _is_untrusted(lost):
                raise self._untrusted(lost) from lost
            may_repeat = call.is_repeatable or isinstance(lost, _NEVER_SENT)
            raise Unanswered(self._lost(call, lost), may_repeat) from lost

    async def _answered(self, call: Call) -> httpx.Response:
        token = await self._credentials.token()
        answer = await self._sent(call, token)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            renewed = await self._credentials.renewed(token)
            if renewed is not None:
                await answer.aclose()
                answer = await self._sent(call, renewed)
        if answer.is_success:
            return answer
        try:
            await answer.aread()
        finally:
            await answer.aclose()
        raise self._refused(call, answer)

    async def _sent(self, call: Call, token: str | None) -> httpx.Response:
        headers = dict(call.headers) | ({} if token is None else {"Authorization": f"Bearer {token}"})
        query = {name: value for name, value in call.query.items() if value is not None and value is not False}
        request = self._http.build_request(
            call.method, call.path.lstrip("/"), params=_texts(query), headers=headers, timeout=call.timeout or TIMEOUT,
            **({} if call.body is None else {"json": call.body}), content=call.content,
        )  # fmt: skip
        return await self._http.send(request, stream=True, follow_redirects=call.follows_redirects)

    def _refused(self, call: Call, answer: httpx.Response) -> Exception:
        if answer.is_redirect:
            target = answer.headers.get("location", "")[:200]
            return GatewayError(f"{self.url} leads elsewhere, to {target}; use that URL", status=answer.status_code)
        error = error_of(answer.status_code, answer.headers, answer.content)
        is_refused_unseen = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        if is_refused_unseen or answer.status_code in _MAYBE_LATER:
            after = retry_after_s(answer.headers) or 0.0
            return Unanswered(error, is_refused_unseen or call.is_repeatable, after)
        return error

    def _untrusted(self, lost: httpx.RequestError) -> UntrustedGatewayError:
        _, _, reason = str(lost).rpartition("certificate verify failed: ")
        return UntrustedGatewayError(
            f"the certificate of {self.url} is not trusted: {reason}; if an authority of your own has signed it, name "
            "that one's file in EOPIEZ_CA_FILE, or with `eopiez login --ca-file`"
        )

    def _lost(self, call: Call, lost: httpx.RequestError) -> GatewayUnavailableError:
        reason = str(lost) or type(lost).__name__
        if isinstance(lost, _NEVER_SENT):
            return GatewayUnavailableError(f"{self.url} cannot be reached: {reason}; is it up, and is the URL right?")
        doubt = "" if call.is_repeatable else "; whether it was carried out is unknown: look before you ask again"
        return GatewayUnavailableError(f"the connection to {self.url} was lost: {reason}{doubt}")


def checked_url(url: str) -> str:
    """The URL of a gateway, in one spelling.

    Raises:
        ParameterError: it is none.
    """
    try:
        parts = urlsplit(url.strip())
        is_fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_fine = False
    if not is_fine or parts.query or parts.fragment:
        raise ParameterError(f"{url[:200]!r} is no URL of a gateway; give one such as https://eopiez.example.com")
    if parts.username is not None or parts.password is not None:
        raise ParameterError("the URL has a user or password in it; leave them out, and sign in with `eopiez login`")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/").removesuffix("/v1")


def _is_untrusted(lost: httpx.RequestError) -> bool:
    """Whether a connection was given up because of the certificate at its other end."""
    return isinstance(lost, httpx.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(lost)


def _texts(query: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as a URL has them; several values of one repeat it."""
    return {name: [*map(_text, value)] if isinstance(value, list | tuple) else _text(value)
            for name, value in query.items()}  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
