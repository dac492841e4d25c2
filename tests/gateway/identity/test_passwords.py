"""Passwords: the rules of ASVS 5.0.0, section 6.2."""

from __future__ import annotations

import asyncio
import re

import pytest

from eopiez_ray.errors import TooManyRequestsError, WeakPasswordError
from eopiez_ray.gateway.identity.passwords import Hasher, check_password, common_passwords, one_time_password


@pytest.mark.parametrize("password", ["kolibri", "seven77", ""])
def test_shorter_than_8_characters_is_refused_v5_0_0_6_2_1(password: str) -> None:
    with pytest.raises(WeakPasswordError, match="at least 8"):
        check_password(password)


def test_at_least_3000_common_ones_are_refused_v5_0_0_6_2_4() -> None:
    common = common_passwords()
    assert len(common) >= 3000
    assert all(len(password) >= 8 for password in common)
    for password in ("password1", "PassWord1", "12345678", "iloveyou1", "qwertyuiop", "aaaaaaaaaa"):
        with pytest.raises(WeakPasswordError, match="guessed first"):
            check_password(password)


@pytest.mark.parametrize(
    "password",
    [
        "ulmenblattgrün",
        "7391840265",
        "kühl und leise im Wald",
        " führende Leerzeichen ",
        "漢字漢字仮名仮名",
        "🐙🦑🐡🐠🐬🐳🐋🦈",
    ],
)
def test_any_composition_is_allowed_v5_0_0_6_2_5(password: str) -> None:
    check_password(password)


async def test_it_is_verified_exactly_as_received_v5_0_0_6_2_8() -> None:
    hasher = Hasher()
    stored = await hasher.hash("Ulmenblatt grün ")
    assert await hasher.verify("Ulmenblatt grün ", stored)
    for other in ("ulmenblatt grün ", "Ulmenblatt grün", "Ulmenblatt gru\u0308n ", "Ulmenblatt grün \0"):
        assert not await hasher.verify(other, stored)


async def test_64_characters_and_up_to_256_are_allowed_and_none_is_cut_off_v5_0_0_6_2_9() -> None:
    hasher, long = Hasher(), "abcdefgh" * 32
    check_password(long)
    stored = await hasher.hash(long)
    assert await hasher.verify(long, stored)
    assert not await hasher.verify(long[:-1] + "x", stored)
    with pytest.raises(WeakPasswordError, match="at most 256"):
        check_password(long + "i")
    assert not await hasher.verify(long * 10_000, stored)


@pytest.mark.parametrize("password", ["Eopiez-2026!", "annabellaXYZ", "xxAnnaBella"])
def test_own_name_and_the_programs_are_refused_v5_0_0_6_2_11(password: str) -> None:
    with pytest.raises(WeakPasswordError, match="name"):
        check_password(password, "annabella", "")


def test_a_short_login_does_not_spoil_good_passwords() -> None:
    check_password("ananas-erdbeere", "an")


async def test_hashes_are_argon2id_with_salt() -> None:
    hasher = Hasher()
    first, second = await hasher.hash("ulmenblattgrün"), await hasher.hash("ulmenblattgrün")
    assert first != second
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=1\$", first)


async def test_without_a_password_or_with_a_damaged_hash_nobody_gets_in() -> None:
    hasher = Hasher()
    assert not await hasher.verify("ulmenblattgrün", None)
    assert not await hasher.verify("ulmenblattgrün", "plain")
    assert not await hasher.verify("lone \udcff surrogate", await hasher.hash("ulmenblattgrün"))


async def test_of_very_many_at_once_some_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eopiez_ray.gateway.identity.passwords.MOST_WAITING", 3)
    hasher = Hasher()
    outcomes = await asyncio.gather(*(hasher.verify("ulmenblattgrün", None) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(outcome, TooManyRequestsError) for outcome in outcomes) == 2
    assert not await hasher.verify("ulmenblattgrün", None), "the others made room"


def test_one_time_passwords_are_random_and_follow_the_rules_v5_0_0_6_4_1() -> None:
    made = {one_time_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        check_password(password)
