"""A program whose work takes a while and leaves artifacts; it prints its workflow's id."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator

import eopiez_ray as ez

BYTES = 100_000


@ez.phase(version="1")
def contents(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield random.Random(number).randbytes(BYTES)


@ez.phase(version="1")
def backwards(content: bytes, nap_s: float) -> bytes:
    time.sleep(nap_s)
    return content[::-1]


@ez.phase(version="1", kind="reduce")
def total(parts: ez.Partitions[bytes]) -> int:
    return sum(part[0] * part[-1] for part in parts)


def expected(count: int) -> int:
    """The result, without an engine."""
    parts = [random.Random(number).randbytes(BYTES) for number in range(count)]
    return sum(part[0] * part[-1] for part in parts)


def plan(count: int, nap_s: float = 0.1) -> ez.Plan:
    made = ez.Plan("drill")
    made.step(
        "total", total, made.step("backwards", backwards, made.step("contents", contents, count=count), nap_s=nap_s)
    )
    return made


if __name__ == "__main__":
    with ez.local() as system:
        workflow = system.start(plan(int(sys.argv[1])))
        print(workflow.id, flush=True)
        workflow.wait()
