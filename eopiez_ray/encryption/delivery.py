"""Data keys on their way to a worker: readable by that worker's process alone.

A worker makes a key pair when it starts, and keeps the private half in memory. Keys are encrypted for the public half
with X25519, HKDF-SHA256 and AES-256-GCM, so that neither the cluster's object store nor its dashboard, logs or process
lists hold a key.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from ..errors import SealDamagedError
from .keys import DataKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PUBLIC_BYTES = 32
_NONCE = bytes(12)
"""Each message has a key of its own."""


class Recipient:
    """Receives data keys."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._private = X25519PrivateKey.generate()
        self.public: bytes = self._private.public_key().public_bytes_raw()
        """What senders need."""

    def received(self, sent: bytes) -> list[DataKey]:
        """The keys that were sent.

        Raises:
            SealDamagedError: they were sent to somebody else, or changed.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        public, body = sent[:_PUBLIC_BYTES], sent[_PUBLIC_BYTES:]
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(public))
            content = _cipher(shared, public, self.public).decrypt(_NONCE, body, None)
        except (InvalidTag, ValueError) as error:
            raise SealDamagedError("the data keys sent to a worker") from error
        return [DataKey(*facts) for facts in pickle.loads(content)]


def sent_to(public: bytes, keys: Sequence[DataKey]) -> bytes:
    """The keys, for the recipient with that public key."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    own = X25519PrivateKey.generate()
    mine = own.public_key().public_bytes_raw()
    cipher = _cipher(own.exchange(X25519PublicKey.from_public_bytes(public)), mine, public)
    content = pickle.dumps([(key.id, key.project, key.secret) for key in keys], protocol=5)
    return mine + cipher.encrypt(_NONCE, content, None)


def _cipher(shared: bytes, sender: bytes, recipient: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), 32, sender + recipient, b"eopiez data keys").derive(shared))
