"""Opaque secrets, codes by time, recovery codes, guessing and origins: all without a database."""

from __future__ import annotations

import re

import pyotp
import pytest

from eopiez_ray.errors import CrossSiteError, NotSignedInError
from eopiez_ray.gateway.identity import guessing, opaque, totp
from eopiez_ray.gateway.identity.opaque import Purpose
from eopiez_ray.gateway.identity.origins import HEADER, check_origin
from eopiez_ray.gateway.identity.sampling import Sampler

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOW = 1_800_000_015.0


@pytest.mark.parametrize("purpose", list(Purpose))
def test_secrets_are_of_one_purpose(purpose: Purpose) -> None:
    secret = opaque.new_secret(purpose)
    opaque.check_form(purpose, secret)
    for other in set(Purpose) - {purpose}:
        with pytest.raises(NotSignedInError):
            opaque.check_form(other, secret)


def test_secrets_are_random_v5_0_0_7_2_3() -> None:
    made = {opaque.new_secret(Purpose.SESSION) for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"eopiez_session_[0-9A-Za-z]{49}", secret) for secret in made)


def test_a_mistyped_key_is_refused_by_its_checksum() -> None:
    secret = opaque.new_secret(Purpose.KEY)
    for at in range(len(secret)):
        other = secret[:at] + ("a" if secret[at] != "a" else "b") + secret[at + 1 :]
        with pytest.raises(NotSignedInError):
            opaque.check_form(Purpose.KEY, other)
    for odd in (secret[:-1], secret + "0", "", "eopiez_key_", f"eopiez_key_{'é' * 49}", "\udcff"):
        with pytest.raises(NotSignedInError):
            opaque.check_form(Purpose.KEY, odd)


def test_lists_show_little_of_a_key() -> None:
    secret = opaque.new_secret(Purpose.KEY)
    assert opaque.shown_part(secret) == secret[: len("eopiez_key_") + 6]


def test_a_code_holds_for_its_step_and_the_one_after_v5_0_0_6_5_5() -> None:
    step = int(NOW // 30)
    code = pyotp.TOTP(SECRET).at(NOW)
    assert totp.step_of(SECRET, code, NOW) == step
    assert totp.step_of(SECRET, f" {code[:3]} {code[3:]} ", NOW + 30) == step
    assert totp.step_of(SECRET, code, NOW + 60) is None
    assert totp.step_of(SECRET, code, NOW - 30) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\udcff"])
def test_what_is_no_code_is_refused(code: str) -> None:
    assert totp.step_of(SECRET, code, NOW) is None


def test_apps_can_read_the_address() -> None:
    parsed = pyotp.parse_uri(totp.address(SECRET, "anna@example.com"))
    assert parsed.secret == SECRET
    assert (parsed.name, parsed.issuer) == ("anna@example.com", "eopiez")


def test_recovery_codes_have_enough_entropy_v5_0_0_6_5_2() -> None:
    codes = opaque.recovery_codes()
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in codes)
    assert opaque.stored_code(f"  {codes[0].upper()} ") == opaque.stored_code(codes[0].replace("-", ""))


def test_waits_double_and_end() -> None:
    waits = [guessing.wait_after(failures) for failures in range(1, 20)]
    assert waits[:8] == [0, 0, 0, 0, 1, 2, 4, 8]
    assert waits[-1] == guessing.LONGEST_S
    assert guessing.wait_after(10**9) == guessing.LONGEST_S


def test_failures_are_forgotten_after_a_day() -> None:
    assert guessing.decide(40, guessing.FORGOTTEN_S + 1, -1) == (1, 0.0)
    assert guessing.decide(40, 10, -1) == (41, guessing.LONGEST_S)
    assert guessing.decide(40, 10, 0.1) is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("unix", ""),
    ],
)
def test_an_ipv6_customer_counts_once(address: str, network: str) -> None:
    assert guessing.network_of(address) == network


def test_of_many_refusals_some_are_worth_a_row() -> None:
    now = 0.0
    sampler = Sampler(lambda: now)
    kept = [count for _ in range(5000) if (count := sampler.counted("a")) is not None]
    assert kept == [*range(1, 21), 100, 1000]
    assert sampler.counted("b") == 1
    now = 60.0
    assert sampler.counted("a") == 1


def test_a_bounded_number_of_sources_is_counted() -> None:
    sampler = Sampler(lambda: 0.0)
    for number in range(30_000):
        sampler.counted(f"address {number}")
    assert len(sampler._counts) == 10_000


OWN = {"host": "eopiez.example.com", HEADER.lower(): "1"}


@pytest.mark.parametrize(
    "headers",
    [
        OWN | {"sec-fetch-site": "same-origin"},
        OWN | {"origin": "https://eopiez.example.com"},
    ],
)
def test_own_pages_may_change_things(headers: dict[str, str]) -> None:
    check_origin("POST", headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        OWN,
        OWN | {"sec-fetch-site": "cross-site", "origin": "https://eopiez.example.com"},
        OWN | {"sec-fetch-site": "same-site"},
        OWN | {"sec-fetch-site": "none"},
        OWN | {"origin": "https://example.org"},
        OWN | {"origin": "https://eopiez.example.com.example.org"},
        OWN | {"origin": "null"},
        OWN | {"origin": "https://[bad"},
        OWN | {"host": "", "origin": ""},
    ],
)
def test_other_pages_may_not_v5_0_0_3_5_1(headers: dict[str, str]) -> None:
    with pytest.raises(CrossSiteError):
        check_origin("DELETE", headers)


def test_other_pages_may_not_even_look_v5_0_0_3_5_8() -> None:
    with pytest.raises(CrossSiteError):
        check_origin("GET", {"sec-fetch-site": "cross-site"})
    check_origin("GET", {"sec-fetch-site": "same-origin"})
    check_origin("GET", {})
