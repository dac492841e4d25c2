"""Whether a gateway answers, asked from outside."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

ANSWER_S = 2.0
"""Seconds within which an answer has to come."""


def answers(url: str) -> bool:
    """Whether a GET of the URL succeeds; no proxy is asked, and no redirect followed."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_S)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
