"""How guessing is slowed: failures at one account from one network wait longer and longer.

Account and network count together: whoever guesses waits, and the owner, who comes from elsewhere, does not (ASVS
6.1.1, 6.3.1). An account that does not exist is counted like any other.
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

FREE = 5
"""Failures without any wait."""
LONGEST_S = 900.0
"""Seconds of the longest wait."""
FORGOTTEN_S = 24 * 3600.0
"""Seconds after the last failure, after which all are forgotten."""


class Record(NamedTuple):
    """What is known of failures at an account from a network."""

    failures: int
    since_last_s: float
    blocked_s: float
    """Seconds until the next attempt is allowed; not above 0 if it is."""


def wait_after(failures: int) -> float:
    """Seconds to wait after that many failures: 1, 2, 4 … from the first that is not free."""
    beyond = failures - FREE
    return 0.0 if beyond < 0 else min(LONGEST_S, 2.0 ** min(beyond, 30))


def failures_with(record: Record) -> int:
    """The number of failures if the next attempt fails as well."""
    return 1 if record.since_last_s > FORGOTTEN_S else record.failures + 1


def account_key(login: str) -> bytes:
    """What is kept of the name that was typed, which may be a password by mistake: its SHA-256."""
    return hashlib.sha256(login.encode("utf-8", "surrogatepass")).digest()


def network_of(address: str) -> str:
    """The network that counts as one: an IPv4 address, or the 64 bits of IPv6 that every customer has to themselves."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def decide(failures: int, since_last_s: float, blocked_s: float) -> tuple[int, float] | None:
    """Whether an attempt may be made: if so, the failures and the seconds of block in case it fails; else None."""
    if blocked_s > 0:
        return None
    counted = failures_with(Record(failures, since_last_s, blocked_s))
    return counted, wait_after(counted)
