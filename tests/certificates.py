"""Certificates for servers of tests, signed by an authority of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Certified:
    """Files of an authority, and of a certificate for this machine that it has signed."""

    authority: Path
    certificate: Path
    key: Path
    signer: EllipticCurvePrivateKey

    @property
    def variables(self) -> dict[str, str]:
        """What a gateway and its callers are told; ``SSL_CERT_FILE`` is for callers that are not ours."""
        ours = {"EOPIEZ_TLS_CERTIFICATE": self.certificate, "EOPIEZ_TLS_KEY": self.key}
        theirs = {"EOPIEZ_CA_FILE": self.authority, "SSL_CERT_FILE": self.authority}
        return {name: str(path) for name, path in (ours | theirs).items()}

    def renew(self, days: float = 30.0, host: str = ADDRESS, since: float = 1.0) -> None:
        """Replace certificate and key: first the one, then the other.

        Args:
            days: for which it holds from now on.
            host: a name, or an address.
            since: days for which it has held.
        """
        key = generate_private_key(SECP256R1())
        self.certificate.write_bytes(_signed(key, self.signer, host, since, days, is_authority=False))
        write_key(self.key, key)


def certified(folder: Path, days: float = 30.0) -> Certified:
    """An authority and a certificate, in new files."""
    signer = generate_private_key(SECP256R1())
    made = Certified(folder / "authority.pem", folder / "tls.crt", folder / "tls.key", signer)
    made.authority.write_bytes(_signed(signer, signer, "authority", 1, 1000, is_authority=True))
    made.renew(days)
    return made


def write_key(path: Path, key: EllipticCurvePrivateKey) -> None:
    """Write a private key, for its owner alone."""
    path.touch(0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _signed(
    key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey, name: str, since: float, days: float,
    *, is_authority: bool,
) -> bytes:  # fmt: skip
    now, issuer = datetime.now(UTC), _name("authority")
    builder = (
        x509.CertificateBuilder(issuer, _name(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=since))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False)
    return builder.sign(signer, SHA256()).public_bytes(Encoding.PEM)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
