"""Protection of cookies against other people's pages (ASVS 3.5.1).

A request that changes something shows that a page of ours sent it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...errors import CrossSiteError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "X-Eopiez-Request"
"""Sent with any value. A page elsewhere cannot send it without our consent, which CORS refuses."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin(method: str, headers: Mapping[str, str]) -> None:
    """Check that a request with a cookie comes from a page of ours, unless it changes nothing.

    Raises:
        CrossSiteError: it does not show that.
    """
    site = headers.get("sec-fetch-site")
    if site in {"cross-site", "same-site"}:
        raise CrossSiteError("a page of another site sent this")
    if method in SAFE:
        return
    if HEADER.lower() not in headers:
        raise CrossSiteError(f"a request with a cookie needs the header {HEADER}")
    if site != "same-origin" and not _is_own(headers):
        raise CrossSiteError("a request with a cookie needs an Origin that is this server's")


def _is_own(headers: Mapping[str, str]) -> bool:
    try:
        origin = urlsplit(headers.get("origin", ""))
    except ValueError:
        return False
    return bool(origin.netloc) and origin.netloc.casefold() == headers.get("host", "").casefold()
