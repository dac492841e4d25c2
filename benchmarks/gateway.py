"""The gateway, as it is deployed by ``eopiez up``: ``python benchmarks/gateway.py``, or ``make bench-gateway``.

Requests a second are given over a FastAPI application that does nothing, on the same Serve or the same uvicorn, in the
same run. Limits on rates are off. The load comes from this process, on the same cores as everything else.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

import eopiez_ray as ez

CONNECTIONS = 32
SECONDS = 6.0
PASSWORD = "four unlikely words together"
PORT, BARE_PORT, NOOP_PORT = 8123, 8124, 8125
FOLLOWERS = 500
UPLOAD_BYTES, PART_BYTES = 2 * 2**30, 16 * 2**20
OFF = {f"EOPIEZ_RATE_{name}": "0" for name in ("CALLER", "ADDRESS", "PROJECT")}


@ez.phase(version="1")
def same(value: int) -> int:
    """Does nothing."""
    return value


@ez.phase(version="1")
def slow(value: int) -> int:
    """Takes long enough for many to follow."""
    time.sleep(10)
    return value


def noop_app() -> Any:
    """A FastAPI application that does nothing."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/")
    async def nothing() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main() -> None:
    """Measure all, and print a line for each."""
    folder = Path(tempfile.mkdtemp(prefix="eopiez-bench-"))
    home = folder / "home"
    os.environ |= OFF | {"EOPIEZ_HOME": str(home), "EOPIEZ_ACCESS_TOKEN_S": "3600"}
    try:
        with brought_up(home) as url:
            token = sign_in(home, url)
            client = httpx.Client(base_url=f"{url}/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60)
            tell("memory of the idle system", f"{idle_memory(home) / 2**20:,.0f} MiB PSS")
            workflow = finished(client)
            on_serve(url, token, workflow)
            under_uvicorn(home, token, workflow)
            creating(url, token)
            to_result(client)
            following(client, url, token)
            uploading(client, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def brought_up(home: Path) -> Iterator[str]:
    """The system, started twice: the second time, everything that it installs is there."""
    for is_warm in (False, True):
        began = time.perf_counter()
        subprocess.run([*EOPIEZ, "up", "--detach", "--port", str(PORT)], check=True, stdout=subprocess.DEVNULL)
        tell(f"eopiez up to ready, {'warm' if is_warm else 'first'}", f"{time.perf_counter() - began:.1f} s")
        if not is_warm:
            subprocess.run([*EOPIEZ, "down"], check=True)
    try:
        yield f"http://127.0.0.1:{PORT}"
    finally:
        subprocess.run([*EOPIEZ, "down"], check=True)


EOPIEZ = (sys.executable, "-m", "eopiez_ray.cli")


def sign_in(home: Path, url: str) -> str:
    """An access token of the administrator."""
    password = (home / "first-password").read_text().strip()
    first = httpx.post(f"{url}/v1/auth/login", json={"login": "admin", "password": password}).json()
    bearer = {"Authorization": f"Bearer {first['access_token']}"}
    change = {"password": password, "new_password": PASSWORD}
    answer = httpx.post(f"{url}/v1/users/profile/password", json=change, headers=bearer)
    return str(answer.json()["access_token"])


def body(*values: int) -> dict[str, Any]:
    """A new workflow of three steps that do nothing."""
    plan = ez.Plan("bench")
    last = plan.values("values", list(values))
    for name in ("a", "b", "c"):
        last = plan.step(name, same, last)
    return sent(plan)


def sent(plan: ez.Plan) -> dict[str, Any]:
    """A plan with its code, as it is sent."""
    code = {digest: base64.b64encode(each).decode() for digest, each in plan.code().items()}
    return {"spec": plan.spec().to_value(), "code": code}


def finished(client: httpx.Client) -> str:
    """The id of a workflow that has succeeded."""
    made: str = client.post("/workflows", json=body(1)).json()["id"]
    while client.get(f"/workflows/{made}").json()["status"] != "succeeded":
        time.sleep(0.1)
    return made


def on_serve(url: str, token: str, workflow: str) -> None:
    """Looks at a workflow, over an application that does nothing on the same Serve."""
    from eopiez_ray.engine.joining import authenticate, join
    from eopiez_ray.settings import Settings

    authenticate(Path(os.environ["EOPIEZ_HOME"]))  # Before Ray is imported, which then reads how to sign in.
    import ray
    from ray import serve

    state = json.loads((Path(os.environ["EOPIEZ_HOME"]) / "up" / "state.json").read_text())
    join(Settings(ray_address=state["ray_address"]))
    noop = serve.deployment(name="Noop", ray_actor_options={"num_cpus": 0}, max_ongoing_requests=1000)
    serve.run(noop(serve.ingress(noop_app)(type("Noop", (), {}))).bind(), name="noop", route_prefix="/noop")
    compare("GET /workflows/{id} through Serve", url, f"/v1/workflows/{workflow}", token, url, "/noop/")
    serve.delete("noop")
    ray.shutdown()


def under_uvicorn(home: Path, token: str, workflow: str) -> None:
    """The same under uvicorn alone."""
    server = f"postgresql://eopiez@/postgres?host={home}/postgres/run"
    own = {"EOPIEZ_DATABASE_URL": server, "EOPIEZ_PUBLIC_URL": f"http://127.0.0.1:{PORT}"}
    uvicorn = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--factory"]
    ours = subprocess.Popen([*uvicorn, "eopiez_ray.gateway.asgi:app", "--port", str(BARE_PORT)], env=os.environ | own)
    noop = subprocess.Popen(
        [*uvicorn, "gateway:noop_app", "--port", str(NOOP_PORT), "--app-dir", str(Path(__file__).parent)]
    )
    bare, nothing = f"http://127.0.0.1:{BARE_PORT}", f"http://127.0.0.1:{NOOP_PORT}"
    try:
        for address in (f"{bare}/v1/health/live", f"{nothing}/"):
            until(lambda address=address: httpx.get(address).status_code == 200)  # type: ignore[misc]
        compare("GET /workflows/{id} under uvicorn", bare, f"/v1/workflows/{workflow}", token, nothing, "/")
    finally:
        for process in (ours, noop):
            process.terminate()
            process.wait()


def until(predicate: Callable[[], bool]) -> None:
    """Wait until it is true; a connection that is refused is not."""
    while True:
        try:
            if predicate():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)


def compare(name: str, url: str, path: str, token: str, noop: str, noop_path: str) -> None:
    """Alternate between ours and what does nothing, and print the medians and their ratio."""
    ours, nothing = [], []
    for _ in range(3):
        ours.append(asyncio.run(rate(url, path, token)))
        nothing.append(asyncio.run(rate(noop, noop_path, token)))
    mine, bare = statistics.median(ours), statistics.median(nothing)
    tell(name, f"{mine:,.0f}/s, {mine / bare:.2f} × an application that does nothing ({bare:,.0f}/s)")


async def rate(url: str, path: str, token: str) -> float:
    """Requests a second over some connections."""
    request = raw("GET", url, path, token)
    until_at = time.perf_counter() + SECONDS
    counts = await asyncio.gather(*(repeat(url, request, until_at) for _ in range(CONNECTIONS)))
    return sum(counts) / SECONDS


async def repeat(url: str, request: bytes, until_at: float) -> int:
    """How many times a request was answered on one connection until then."""
    reader, writer = await connection(url)
    count = 0
    while time.perf_counter() < until_at:
        status, _ = await exchange(reader, writer, request)
        assert status == 200, status
        count += 1
    writer.close()
    return count


async def connection(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the server of a URL."""
    return await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))


def raw(method: str, url: str, path: str, token: str, content: bytes = b"", more: str = "") -> bytes:
    """A request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {url.removeprefix('http://')}\r\nAuthorization: Bearer {token}\r\n"
    length = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if content else ""
    return f"{head}{length}{more}\r\n".encode() + content


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """The status and the body of the answer to a request."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length")), None)
    if length is not None:
        return int(lines[0].split()[1]), await reader.readexactly(length)
    parts = []
    while (size := int((await reader.readline()).strip() or b"0", 16)) > 0:
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return int(lines[0].split()[1]), b"".join(parts)


def creating(url: str, token: str) -> None:
    """Durable workflows a second, and how long one takes at 50 a second."""
    content = json.dumps(body(1)).encode()
    request = raw("POST", url, "/v1/workflows", token, content)
    made, took = asyncio.run(create_all(url, request)), asyncio.run(create_steadily(url, request, 50, 8.0))
    tell(
        "POST /workflows", f"{made:,.0f}/s; at 50/s p50 {quantile(took, 0.5):.0f} ms, p99 {quantile(took, 0.99):.0f} ms"
    )


async def create_all(url: str, request: bytes) -> float:
    """Workflows created a second over some connections."""
    until_at = time.perf_counter() + SECONDS

    async def one() -> int:
        reader, writer = await connection(url)
        count = 0
        while time.perf_counter() < until_at:
            count += (await exchange(reader, writer, request))[0] == 202
        writer.close()
        return count

    return sum(await asyncio.gather(*(one() for _ in range(CONNECTIONS)))) / SECONDS


async def create_steadily(url: str, request: bytes, per_s: int, seconds: float) -> list[float]:
    """Milliseconds for each of so many requests a second, which do not wait for each other."""
    took: list[float] = []
    free = [await connection(url) for _ in range(CONNECTIONS)]

    async def one() -> None:
        reader, writer = free.pop()
        began = time.perf_counter()
        status, _ = await exchange(reader, writer, request)
        assert status == 202, status
        took.append((time.perf_counter() - began) * 1000)
        free.append((reader, writer))

    tasks = []
    for _ in range(int(per_s * seconds)):
        tasks.append(asyncio.create_task(one()))
        await asyncio.sleep(1 / per_s)
    await asyncio.gather(*tasks)
    return took


def to_result(client: httpx.Client) -> None:
    """From a request to the event that says that three steps have succeeded."""
    took = []
    for number in range(30):
        began = time.perf_counter()
        made = client.post("/workflows", json=body(number)).json()["id"]
        path, accept = f"/workflows/{made}/events", {"Accept": "text/event-stream"}
        with client.stream("GET", path, headers=accept, follow_redirects=True) as followed:
            for line in followed.iter_lines():
                if line == "event: succeeded":
                    took.append((time.perf_counter() - began) * 1000)
                    break
    tell(
        "submit over HTTP to result over SSE, 3 steps",
        f"p50 {quantile(took, 0.5):.0f} ms, p95 {quantile(took, 0.95):.0f} ms",
    )


def following(client: httpx.Client, url: str, token: str) -> None:
    """Many who follow one workflow: whether all see every event, and what each costs its server."""
    plan = ez.Plan("followed")
    plan.step("slow", slow, plan.values("values", list(range(4))))
    workflow = client.post("/workflows", json=sent(plan)).json()["id"]
    there = client.get(f"/workflows/{workflow}/events", headers={"Accept": "text/event-stream"})
    path = there.url.join(there.headers["location"]).path
    before = own_memory("ServeReplica:eopiez-followers")
    seen, peak = asyncio.run(follow_all(url, path, token))
    events = [event["id"] for event in client.get(f"/workflows/{workflow}/events").json()["items"]]
    complete = sum(ids == events for ids in seen)
    tell(
        f"{FOLLOWERS} followers of one workflow",
        f"{complete} saw all {len(events)} events; {(peak - before) / FOLLOWERS / 1024:,.0f} KiB for each",
    )


async def follow_all(url: str, path: str, token: str) -> tuple[list[list[int]], int]:
    """The ids of the events that each has seen, and the memory of their replica while all follow."""
    request = raw("GET", url, path, token, more="Accept: text/event-stream\r\n")
    begun = [asyncio.Event() for _ in range(FOLLOWERS)]
    followers = [asyncio.create_task(follow(url, request, each)) for each in begun]
    await asyncio.gather(*(each.wait() for each in begun))
    peak = own_memory("ServeReplica:eopiez-followers")
    return await asyncio.gather(*followers), peak


async def follow(url: str, request: bytes, begun: asyncio.Event) -> list[int]:
    """The ids of all events that a follower is sent."""
    reader, writer = await connection(url)
    writer.write(request)
    ids = []
    while line := await reader.readline():
        if line.startswith(b"id: "):
            ids.append(int(line[4:]))
            begun.set()
        if line == b"0\r\n":  # The last chunk.
            break
    writer.close()
    return ids


def uploading(client: httpx.Client, folder: Path) -> None:
    """An upload, over a plain copy to the same disk, and the memory of the replicas meanwhile."""
    source = folder / "source"
    with source.open("wb") as file:
        for _ in range(UPLOAD_BYTES // 2**24):
            file.write(os.urandom(2**24))
    began = time.perf_counter()
    shutil.copyfile(source, folder / "copy")
    with (folder / "copy").open("rb") as copied:
        os.fsync(copied.fileno())
    copy_s = time.perf_counter() - began
    (folder / "copy").unlink()
    upload = client.post("/uploads", json={"name": "source.txt", "size": UPLOAD_BYTES}).json()["id"]
    before = own_memory("ServeReplica:eopiez:Gateway")
    peak, offset = before, 0
    began = time.perf_counter()
    with source.open("rb") as file:
        while part := file.read(PART_BYTES):
            answer = client.patch(f"/uploads/{upload}", content=part, headers={"Upload-Offset": str(offset)})
            assert answer.status_code == 200, answer.text
            offset += len(part)
            if offset % 2**28 == 0:
                peak = max(peak, own_memory("ServeReplica:eopiez:Gateway"))
    took = time.perf_counter() - began
    megabytes = UPLOAD_BYTES / 1e6
    tell(
        "upload of 2 GB",
        f"{megabytes / took:,.0f} MB/s, {copy_s / took:.2f} × a copy ({megabytes / copy_s:,.0f} MB/s); "
        f"a replica's memory grows by {(peak - before) / 2**20:,.0f} MiB",
    )


def own_memory(name: str) -> int:
    """Resident bytes of the largest process whose command contains this, without those that it shares with others:
    in Ray's object store, of a fixed size, they are everybody's."""
    processes = [process.info for process in psutil.process_iter(["cmdline", "memory_info"])]
    named = [each["memory_info"] for each in processes if name in " ".join(each["cmdline"] or [])]
    return max((memory.rss - memory.shared for memory in named), default=0)


def idle_memory(home: Path) -> int:
    """Bytes that all processes of the system hold, shared pages divided among them (PSS)."""
    state = json.loads((home / "up" / "state.json").read_text())
    roots = [state["supervisor"]["pid"], *(part["pid"] for part in state["parts"].values())]
    postmaster = int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    tree: set[int] = set()
    for pid in (*roots, postmaster):
        tree |= {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    return sum(psutil.Process(pid).memory_full_info().pss for pid in tree)


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def tell(name: str, figures: str) -> None:
    """Print a line of the table."""
    print(f"{name:<46} {figures}", flush=True)


if __name__ == "__main__":
    main()
