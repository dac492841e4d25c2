"""Phases that end the process in which they run, or wait in it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time

import eopiez_ray as ez

FAST = ez.RetryPolicy(maximum_attempts=2, initial_interval_s=0.05)


@ez.phase(kind="map", retry=FAST)
def ends(value: int, *, how: str, culprit: int = 7) -> int:
    if value == culprit:
        print(f"about to end by {how}")
        if how == "exit":
            os._exit(3)
        elif how == "signal":
            os.kill(os.getpid(), signal.SIGKILL)
        elif how == "exit in C":
            ctypes.CDLL(None).exit(200)
        elif how == "fault":
            ctypes.string_at(0)
    return value


@ez.phase(kind="map", retry=ez.RetryPolicy(maximum_attempts=1), timeout_s=1)
def sleeps(value: int) -> int:
    time.sleep(60)
    return value


_at_work: set[int] = set()
"""Values with which this process is busy."""


@ez.phase(kind="map", concurrency=40)
async def awaits(value: int) -> int:
    """How many have been at work in this process when it ended."""
    _at_work.add(value)
    await asyncio.sleep(0.5)
    at_once = len(_at_work)
    _at_work.remove(value)
    return at_once
