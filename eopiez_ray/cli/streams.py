"""Standard streams, which whoever starts the program may have closed, or led to where no room is left."""

from __future__ import annotations

import errno
import os
import sys

_WITHOUT_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def open_streams() -> None:
    """Let closed streams lead nowhere: connections and files would get their numbers, and be written to by others."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # It gets the lowest number that is free: this one.
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def is_of_output(error: OSError) -> bool:
    """Whether an error says that standard output takes no more: it is of no file with a name."""
    return error.errno in _WITHOUT_ROOM and error.filename is None


def discard_output() -> None:
    """Let what is still to be written to standard output lead nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def flushed() -> OSError | None:
    """Write what is left of standard output; the error if that cannot be done."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # Whoever reads has had enough.
        discard_output()
    except OSError as error:
        discard_output()
        return error
    return None
