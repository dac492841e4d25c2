"""The key of a repository of backups, and what is derived from it by HKDF-SHA256.

A key is 32 random bytes in a text file. From it come one key that encrypts, one that names contents (so that nobody
can tell from a name whether a backup holds a content that they know), and one that signs.
"""

from __future__ import annotations

import base64
import os
from functools import cached_property
from pathlib import Path
from typing import Final

from blake3 import blake3
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import BackupKeyError, DamagedBackupError
from ..home import make_file, make_folder

MARK: Final = "eopiez-backup-key-1:"
SECRET_BYTES, NONCE_BYTES, SIGNATURE_BYTES = 32, 12, 64


class BackupKey:
    """Seals contents, names them, and signs. All methods may be called by several threads."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._cipher = AESGCM(self._derived("encryption"))
        self._naming = self._derived("names")
        self._signer = Ed25519PrivateKey.from_private_bytes(self._derived("signatures"))

    @classmethod
    def make(cls, path: Path) -> BackupKey:
        """A new key, kept in a file that only its owner can read.

        Raises:
            BackupKeyError: the file cannot be written.
        """
        key = cls(os.urandom(SECRET_BYTES))
        try:
            make_folder(path.parent)
            with make_file(path).open("w", encoding="ascii") as file:
                file.write(key.text + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BackupKeyError(f"cannot write the key of backups to {path}: {error.strerror}") from error
        return key

    @classmethod
    def read(cls, text: str, origin: str) -> BackupKey:
        """The key that a text holds.

        Raises:
            BackupKeyError: it is none.
        """
        try:
            secret = base64.b64decode(text.strip().removeprefix(MARK), validate=True)
        except ValueError:
            secret = b""
        if not text.startswith(MARK) or len(secret) != SECRET_BYTES:
            raise BackupKeyError(f"{origin} holds no key of backups; it is a line that begins with {MARK}")
        return cls(secret)

    @property
    def text(self) -> str:
        """The key as its file holds it: whoever has it can read all backups."""
        return MARK + base64.b64encode(self._secret).decode()

    @cached_property
    def id(self) -> str:
        """What tells the key apart without giving it away: the beginning of its public key's digest."""
        public = self._signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return blake3(public).hexdigest(8)

    def name(self, content: bytes | memoryview) -> str:
        """The name of a content: 64 hexadecimal digits, the same for the same content."""
        return blake3(content, key=self._naming).hexdigest()

    def seal(self, content: bytes, place: str) -> bytes:
        """A content as it is stored at a place, which can be opened for that place alone (AES-256-GCM)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The content that was sealed for that place.

        Raises:
            DamagedBackupError: it was sealed for another place, or changed.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise DamagedBackupError(place, "it was changed, or moved from elsewhere") from error

    def sign(self, text: bytes) -> bytes:
        """The text after its signature (Ed25519)."""
        return self._signer.sign(text) + text

    def signed(self, text: bytes, place: str) -> bytes:
        """The text that was signed.

        Raises:
            DamagedBackupError: the signature does not fit.
        """
        signature, content = text[:SIGNATURE_BYTES], text[SIGNATURE_BYTES:]
        try:
            self._signer.public_key().verify(signature, content)
        except InvalidSignature as error:
            raise DamagedBackupError(place, "its signature does not fit") from error
        return content

    def _derived(self, purpose: str) -> bytes:
        return HKDF(SHA256(), SECRET_BYTES, None, f"eopiez backup {purpose}".encode()).derive(self._secret)
