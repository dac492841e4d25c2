"""Where the head of the audit log is kept outside the database, so that a cut or replaced tail shows."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...errors import AuditError
from ...home import make_file, make_folder
from ...logs import get_logger
from ...model.audit import Head

if TYPE_CHECKING:
    from ...store.audit import AuditLog

FILE = "audit-head"
TIMEOUT_S = 10.0

log = get_logger(__name__)


class Anchor(Protocol):
    """Keeps a head."""

    async def advance(self, audit: AuditLog) -> None:
        """Keep the present head, unless what was kept before is no longer part of the log.

        Raises:
            AuditError: it is not, so the log was cut or replaced; what was kept stays, as evidence.
            OSError: it cannot be kept.
        """
        ...


class FileAnchor:
    """Keeps the head in a file of the data home: its number and its hash."""

    def __init__(self, home: Path) -> None:
        self.path = home.expanduser().absolute() / FILE

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> Head | None:
        """The head that was kept; None if there is none.

        Raises:
            AuditError: the file was changed by others.
        """
        try:
            text = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        if not text:
            return None
        try:
            seq, hashed = text.split()
            return Head(int(seq), bytes.fromhex(hashed))
        except ValueError as error:
            raise AuditError(f"{self.path} does not hold a head of the audit log") from error

    async def advance(self, audit: AuditLog) -> None:
        """As ``Anchor.advance``."""
        kept = self.read()
        if kept is not None and not await audit.holds(kept):
            raise AuditError(f"the audit log no longer holds row {kept.seq:,} as {self.path} knows it")
        await asyncio.to_thread(self._keep, await audit.head())

    def _keep(self, head: Head) -> None:
        """Keep the head, unless another process has kept a later one. A crash leaves the old one or the new one."""
        make_folder(self.path.parent)
        lock = make_file(self.path.with_suffix(".lock"))
        with lock.open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            kept = self.read()
            if kept is not None and kept.seq >= head.seq:
                return
            fresh = make_file(self.path.with_suffix(".new"))
            with fresh.open("w", encoding="ascii") as file:
                file.write(f"{head.seq} {head.hash.hex()}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)


class WebhookAnchor:
    """Sends the head to a URL, as JSON with ``seq`` and ``hash``."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __str__(self) -> str:
        return "the webhook of EOPIEZ_AUDIT_WEBHOOK"

    async def advance(self, audit: AuditLog) -> None:
        """As ``Anchor.advance``; whoever receives it keeps it and compares."""
        import httpx

        head = await audit.head()
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                answer = await client.post(self._url, json={"seq": head.seq, "hash": head.hash.hex()})
                answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise OSError(f"it answered {error.response.status_code}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(type(error).__name__) from None  # The URL may hold a secret, and the error the URL.
