"""Payloads in rows that are about to be written: sealed under the keys of their projects, or plain without keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..encryption.texts import shut
from ..errors import DatabaseUnavailableError, MasterKeyError
from .vault import ATTEMPT_PLACES, ERROR_TEXTS, LOG_PLACE, REJECT_PLACES, error_place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from ..encryption.keys import Cipher
    from ..model.ids import WorkflowId
    from ..model.tasks import Failure, LogLine, Reject
    from .vault import Ring, Vault


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals what workflows say."""

    ciphers: Mapping[UUID, Cipher | None]
    """By workflow."""
    mask: Callable[[str], str] = str
    """Masks personal data."""

    def _shut(self, text: str, place: str, workflow: WorkflowId) -> str:
        return shut(self.mask(text), place, self.ciphers.get(workflow))

    def error(self, workflow: WorkflowId, error: dict[str, Any] | None) -> dict[str, Any] | None:
        """Why a workflow failed. The type stays plain, by which errors are looked for and counted."""
        if error is None or (self.mask is str and self.ciphers.get(workflow) is None):
            return error
        sealed = {
            name: self._shut(str(error[name]), error_place(name, workflow), workflow)
            for name in ERROR_TEXTS
            if error.get(name)
        }
        return error | sealed

    def failure(self, workflow: WorkflowId, failure: Failure, partition: int, attempt: int) -> Failure:
        """Why an attempt failed."""
        facts = {"workflow_id": workflow, "partition": partition, "attempt": attempt}
        return failure._replace(
            **{
                name: self._shut(getattr(failure, name), place.format_map(facts), workflow)
                for name, place in ATTEMPT_PLACES.items()
            }
        )

    def log(self, workflow: WorkflowId, line: LogLine, partition: int) -> str:
        """What a task logged or printed."""
        place = LOG_PLACE.format(workflow_id=workflow, partition=partition)
        return self._shut(line.message, place, workflow)

    def reject(self, workflow: WorkflowId, reject: Reject) -> Reject:
        """A row that could not be used."""
        source, reason, sample = (
            self._shut(getattr(reject, name), place.format(workflow_id=workflow), workflow)
            for name, place in REJECT_PLACES.items()
        )
        return reject._replace(source=source, reason=reason, sample=sample)


OPEN = Sealer({})
"""Leaves everything plain."""


async def sealer(vault: Vault, projects: Mapping[UUID, str]) -> Sealer:
    """What seals for these workflows, whose projects are given.

    Raises:
        DatabaseUnavailableError: the keys cannot be had now.
    """
    if not vault.is_writing:
        return Sealer({}, vault.mask)
    return Sealer({workflow: await cipher_of(vault, project) for workflow, project in projects.items()}, vault.mask)


async def cipher_of(vault: Vault, project: str) -> Cipher | None:
    """What seals a project's data now; None if nothing does. Errors as in ``sealer``."""
    try:
        return await vault.cipher(project)
    except MasterKeyError as error:
        raise unavailable(error) from error


async def ring_of(vault: Vault, project: str) -> Ring:
    """A project's keys. Errors as in ``sealer``."""
    try:
        return await vault.ring(project)
    except MasterKeyError as error:
        raise unavailable(error) from error


def unavailable(error: MasterKeyError) -> DatabaseUnavailableError:
    """A key service that is away is like a database that is away: what is under way waits for it, and nothing is
    written plain meanwhile."""
    return DatabaseUnavailableError(f"the database's data keys cannot be used now: {error}")
