"""Identifiers: UUIDv7, so that rows sort by creation time."""

from __future__ import annotations

import os
import threading
import time
from typing import NewType
from uuid import UUID

WorkflowId = NewType("WorkflowId", UUID)
OrchestratorId = NewType("OrchestratorId", UUID)
MOST_IN_A_MILLISECOND = 0xFFF


def uuid7() -> UUID:
    """A new UUID of version 7 (RFC 9562, section 5.7), later than all that this process has made before.

    48 bits of Unix milliseconds, 12 bits that count within one (section 6.2, method 1), then randomness.
    """
    milliseconds, count = _clock.tick()
    random = int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
    return UUID(int=(milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | count << 64 | 2 << 62 | random)


class _Clock:
    """Milliseconds, and a count within each; together they only grow, also if the machine's clock is set back."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)  # Another thread may have held the lock.
        self._milliseconds, self._count = 0, 0

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def tick(self) -> tuple[int, int]:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._milliseconds:
                self._milliseconds, self._count = now, os.urandom(1)[0]
            elif self._count < MOST_IN_A_MILLISECOND:
                self._count += 1
            else:
                self._milliseconds, self._count = self._milliseconds + 1, 0
            return self._milliseconds, self._count


_clock = _Clock()
