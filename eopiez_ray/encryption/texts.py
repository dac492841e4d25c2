"""Sealed texts, which stand in the same columns as plain ones.

A sealed text begins with a mark. A plain text that happens to begin with it is kept apart by a space in front, so that
nobody's log line is taken for a sealed one.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ..errors import DataKeyMissingError, SealDamagedError
from .keys import ID_BYTES, SEAL_BYTES

if TYPE_CHECKING:
    from .keys import Cipher, Keys

MARK = "⟦sealed⟧"


def is_sealed(text: str) -> bool:
    """Whether a stored text is sealed."""
    return text.startswith(MARK)


def shut(text: str, place: str, cipher: Cipher | None) -> str:
    """The text as it is stored at a place: sealed, or plain without a cipher."""
    if cipher is None:
        return f" {text}" if text.startswith(MARK) else text
    return MARK + base64.b64encode(cipher.seal(text.encode("utf-8", "backslashreplace"), place)).decode()


def key_of(text: str) -> bytes | None:
    """Id of the key that has sealed a text; None if it is plain or damaged."""
    raw = _raw(text) if is_sealed(text) else b""
    return raw[:ID_BYTES] if len(raw) >= SEAL_BYTES else None


def opened(text: str, place: str, keys: Keys) -> str:
    """The text that was stored there, sealed or plain.

    Raises:
        DataKeyMissingError: its key is not at hand.
        SealDamagedError: it was changed, or sealed for another place.
    """
    return keys.open(_raw(text), place).decode() if is_sealed(text) else text


def shown(text: str, place: str, keys: Keys) -> str:
    """As ``opened``, but of what cannot be opened, why: one damaged line does not hide the others from those who look
    for the damage."""
    try:
        return opened(text, place, keys)
    except (DataKeyMissingError, SealDamagedError) as error:
        return f"[{error}]"


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix(MARK), validate=True)
    except ValueError:
        return b""
