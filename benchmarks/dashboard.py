"""The dashboard in a headless Chromium: ``python benchmarks/dashboard.py``, or ``make bench-dashboard``.

Gateway, database and engine are real; the gateway is a process of its own under uvicorn. The rows of the large
workflows are written by SQL in the form in which the engine writes them: running them would take long. Browser, gateway
and engine share the machine. Needs Chromium: ``EOPIEZ_CHROMIUM``, or ``chromium`` on the path.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.async_api import Browser, BrowserContext, Page, Response, ViewportSize, async_playwright

import eopiez_ray as ez
from eopiez_ray.gateway.identity.first import ensure_first_administrator
from eopiez_ray.model.ids import WorkflowId, uuid7
from eopiez_ray.store import Database, Intake, NewWorkflow, connect

STEPS, TASKS, WORKERS = 10_000, 100_000, 16
DOCUMENTS, THEMES = 1_000_000, 30
REPEATS, FRAMES, ENDS, NAPS = 5, 240, 20, 40
PASSWORD = "four unlikely words together"
WIDE: ViewportSize = {"width": 1440, "height": 900}

FINISH = """
with finished as (
    update workflows
    set status = 'succeeded', holder = null, started_at = created_at, finished_at = clock_timestamp()
    where id = $1
    returning id, created_at
)
insert into steps (
    workflow_id, position, status, partitions, done, running, rows, rejects, cached, wall_s, cpu_s, started_at,
    finished_at
)
select id, position, 'succeeded', $3::integer, $3, 0, $3, 0, 0, $3, 0, created_at, now()
from finished, generate_series(1, $2::integer) as position
"""
ADD_TASKS = """
insert into tasks (
    workflow_id, step, partition, digest, size, form, rows, rejects, started_at, wall_s, cpu_s, worker, is_cached,
    peak_bytes
)
select
    $1, 1 + number / ($2::integer / 4), number % ($2 / 4), '\\x00', 0, 'pickle', 1, 0,
    created_at + (number / $3::integer + random() * 0.1) * interval '1 s', 0.3 + random() * 0.55, 0,
    'node-' || number % $3 / 4 || '/worker-' || number % $3, number % 50 = 7, 0
from workflows, generate_series(0, $2 - 1) as number
where id = $1
"""
ADD_ATTEMPTS = """
insert into attempts (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, ended_at
)
select
    workflow_id, step, partition, 1, (array['failed', 'lost', 'timed_out', 'out_of_memory'])[1 + partition % 4],
    'ValueError', 'no such word', 'Traceback …', worker, started_at - interval '0.2 s', started_at - interval '0.1 s'
from tasks
where workflow_id = $1
    and partition % 500 = 11
