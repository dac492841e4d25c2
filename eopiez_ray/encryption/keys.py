"""Data keys, and the ciphers that they make."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from blake3 import blake3

from ..errors import DataKeyMissingError, SealDamagedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
ID_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16
SEAL_BYTES = ID_BYTES + NONCE_BYTES + TAG_BYTES
"""By how much a sealed value is longer than what it holds."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key under which a project's data is encrypted."""

    id: bytes
    """16 bytes, a UUID."""
    project: str
    """Empty for what is the system's own."""
    secret: bytes = field(repr=False)
    """32 random bytes."""


class Cipher:
    """What a data key seals and opens. One is made for each key and kept: making it costs more than a small value."""

    def __init__(self, key: DataKey) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.id, self.project = key.id, key.project
        self.name_key = _derived("eopiez names of artifacts", key.secret)
        """Key of the digests that name artifacts: equal content has another name in every project."""
        self._values = AESGCM(_derived("eopiez values", key.secret))
        self._file_key = _derived("eopiez files", key.secret)

    def seal(self, content: bytes, place: str) -> bytes:
        """The content under a nonce of its own, bound to the place where it is kept."""
        from os import urandom

        nonce = urandom(NONCE_BYTES)
        return b"".join((self.id, nonce, self._values.encrypt(nonce, content, place.encode("utf-8", "replace"))))

    def open(self, sealed: bytes, place: str) -> bytes:
        """The content.

        Raises:
            SealDamagedError: it was changed, or sealed for another place.
        """
        from cryptography.exceptions import InvalidTag

        nonce = sealed[ID_BYTES : ID_BYTES + NONCE_BYTES]
        try:
            body = memoryview(sealed)[ID_BYTES + NONCE_BYTES :]
            return self._values.decrypt(nonce, body, place.encode("utf-8", "replace"))
        except (InvalidTag, ValueError) as error:
            raise SealDamagedError(place) from error

    def of_file(self, salt: bytes) -> AESGCM:
        """The cipher of one file. With a key for each, chunks may count their nonces from 0."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(blake3(salt, key=self._file_key).digest())


class Keys:
    """The data keys that a process has at hand."""

    def __init__(self, find: Callable[[bytes], None] | None = None) -> None:
        """
        Args:
            find: looks for a key, and adds it if there is one. It may block, and is never called on the thread
                of an event loop.
        """
        self._ciphers: dict[bytes, Cipher] = {}
        self._find = find

    def __contains__(self, key: bytes) -> bool:
        return key in self._ciphers

    @property
    def ids(self) -> Set[bytes]:
        """Ids of the keys at hand."""
        return self._ciphers.keys()

    def add(self, keys: Iterable[DataKey]) -> None:
        """Keep these keys."""
        for key in keys:
            if key.id not in self._ciphers:
                self._ciphers[key.id] = Cipher(key)

    def keep_only(self, ids: Collection[bytes]) -> None:
        """Forget all others: they were destroyed."""
        for gone in self._ciphers.keys() - set(ids):
            del self._ciphers[gone]

    def get(self, key: bytes, what: str) -> Cipher:
        """The cipher of a key.

        Raises:
            DataKeyMissingError: there is none; ``what`` is what cannot be read then.
        """
        if key not in self._ciphers and self._find is not None and not _is_on_loop():
            self._find(key)
        found = self._ciphers.get(key)
        if found is None:
            raise DataKeyMissingError(key_name(key), what)
        return found

    def open(self, sealed: bytes, place: str) -> bytes:
        """What was sealed for that place.

        Raises:
            DataKeyMissingError: its key is not at hand.
            SealDamagedError: it was changed, or sealed for another place.
        """
        if len(sealed) < SEAL_BYTES:
            raise SealDamagedError(place)
        return self.get(sealed[:ID_BYTES], place).open(sealed, place)


def key_name(key: bytes) -> str:
    """A key's id as people see it."""
    return str(UUID(bytes=key)) if len(key) == ID_BYTES else key.hex()


def _derived(purpose: str, secret: bytes) -> bytes:
    return blake3(secret, derive_key_context=purpose).digest()


def _is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
