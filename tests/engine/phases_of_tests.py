"""Phases that tests of the engine run; workers get them by value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import eopiez_ray as ez
from eopiez_ray import Partitions
from eopiez_ray.errors import StorageFullError

FAST = ez.RetryPolicy(initial_interval_s=0.01, maximum_interval_s=0.01)


@ez.phase
def count_to(*, n: int) -> Iterator[int]:
    yield from range(n)


@ez.phase(kind="map")
def one() -> int:
    return 1


@ez.phase(kind="map")
def double(value: int) -> int:
    return 2 * value


@ez.phase(kind="map")
def add(left: int, right: int) -> int:
    return left + right


@ez.phase(kind="reduce")
def total(values: Partitions[int]) -> int:
    return sum(values)


@ez.phase(kind="sink")
def write(value: int, *, path: str) -> str:
    Path(path).write_text(f"{value} {ez.current_task().token}")
    return path


@ez.phase(kind="map", retry=FAST)
def fail_until(value: int, *, marks: str, times: int) -> int:
    """Fails ``times`` times; each attempt leaves a line in the file ``marks``."""
    with Path(marks).open("a") as file:
        file.write(f"{value}\n")
    if Path(marks).read_text().count(f"{value}\n") <= times:
        raise OSError(f"no luck with {value}")
    return value


@ez.phase(kind="map")
def mark(value: int, *, marks: str) -> int:
    """Leaves a line in the file ``marks`` each time that it runs."""
    with Path(marks).open("a") as file:
        file.write(f"{value}\n")
    return value


@ez.phase(kind="map")
def refuse(value: int) -> int:
    raise ez.EopiezError(f"cannot use {value}") from None


@ez.phase(kind="map")
def reject_odd(value: int) -> int:
    if value % 2:
        ez.current_task().reject(f"row {value}", "it is odd", str(value))
    return value


@ez.phase(kind="map")
def talk(value: int) -> int:
    print(f"value is {value}")
    return value


@ez.phase(kind="source")
def each_below(value: int) -> Iterator[int]:
    """A source that is told by an earlier step how much to yield."""
    yield from range(value)


@ez.phase(kind="map")
def large(value: int) -> bytes:
    """More than a row keeps."""
    return bytes([value]) * 100_000


@ez.phase
def count_aloud(*, n: int, marks: str) -> Iterator[int]:
    """Leaves a line in the file ``marks`` each time that it is begun anew."""
    with Path(marks).open("a") as file:
        file.write("1\n")
    yield from range(n)


def join(texts: Partitions[str]) -> str:
    return "".join(texts)


@ez.phase(kind="reduce", combine=join, fan_in=3)
def spell(numbers: Partitions[int]) -> str:
    """A text of its numbers in order: grouping must not change it."""
    return "".join(f"{number}," for number in numbers)


@ez.phase(kind="map")
def need_memory(value: int, *, marks: str, attempts: int) -> int:
    """Has too little memory in its first attempts."""
    with Path(marks).open("a") as file:
        file.write(f"{ez.current_task().attempt}\n")
    if ez.current_task().attempt <= attempts:
        raise MemoryError("no room")
    return value


@ez.phase(kind="map", retry=ez.RetryPolicy(maximum_attempts=1))
def write_much() -> bytes:
    """More than travels in a row."""
    return b"x" * 100_000


@ez.phase(kind="map", retry=ez.RetryPolicy(non_retryable_errors=("StorageFullError",)))
def find_no_space() -> None:
    raise StorageFullError("no space is left for /data/archive; free some")
