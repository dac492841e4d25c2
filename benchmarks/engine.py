"""The engine beside its rivals, in one run on one machine: ``python benchmarks/engine.py [ENGINE…]``.

Each engine is a script in ``engines/``, run in a process of its own, one after the other; an engine whose packages or
servers are not installed is left out, and the table says so. Workloads:

==============  ================================================================================================
W1, W1b         one workflow of 40 steps of fib(10): in sequence, in parallel
W2, W2b         the same with 10 steps of fib(33), in sequence, and in parallel on 2 cores; the computation alone is
                timed in one process, for W2b half of that
W3 latency      one workflow of 3 steps of nothing on an idle system, from its submission to its durable result
W3 one by one   1,000 such workflows, submitted by 16 threads, each of which waits for its own
W3 batch        1,000 such workflows, submitted together
W4              an array of 100 MB through 4 steps; the memory held at the most is that of all processes, less what was
                held before
W5              one workflow of 10,000 tasks of nothing, a row for each
million         the same with 1,000,000 tasks, their plan included; the memory is that of the process that drives, over
                what it held before
many at once    100,000 workflows of 2 small steps, submitted together: workflows a second, over those of 2,000
W6              a worker, Postgres or the process that drives is killed in the middle of 10 steps of 0.2 s: from the
                kill to the start of the next step, and how many steps have started again; plain Ray retries the task
waiting         10,000 workflows wait, for room or for their owner's limit, 1,000 are paused, 100 at work: CPU time of
                the process that drives, while nothing happens, of one core; and the time to decide who is next
==============  ================================================================================================

``make bench-engine`` runs it. Results go to ``results/engine.json``, a table to ``results/engine.md``, a chart to
``results/engine.svg``; the last two are made to be copied into ``docs/``.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
ENGINES = {
    "eopiez": ("eopiez.py", "eopiez_many.py", "eopiez_recovery.py", "eopiez_waiting.py"),
    "computation": ("computation.py",),
    "ray": ("plain_ray.py",),
    "celery": ("celery_redis.py",),
    "dbos": ("dbos_postgres.py",),
    "restate": ("restate_server.py",),
}


class Goal(NamedTuple):
    """What a workload is compared with, and what is required at least and aimed at."""

    floor: str = ""
    """The engine whose time is 1."""
    text: str = ""


GOALS = {
    "W1": Goal("ray", "0.15 ×; 6 ms"),
    "W1b": Goal("ray", "0.4 ×; 7 ms"),
    "W2": Goal("computation", "1.05 ×; 1.01 ×"),
    "W2b": Goal("computation", "1.15 ×; 1.05 ×"),
    "W3 latency": Goal("ray", "7 and 12 ms; 4 and 6 ms"),
    "W3 one by one": Goal(text="1,500/s; 4,000/s"),
    "W3 batch": Goal(text="2,500/s; 8,000/s"),
    "W4": Goal("ray", "1.5 × and 1.5 GB; 1 × and 1 GB"),
    "W5": Goal("ray", "0.04 ×; 0.1 s"),
    "million": Goal(text="8,000/s and 1 GB; 30,000/s and 0.4 GB"),
    "many at once": Goal(text="0.9 × 2,000 at once"),
    "W6 worker": Goal("ray", "2 s; 0.6 s"),
    "W6 Postgres": Goal(text="4 s; 2 s"),
    "W6 orchestrator": Goal(text="4 s; 1.5 s"),
    "waiting for room": Goal(text="3 %; 1 %"),
    "waiting for limit": Goal(text="3 %; 1 %"),
    "waiting, decision": Goal(text="5 ms; 1 ms"),
}
NOT_INSTALLED = 69
"""Exit code of a script whose engine is not installed."""
SCALE_S = {0.001: "1 ms", 0.01: "10 ms", 0.1: "100 ms", 1.0: "1 s", 10.0: "10 s", 100.0: "100 s"}
"""Marks of the chart."""
Rows = dict[str, dict[str, dict[str, Any]]]
"""Measurements by workload and engine."""


def main() -> None:
    """Run the engines, print a table, and write results and chart."""
    wanted = sys.argv[1:] or list(ENGINES)
    rows: Rows = {}
    for engine in wanted:
        if engine not in ENGINES:
            sys.exit(f"no engine is named {engine!r}; there are {', '.join(ENGINES)}")
        for measured in measurements(engine):
            rows.setdefault(measured["workload"], {})[engine] = measured
    print(table(rows, wanted))
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    (folder / "engine.md").write_text(markdown(rows, wanted))
    (folder / "engine.json").write_text(json.dumps(rows, indent=1) + "\n")
    (folder / "engine.svg").write_text(chart(rows, wanted))


def measurements(engine: str) -> list[dict[str, Any]]:
    """What an engine's scripts report; nothing if it is not installed."""
    return [measured for script in ENGINES[engine] for measured in reported(engine, script)]


