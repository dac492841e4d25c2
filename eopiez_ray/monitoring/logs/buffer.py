"""Log records of a process that wait to be written to the database, bounded.

Whoever logs waits for nothing: a record is put into a queue, or, if too many wait, counted and dropped. Records of
normal events are dropped first.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...logs import surroundings

MOST = 10_000
"""Records that wait at most."""
RESERVED = 1000
"""Places that only warnings and errors get."""
_OWN = threading.local()


def be_silent_here() -> None:
    """Keep what this thread logs out of all buffers: the writing of lines must not make more of them."""
    _OWN.is_silent = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record, and what the code that logged it was bound to."""

    record: logging.LogRecord
    bound: dict[str, Any]
    exception: str


class Buffer(logging.Handler):
    """A handler that keeps records until somebody takes them."""

    def __init__(self, most: int = MOST, reserved: int = RESERVED) -> None:
        super().__init__()
        self._most, self._reserved = most, reserved
        self._waiting: deque[Waiting] = deque()
        self._dropped = 0
        self.filled = threading.Event()
        """Whether so many wait that they should be taken soon."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, unless too many wait."""
        if getattr(_OWN, "is_silent", False):
            return
        room = self._most if record.levelno >= logging.WARNING else self._most - self._reserved
        if len(self._waiting) >= room:
            self._dropped += 1
            return
        self._waiting.append(Waiting(record, surroundings(), _exception(record)))
        if len(self._waiting) * 2 > self._most:
            self.filled.set()

    def take(self, most: int) -> tuple[list[Waiting], int]:
        """Some of those that wait, oldest first, and how many were dropped since the last time."""
        with self._locked():
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            dropped, self._dropped = self._dropped, 0
            self.filled.clear()
        return taken, dropped

    def give_back(self, taken: list[Waiting], dropped: int) -> None:
        """Put back what could not be written; what has no room any more counts as dropped."""
        with self._locked():
            room = max(0, self._most - len(self._waiting))
            kept = taken[len(taken) - room :] if room < len(taken) else taken
            self._waiting.extendleft(reversed(kept))
            self._dropped += dropped + len(taken) - len(kept)

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock that the standard library holds around ``emit``."""
        self.acquire()
        try:
            yield
        finally:
            self.release()


def _exception(record: logging.LogRecord) -> str:
    """The traceback, made at once: later its objects may be gone or changed."""
    return logging.Formatter().formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
