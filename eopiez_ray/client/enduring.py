"""Asking again after a failure, for as long as patience lasts."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from .patience import Patience

if TYPE_CHECKING:
    from ..errors import EopiezError


class Unanswered(Exception):  # noqa: N818 - not an error yet: it may be asked again
    """There was no answer, or one that says to come again."""

    def __init__(self, error: EopiezError, may_repeat: bool, after_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.may_repeat, self.after_s = error, may_repeat, after_s
        """What it means if nobody asks again; whether that is safe; seconds to wait before."""


class Endurance:
    """How long to go on in spite of failures; each progress begins it anew."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self.failures = 0
        """Those in a row."""
        self._since = 0.0

    def progressed(self) -> None:
        """Something has been achieved."""
        self.failures = 0

    async def pause(self, caught: Unanswered) -> None:
        """Wait before the next try.

        Raises:
            EopiezError: what the failure means, for there will be no further try.
        """
        if not self.failures:
            self._since = time.monotonic()
        self.failures += 1
        pause = max(caught.after_s, self._patience.pause_s(self.failures, random.random()))
        if not caught.may_repeat or not self._patience.allows(time.monotonic() - self._since, pause):
            raise caught.error from (caught.__cause__ or caught.error.__cause__)
        await asyncio.sleep(pause)
