"""Where services and receivers of alerts may be: what keeps the system from being sent to addresses that only it can
reach.

An address counts as it is connected to, after names are resolved. A private, link-local, loopback or otherwise special
one is allowed only if a network in the setting holds it, whatever host leads there; a cloud's metadata address only if
an entry names it alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 2000
ANY = "*"
_METADATA = frozenset(map(ip_address, ("169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254")))
"""Where clouds tell a machine its secrets; one of these looks like any public address."""
_TRANSLATED = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))
"""IPv6 addresses behind which another IPv4 address may be."""
_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_WITH_PORTS = re.compile(r"(?P<place>[^:\[\]]+|\[[^\[\]]+\]):(?P<first>[0-9]{1,5})(-(?P<last>[0-9]{1,5}))?")
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")
_BETWEEN = re.compile(r"(?i)/|%2f|%5c")
"""What some servers take for the end of a path's part."""
_DOTS = re.compile(r"(?i)(\.|%2e){1,2}")


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the setting."""

    network: Network | None
    host: str
    """In lower case, if it is no network; one that begins with a dot stands for all below it, ``*`` for any."""
    ports: range

    @classmethod
    def of(cls, entry: str, setting: str) -> Place:
        """What an entry says.

        Raises:
            ParameterError: it is no place.
        """
        found = _WITH_PORTS.fullmatch(entry)
        place = entry if found is None else found["place"].strip("[]")
        first, last = (1, 65535) if found is None else (int(found["first"]), int(found["last"] or found["first"]))
        network = _network(place)
        is_host = place == ANY or _HOST.fullmatch(place.removeprefix("*."))
        if (network is None and not is_host) or not 1 <= first <= last <= 65535:
            raise ParameterError(f"{setting}: {entry!r} is neither a network nor a host, *.domain or *")
        return cls(network, "" if network else _plain_host(place.removeprefix("*") or ANY), range(first, last + 1))

    def allows(self, host: str, address: Address, port: int) -> bool:
        """Whether it allows a service called so, there."""
        if port not in self.ports:
            return False
        return self._names(host) and _is_public(address) if self.network is None else _holds(self.network, address)

    def _names(self, host: str) -> bool:
        return self.host in {ANY, host} or (self.host.startswith(".") and host.endswith(self.host))


@dataclass(frozen=True, slots=True)
class Places:
    """Where services may be."""

    places: tuple[Place, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str], setting: str = "gateway_services") -> Places:
        """What a setting says.

        Raises:
            ParameterError: an entry is no place.
        """
        return cls(tuple(Place.of(entry, setting) for entry in entries))

    @property
    def is_nowhere(self) -> bool:
        """Whether no service may be anywhere."""
        return not self.places

    def allows(self, host: str, address: Address, port: int) -> bool:
        """Whether a service called so may be at that address and port."""
        name, plain = _plain_host(host), _plain(address)
        return any(place.allows(name, plain, port) for place in self.places)


def check_url(text: str) -> str:
    """A service's URL in the form in which it is kept: without a slash at the end.

    Raises:
        ParameterError: it is not one that a service can have.
    """
    if len(text) > LONGEST_URL or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise _bad(text, "it may have no more than 2,000 characters, all printable ASCII, none a space")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _bad(text, str(error)) from error
    if parts.scheme not in {"http", "https"}:
        raise _bad(text, "it begins with neither http:// nor https://")
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise _bad(text, "it may hold neither a user, nor a password, nor a query, nor a fragment")
    if not host or port == 0 or (literal(host) is None and _HOST.fullmatch(host) is None):
        raise _bad(text, "it names no host")
    check_path(parts.path)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def check_path(path: str) -> None:
    """Check a path below a service's URL, as it is written in requests.

    Raises:
        ParameterError: it could lead elsewhere, or cannot be written so.
    """
    if _PATH.fullmatch(path) is None or any(_DOTS.fullmatch(part) for part in _BETWEEN.split(path)):
        raise ParameterError(
            f"the path {path[:200]!r} cannot be called: write it percent-encoded, without dot segments"
        )


def literal(host: str) -> Address | None:
    """The address that a host is, if it is written as one; a number alone (``2130706433``) counts as a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def port_of(url: str) -> int:
    """The port that a URL leads to."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _plain(address: Address) -> Address:
    """The IPv4 address behind one that only maps it into IPv6."""
    return getattr(address, "ipv4_mapped", None) or address


def _holds(network: Network, address: Address) -> bool:
    is_inside = address.version == network.version and address in network
    return is_inside and (address not in _METADATA or network.num_addresses == 1)


def _is_public(address: Address) -> bool:
    is_special = address in _METADATA or address.is_multicast or address.is_reserved or address.is_unspecified
    is_translated = address.version == 6 and any(address in network for network in _TRANSLATED)
    return address.is_global and not is_special and not is_translated


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry)
    except ValueError:
        return None


def _plain_host(host: str) -> str:
    return host.lower().rstrip(".")


def _bad(text: str, why: str) -> ParameterError:
    return ParameterError(f"the URL {text[:200]!r} cannot be a service's: {why}")
