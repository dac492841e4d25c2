"""What a worker's process leaves behind when it ends in the middle of a call: which call, how it ended, and what it
last wrote."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..model.work import Place

LINES = 5
LINE_CHARACTERS = 300
TAIL_BYTES = 16_384
CALL_CHARACTERS = 80
"""Of the name of a call; shorter ones are padded, so that nothing of the one before stays."""
_FATAL = re.compile(r"^Fatal Python error: (.*)$", re.MULTILINE)


class LastWords(NamedTuple):
    """What is known of a process that is gone."""

    ended: str = ""
    """How it ended by its own doing, as the end of a sentence; empty if it was ended from outside."""
    lines: tuple[str, ...] = ()
    """The last lines that it wrote."""
    call: str = ""
    """The call that it had begun last."""

    def told(self) -> str:
        """A sentence about it."""
        how = f"the process {self.ended or 'is gone without a word, as if killed from outside or for its memory'}"
        return f"{how}; it last wrote: {' ⏎ '.join(self.lines)}" if self.lines else how


class Logbook:
    """Where a worker notes which call it begins: a file that outlives the process, written without a sync."""

    def __init__(self, printed: Path) -> None:
        path = printed.with_suffix(".call")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)

    def begin(self, call: str) -> None:
        """Note it."""
        os.pwrite(self._file, call.ljust(CALL_CHARACTERS).encode(), 0)


def leave_word_of_exit(printed: Path) -> None:
    """Have this process note when it is ended by its own code, in a file beside that of what it prints."""
    process, end, kill = os.getpid(), os._exit, os.kill
    note = printed.with_suffix(".end")

    def exit_with_word(status: int) -> Any:
        if os.getpid() == process:  # A forked child ends itself in the same way, and is nobody's worker.
            note.write_text(f"ended with code {status}, by os._exit")
        end(status)

    def kill_with_word(pid: int, number: int) -> None:
        if pid == process == os.getpid() and number:
            note.write_text(f"ended by signal {int(number)}, which it sent to itself")
        kill(pid, number)

    os._exit, os.kill = exit_with_word, kill_with_word


def read_last_words(place: Place) -> LastWords:
    """The last words of a process of this machine."""
    printed, errors = _tail(place.printed), _tail(place.errors)
    if not place.printed:
        return LastWords()
    ended, call = (_tail(str(Path(place.printed).with_suffix(kind))) for kind in (".end", ".call"))
    fatal = _FATAL.findall(errors)
    if not ended and fatal:
        ended = f"ended by a fatal error: {fatal[-1]}"
    lines = [line.strip()[:LINE_CHARACTERS] for line in printed.splitlines() if line.strip()]
    return LastWords(ended, tuple(lines[-LINES:]), call.strip())


def forget_last_words(place: Place) -> None:
    """Delete what a process of this machine has left."""
    if place.printed:
        for kind in (".out", ".end", ".call"):
            Path(place.printed).with_suffix(kind).unlink(missing_ok=True)


def _tail(path: str) -> str:
    """The end of a file; empty if there is none."""
    try:
        with Path(path).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            return file.read().decode("utf-8", "backslashreplace")
    except OSError:
        return ""
