"""The database's data keys: made when they are first needed, wrapped by master keys, at hand while they live.

Any number of processes work with the same keys. Each looks again every few seconds which of a project's keys is in use,
so that a key that was rotated, or destroyed, is out of use everywhere soon.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias
from uuid import UUID

from ..encryption.keys import KEY_BYTES, Cipher, DataKey, Keys
from ..encryption.masters import Wrapped
from ..encryption.texts import key_of, shown
from ..errors import MasterKeyError
from ..logs import get_logger
from ..model.ids import uuid7
from .queries import sql

if TYPE_CHECKING:
    import asyncpg

    from ..encryption.masters import Encryption

CHECK_S = 5.0
"""Seconds after which a process looks again which keys are in use, and which live."""
SYSTEM = ""
"""In place of a project: what is the system's own."""
FIND_S = 30.0
"""Seconds that a thread waits for a key."""

log = get_logger(__name__)


Row: TypeAlias = "asyncpg.Record | Mapping[str, Any]"


class Fetches(Protocol):
    """What runs statements: a database, or a writer with a connection of its own."""

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of a statement."""
        ...


class Ring(NamedTuple):
    """A project's keys."""

    current: DataKey | None = None
    """The one to encrypt with; None leaves what is written plain."""
    keys: tuple[DataKey, ...] = ()
    """All that live."""


NO_RING = Ring()