def reported(engine: str, script: str) -> list[dict[str, Any]]:
    """What one script reports."""
    print(f"{script} …", file=sys.stderr, flush=True)
    environment = os.environ | {"PYTHONPATH": f"{HERE / 'engines'}{os.pathsep}{HERE.parent}"}
    finished = subprocess.run(
        [sys.executable, str(HERE / "engines" / script)], stdout=subprocess.PIPE, text=True, env=environment
    )
    if finished.returncode == NOT_INSTALLED:
        print(f"{engine} is not installed here", file=sys.stderr)
        return []
    if finished.returncode and engine == "eopiez":
        sys.exit(f"{script} failed with exit code {finished.returncode}")
    if finished.returncode:
        print(f"{script} failed with exit code {finished.returncode}; what it has measured counts", file=sys.stderr)
    return [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]


def figure(measured: dict[str, Any] | None) -> str:
    """One cell: milliseconds or seconds, workflows a second, percent, gigabytes, steps run again."""
    if measured is None:
        return "–"
    if "p50" in measured:
        return "; ".join(f"{1000 * measured[key]:.3g}" for key in ("p50", "p95")) + " ms"
    if "percent" in measured:
        return f"{measured['percent']:.1f} %"
    memory = f", {measured['peak_bytes'] / 1e9:.2f} GB" if "peak_bytes" in measured else ""
    if "per_second" in measured:
        return f"{measured['per_second']:,.0f}/s{memory}"
    again = f", {measured['again']} again" if "again" in measured else ""
    return duration(measured["seconds"]) + memory + again


def duration(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def ratio(workload: str, measured: dict[str, dict[str, Any]]) -> str:
    """Time over that of the floor in the same run."""
    goal = GOALS.get(workload, Goal())
    if "ratio" in measured.get("eopiez", {}):
        return f"{measured['eopiez']['ratio']:.3f} × a few"
    if "eopiez" not in measured or goal.floor not in measured:
        return "–"
    mine, floor = measured["eopiez"], measured[goal.floor]
    key = "p50" if "p50" in mine else "seconds"
    return f"{mine[key] / floor[key]:.3f} × {goal.floor}"


def cells(rows: Rows, engines: list[str]) -> list[list[str]]:
    """A row a workload, a column an engine, how it compares, and what is required and aimed at."""
    found = [["", *engines, "eopiez", "required; aim"]]
    for workload, measured in rows.items():
        figures = (figure(measured.get(engine)) for engine in engines)
        found.append([workload, *figures, ratio(workload, measured), GOALS.get(workload, Goal()).text])
    return found


def table(rows: Rows, engines: list[str]) -> str:
    """For a terminal."""
    found = cells(rows, engines)
    widths = [max(len(row[column]) for row in found) for column in range(len(found[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in found)


def markdown(rows: Rows, engines: list[str]) -> str:
    """For ``docs/``, with the day and the machine."""
    head, *body = [f"| {' | '.join(row)} |" for row in cells(rows, engines)]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    place = f"{today}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."
    return "\n".join([place, "", head, "|---" * (len(engines) + 3) + "|", *body, ""])


def chart(rows: Rows, engines: list[str]) -> str:
    """Bars of the seconds that each engine takes, on a logarithmic scale; what has no rival is left out."""
    left, width, top = 130, 760, 34

    def x(seconds: float) -> float:
        return left + (width - left - 130) * math.log10(seconds / min(SCALE_S)) / math.log10(
            max(SCALE_S) / min(SCALE_S)
        )

    parts: list[str] = []
    for workload, measured in rows.items():
        timed = {engine: measured[engine] for engine in engines if engine in measured and seconds_of(measured[engine])}
        if len(timed) < 2 or "eopiez" not in timed:
            continue
        parts.append(f'<text x="4" y="{top + 12}" font-weight="bold">{workload}</text>')
        top += 18
        for engine, one in timed.items():
            kind, end = ("eopiez" if engine == "eopiez" else "other"), max(left + 2.0, x(seconds_of(one)))
            parts.append(f'<text x="{left - 8}" y="{top + 12}" text-anchor="end">{engine}</text>')
            parts.append(f'<rect class="{kind}" x="{left}" y="{top + 1}" width="{end - left:.0f}" height="14" rx="2"/>')
            parts.append(f'<text x="{end + 6:.0f}" y="{top + 12}">{figure(one)}</text>')
            top += 18
        top += 10
    lines = [
        f'<line x1="{x(mark):.0f}" x2="{x(mark):.0f}" y1="22" y2="{top}"/>'
        f'<text x="{x(mark):.0f}" y="16" text-anchor="middle">{name}</text>'
        for mark, name in SCALE_S.items()
    ]
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top + 8}"',
        ' font-family="sans-serif" font-size="12">',
        "<style>text{fill:#555}line{stroke:#ddd}.eopiez{fill:#3b6fd4}.other{fill:#b9bec8}</style>",
        f'<rect width="{width}" height="{top + 8}" fill="#fff"/>',
    ]
    return "\n".join([*head, *lines, *parts, "</svg>", ""])


def seconds_of(measured: dict[str, Any]) -> float:
    """What a bar shows: the median time, of a thousand workflows where workflows were counted; 0 without a time."""
    if "per_second" in measured:
        return float(1000 / measured["per_second"])
    return float(measured.get("p50", measured.get("seconds", 0.0)))


if __name__ == "__main__":
    main()
