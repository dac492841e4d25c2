"""Adds up what a process does with the artifact store.

That is in memory. What a worker has done comes with its answer to a call, so that it costs no message of its
own, and what is lost with a worker that dies is that of its last call.
"""

from __future__ import annotations

import errno
import threading
import time
from typing import TYPE_CHECKING, Self

from ..errors import (
    ArtifactDamagedError,
    ArtifactMissingError,
    DataKeyMissingError,
    SealDamagedError,
    StorageFullError,
)
from ..model.dealings import Dealt, Ending, Operation
from ..model.sketch import SUM, bucket_of

if TYPE_CHECKING:
    from types import TracebackType


class Dealings:
    """Adds up. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dealt = Dealt()

    def during(self, operation: Operation) -> Dealing:
        """Measure one operation, as long as the block lasts."""
        return Dealing(self, operation)

    def add(self, dealt: Dealt) -> None:
        """Add what another process has done."""
        with self._lock:
            self._dealt.add(dealt)

    def take(self) -> Dealt | None:
        """What was done since this was last asked; None if that is nothing."""
        if not self._dealt.ends:
            return None
        with self._lock:
            taken, self._dealt = self._dealt, Dealt()
        return taken

    def end(self, operation: Operation, ending: Ending, moved: int, seconds: float) -> None:
        """An operation is over."""
        with self._lock:
            self._dealt.ends[operation, ending] += 1
            if moved:
                self._dealt.bytes[operation] += moved
            if ending is Ending.SUCCEEDED:
                sketch, bucket = self._dealt.seconds.setdefault(operation, {}), bucket_of(seconds)
                sketch[bucket] = sketch.get(bucket, 0.0) + 1
                sketch[SUM] = sketch.get(SUM, 0.0) + seconds


class Dealing:
    """One operation. It succeeds unless its block says otherwise, or raises."""

    __slots__ = ("_began", "_dealings", "_operation", "bytes", "ending")

    def __init__(self, dealings: Dealings, operation: Operation) -> None:
        self._dealings, self._operation = dealings, operation
        self.bytes = 0
        """How many were read or written."""
        self.ending = Ending.SUCCEEDED

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        took_s = time.perf_counter() - self._began
        ending = self.ending if error is None else ending_of(error)
        self._dealings.end(self._operation, ending, self.bytes if error is None else 0, took_s)


def ending_of(error: BaseException) -> Ending:
    """How an operation has ended that raised this."""
    match error:
        case ArtifactDamagedError() | SealDamagedError():
            return Ending.DAMAGED
        case ArtifactMissingError() | FileNotFoundError():
            return Ending.MISSING
        case DataKeyMissingError():
            return Ending.LOCKED
        case StorageFullError() | OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return Ending.FULL
        case _:
            return Ending.FAILED
