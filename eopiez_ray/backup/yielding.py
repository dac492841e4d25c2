"""Background work: threads that use what others leave of the processor.

Ray's workers run at a low priority themselves, so that being nice is not enough: Linux's policy SCHED_IDLE is below all
of them, and still gets its share when nobody else wants any.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def in_background() -> Iterator[None]:
    """Let this thread, and programs that it starts, give way to all others while the block lasts, if that can be."""
    give_way()
    try:
        yield
    finally:
        _schedule("SCHED_OTHER")


def give_way() -> None:
    """Let this thread give way to all others from now on."""
    _schedule("SCHED_IDLE")


def _schedule(policy: str) -> None:
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):  # Without the right to, it works beside the others.
            os.sched_setscheduler(0, getattr(os, policy), os.sched_param(0))
