"""Peak memory of this process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes() -> int:
    """Peak resident memory in bytes since the last call, or since the start where there is no ``/proc``."""
    try:
        lines = _STATUS.read_bytes().split(b"\n")
        _RESET.write_bytes(b"5")
    except OSError:
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest if sys.platform == "darwin" else 1024 * largest
    kilobytes = next(line for line in lines if line.startswith(b"VmHWM:")).split()[1]
    return 1024 * int(kilobytes)
