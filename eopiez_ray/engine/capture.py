"""Captures what tasks print, by descriptor: from Python, from C and from child processes alike."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HEAD_BYTES = 2**20
"""How much of one task's output is read; the rest is skipped."""
KEPT_BYTES = 2**20
"""Size above which the file is emptied between two tasks."""
LINES = 500
"""How many lines of one task are read, and how many prints have their times kept."""
STDOUT = 1
Take = Callable[[float, str], None]


class Capture:
    """A file in place of standard output while calls run, read after each task so that lines stay with their task.

    As a context manager, it redirects standard output inside the block, for child processes too.
    """

    def __init__(self, path: Path, take: Take, listener: Callable[[], Take | None]) -> None:
        """
        Args:
            path: the file; its content is lost.
            take: receives the Unix seconds and the text of each line.
            listener: receives what Python code prints right now, piece by piece; None for the file.
        """
        self.path, self._take, self._listener = path, take, listener
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
        self._read = 0
        """Bytes read or skipped so far."""
        self._marks: list[tuple[int, float]] = []
        """File size after each of the first prints since the last reading, and its Unix seconds."""
        self._stream: _Stream | None = None
        """Made when the descriptor first leads here: elsewhere it may be closed."""
        self._earlier: tuple[Any, int | None] = None, None
        """Standard output outside the block, and its descriptor."""

    def __enter__(self) -> None:
        self._empty()
        self._earlier = sys.stdout, _duplicate(STDOUT)
        self._lead_here()

    def __exit__(self, *_: object) -> None:
        self._flush()
        sys.stdout, descriptor = self._earlier
        if descriptor is None:
            os.close(STDOUT)
        else:
            os.dup2(descriptor, STDOUT)
            os.close(descriptor)

    def drain(self) -> None:
        """Take the lines printed since the last time; an unfinished one counts as a line."""
        self._flush()
        size = self._size()
        if size == self._read:
            return
        text = os.pread(self._file, min(size - self._read, HEAD_BYTES), self._read).decode("utf-8", "backslashreplace")
        self._hand_on(text.removesuffix("\n"), self._read)
        self._read = size
        self._marks.clear()
        if size > KEPT_BYTES:
            self._empty()

    def _lead_here(self, *, anew: bool = False) -> None:
        os.dup2(self._file, STDOUT)
        if self._stream is None or anew:
            self._stream = _Stream(self._note, self._listener)
        sys.stdout = self._stream

    def _flush(self) -> None:
        """Flush everything to the file; undo a task's closing or replacing of standard output for the next one."""
        stream = self._stream
        if stream is None:
            return
        if sys.stdout is not stream:
            sys.stdout = stream
        try:
            stream.flush()
        except (OSError, ValueError):
            self._lead_here(anew=True)

    def _hand_on(self, text: str, position: int) -> None:
        now, marks = time.time(), iter(self._marks)
        end, at = next(marks, (sys.maxsize, now))
        for line in text.split("\n", LINES)[:LINES]:
            while position >= end:
                end, at = next(marks, (sys.maxsize, now))
            self._take(at, _visible(line))
            position += len(line.encode("utf-8", "replace")) + 1

    def _note(self) -> None:
        """Something was printed."""
        if len(self._marks) < LINES:
            self._marks.append((self._size(), time.time()))

    def _size(self) -> int:
        """Size of the file: seeking costs a quarter of ``fstat``, and appending does not care for the position."""
        return os.lseek(self._file, 0, os.SEEK_END)

    def _empty(self) -> None:
        if self._size():
            os.ftruncate(self._file, 0)
        self._read = 0
        self._marks.clear()


class _Stream(io.TextIOWrapper):
    """Standard output as a real stream on its descriptor, which says when a line was printed."""

    def __init__(self, on_line: Callable[[], None], listener: Callable[[], Take | None]) -> None:
        super().__init__(
            io.BufferedWriter(io.FileIO(STDOUT, "w", closefd=False)),
            encoding="utf-8",
            errors="backslashreplace",
            newline="\n",
            line_buffering=True,
        )
        self._on_line, self._listener = on_line, listener

    def write(self, text: str) -> int:
        take = self._listener()
        if take is not None:
            take(time.time(), text)
            return len(text)
        written = super().write(text)
        if "\n" in text:
            self._on_line()
        return written

    def close(self) -> None:
        """Stay open: a task that closes standard output must not close it for the next one."""
        with contextlib.suppress(OSError, ValueError):
            self.flush()


def _visible(line: str) -> str:
    """What a terminal would show of it: a carriage return restarts the line."""
    if "\r" not in line:
        return line
    parts = [part for part in line.split("\r") if part]
    return parts[-1] if parts else ""


def _duplicate(descriptor: int) -> int | None:
    """A duplicate of the descriptor; None if it is closed."""
    try:
        return os.dup(descriptor)
    except OSError:
        return None
