"""How far something is that reads or writes a stream: a line on the terminal, a few times a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from .terminal import err, size

if TYPE_CHECKING:
    from types import TracebackType

EVERY_S = 0.3


class Progress:
    """Tells on stderr how many bytes there are, if that is a terminal."""

    def __init__(self, doing: str) -> None:
        self._doing, self._told_at, self._width = doing, 0.0, 0

    def tell(self, what: str, count: int) -> None:
        """Something of that kind was the last of so many bytes."""
        if not err().is_terminal or time.monotonic() - self._told_at < EVERY_S:
            return
        self._told_at = time.monotonic()
        text = f"{self._doing} {what}: {size(count)}"
        self._width = max(self._width, len(text))
        err().print(text.ljust(self._width), end="\r", markup=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._width:
            err().print(" " * self._width, end="\r")
