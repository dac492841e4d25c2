"""Signs access tokens with the key that signs now, which all replicas share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import SealedError
from ...logs import get_logger
from . import tokens

if TYPE_CHECKING:
    from uuid import UUID

    from ...sealing import Seal
    from ...store.keys import SigningKeys

RAW = 32
"""Bytes of a private key that was stored before keys could be sealed."""

log = get_logger(__name__)


class Signer:
    """Signs access tokens."""

    def __init__(self, keys: SigningKeys, form: tokens.TokenForm, seal: Seal) -> None:
        self._keys, self._form, self._seal = keys, form, seal

    async def sign(self, user_id: UUID, session: UUID) -> str:
        """A token for a session. A key that cannot be opened, since another secret has sealed it, is replaced."""
        kid, stored, public = await self._keys.current(self._new)
        try:
            key = self._opened(kid, stored, public)
        except SealedError as error:
            log.warning("the signing key cannot be opened, making another", kid=kid, error=str(error))
            key = self._opened(*await self.rotate())
        return self._form.sign(key, user_id, session, tokens.now())

    async def rotate(self) -> tuple[str, bytes, bytes]:
        """Sign with another key from now on; gives it as it is stored."""
        return await self._keys.rotate(self._new)

    def _new(self) -> tuple[str, bytes, bytes]:
        key = tokens.SigningKey.new()
        return key.kid, self._seal.close(key.private.hex(), key.kid).encode(), key.public

    def _opened(self, kid: str, stored: bytes, public: bytes) -> tokens.SigningKey:
        private = stored if len(stored) == RAW else bytes.fromhex(self._seal.open(stored.decode(), kid))
        return tokens.SigningKey(kid, private, public)
