"""Phases that change what their process has in common for all tasks, and one that would notice."""

from __future__ import annotations

import decimal
import locale
import os
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import eopiez_ray as ez

ONCE = ez.RetryPolicy(maximum_attempts=1)
OPEN: list[int] = []


def _deleted_folder() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)


def _files() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 1_000), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for _ in range(limit):
        try:
            OPEN.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (10, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def _zone() -> None:
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


CHANGES = {
    "folder": lambda: os.chdir("/"),
    "deleted folder": _deleted_folder,
    "environment": lambda: os.environ.update(PATH="nowhere", EOPIEZ_SECRET_OF_A_TEST="x"),
    "no environment": os.environ.clear,
    "time zone": _zone,
    "mask": lambda: os.umask(0o777),
    "limit": _limit,
    "warnings": lambda: warnings.simplefilter("error"),
    "arithmetic": lambda: setattr(decimal.getcontext(), "prec", 2),
    "traps": lambda: decimal.getcontext().traps.__setitem__(decimal.Inexact, True),
    "numpy": lambda: np.seterr(all="raise"),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C"),
    "recursion": lambda: sys.setrecursionlimit(300),
    "path": sys.path.clear,
    "files": _files,
}


@ez.phase(kind="map", retry=ONCE)
def changes(how: str) -> str:
    CHANGES[how]()
    return how


@ez.phase(kind="map", retry=ONCE)
def senses(size: int) -> dict[str, Any]:
    warnings.warn("a warning is no error", UserWarning, stacklevel=1)
    with tempfile.TemporaryFile() as file:
        mode = os.fstat(file.fileno()).st_mode
    return {
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "hour": time.localtime(0).tm_hour,
        "mode": mode,
        "third": str(decimal.Decimal(1) / 3),
        "numpy": (np.geterr(), float(np.float64(1e-300) * np.float64(1e-300))),
        "locale": locale.setlocale(locale.LC_ALL),
        "recursion": sys.getrecursionlimit(),
        "path": list(sys.path),
        "limit": resource.getrlimit(resource.RLIMIT_NOFILE),
        "large": b"x" * size,
    }


@ez.phase(kind="map", retry=ONCE)
class Set:
    """Needs what it sets when it is made."""

    def __init__(self) -> None:
        os.environ["EOPIEZ_NEEDED_BY_A_TEST"] = "set"

    def __call__(self, value: int) -> str:
        return os.environ.get("EOPIEZ_NEEDED_BY_A_TEST", "gone")


@ez.phase(kind="map", retry=ONCE)
def forks(value: int) -> str:
    child = os.fork()
    if not child:
        return "the child came back"
    _, status = os.waitpid(child, 0)
    return f"the child ended with {os.waitstatus_to_exitcode(status)}"
