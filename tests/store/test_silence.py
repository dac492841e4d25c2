"""A network between us and the database that goes silent, without a word that anything is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

import eopiez_ray as ez
from eopiez_ray.errors import DatabaseUnavailableError
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import Database, connect
from eopiez_ray.store.liveness import IDLE_S, SILENT_S
from tests.documents import ROOT
from tests.engine.conftest import Stage
from tests.engine.net import has_namespaces
from tests.engine.phases_of_tests import double

HERE, THERE = "10.87.54.1", "10.87.54.2"
NOBODY = "02:00:00:00:00:99"
"""No machine has this address: what is sent there is lost."""


@asynccontextmanager
async def relay(database_url: str, host: str) -> AsyncIterator[str]:
    """A URL by which the database is reached over TCP."""
    parts = urlsplit(database_url)
    path = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(path)
        await asyncio.gather(passed(reader, back), passed(there, writer))

    async with await asyncio.start_server(serve, host, 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://{parts.username}@{host}:{port}{parts.path}"


def asks(connection: asyncpg.Connection[asyncpg.Record]) -> bool:
    """Whether our kernel asks whether the other side is still there."""
    found = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    options = [found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)]
    if hasattr(socket, "TCP_KEEPIDLE"):
        options.append(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == IDLE_S)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        options.append(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == SILENT_S * 1000)
    return all(options)


async def test_every_connection_asks_whether_the_server_is_there(database_url: str) -> None:
    async with relay(database_url, "127.0.0.1") as url, await connect(url) as database:
        async with database.transaction() as pooled:
            assert asks(pooled._con)  # type: ignore[attr-defined]
        async with database.session() as session:
            assert asks(session)
        listening = await database.listen(lambda *_: None, "eopiez_work")
        assert asks(listening)
        await listening.close()
        async with database.writer().transaction() as writing:
            assert asks(writing)


class Machine:
    """Another machine, as far as its network goes, by which the database is reached."""

    def __init__(self, database_url: str) -> None:
        self._name, self._cables = f"ez-db-{os.getpid()}", [f"ezdb{end}{os.getpid()}" for end in "ab"]
        self._database_url = database_url

    def open(self) -> str:
        """Lay the cable; gives the URL of the database."""
        here, there = self._cables
        self._ip("netns", "add", self._name)
        self._ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self._name)
        self._ip("address", "add", f"{HERE}/24", "dev", here)
        self._ip("link", "set", here, "up")
        self._ip("-n", self._name, "address", "add", f"{THERE}/24", "dev", there)
        self._ip("-n", self._name, "link", "set", there, "up")
        program = (
            "import asyncio, sys\nfrom tests.store.test_silence import relay\n"
            "async def run():\n    async with relay(*sys.argv[1:]) as url:\n        print(url, flush=True)\n"
            "        await asyncio.Event().wait()\nasyncio.run(run())"
        )
        command = ["ip", "netns", "exec", self._name, sys.executable, "-c", program, self._database_url, THERE]
        self._relay = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._relay.stdout is not None
        return self._relay.stdout.readline().strip()

    def close(self) -> None:
        """Remove all of it."""
        self._relay.kill()
        self._relay.communicate()
        self._ip("link", "del", self._cables[0])
        self._ip("netns", "del", self._name)

    def cut(self) -> None:
        """Let every packet get lost from now on, without a word."""
        self._neighbour("replace", "lladdr", NOBODY, "nud", "permanent")

    def mend(self) -> None:
        """Let packets arrive again."""
        self._neighbour("del")

    def _neighbour(self, verb: str, *how: str) -> None:
        here, there = self._cables
        self._ip("neighbour", verb, THERE, *how, "dev", here)
        self._ip("-n", self._name, "neighbour", verb, HERE, *how, "dev", there)

    @staticmethod
    def _ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def machine(database_url: str) -> Iterator[Machine]:
    made = Machine(database_url)
    yield made
    made.close()


@pytest.mark.skipif(
    not os.environ.get("EOPIEZ_NODE_CUTS") or not has_namespaces(),
    reason="it takes EOPIEZ_NODE_CUTS, iproute2 and root",
)
@pytest.mark.timeout(300)
async def test_work_goes_on_after_a_silence(machine: Machine, database: Database, tmp_path: Path) -> None:
    stage = Stage(database, tmp_path)
    async with await connect(await asyncio.to_thread(machine.open)) as away:
        far = Stage(away, tmp_path)
        far.orchestrate()
        plan = ez.Plan("doubles")
        plan.step("double", double, plan.values("numbers", list(range(5))))
        await stage.rest(await stage.submit(plan))
        machine.cut()
        asking = [asyncio.create_task(away.fetch("select 1")) for _ in range(12)]
        async with asyncio.timeout(SILENT_S + 30):
            answers = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(answer, DatabaseUnavailableError) for answer in answers)
        machine.mend()
        workflow = await stage.submit(plan)
        began = time.monotonic()
        assert (await stage.rest(workflow)).status is WorkflowStatus.SUCCEEDED
        print(f"driven {time.monotonic() - began:.1f} s after the network was mended")
        await far.close()