class Vault:
    """The data keys, as one process uses them."""

    def __init__(self, place: Fetches, encryption: Encryption) -> None:
        self._place, self._encryption = place, encryption
        self._loop = asyncio.get_running_loop()
        self.keys = Keys(self._find)
        """The keys at hand; it finds others from any thread."""
        self._rings: dict[str, tuple[float, Ring]] = {}
        self._looked_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether there are master keys, so that what is encrypted can be read."""
        return self._encryption.masters is not None

    @property
    def is_writing(self) -> bool:
        """Whether what is written is encrypted."""
        return self._encryption.masters is not None and self._encryption.is_writing

    @property
    def mask(self) -> Callable[[str], str]:
        """Masks personal data in a text that is to be stored."""
        return self._encryption.mask

    async def check(self) -> None:
        """Check that what this process writes will be encrypted, if it should be.

        Raises:
            MasterKeyError: the database has encrypted data, and this process has no master keys, or not the right ones.
        """
        if self.is_writing:
            await self.ring(SYSTEM)
        elif self._encryption.is_writing and await self._place.fetch(sql("living_data_keys")):
            raise MasterKeyError(
                "the database has encrypted data, and this process has no master keys, so that it would write plain "
                "data beside it: set EOPIEZ_ENCRYPTION_KEY_FILE, or EOPIEZ_ENCRYPTION=false if that is what you want"
            )

    async def ring(self, project: str) -> Ring:
        """A project's keys; one is made if there is none and what is written is to be encrypted.

        Raises:
            MasterKeyError: a master key is missing or wrong, or the key service does not answer.
        """
        if not self.is_open:
            return NO_RING
        looked_at, known = self._rings.get(project, (float("-inf"), NO_RING))
        if time.monotonic() - looked_at < CHECK_S:
            return known
        await self._forget_destroyed()
        looked_at = time.monotonic()
        rows = await self._place.fetch(sql("data_keys_of"), project)
        if self.is_writing and not any(row["is_in_use"] for row in rows):
            await self._make(project)
            rows = await self._place.fetch(sql("data_keys_of"), project)
        keys = {row["id"]: await self._unwrapped(row) for row in rows}
        used = next((keys[row["id"]] for row in rows if row["is_in_use"]), None) if self.is_writing else None
        ring = Ring(used, tuple(keys.values()))
        self.keys.add(ring.keys)
        self._rings[project] = looked_at, ring
        return ring

    async def cipher(self, project: str) -> Cipher | None:
        """What encrypts a project's data now; None if nothing does. Errors as in ``ring``."""
        current = (await self.ring(project)).current
        return None if current is None else self.keys.get(current.id, f"data of project {project!r}")

    async def ready(self, ids: Iterable[bytes]) -> None:
        """Get these keys, as far as they live and can be unwrapped."""
        await self._forget_destroyed()
        missing = [UUID(bytes=key) for key in set(ids) if key not in self.keys]
        if not missing or not self.is_open:
            return
        for row in await self._place.fetch(sql("data_keys_by_id"), missing):
            try:
                self.keys.add([await self._unwrapped(row)])
            except MasterKeyError as error:
                log.warning("data key unavailable", key=str(row["id"]), error=str(error))

    async def revealed(self, rows: Iterable[Row], places: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows with their sealed texts opened; one that cannot be opened says why.

        Args:
            rows: as they are stored.
            places: of each column with texts, where they are, with the names of other columns in braces.
        """
        read = [dict(row) for row in rows]
        await self.ready_for(row[column] for row in read for column in places)
        for row in read:
            for column, place in places.items():
                if isinstance(row[column], str) and key_of(row[column]) is not None:
                    row[column] = shown(row[column], place.format_map(row), self.keys)
        return read

    async def revealed_errors(self, rows: Iterable[Row], column: str, id_column: str) -> list[dict[str, Any]]:
        """The rows with what their errors say; ``id_column`` has the workflow's id."""
        read = [dict(row) for row in rows]
        told = [row for row in read if isinstance(row[column], dict)]
        await self.ready_for(row[column].get(name) for row in told for name in ERROR_TEXTS)
        for row in told:
            row[column] = {
                name: shown(value, error_place(name, row[id_column]), self.keys)
                if name in ERROR_TEXTS and isinstance(value, str)
                else value
                for name, value in row[column].items()
            }
        return read

    async def ready_for(self, texts: Iterable[Any]) -> None:
        """Get the keys of these texts, as far as they are sealed, live and can be unwrapped."""
        used = {key for text in texts if isinstance(text, str) and (key := key_of(text)) is not None}
        if used:
            await self.ready(used)

    async def _make(self, project: str) -> None:
        key = uuid7()
        wrapped = await self._wrapped(os.urandom(KEY_BYTES), key)
        await self._place.fetch(sql("add_data_key"), key, project, *wrapped)

    async def _wrapped(self, secret: bytes, key: UUID) -> Wrapped:
        assert self._encryption.masters is not None
        return await asyncio.to_thread(self._encryption.masters.wrap, secret, str(key))

    async def _unwrapped(self, row: Row) -> DataKey:
        assert self._encryption.masters is not None
        known = next((key for _, ring in self._rings.values() for key in ring.keys if key.id == row["id"].bytes), None)
        if known is not None:
            return known
        wrapped = Wrapped(row["master"], row["wrapped"])
        secret = await asyncio.to_thread(self._encryption.masters.unwrap, wrapped, str(row["id"]))
        return DataKey(row["id"].bytes, row["project"], secret)

    async def _forget_destroyed(self) -> None:
        """Forget keys that somebody has destroyed."""
        if not self.keys.ids or time.monotonic() - self._looked_at < CHECK_S:
            return
        self._looked_at = time.monotonic()
        self.keep_only({row["id"].bytes for row in await self._place.fetch(sql("living_data_keys"))})

    def keep_only(self, ids: set[bytes]) -> None:
        """Forget all keys but these, and look again which are in use."""
        if self.keys.ids - ids:
            self._rings.clear()
        self.keys.keep_only(ids)

    def look_again(self) -> None:
        """Take nothing for granted: keys were changed here."""
        self._rings.clear()
        self._looked_at = float("-inf")

    def _find(self, key: bytes) -> None:
        """Get a key, for a thread that is not the loop's."""
        asyncio.run_coroutine_threadsafe(self.ready([key]), self._loop).result(FIND_S)


ERROR_TEXTS = ("message", "traceback")
"""What an error of a workflow says besides its type and place."""


def error_place(name: str, workflow: Any) -> str:
    """Where a text of a workflow's error is kept: with the workflow, and in its history."""
    return f"the {name} of the error of workflow {workflow}"


LOG_PLACE = "a log line of workflow {workflow_id}, partition {partition}"
SYSTEM_LINE_PLACE = "a line of the system's log"
ATTEMPT_PLACES: Mapping[str, str] = {
    name: f"the {name} of attempt {{attempt}} of workflow {{workflow_id}}, partition {{partition}}"
    for name in ("message", "traceback")
}
REJECT_PLACES: Mapping[str, str] = {
    name: f"the {name} of a row that workflow {{workflow_id}} has rejected" for name in ("source", "reason", "sample")
}
