"""How long a page of the system's log takes to find among a million lines, beside the bare statement that no search
can beat: the newest lines by their primary key, fetched by asyncpg alone.

    python benchmarks/logs.py [--lines 1000000]

The lines are made by the database itself, in an embedded server of its own. Each figure is the median of a page of 100,
asked through the store as ``GET /logs`` does, parsing of rows included.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eopiez_ray.model.log_lines import LineFilter, NewLine, Part
from eopiez_ray.store import Database, EmbeddedServer, connect
from eopiez_ray.store.log_lines import LogLines, append

REPEATS = 15
STEP_S = 0.1
"""Seconds between two lines."""
MAKE = """
insert into log_lines (at, level, part, project, message, step, partition)
select now() - make_interval(secs => ($1 - number) * $2::double precision),
    case when number % 50 = 0 then 'warning' else 'info' end,
    case when number % 4 = 0 then 'gateway' else 'task' end,
    case when number % 4 = 0 then null else 'project ' || number % 7 end,
    'request ' || number || ' answered with ' || md5(number::text), 'read', number
from generate_series(0, $1::integer - 1) as number
"""
FLOOR = "select * from log_lines order by id desc limit 100"


async def main(count: int) -> None:
    """Make the lines, and print what each search takes."""
    server = EmbeddedServer(Path(tempfile.mkdtemp()))
    server.start()
    async with await connect(server.url) as database:
        await database.fetch(MAKE, count, STEP_S)
        await database.fetch("vacuum analyze log_lines")
        print(f"{'bare statement, newest':42} {await median_ms(lambda: database.fetch(FLOOR)):7.1f} ms")
        for name, where in searches(count).items():
            print(f"{name:42} {await searched(database, where):7.1f} ms")
        print(f"{'lines a second into the stream':42} {await appended(database):7,.0f}")
    server.leave()


def searches(count: int) -> dict[str, LineFilter]:
    """What is looked for."""
    begin = datetime.now(UTC) - timedelta(seconds=count * STEP_S * 0.6)
    return {
        "newest": LineFilter(),
        "of a project": LineFilter(projects=("project 3",)),
        "of a project that has none": LineFilter(projects=("nobody",)),
        "warnings": LineFilter(level="warning"),
        "errors, of which there are none": LineFilter(level="error"),
        "a window in the past": LineFilter(since=begin, until=begin + timedelta(seconds=count * STEP_S * 0.01)),
        "a text that one line has": LineFilter(text=f"request {count // 8} "),
        "a text that all lines have": LineFilter(text="answered"),
        "a text that no line has": LineFilter(text="zebra crossing"),
        "a text that some lines of a project have": LineFilter(text="4711", projects=("project 3",)),
        "two characters that no line has": LineFilter(text="zq"),
    }


async def searched(database: Database, where: LineFilter) -> float:
    """Milliseconds of a page."""
    return await median_ms(lambda: LogLines(database).page(where))


async def median_ms(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds that it takes."""
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


async def appended(database: Database, batches: int = 40) -> float:
    """How many lines of parts are written a second, by one process."""
    lines = [
        NewLine(at=time.time(), level="info", part=Part.GATEWAY, process="host:1", logger="a", message=f"said {number}")
        for number in range(500)
    ]
    began = time.perf_counter()
    for _ in range(batches):
        await append(database, lines)
    return batches * len(lines) / (time.perf_counter() - began)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().lines))
