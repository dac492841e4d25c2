"""How long the gateway's certificate still holds: measured by one of the replicas, which have its files."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..tls import usable
from .catalogue import CERTIFICATE_LEFT

if TYPE_CHECKING:
    from ..tls import Pair
    from .meter import Meter

CERTIFICATE = "certificate"
"""The watch over it."""


class CertificateLook:
    """Looks at the files, and notes in the meter what it sees."""

    def __init__(self, meter: Meter, pair: Pair) -> None:
        self._meter, self._pair = meter, pair

    async def sample(self) -> None:
        """Note for how long the certificate holds.

        Raises:
            CertificateError: it cannot be used any more; the gateway would not start with it.
        """
        found = await asyncio.to_thread(usable, self._pair)
        self._meter.note(CERTIFICATE_LEFT, found.left(datetime.now(UTC)).total_seconds())
