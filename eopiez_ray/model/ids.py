"""Identifiers: UUIDv7, so that rows sort by creation time."""

from __future__ import annotations

import os
import time
from typing import NewType
from uuid import UUID

WorkflowId = NewType("WorkflowId", UUID)
OrchestratorId = NewType("OrchestratorId", UUID)


def uuid7() -> UUID:
    """A new UUID of version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | random
    value = value & ~(0xF << 76) | 7 << 76
    return UUID(int=value & ~(0x3 << 62) | 2 << 62)