"""

SHOWN = """([hash, test]) => new Promise(done => {
    const began = performance.now();
    location.hash = hash;
    const look = () => {
        const isThere = document.querySelector(`[data-testid=${test}]`);
        requestAnimationFrame(() => isThere ? setTimeout(() => done(performance.now() - began)) : look());
    };
    look();
})"""
"""Milliseconds until a canvas is there and a frame with it was drawn."""
PANNED = """([test, frames]) => new Promise(done => {
    const canvas = document.querySelector(`[data-testid=${test}]`);
    const box = canvas.getBoundingClientRect();
    const times = [];
    let last = performance.now();
    const step = now => {
        times.push(performance.now() - last);
        last = performance.now();
        const deltaX = times.length % 120 < 60 ? 9 : -9;
        const place = { clientX: box.x + 600, clientY: box.y + 200, bubbles: true, cancelable: true };
        canvas.dispatchEvent(new WheelEvent("wheel", { deltaX, shiftKey: true, ...place }));
        times.length < frames ? requestAnimationFrame(step) : done(times);
    };
    requestAnimationFrame(step);
})"""
"""Milliseconds of each frame while the picture moves with every one."""
WATCH_TASKS = """() => {
    window.longTasks = [];
    new PerformanceObserver(list => longTasks.push(...list.getEntries().map(each => each.duration)))
        .observe({ type: "longtask" });
}"""
WATCH = """selector => {
    window.seen = [];
    const note = () => requestAnimationFrame(() =>
        seen.push([Date.now() / 1000, document.querySelector(selector)?.textContent ?? ""]));
    new MutationObserver(note)
        .observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
}"""
"""Notes what a part of the page says in the frame after each change, and when."""


@ez.phase(version="1")
def same(value: int) -> int:
    """Gives what it is given."""
    return value


@ez.phase(version="1")
def add(one: int, other: int) -> int:
    """A sum."""
    return one + other


@ez.phase(version="1")
def nap(seconds: float) -> float:
    """Takes so long."""
    time.sleep(seconds)
    return seconds


def main() -> None:
    """Measure all, and print a line of the table for each."""
    home = Path(tempfile.mkdtemp(prefix="eopiez-bench-"))
    try:
        with ez.local(home=home) as system:
            graph, timeline, collection = asyncio.run(written(system.database_url, home))
            with serving(home, system.database_url) as url:
                choose_password(home, url)
                asyncio.run(measured(url, graph, timeline, collection, system))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def tell(what: str, result: str) -> None:
    """A line of the table."""
    print(f"| {what} | {result} |", flush=True)


async def written(database_url: str, home: Path) -> tuple[WorkflowId, WorkflowId, WorkflowId]:
    """The ids of a workflow of many steps, of one of many tasks, and of a run of the pipeline over many documents."""
    async with await connect(database_url) as database:
        await ensure_first_administrator(database, home)
        graph = await finished(database, many_steps(), STEPS - 1, 1)
        timeline = await finished(database, four_steps(), 4, TASKS // 4)
        await database.fetch(ADD_TASKS, timeline, TASKS, WORKERS)
        await database.fetch(ADD_ATTEMPTS, timeline)
        folder = home / "shared" / "results" / "default" / str(uuid7())
        labels = {"eopiez.pipeline": "content", "output": str(folder), "title": "many documents"}
        collection = await finished(database, four_steps(), 4, 1, labels)
        write_tables(folder / "tables")
        await database.fetch("analyze")
        return graph, timeline, collection


def write_tables(folder: Path) -> None:
    """What the map is made from: documents in clouds around their themes."""
    drawn = np.random.default_rng(3)
    folder.mkdir(parents=True)
    theme = drawn.integers(-1, THEMES, DOCUMENTS)
    middles = drawn.normal(0, 10, (THEMES + 1, 2))
    x, y = (middles[theme + 1] + drawn.normal(0, 1.5, (DOCUMENTS, 2))).T.astype(np.float32)
    ids = pa.array([str(number) for number in range(DOCUMENTS)])
    pq.write_table(pa.table({"document_id": ids, "theme": theme, "x": x, "y": y}), folder / "assignments.parquet")
    rows = [
        {"theme": each, "label": f"theme {each}", "terms": ["word"], "weights": [1.0],
         "documents": int((theme == each).sum()), "language": "en", "consistency": 1.0, "exemplars": ["0"]}
        for each in range(THEMES)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), folder / "themes.parquet")


async def finished(
    database: Database, plan: ez.Plan, steps: int, partitions: int, labels: dict[str, str] | None = None
) -> WorkflowId:
    """A workflow that nobody has run, as if it had succeeded."""
    (created,) = await Intake(database).create(NewWorkflow(plan.spec(), plan.code(), labels=labels or {}))
    await database.fetch(FINISH, created.id, steps, partitions)
    return created.id


def many_steps() -> ez.Plan:
    """20 groups of 20 groups of 25 steps, each of which takes one or two of those shortly before it."""
    plan, drawn = ez.Plan("many steps"), random.Random(1)
    made = [plan.values("numbers", [1])]
    for number in range(STEPS - 1):
        name = f"stage{number // 500:02}.part{number // 25 % 20:02}.step{number:05}"
        sources = {max(0, len(made) - 1 - int(drawn.expovariate(0.05))) for _ in range(1 + (number % 3 == 0))}
        made.append(plan.step(name, add if len(sources) == 2 else same, *(made[each] for each in sorted(sources))))
    return plan


def four_steps() -> ez.Plan:
    """Four steps in a row."""
    plan = ez.Plan("many tasks")
    last = plan.values("numbers", [1])
    for name in ("clean", "embed", "cluster", "report"):
        last = plan.step(name, same, last)
    return plan


@contextlib.contextmanager
def serving(home: Path, database_url: str) -> Iterator[str]:
    """The gateway as a process of its own; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    limits = {f"EOPIEZ_RATE_{name}": "0" for name in ("CALLER", "ADDRESS", "PROJECT")}
    environment = os.environ | limits | {"EOPIEZ_HOME": str(home), "EOPIEZ_DATABASE_URL": database_url}
    application = ("--factory", "eopiez_ray.gateway.asgi:app", "--port", str(port), "--log-level", "warning")
    process = subprocess.Popen([sys.executable, "-m", "uvicorn", *application], env=environment)
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str) -> None:
    """Wait until the gateway answers."""
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url).raise_for_status()
            return
        time.sleep(0.1)
    raise SystemExit(f"the gateway at {url} does not answer")


