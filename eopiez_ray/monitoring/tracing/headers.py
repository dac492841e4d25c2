"""Headers for the collector, as OpenTelemetry's exporters take them from the environment."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ...errors import ParameterError

SETTING = "EOPIEZ_OTLP_HEADERS"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110, section 5.6.2)."""
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_OURS = frozenset({"content-type", "content-length", "host", "transfer-encoding", "connection"})


def headers_of(text: str | None) -> dict[str, str]:
    """The headers that ``name=value`` pairs, separated by commas, say; values may be percent-encoded.

    Raises:
        ParameterError: a pair is none. It is named by its place, since values are secrets.
    """
    pairs = (text or "").split(",")
    return dict(_pair(each.strip(), place) for place, each in enumerate(pairs, 1) if each.strip())


def _pair(text: str, place: int) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    name, value = name.strip().lower(), unquote(value.strip())
    if not separator or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise ParameterError(f"{SETTING}: pair {place} is no name=value; encode what is no printable ASCII as %XX")
    if name in _OURS:
        raise ParameterError(f"{SETTING}: pair {place} is the header {name}, which the exporter writes itself")
    return name, value
