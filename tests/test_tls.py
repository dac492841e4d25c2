"""Certificates, keys and authorities: what cannot be used is refused by a sentence that says what is wrong."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from eopiez_ray.errors import CertificateError
from eopiez_ray.phases.services.access import trusted
from eopiez_ray.settings import Settings
from eopiez_ray.supervision.clashes import clashes
from eopiez_ray.supervision.examination import Finding, Verdict, certificate
from eopiez_ray.supervision.supervisor import shown_url
from eopiez_ray.tls import Pair, pair_of, trusting, usable, valid
from tests.certificates import Certified, certified, write_key


@pytest.fixture
def made(tmp_path: Path) -> Certified:
    return certified(tmp_path)


def pair(made: Certified) -> Pair:
    return Pair(made.certificate, made.key)


def found(made: Certified, **settings: str) -> list[Finding]:
    """What ``eopiez doctor`` says."""
    return list(certificate(Settings(tls_certificate=made.certificate, tls_key=made.key, **settings)))  # type: ignore[arg-type]


def test_a_certificate_says_whom_it_is_for_and_for_how_long(made: Certified) -> None:
    read = valid(pair(made), datetime.now(UTC))
    assert read.left(datetime.now(UTC)) == pytest.approx(timedelta(days=30), abs=timedelta(minutes=1))
    assert (read.is_for("127.0.0.1"), read.is_for("127.0.0.2"), read.is_for("localhost")) == (True, False, False)
    made.renew(host="*.Example.com")
    read = usable(pair(made))
    assert [read.is_for(host) for host in ("a.example.com", "A.EXAMPLE.COM", "example.com", "a.b.example.com")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_what_ends_first_in_a_chain_counts(made: Certified, tmp_path: Path) -> None:
    (tmp_path / "above").mkdir()
    above = certified(tmp_path / "above", days=2)
    made.certificate.write_bytes(made.certificate.read_bytes() + above.certificate.read_bytes())
    assert usable(pair(made)).left(datetime.now(UTC)) < timedelta(days=2)


def test_both_settings_belong_together(made: Certified) -> None:
    assert pair_of(None, None) is None
    with pytest.raises(CertificateError, match="EOPIEZ_TLS_KEY: it is unset, and EOPIEZ_TLS_CERTIFICATE is set"):
        pair_of(made.certificate, None)
    with pytest.raises(CertificateError, match="EOPIEZ_TLS_CERTIFICATE: it is unset, and EOPIEZ_TLS_KEY is set"):
        pair_of(None, made.key)


def test_what_is_no_certificate_or_key_is_named(made: Certified, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    encryption = BestAvailableEncryption(b"word")
    locked.write_bytes(generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    (tmp_path / "empty").touch()
    for given, said in {
        Pair(tmp_path / "none.crt", made.key): "EOPIEZ_TLS_CERTIFICATE: .*none.crt cannot be read: no such file",
        Pair(tmp_path, made.key): "EOPIEZ_TLS_CERTIFICATE: .* cannot be read: is a directory",
        Pair(tmp_path / "empty", made.key): "EOPIEZ_TLS_CERTIFICATE: .*empty holds no certificate in PEM",
        Pair(made.key, made.key): "EOPIEZ_TLS_CERTIFICATE: .*tls.key holds no certificate in PEM",
        Pair(made.certificate, made.certificate): "EOPIEZ_TLS_KEY: .*tls.crt holds no private key in PEM",
        Pair(made.certificate, locked): "EOPIEZ_TLS_KEY: the key in .*locked.key is locked by a password",
    }.items():
        with pytest.raises(CertificateError, match=said):
            usable(given)


def test_a_key_of_another_certificate_is_refused(made: Certified) -> None:
    chain = made.certificate.read_bytes() + made.authority.read_bytes()
    write_key(made.key, generate_private_key(SECP256R1()))
    with pytest.raises(CertificateError, match="belongs to another certificate, not to the first in"):
        usable(pair(made))
    made.certificate.write_bytes(chain)
    write_key(made.key, made.signer)
    with pytest.raises(CertificateError, match="belongs to another certificate of the file, which has to come first"):
        usable(pair(made))


def test_what_has_ended_or_not_begun_is_not_valid(made: Certified) -> None:
    now = datetime.now(UTC)
    with pytest.raises(CertificateError, match=r"ended on .* UTC; renew it"):
        valid(pair(made), now + timedelta(days=31))
    with pytest.raises(CertificateError, match=r"holds from .* on; is the clock right"):
        valid(pair(made), now - timedelta(days=2))
    assert usable(pair(made))


def test_authorities_that_are_none_are_named(made: Certified) -> None:
    assert any("authority" in str(each["subject"]) for each in trusting(made.authority).get_ca_certs())
    with pytest.raises(CertificateError, match=r"EOPIEZ_CA_FILE: .*tls.key holds no certificate"):
        trusting(made.key)
    with pytest.raises(CertificateError, match=r"EOPIEZ_CA_FILE: .*none cannot be read: no such file"):
        trusting(Path("none"))


def test_workers_that_call_services_trust_it_too(made: Certified, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EOPIEZ_CA_FILE", raising=False)
    assert trusted() is True
    monkeypatch.setenv("EOPIEZ_CA_FILE", str(made.authority))
    context = trusted()
    assert isinstance(context, ssl.SSLContext)
    assert any("authority" in str(each["subject"]) for each in context.get_ca_certs())


def test_people_are_told_the_name_that_the_certificate_is_for(made: Certified) -> None:
    public = "https://eopiez.example.com"
    assert shown_url(Settings(public_url=public)) == "http://127.0.0.1:8000"
    assert shown_url(Settings(tls_certificate=made.certificate, tls_key=made.key)) == "https://127.0.0.1:8000"
    named = Settings(tls_certificate=made.certificate, tls_key=made.key, public_url=public)
    assert shown_url(named) == public


def test_the_doctor_looks_at_the_certificate(made: Certified) -> None:
    assert [(each.verdict, each.facts[-10:]) for each in found(made)] == [(Verdict.GOOD, "in 30 days")]
    elsewhere = found(made, public_url="https://eopiez.example.com")[1]
    assert (elsewhere.verdict, elsewhere.facts) == (
        Verdict.WARNING,
        "it is for 127.0.0.1, and not for eopiez.example.com",
    )
    made.key.chmod(0o640)
    made.renew(days=20)
    assert [each.verdict for each in found(made)] == [Verdict.WARNING] * 2
    settings = Settings(tls_certificate=made.certificate, tls_key=made.key)
    said = [each for each in clashes(settings) if each.subject == "EOPIEZ_TLS_CERTIFICATE"]
    assert [each.advice for each in said][1:] == [f"chmod 600 {made.key}"]
    made.renew(days=-0.5)
    assert [(each.verdict, "renew it" in each.facts) for each in found(made)] == [(Verdict.BAD, True)]
