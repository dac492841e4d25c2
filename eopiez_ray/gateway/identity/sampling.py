"""Which of many refusals are worth a row each: a stranger must not be able to fill the disk with the audit log."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 60.0
EACH = 20
"""In a window, that many are kept one by one, and then the hundredth, the thousandth and so on."""
MOST = 10_000
"""Sources that are counted at once; of more, the one that was quiet for longest begins anew."""


class Sampler:
    """Counts refusals by source, in windows of a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def counted(self, source: str) -> int | None:
        """How many there were in this window, if this one is worth a row; else None."""
        now = self._clock()
        since, count = self._counts.pop(source, (now, 0))
        if now - since >= WINDOW_S:
            since, count = now, 0
        count += 1
        self._counts[source] = (since, count)
        if len(self._counts) > MOST:
            self._counts.popitem(last=False)
        return count if count <= EACH or _is_round(count) else None


def _is_round(count: int) -> bool:
    """Whether it is 100, 1,000 and so on."""
    text = str(count)
    return len(text) >= 3 and text == "1".ljust(len(text), "0")
