"""Addresses of databases: checked before they are used, and shown without their passwords."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from ..errors import DatabaseUnavailableError


def no_address(name: str) -> str:
    return (
        f"{name} is not a database address; write postgresql://user:password@host:5432/name, and percent-encode any of "
        "/ ? # : @ % in the password, such as %2F for /"
    )


def check_address(url: str, name: str = "EOPIEZ_DATABASE_URL") -> None:
    """Reject an address that asyncpg would parse wrongly and then quote in an error, password included.

    Raises:
        DatabaseUnavailableError: it is not an address.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise DatabaseUnavailableError(no_address(name)) from None
    options = parts.query.split("&") if parts.query else []
    is_sound = (
        parts.scheme in {"postgres", "postgresql"}
        and "@" not in parts.path
        and "#" not in url
        and all("=" in option for option in options)
        and all(map(_is_host, parts.netloc.rpartition("@")[2].split(",")))
    )
    if not is_sound:
        raise DatabaseUnavailableError(no_address(name))


def _is_host(host: str) -> bool:
    """Whether anything that follows the host's name is a port."""
    _, colon, port = host.rpartition("]")[2].rpartition(":")
    return not colon or not port or port.isdigit()


def unsupported(url: str, error: Exception) -> str:
    """What to do if something between us and the server does not speak the whole protocol."""
    if "startup parameter" not in str(error):
        return f"the server at {redacted(url)} does not answer like PostgreSQL: {error}; check EOPIEZ_DATABASE_URL"
    return (
        f"{redacted(url)} seems to be PgBouncer or another pooler ({error}); eopiez needs sessions of its own, for "
        "LISTEN and advisory locks: point EOPIEZ_DATABASE_URL at the server itself, and EOPIEZ_POOLER_URL at the pooler"
    )


def redacted(url: str) -> str:
    """The address without its password, wherever that is in it, percent-encoded or not."""
    scheme, separator, rest = url.partition("://")
    account, at, place = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    shown = f"{user}{colon and ':***'}{at}{place}" if at else rest
    return _PASSWORDS.sub(r"\1***", f"{scheme}{separator}{shown}")


def without_password(url: str) -> tuple[str, str | None]:
    """The address without its password, and the password: a program's arguments are for everybody to read."""
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    account, at, place = parts.netloc.rpartition("@")
    user, colon, given = account.partition(":")
    password = unquote(given) if colon else dict(options).get("password")
    query = urlencode([option for option in options if option[0] != "password"], quote_via=quote)
    return urlunsplit(parts._replace(netloc=f"{user}{at}{place}", query=query)), password


_PASSWORDS = re.compile(r"(\w*pass(?:word|wd)?\w*=)[^&\s]*", re.IGNORECASE)
