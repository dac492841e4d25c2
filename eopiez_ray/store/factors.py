"""Second factors and recovery codes; each code is used once, on all replicas together."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from ..errors import AccountError, NoSuchAccountError
from .queries import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .database import Database


class Factors:
    """Sets, uses and removes second factors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def propose(self, user_id: UUID, secret: str) -> None:
        """Keep a secret until it is confirmed by a code.

        Raises:
            AccountError: there is a second factor already.
        """
        if not await self._database.fetch(sql("propose_totp"), user_id, secret):
            raise AccountError("there is a second factor already; remove it first")

    async def proposed(self, user_id: UUID) -> str | None:
        """The secret that is to be confirmed."""
        row = await self._database.fetchrow(sql("proposed_totp"), user_id)
        return None if row is None else str(row["secret"])

    async def confirm(self, user_id: UUID, secret: str, step: int, codes: Sequence[bytes]) -> bool:
        """Ask for the second factor from now on, with these hashed recovery codes; False if it is not proposed."""
        async with self._database.transaction() as connection:
            if not await connection.fetch(sql("confirm_totp"), user_id, secret, step):
                return False
            await connection.execute(sql("drop_recovery_codes"), user_id)
            await connection.execute(sql("add_recovery_codes"), user_id, list(codes))
            return True

    async def use_step(self, user_id: UUID, step: int) -> bool:
        """Use a step; False if it, or a later one, was used before."""
        return bool(await self._database.fetch(sql("use_totp_step"), user_id, step))

    async def use_code(self, user_id: UUID, code: bytes) -> bool:
        """Use a recovery code, given by its hash; False if there is none like that."""
        return bool(await self._database.fetch(sql("use_recovery_code"), user_id, code))

    async def renew_codes(self, user_id: UUID, codes: Sequence[bytes]) -> None:
        """Replace all recovery codes."""
        async with self._database.transaction() as connection:
            await connection.execute(sql("drop_recovery_codes"), user_id)
            await connection.execute(sql("add_recovery_codes"), user_id, list(codes))

    async def codes_left(self, user_id: UUID) -> int:
        """How many recovery codes are left."""
        row = await self._database.fetchrow(sql("count_recovery_codes"), user_id)
        return 0 if row is None else int(row["codes"])

    async def drop(self, user_id: UUID) -> None:
        """Remove the second factor and its recovery codes.

        Raises:
            NoSuchAccountError: there is none.
        """
        async with self._database.transaction() as connection:
            if not await connection.fetch(sql("drop_totp"), user_id):
                raise NoSuchAccountError("there is no second factor")
            await connection.execute(sql("drop_recovery_codes"), user_id)
