"""A real PgBouncer in transaction mode, with fewer connections than ask for one, so that statements change places."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

import eopiez_ray as ez
from eopiez_ray.engine.local import Local
from eopiez_ray.errors import DatabaseUnavailableError
from eopiez_ray.gateway.app import create_app
from eopiez_ray.settings import Settings
from eopiez_ray.store import EmbeddedServer, connect
from eopiez_ray.supervision.parts import free_ports, is_open
from tests.engine.conftest import Stage
from tests.engine.phases_of_tests import double
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="pgbouncer is not installed")
AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"] if os.geteuid() == 0 else []
"""PgBouncer refuses to run as root."""
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
elsewhere = host={host} port={port} user={user} dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""


@pytest.fixture(scope="module")
def pooler(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a pooler in front of the server."""
    parts, (port,) = urlsplit(server.url), free_ports(1)
    options = parse_qs(parts.query)
    folder = tmp_path_factory.mktemp("pooler")
    where = {"host": options["host"][0], "port": options.get("port", ["5432"])[0], "user": parts.username or "postgres"}
    (folder / "pgbouncer.ini").write_text(CONFIGURATION.format(**where, listen=port))
    command = [*AS_NOBODY, "pgbouncer", "-q", str(folder / "pgbouncer.ini")]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    wait_until(lambda: is_open(port) or running.poll() is not None)
    assert running.poll() is None, (folder / "log").read_text()
    yield port
    running.terminate()
    running.wait()


@pytest.fixture
def pooler_url(pooler: int, database_url: str) -> str:
    """The address of the test's database by way of the pooler."""
    return f"postgresql://anybody@127.0.0.1:{pooler}{urlsplit(database_url).path}"


async def test_statements_go_through_it_though_they_change_places(database_url: str, pooler_url: str) -> None:
    async with await connect(database_url, pooler_url) as database:
        numbers = range(200)
        asked = (database.fetchrow("select $1::integer as number, pg_backend_pid() as pid", each) for each in numbers)
        rows = await asyncio.gather(*asked)
        assert [row["number"] for row in rows if row is not None] == [*numbers]
        assert len({row["pid"] for row in rows if row is not None}) <= 2
        async with database.transaction() as connection:
            assert await connection.fetchval("select current_setting('search_path')") == "eopiez"


async def test_workflows_run_through_it(database_url: str, pooler_url: str, tmp_path: Path) -> None:
    async with await connect(database_url, pooler_url) as database:
        stage = Stage(database, tmp_path)
        stage.orchestrate()
        plan = ez.Plan("pooled")
        plan.step("double", double, plan.values("numbers", range(100)))
        workflows = [await stage.submit(plan) for _ in range(20)]
        views = [await stage.rest(workflow) for workflow in workflows]
        assert {view.status for view in views} == {ez.WorkflowStatus.SUCCEEDED}
        assert sum(await stage.values(workflows[0], "double")) == 2 * sum(range(100))
        await stage.close()


def test_a_system_of_ones_own_uses_it(database_url: str, pooler_url: str, home: Path) -> None:
    local = Local(Settings(home=home, database_url=database_url, pooler_url=pooler_url))
    plan = ez.Plan("pooled")
    plan.values("numbers", [1])
    workflow = local.submit(plan, labels={"by": "pooler"})
    assert [view.id for view in local.workflows(where=ez.WorkflowFilter(labels={"by": "pooler"}))] == [workflow.id]
    local.close()


async def test_the_gateway_answers_through_it(database_url: str, pooler_url: str, home: Path) -> None:
    app = create_app(Settings(home=home, database_url=database_url, pooler_url=pooler_url))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answers = await asyncio.gather(*(client.get("/v1/health") for _ in range(30)))
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert all(answer.json() for answer in answers)


async def test_a_pooler_in_place_of_the_server_is_refused(pooler_url: str) -> None:
    with pytest.raises(
        DatabaseUnavailableError, match="EOPIEZ_DATABASE_URL at the server itself, and EOPIEZ_POOLER_URL"
    ):
        await connect(pooler_url)


async def test_a_pooler_that_leads_elsewhere_is_refused(database_url: str, pooler: int) -> None:
    elsewhere = f"postgresql://anybody:hush@127.0.0.1:{pooler}/elsewhere"
    with pytest.raises(DatabaseUnavailableError, match="leads to database 'postgres'") as refused:
        await connect(database_url, elsewhere)
    assert "hush" not in str(refused.value)


async def test_a_pooler_that_is_away_is_named(database_url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"cannot reach the database at postgresql://127\.0\.0\.1:9/"):
        await connect(database_url, "postgresql://127.0.0.1:9/eopiez")
    with pytest.raises(DatabaseUnavailableError, match="EOPIEZ_POOLER_URL is not a database address"):
        await connect(database_url, "127.0.0.1:9")
