"""Rows of another system as they are kept in this one: under its keys, and with nothing at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..model.ids import WorkflowId
from ..model.status import WorkflowStatus
from ..model.tasks import SEALED, Failure, LogLine, Reject
from ..store.payloads import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..encryption.keys import Cipher
    from ..engine.artifacts import Artifacts

    Row = dict[str, Any]

WHY = "imported"


def settled(row: Row, now: datetime, actor: str) -> Row:
    """A workflow that nobody drives: what had not ended is paused, and what was being cancelled is cancelled, so that
    nothing is done twice unless somebody wishes it."""
    status = WorkflowStatus(row["status"])
    if status.is_terminal or status is WorkflowStatus.PAUSED:
        return row
    if status is WorkflowStatus.CANCELLING:
        return row | {"status": WorkflowStatus.CANCELLED.value, "finished_at": now.isoformat()}
    request = {"verb": "pause", "at": now.isoformat(), "by": actor, "why": WHY}
    return row | {"status": WorkflowStatus.PAUSED.value, "drained_at": now.isoformat(), "request": request}


@dataclass(frozen=True, slots=True)
class Settler:
    """What becomes of one workflow's rows."""

    id: UUID
    """Its id here."""
    project: str
    cipher: Cipher | None
    """What seals its payloads; None leaves them plain."""
    artifacts: Artifacts
    mask: Callable[[str], str]
    """Masks personal data."""

    @property
    def _sealer(self) -> Sealer:
        return Sealer({self.id: self.cipher}, self.mask)

    @property
    def _key(self) -> WorkflowId:
        return WorkflowId(self.id)

    def workflow(self, row: Row) -> Row:
        """The workflow itself."""
        return row | {"id": str(self.id), "project": self.project, "error": self._sealer.error(self._key, row["error"])}

    def settle(self, table: str, row: Row) -> Row:
        """A row of another table.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        row = row | {"workflow_id": str(self.id)}
        if table == "tasks":
            return self._task(row)
        if table == "attempts":
            return row | self._attempt(row)
        if table == "logs":
            line = LogLine(0.0, row["level"], str(row["message"]))
            return row | {"message": self._sealer.log(self._key, line, row["partition"])}
        if table == "rejects":
            reject = Reject(str(row["source"]), str(row["reason"]), str(row["sample"]))
            sealed = self._sealer.reject(self._key, reject)
            return row | {"source": sealed.source, "reason": sealed.reason, "sample": sealed.sample}
        if table == "events" and "error_type" in row["data"]:
            return row | {"data": self._sealer.error(self._key, row["data"])}
        return row

    def _attempt(self, row: Row) -> Row:
        failure = Failure(row["error_type"], str(row["message"]), str(row["traceback"]))
        sealed = self._sealer.failure(self._key, failure, row["partition"], row["attempt"])
        return {"message": sealed.message, "traceback": sealed.traceback}

    def _task(self, row: Row) -> Row:
        if row["form"].endswith(SEALED):
            raise ValueError("the result of a task is sealed, and its key is elsewhere")
        if row["inline"] is None:
            return row
        content = bytes.fromhex(row["inline"].removeprefix("\\x"))
        kept = self.artifacts.keep(row["form"], [content], len(content), self.cipher)
        assert kept.inline is not None
        return row | {
            "digest": f"\\x{kept.digest.hex()}",
            "size": kept.size,
            "form": kept.form,
            "inline": f"\\x{kept.inline.hex()}",
        }
