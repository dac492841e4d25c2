"""Master keys, which wrap data keys and never encrypt anything else.

They are given as text, in a file, or kept by a key service that a command talks to: then no master key ever enters a
process of ours.
"""

from __future__ import annotations

import base64
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..errors import MasterKeyError, ParameterError
from .keys import KEY_BYTES, NONCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMMAND_S = 30.0
"""Seconds within which the command of a key service answers."""
_FORM = "write a name, a colon and 32 random bytes in base64, as `openssl rand -base64 32` prints them"


class Wrapped(NamedTuple):
    """A data key as the database keeps it."""

    master: str
    """The master key that has wrapped it."""
    secret: bytes


class MasterKeys(Protocol):
    """Wraps data keys. What it raises is a ``MasterKeyError``. It may block."""

    def current(self) -> str:
        """The name of the master key that wraps now."""

    def wrap(self, secret: bytes, place: str) -> Wrapped:
        """A data key's secret under the current master key, bound to the place where it is kept."""

    def unwrap(self, wrapped: Wrapped, place: str) -> bytes:
        """The secret."""


class Encryption(NamedTuple):
    """How a process protects what it writes."""

    masters: MasterKeys | None = None
    """Without, it can neither write nor read what is encrypted."""
    is_writing: bool = False
    """Whether it is to encrypt what it writes; what is encrypted already, it reads either way."""
    mask: Callable[[str], str] = str
    """Masks personal data in lines, errors and rejected rows."""


PLAIN = Encryption()


def encryption_of(keys: str | None, file: Path | None, command: str | None, is_writing: bool) -> Encryption:
    """How a process with these settings encrypts.

    Raises:
        ParameterError: master keys are given in several ways.
        MasterKeyError: what is given is no master key.
    """
    ways = [way for way in (keys, file, command) if way is not None]
    if len(ways) > 1:
        raise ParameterError(
            "EOPIEZ_ENCRYPTION_KEYS, EOPIEZ_ENCRYPTION_KEY_FILE and EOPIEZ_ENCRYPTION_COMMAND exclude each other; "
            "unset all but one"
        )
    if not ways:
        return Encryption(None, is_writing)
    masters: MasterKeys = KeyService(command) if command is not None else GivenKeys(file or keys or "")
    return Encryption(masters, is_writing)


class GivenKeys:
    """Master keys that are given as text or in a file, one a line or separated by commas; the first one wraps.

    A file is read again when it has changed, so that a master key is exchanged while everything runs.
    """

    def __init__(self, source: str | Path) -> None:
        self._source = source
        self._read_at: tuple[int, int] | None = None
        self._keys: Mapping[str, bytes] = {}
        self._look()

    def current(self) -> str:
        self._look()
        return next(iter(self._keys))

    def wrap(self, secret: bytes, place: str) -> Wrapped:
        from os import urandom

        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        name, nonce = self.current(), urandom(NONCE_BYTES)
        return Wrapped(name, nonce + AESGCM(self._keys[name]).encrypt(nonce, secret, f"{name} {place}".encode()))

    def unwrap(self, wrapped: Wrapped, place: str) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._look()
        master = self._keys.get(wrapped.master)
        if master is None:
            raise MasterKeyError(
                f"the master key {wrapped.master!r} is missing, which has wrapped the data key of {place}; add it to "
                "EOPIEZ_ENCRYPTION_KEYS or EOPIEZ_ENCRYPTION_KEY_FILE, behind the current one"
            )
        nonce, body = wrapped.secret[:NONCE_BYTES], wrapped.secret[NONCE_BYTES:]
        try:
            return AESGCM(master).decrypt(nonce, body, f"{wrapped.master} {place}".encode())
        except (InvalidTag, ValueError) as error:
            raise MasterKeyError(
                f"the master key {wrapped.master!r} is not the one that has wrapped the data key of {place}, or that "
                "was changed in the database; give the key that had this name"
            ) from error

    def _look(self) -> None:
        """Read the keys, if they may have changed."""
        if isinstance(self._source, str):
            self._keys = self._keys or _parsed(self._source, "EOPIEZ_ENCRYPTION_KEYS")
            return
        try:
            facts = self._source.stat()
            read_at = facts.st_mtime_ns, facts.st_ino
            if read_at != self._read_at:
                self._keys = _parsed(self._source.read_text(encoding="utf-8"), str(self._source))
                self._read_at = read_at
        except (OSError, UnicodeDecodeError) as error:
            raise MasterKeyError(f"the file of master keys {self._source} cannot be read: {error}") from error


class KeyService:
    """A key service behind a command. It is called as

    * ``COMMAND current``, and prints the name of the master key that wraps now;
    * ``COMMAND wrap NAME PLACE`` and ``COMMAND unwrap NAME PLACE``, with base64 on its standard input, and prints
      base64.
    """

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)

    def current(self) -> str:
        return self._asked("current")

    def wrap(self, secret: bytes, place: str) -> Wrapped:
        name = self.current()
        return Wrapped(name, self._converted(secret, "wrap", name, place))

    def unwrap(self, wrapped: Wrapped, place: str) -> bytes:
        return self._converted(wrapped.secret, "unwrap", wrapped.master, place)

    def _converted(self, content: bytes, verb: str, name: str, place: str) -> bytes:
        answer = self._asked(verb, name, place, given=base64.b64encode(content).decode())
        try:
            return base64.b64decode(answer, validate=True)
        except ValueError as error:
            raise MasterKeyError(f"`{self._shown(verb)}` printed something else than base64") from error

    def _asked(self, *words: str, given: str = "") -> str:
        try:
            done = subprocess.run(
                [*self._command, *words], input=given, capture_output=True, text=True, timeout=COMMAND_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
            raise MasterKeyError(f"the key service did not answer: `{self._shown(words[0])}`: {error}") from error
        if done.returncode or not done.stdout.strip():
            said = done.stderr.strip()[-500:] or "it printed nothing"
            raise MasterKeyError(f"`{self._shown(words[0])}` failed with exit code {done.returncode}: {said}")
        return done.stdout.strip()

    def _shown(self, verb: str) -> str:
        return f"{shlex.join(self._command)} {verb}"


def _parsed(text: str, origin: str) -> dict[str, bytes]:
    """Master keys by name, in order. No part of a key appears in an error."""
    lines = [line.partition("#")[0].strip() for line in text.replace(",", "\n").splitlines()]
    keys: dict[str, bytes] = {}
    for number, line in enumerate(filter(None, lines), 1):
        name, colon, encoded = line.partition(":")
        try:
            key = base64.b64decode(encoded.strip(), validate=True)
        except ValueError:
            key = b""
        if not colon or not name.strip() or len(key) != KEY_BYTES:
            raise MasterKeyError(f"key {number} in {origin} is no master key; {_FORM}")
        if name.strip() in keys:
            raise MasterKeyError(f"{origin} has two master keys named {name.strip()!r}; names are for good")
        keys[name.strip()] = key
    if not keys:
        raise MasterKeyError(f"{origin} has no master key; {_FORM}")
    return keys
