"""Whether a gateway answers, asked from outside."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

ANSWER_S = 2.0
"""Seconds within which an answer has to come."""


def answers(url: str) -> bool:
    """Whether a GET of the URL succeeds; no proxy is asked, and no redirect followed.

    No certificate is checked: the gateway's is for the name by which others reach it, and nothing secret is sent.
    """
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=ANSWER_S, context=context)