def choose_password(home: Path, url: str) -> None:
    """Give the administrator the password ``PASSWORD``."""
    first = (home / "first-password").read_text().strip()
    signed_in = httpx.post(f"{url}v1/auth/login", json={"login": "admin", "password": first}).json()
    bearer = {"Authorization": f"Bearer {signed_in['access_token']}"}
    change = {"password": first, "new_password": PASSWORD}
    httpx.post(f"{url}v1/users/profile/password", json=change, headers=bearer).raise_for_status()


async def measured(url: str, graph: WorkflowId, timeline: WorkflowId, collection: WorkflowId, system: ez.Local) -> None:
    """Measure in one browser."""
    executable = os.environ.get("EOPIEZ_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(viewport=WIDE)
        await sign_in(context, url)
        await first_page(browser, context, url)
        await picture(context, url, "graph", f"graph of {STEPS:,} steps", f"#/workflows/{graph}/graph")
        await all_open(context, url, graph)
        await picture(context, url, "timeline", f"timeline of {TASKS:,} tasks", f"#/workflows/{timeline}/timeline")
        await picture(context, url, "map", f"map of {DOCUMENTS:,} documents", f"#/collections/{collection}?part=map")
        await event_to_pixel(context, url, system)
        await progress_to_pixel(context, url, system)
        await browser.close()


async def sign_in(context: BrowserContext, url: str) -> None:
    """Sign the administrator in."""
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_label("Login").fill("admin")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("navigation", name="Pages").wait_for()
    await page.close()


async def first_page(browser: Browser, signed_in: BrowserContext, url: str) -> None:
    """The overview with an empty cache: until it can be used, and the JavaScript that it loads."""
    taken, scripts = [], dict[str, bytes]()
    for _ in range(REPEATS):
        context = await browser.new_context(viewport=WIDE, storage_state=await signed_in.storage_state())
        page = await context.new_page()
        loaded = list[Response]()
        page.on("response", loaded.append)
        began = time.perf_counter()
        await page.goto(url, wait_until="commit")
        await page.get_by_role("link", name="Workflows").first.wait_for()
        taken.append(time.perf_counter() - began)
        for answer in loaded:
            if answer.request.resource_type == "script":
                scripts[answer.url] = await answer.body()
        await context.close()
    tell("first page usable, cold", f"{statistics.median(taken):.2f} s")
    tell("JavaScript for it, gzipped", f"{sum(len(gzip.compress(each)) for each in scripts.values()) / 1000:,.0f} KB")


async def picture(context: BrowserContext, url: str, tab: str, name: str, address: str) -> None:
    """A picture: until it is drawn in a dashboard that is open, and in a cold one; then it is panned."""
    drawn, cold = [], []
    for _ in range(REPEATS):
        page = await context.new_page()
        began = time.perf_counter()
        await page.goto(url + address, wait_until="commit")
        await page.get_by_test_id(tab).wait_for()
        cold.append(time.perf_counter() - began)
        await page.close()
        page = await context.new_page()
        await page.goto(f"{url}#/workflows")
        await page.get_by_role("table").first.wait_for()
        await page.evaluate(WATCH_TASKS)
        drawn.append(await page.evaluate(SHOWN, [address, tab]) / 1000)
        if len(drawn) == REPEATS:
            await page.wait_for_timeout(500)
            longest = max(await page.evaluate("longTasks"), default=0.0)
            tell(
                f"{name}: until drawn; from a cold page",
                f"{statistics.median(drawn):.2f} s; {statistics.median(cold):.2f} s",
            )
            tell(f"{name}: longest task of the page meanwhile", f"{longest:.0f} ms")
            await page.get_by_role("button", name=re.compile("Zoom in|Closer")).click()
            await pan(page, tab, f"{name}, panned")
            tell(f"{name}: memory of the tab", f"{memory_of_tabs() / 2**20:,.0f} MiB")
        await page.close()


def memory_of_tabs() -> int:
    """Bytes that the largest process of a tab holds for itself."""
    tabs = [each for each in psutil.Process().children(recursive=True) if "--type=renderer" in " ".join(each.cmdline())]
    return max(int(each.memory_full_info().uss) for each in tabs)


async def pan(page: Page, tab: str, name: str) -> None:
    """Frames while a picture moves."""
    times = sorted(await page.evaluate(PANNED, [tab, FRAMES]))
    mean, late = statistics.mean(times), times[int(len(times) * 0.95)]
    tell(name, f"{1000 / mean:.0f} frames/s, p95 {late:.1f} ms")


async def all_open(context: BrowserContext, url: str, workflow: WorkflowId) -> None:
    """The same graph with every group open, and every step in sight."""
    page = await context.new_page()
    await page.goto(f"{url}#/workflows/{workflow}/graph")
    await page.get_by_test_id("graph").wait_for()
    began = time.perf_counter()
    await page.get_by_role("button", name="Open all").click()
    await page.locator(f"[aria-label*='{STEPS} boxes'], [aria-label*='{STEPS:,} boxes']").wait_for()
    tell(f"graph of {STEPS:,} steps: all groups opened", f"{time.perf_counter() - began:.2f} s")
    await pan(page, "graph", f"graph of {STEPS:,} steps, all in sight, panned")
    await page.close()


async def event_to_pixel(context: BrowserContext, url: str, system: ez.Local) -> None:
    """From the commit of a workflow's end to the frame that says so."""
    delays = []
    for number in range(ENDS):
        plan = ez.Plan("nap")
        plan.step("nap", nap, plan.values("seconds", [1.5 + number / 40]))
        page, handle = await watched(context, url, system, plan, "main header .status")
        ended = (await asyncio.to_thread(handle.view)).finished_at
        assert ended is not None
        seen = await page.evaluate("seen")
        shown = next(at for at, text in seen if "Succeeded" in text)
        delays.append(shown - ended.timestamp())
        await page.close()
    tell("event in the engine to pixel", spread(delays))


async def progress_to_pixel(context: BrowserContext, url: str, system: ez.Local) -> None:
    """From the end of a task on its worker to the frame that counts it."""
    plan, drawn = ez.Plan("naps"), random.Random(2)
    plan.step("nap", nap, plan.values("seconds", [drawn.uniform(0.3, 0.9) for _ in range(NAPS)]))
    page, handle = await watched(context, url, system, plan, "[data-testid=progress]")
    seen = [
        (at, int(text.split()[0].replace(",", ""))) for at, text in await page.evaluate("seen") if text[:1].isdigit()
    ]
    ends = sorted(each.started_at.timestamp() + each.wall_s for each in await asyncio.to_thread(handle.task_times))
    delays = []
    for count, end in enumerate(ends, start=NAPS + 1):  # The values that came with the plan count too.
        shown = [at for at, done in seen if done >= count]
        if shown and end > seen[0][0]:
            delays.append(shown[0] - end)
    tell("end of a task to the count that the page shows", spread(delays))
    await page.close()


async def watched(
    context: BrowserContext, url: str, system: ez.Local, plan: ez.Plan, selector: str
) -> tuple[Page, ez.Workflow]:
    """A page that has watched a workflow until its end."""
    handle = await asyncio.to_thread(system.start, plan)
    page = await context.new_page()
    await page.goto(f"{url}#/workflows/{handle.id}")
    await page.locator(selector).wait_for()
    await page.evaluate(WATCH, selector)
    await asyncio.to_thread(handle.wait)
    await page.locator("main header .status", has_text="Succeeded").wait_for()
    await page.wait_for_timeout(300)
    return page, handle


def spread(delays: list[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(delays)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"median {statistics.median(ordered) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms"


if __name__ == "__main__":
    main()
