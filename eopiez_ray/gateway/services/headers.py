"""What of a request's headers goes out to a service, and what of its answer's comes back.

Nothing by which the caller signed in goes out: a service would act in its name. Nothing comes back that would give a
service power over the gateway's own pages: cookies, and what browsers obey for the whole site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

Headers = list[tuple[str, str]]

HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "trailers", "transfer-encoding", "upgrade",
})  # fmt: skip
"""About one connection (RFC 9110, section 7.6.1), as are those that ``Connection`` names."""
_KEPT_IN = frozenset({
    "authorization", "cookie", "cookie2", "host", "expect", "forwarded", "x-real-ip", "x-request-id", "x-session-id",
    "x-request-timeout-seconds", "x-request-disconnect-disabled", "serve_multiplexed_model_id", "via", "origin",
    "referer", "max-forwards", "http2-settings",
})  # fmt: skip
_KEPT_IN_PREFIXES = ("x-forwarded-", "x-eopiez-", "proxy-", "sec-", "serve_", "serve-")
_KEPT_OUT = frozenset({
    "set-cookie", "set-cookie2", "www-authenticate", "authentication-info", "strict-transport-security",
    "content-security-policy", "content-security-policy-report-only", "clear-site-data", "service-worker-allowed",
    "referrer-policy", "x-content-type-options", "x-frame-options", "permissions-policy", "alt-svc", "refresh", "link",
    "location", "content-location", "server", "x-powered-by", "x-request-id", "report-to", "nel", "reporting-endpoints",
    "public-key-pins", "sourcemap", "x-sourcemap", "date", "via", "origin-agent-cluster", "speculation-rules",
    "x-accel-redirect", "x-accel-buffering", "x-sendfile",
})  # fmt: skip
_KEPT_OUT_PREFIXES = ("access-control-", "x-eopiez-", "cross-origin-", "proxy-", "x-forwarded-")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.{0,200})?")
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
"""No page of a service's is one of the gateway's."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as the gateway knows it."""

    address: str
    scheme: str
    host: str
    request_id: str
    project: str


def outgoing(headers: Iterable[tuple[str, str]], origin: Origin) -> Headers:
    """The headers for the service; names of those given are in lower case."""
    given = list(headers)
    dropped = HOP_BY_HOP | _KEPT_IN | _named(given)
    if not all(_TRACEPARENT.fullmatch(value) for name, value in given if name == "traceparent"):
        dropped |= {"traceparent", "tracestate"}
    kept = [each for each in given if each[0] not in dropped and not each[0].startswith(_KEPT_IN_PREFIXES)]
    ours = {
        "x-forwarded-for": origin.address,
        "x-forwarded-proto": origin.scheme,
        "x-forwarded-host": origin.host,
        "x-request-id": origin.request_id,
        "x-eopiez-project": origin.project,
    }
    return kept + [(name, value) for name, value in ours.items() if value]


def incoming(headers: Iterable[tuple[str, str]]) -> Headers:
    """The headers for the caller; names of those given are in any case."""
    given = [(name.lower(), value) for name, value in headers]
    dropped = HOP_BY_HOP | _KEPT_OUT | _named(given)
    kept = [each for each in given if each[0] not in dropped and not each[0].startswith(_KEPT_OUT_PREFIXES)]
    return [*kept, ("content-security-policy", SANDBOX)]


def _named(headers: Headers) -> frozenset[str]:
    """What ``Connection`` says is about the connection alone."""
    said = ",".join(value for name, value in headers if name == "connection")
    return frozenset(part.strip().lower() for part in said.split(",")) - {""}
