"""Masking: what tells of people goes, what only looks like it stays, and no text takes long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray import Settings
from eopiez_ray.errors import ParameterError
from eopiez_ray.masking import Masker

ALL = Masker(["mail", "iban", "card", "phone", "staff=EMP-[0-9]{6}"])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail to anna.wörmann+news@mail.example.co.uk, please", "mail to [mail], please"),
        ("<ben@example.com>;cleo@example.org", "<[mail]>;[mail]"),
        ("user@host has no dot; @property; a@b", "user@host has no dot; @property; a@b"),
        ("card 4111 1111 1111 1111 or 5500-0000-0000-0004", "card [card] or [card]"),
        ("order 12 4111111111111111 x", "order 12 [card] x"),
        ("4111111111111112 fails Luhn's check", "4111111111111112 fails Luhn's check"),
        ("0000000000000000 is no card", "0000000000000000 is no card"),
        ("a hash 41111111111111111234567890 is longer", "a hash 41111111111111111234567890 is longer"),
        ("to DE89 3704 0044 0532 0130 00 UND MEHR", "to [iban] UND MEHR"),
        ("gb82west12345698765432.", "[iban]."),
        ("DE89370400440532013001 has wrong digits", "DE89370400440532013001 has wrong digits"),
        ("call +49 (0) 30 901820 or 0049-30-901820", "call [phone] or [phone]"),
        ("030 / 90 18 20 and (089) 1234567", "[phone] and [phone]"),
        (
            "took 0.0312345678 s, 2026-11-30 01:28:43, 192.168.100.200",
            "took 0.0312345678 s, 2026-11-30 01:28:43, 192.168.100.200",
        ),
        ("id 01a22a26-134c-7008-9f45-1c290e9ab7d5", "id 01a22a26-134c-7008-9f45-1c290e9ab7d5"),
        ("EMP-123456 asked EMP-12", "[staff] asked EMP-12"),
        ("\udcff EMP-123456 \0", "\\udcff [staff] \0"),
    ],
)
def test_what_tells_of_people_is_masked_and_nothing_else(text: str, masked: str) -> None:
    assert ALL.text(text) == masked


@given(st.text(), st.text())
def test_an_address_is_masked_whatever_is_around_it(before: str, after: str) -> None:
    assert "anna@example.com" not in ALL.text(f"{before} anna@example.com {after}")


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert ALL.text(ALL.text(text)) == ALL.text(text)


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a.",
        "a@",
        "a@a.",
        "@",
        "1",
        "1 ",
        "1-",
        "+1",
        "0",
        "0 ",
        "(0",
        "DE89",
        "DE89 ",
        "DE1",
        "EMP-",
        "EMP-12345",
        "€",
        "٣",
    ],
)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """Ten times the text takes about ten times as long: with backtracking, it would be a hundred or more."""

    def taken(size: int) -> float:
        text = piece * (size // len(piece)) + "!"
        began = time.process_time()
        ALL.text(text)
        return time.process_time() - began

    short = min(taken(20_000) for _ in range(3))
    assert min(taken(200_000) for _ in range(2)) < 50 * short + 0.05


def test_a_pattern_that_would_explode_elsewhere_is_quick() -> None:
    began = time.process_time()
    Masker(["bad=(a+)+b"]).text("a" * 100_000)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("telephone", "is no rule for masking; give mail"),
        ("Name=x", "small letters"),
        ("mail=x", "a name of your own"),
        ("mine=(", "RE2"),
        (r"mine=(a)\1", "neither backreferences"),
        ("mine=a*", "matches what is empty"),
        ("mine=" + "a" * 2000, "1,000 characters"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_to_do(rule: str, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        Masker([rule])


def test_settings_with_a_rule_that_is_none_say_so() -> None:
    with pytest.raises(ParameterError, match="is no rule"):
        _ = Settings(masking=("telephone",)).at_rest
