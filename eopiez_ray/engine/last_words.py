"""What a worker process leaves behind when it ends in the middle of a call: which call, how it ended, and what it wrote
last."""

from __future__ import annotations

import ctypes
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

if TYPE_CHECKING:
    from ..model.work import Place

LINES = 5
LINE_CHARACTERS = 300
TAIL_BYTES = 16_384
ENDING_S = 2.0
"""Seconds that a process gets to end once Ray has lost it."""
LOOK_S = 0.01
CALL_CHARACTERS = 80
"""Length of a call's name; shorter ones are padded to overwrite the one before."""
_FATAL = re.compile(r"^Fatal Python error: (.*)$", re.MULTILINE)


class LastWords(NamedTuple):
    """What is known about a process that is gone."""

    ended: str = ""
    """How it ended itself, as the end of a sentence; empty if it was ended from outside."""
    lines: tuple[str, ...] = ()
    """The last lines it wrote."""
    call: str = ""
    """The last call it began."""

    def told(self) -> str:
        """The last words as a sentence."""
        how = f"the process {self.ended or 'vanished without a word, as if killed from outside or for its memory use'}"
        return f"{how}; it last wrote: {' ⏎ '.join(self.lines)}" if self.lines else how


class Logbook:
    """Where a worker notes the call it begins: a file that outlives the process, written without a sync."""

    def __init__(self, printed: Path) -> None:
        path = printed.with_suffix(".call")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._leave_word = _word_of_native_exit(printed.with_suffix(".exit"))
        self._calls = 0

    def begin(self, call: str) -> None:
        """Note it."""
        self._calls += 1
        if self._calls.bit_count() == 1:  # Again and again, ever more seldom: what was registered last runs first.
            self._leave_word()
        os.pwrite(self._file, call.ljust(CALL_CHARACTERS).encode(), 0)


def leave_word_of_exit(printed: Path) -> None:
    """Make this process note if its own code ends it, in a file next to its printed output."""
    process, end, kill = os.getpid(), os._exit, os.kill
    note = printed.with_suffix(".end")

    def exit_with_word(status: int) -> Any:
        if os.getpid() == process:  # A forked child exits in the same way, but is not a worker.
            note.write_text(f"ended with code {status}, by os._exit")
        end(status)

    def kill_with_word(pid: int, number: int) -> None:
        if pid == process == os.getpid() and number:
            note.write_text(f"ended by signal {int(number)}, which it sent to itself")
        kill(pid, number)

    os._exit, os.kill = exit_with_word, kill_with_word


def _word_of_native_exit(note: Path) -> Callable[[], object]:
    """What makes the C library itself note the code with which native code ends this process, by ``fputc(code, note)``:
    no Python runs by then. It does so before whatever was registered earlier, in which the process may be killed."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "on_exit"):  # It is glibc's.
        return lambda: None
    library.fopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(library.fopen(os.fsencode(note), b"we"))
    library.setbuf(file, None)
    descriptor = library.fileno(file)

    def forget() -> None:  # A forked child exits in the same way, but is not a worker.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)

    os.register_at_fork(after_in_child=forget)
    return lambda: library.on_exit(library.fputc, file)


def read_last_words(place: Place) -> LastWords:
    """The last words of a process on this machine, which may be about to say them."""
    if not place.printed:
        return LastWords()
    _wait_for_end(place.pid)
    path = Path(place.printed)
    printed, call = _text(_tail(path)), _text(_tail(path.with_suffix(".call")))
    lines = [line.strip()[:LINE_CHARACTERS] for line in printed.splitlines() if line.strip()]
    return LastWords(_how_it_ended(place), tuple(lines[-LINES:]), call.strip())


def _wait_for_end(pid: int) -> None:
    """Wait a little: Ray hears of an end when connections close, before all that a process does in its end is done."""
    deadline = time.monotonic() + ENDING_S
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(LOOK_S)


def _how_it_ended(place: Place) -> str:
    path = Path(place.printed)
    if ended := _text(_tail(path.with_suffix(".end"))):
        return ended
    if fatal := _FATAL.findall(_text(_tail(Path(place.errors)))):
        return f"ended by a fatal error: {fatal[-1]}"
    code = _tail(path.with_suffix(".exit"))
    return f"ended with code {code[-1]}, by exit in native code" if code else ""


def forget_last_words(place: Place) -> None:
    """Delete what a process on this machine left behind."""
    if place.printed:
        for kind in (".out", ".end", ".exit", ".call"):
            Path(place.printed).with_suffix(kind).unlink(missing_ok=True)


def _tail(path: Path) -> bytes:
    """The end of a file; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            return file.read()
    except OSError:
        return b""


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")
