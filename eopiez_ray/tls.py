"""The gateway's certificate and private key, and authorities that whoever calls a gateway trusts: PEM files."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .errors import CertificateError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate as Signed

    Given = TypeVar("Given")

CERTIFICATE, KEY, AUTHORITIES = "EOPIEZ_TLS_CERTIFICATE", "EOPIEZ_TLS_KEY", "EOPIEZ_CA_FILE"
"""Variables with the paths."""


class Pair(NamedTuple):
    """The two files, by absolute paths."""

    certificate: Path
    key: Path

    @property
    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when a file is written or replaced; empty while one of them is not there."""
        try:
            found = [path.stat() for path in self]
        except OSError:
            return ()
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the gateway shows of itself."""

    names: tuple[str, ...]
    """Hosts and addresses that it is for."""
    begins_at: datetime
    ends_at: datetime
    """When it ends, or whichever ends first of those above it in the file."""

    def left(self, now: datetime) -> timedelta:
        """For how long it holds."""
        return self.ends_at - now

    def is_for(self, host: str) -> bool:
        """Whether whoever reaches the gateway under this name or address accepts it."""
        name, _, above = host.lower().partition(".")
        return _plain(host) in self.names or bool(name and above and f"*.{above}" in self.names)


def pair_of(certificate: Path | None, key: Path | None) -> Pair | None:
    """The files that settings name; None if they name none.

    Raises:
        CertificateError: they name one alone.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        there, missing = (CERTIFICATE, KEY) if key is None else (KEY, CERTIFICATE)
        raise CertificateError(missing, f"it is unset, and {there} is set; the gateway needs both, or neither")
    return Pair(certificate.expanduser().absolute(), key.expanduser().absolute())


def usable(pair: Pair) -> Certificate:
    """The certificate, once it is known that a server can use it with the key. It may have ended: see ``valid``.

    Raises:
        CertificateError: a file is missing, is not what it should be, or they do not belong together.
    """
    chain, key = _chain(pair.certificate), _key(pair.key)
    if _public(chain[0]) != key.public_key():
        is_below = any(_public(each) == key.public_key() for each in chain[1:])
        where = "another certificate of the file, which has to come first" if is_below else "another certificate"
        raise CertificateError(KEY, f"the key in {pair.key} belongs to {where}, not to the first in {pair.certificate}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*pair)
    except ssl.SSLError as error:
        raise CertificateError(CERTIFICATE, f"OpenSSL cannot use {pair.certificate} and its key: {error}") from error
    return _certificate(chain)


def valid(pair: Pair, now: datetime) -> Certificate:
    """The certificate, once it is known that it holds now.

    Raises:
        CertificateError: as in ``usable``, or it has ended or not begun.
    """
    found = usable(pair)
    if found.left(now) <= timedelta():
        raise CertificateError(CERTIFICATE, f"{pair.certificate} ended on {_day(found.ends_at)}; renew it")
    if found.begins_at > now:
        raise CertificateError(
            CERTIFICATE, f"{pair.certificate} holds from {_day(found.begins_at)} on; is the clock right?"
        )
    return found


def trusting(file: Path) -> ssl.SSLContext:
    """For a client: trusts the authorities in the file, besides those that the machine trusts.

    Raises:
        CertificateError: it cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(file.expanduser())
    except ssl.SSLError as error:
        raise CertificateError(AUTHORITIES, f"{file} holds no certificate in PEM") from error
    except OSError as error:
        raise _unreadable(AUTHORITIES, file, error) from error
    return context


def _chain(path: Path) -> list[Signed]:
    from cryptography.x509 import load_pem_x509_certificates

    chain = _parsed(load_pem_x509_certificates, CERTIFICATE, path, "certificate")
    assert chain  # Without one, it raises.
    return chain


def _key(path: Path) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return _parsed(lambda data: load_pem_private_key(data, None), KEY, path, "private key")
    except TypeError as error:
        raise CertificateError(KEY, f"the key in {path} is locked by a password; write it without one") from error


def _parsed(parse: Callable[[bytes], Given], setting: str, path: Path, what: str) -> Given:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise _unreadable(setting, path, error) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(setting, f"{path} holds no {what} in PEM that can be read") from error


def _public(certificate: Signed) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def _certificate(chain: list[Signed]) -> Certificate:
    return Certificate(
        _names(chain[0]),
        max(each.not_valid_before_utc for each in chain),
        min(each.not_valid_after_utc for each in chain),
    )


def _names(certificate: Signed) -> tuple[str, ...]:
    """Names and addresses of a certificate; clients look at no other part of it."""
    from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, SubjectAlternativeName

    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return ()
    hosts = (name.lower() for name in found.get_values_for_type(DNSName))
    return (*hosts, *map(str, found.get_values_for_type(IPAddress)))


def _plain(host: str) -> str:
    """A host in the form in which certificates have it."""
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return host.lower().rstrip(".")


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _unreadable(setting: str, path: Path, error: OSError) -> CertificateError:
    return CertificateError(setting, f"{path} cannot be read: {(error.strerror or str(error)).lower()}")
