"""Secrets at rest that have to be read again: private keys of tokens, secrets of second factors and of receivers.

With ``EOPIEZ_SECRET_KEY`` they are sealed by AES-256-GCM, each for its own place, under a key that HKDF-SHA256 derives
from it: whoever reads the database or a backup has neither. Without it, they are kept as they are.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import ParameterError, SealedError

SHORTEST = 32
"""Characters of the key, which should be random."""
_MARK, _NONCE = "sealed:", 12


class Seal:
    """Seals texts and opens them."""

    def __init__(self, secret_key: str | None) -> None:
        if secret_key is not None and len(secret_key) < SHORTEST:
            raise ParameterError(f"EOPIEZ_SECRET_KEY is too short; give {SHORTEST} random characters, or more")
        self._cipher = None if secret_key is None else AESGCM(_derived(secret_key))

    def close(self, text: str, place: str) -> str:
        """The text as it is stored at a place."""
        if self._cipher is None:
            return text
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, text.encode(), place.encode())
        return _MARK + base64.b64encode(nonce + sealed).decode()

    def open(self, stored: str, place: str) -> str:
        """The text that was stored there, sealed or before there was a key.

        Raises:
            SealedError: it was sealed with another key, or for another place, or was changed.
        """
        if not stored.startswith(_MARK):
            return stored
        try:
            if self._cipher is None:
                raise SealedError("the database holds secrets that a key has sealed; set EOPIEZ_SECRET_KEY to it")
            raw = base64.b64decode(stored.removeprefix(_MARK), validate=True)
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealedError("EOPIEZ_SECRET_KEY is not the key that has sealed the database's secrets") from error


def _derived(secret_key: str) -> bytes:
    return HKDF(SHA256(), 32, None, b"eopiez secrets at rest").derive(secret_key.encode())
