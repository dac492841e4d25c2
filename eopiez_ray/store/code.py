"""The code of phases and the values given by plans, which a project's key may have sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..encryption.keys import ID_BYTES
from ..errors import EncryptionError
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..encryption.keys import Cipher
    from ..model.plan import PhaseRef
    from .database import Database

Row = tuple[str, str, str, str, bytes, str, bool]


def code_row(phase: PhaseRef, code: bytes, project: str, cipher: Cipher | None) -> Row:
    """A row of a phase's code: the project's own if it is sealed, and otherwise everybody's who has equal code."""
    facts = phase.digest, phase.name, phase.version, phase.kind
    if cipher is None:
        return *facts, code, "", False
    return *facts, cipher.seal(code, _place(phase.digest)), project, True


async def read_code(database: Database, digests: Sequence[str]) -> dict[str, bytes]:
    """Pickled phases and values by digest.

    Raises:
        DataKeyMissingError: some is sealed, and no key that would open it is at hand.
        SealDamagedError: it was changed.
    """
    found, refused = await read_what_opens(database, digests)
    for error in refused.values():
        raise error
    return found


async def read_what_opens(
    database: Database, digests: Sequence[str]
) -> tuple[dict[str, bytes], dict[str, EncryptionError]]:
    """Pickled phases and values by digest, and why others cannot be opened."""
    rows = await database.fetch(sql("phase_code"), list(digests))
    await database.vault.ready(row["code"][:ID_BYTES] for row in rows if row["is_sealed"])
    found: dict[str, bytes] = {}
    refused: dict[str, EncryptionError] = {}
    for row in rows:
        digest, code = row["digest"], row["code"]
        try:
            if digest not in found:
                found[digest] = database.vault.keys.open(code, _place(digest)) if row["is_sealed"] else code
        except EncryptionError as error:
            refused[digest] = error
    return found, {digest: error for digest, error in refused.items() if digest not in found}


def _place(digest: str) -> str:
    return f"the code or values of digest {digest}"
