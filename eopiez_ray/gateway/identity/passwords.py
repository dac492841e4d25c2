"""Passwords: Argon2id (RFC 9106), and the rules of ASVS 5.0.0, section 6.2.

``common_passwords.txt`` holds the 11,611 most common passwords of 8 characters and more, sorted, from the frequency
lists of zxcvbn (MIT licence).
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from ...errors import TooManyRequestsError, WeakPasswordError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SHORTEST, LONGEST = 8, 256
"""Characters."""
OWN_WORDS = ("eopiez",)
"""Words of this program; a password with one of them is easy to guess (ASVS 6.1.2)."""
SHORTEST_WORD = 4
"""A login, or part of an address, that is shorter is in many good passwords by chance."""
MOST_WAITING = 100
"""Sign-ins that wait for their turn; more would wait for many seconds, and are refused."""
_WORK = PasswordHash((Argon2Hasher(time_cost=3, memory_cost=64 * 1024, parallelism=1),))
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of one-time passwords: 5 bits a character, and nothing that looks like another."""


@cache
def common_passwords() -> frozenset[str]:
    """Case-folded passwords that are tried first by whoever guesses."""
    text = (files(__package__) / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines())


def check_password(password: str, *words: str) -> None:
    """Check a new password. Any characters are allowed, and no kind of them is required.

    Args:
        password: as received.
        words: the account's login, name and address, none of which it may contain.

    Raises:
        WeakPasswordError: it is too short, too long, common, or contains one of the words.
    """
    if len(password) < SHORTEST:
        raise WeakPasswordError(f"the password has {len(password)} characters; at least {SHORTEST} are needed")
    if len(password) > LONGEST:
        raise WeakPasswordError(f"the password has {len(password):,} characters; at most {LONGEST} are possible")
    folded = password.casefold()
    if folded in common_passwords() or len(set(folded)) < 3:
        raise WeakPasswordError("this password is one of those that are guessed first; choose another")
    avoided = {word.casefold() for word in (*OWN_WORDS, *words) if len(word) >= SHORTEST_WORD}
    if any(word in folded for word in avoided):
        raise WeakPasswordError("the password contains your name, or the program's; choose another")


def one_time_password() -> str:
    """A random password of 100 bits, in groups that can be typed."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


class Hasher:
    """Hashes and verifies passwords, outside the event loop and only a few at once: each takes 64 MiB for a moment."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(max(2, os.cpu_count() or 1))
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to store, with its parameters and salt.

        Raises:
            TooManyRequestsError: too many wait for theirs.
        """
        async with self._turn():
            return await asyncio.to_thread(_WORK.hash, _bytes(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether that is the password, exactly as received. Takes the same time if there is none to compare with.

        Raises:
            TooManyRequestsError: too many wait for theirs.
        """
        if len(password) > LONGEST:
            return False
        async with self._turn():
            holds = await asyncio.to_thread(_verify, password, stored or _nobodys())
        return holds and stored is not None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= MOST_WAITING:
            raise TooManyRequestsError("too many sign-ins are under way", 1.0)
        self._waiting += 1
        try:
            async with self._room:
                yield
        finally:
            self._waiting -= 1


def _verify(password: str, stored: str) -> bool:
    try:
        return _WORK.verify(_bytes(password), stored)
    except UnknownHashError:  # Whatever else was written there lets nobody in.
        return False


def _bytes(password: str) -> bytes:
    """The password as received, whatever it consists of."""
    return password.encode("utf-8", "surrogatepass")


@cache
def _nobodys() -> str:
    """The hash of a password that nobody knows."""
    return _WORK.hash(secrets.token_urlsafe())
