"""A real Postgres for all tests, and a database of its own for each that asks for one."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings

from eopiez_ray.store import Database, EmbeddedServer, connect

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
_numbers = itertools.count()
LONG = (
    "gateway/test_supervision.py", "gateway/test_serve.py", "chaos/test_rounds.py", "acceptance/test_stories.py",
    "cli/test_runs.py", "test_readme.py", "engine/test_clusters.py", "engine/test_standing.py", "engine/test_jobs.py",
    "engine/test_several_nodes.py", "test_notebooks.py", "backup/test_drill.py", "engine/test_pausing.py",
    "backup/test_object_store.py", "client/test_both.py", "engine/test_processes.py", "gateway/test_description.py",
)  # fmt: skip
"""The files that take longest, for the systems that they start. Processes that share the tests begin with these, so
that none is left over for one process in the end."""
_FAILED = pytest.StashKey[bool]()


def has_failed(item: pytest.Item) -> bool:
    """Whether a test has failed so far, for a fixture that then tells more as it ends."""
    return item.stash.get(_FAILED, False)


def pytest_configure(config: pytest.Config) -> None:
    """Let processes that share the tests take files in the order below, and not by the number of their tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests: what takes long comes first, then files with many tests."""
    if hasattr(config, "workerinput"):
        places = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
        counts = Counter(item.path for item in items)
        items.sort(key=lambda item: (places.get(item.path, len(LONG)), -counts[item.path], item.path))


def pytest_collection_finish() -> None:
    """A test module that imports Ray before the engine does decides for all tests how clusters are signed in to."""
    assert "ray" not in sys.modules, "a test module imports Ray; import it inside the test, or run a program of its own"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note failures, and escape half characters in what a test has said: processes that share the tests send UTF-8."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """An embedded server for the whole run."""
    running = EmbeddedServer(tmp_path_factory.mktemp("server"))
    running.start()
    yield running
    running.leave()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(server: EmbeddedServer) -> str:
    """The name of a database with today's schema.

    A copy of it costs twenty times as much where each page is logged and made durable, and nothing that the server of
    the tests holds has to outlive the machine.
    """
    connection = await asyncpg.connect(server.url)
    for setting in ("fsync", "full_page_writes"):
        await connection.execute(f"alter system set {setting} = off")
    await connection.execute("select pg_reload_conf()")
    await connection.execute("create database template_of_tests")
    await connection.close()
    database = await connect(server.url.replace("/postgres?", "/template_of_tests?"))
    await database.close()
    return "template_of_tests"


@pytest_asyncio.fixture(loop_scope="session")
async def database_url(server: EmbeddedServer, template: str) -> AsyncIterator[str]:
    """The address of a database that no other test uses."""
    async with database_of(server, template) as url:
        yield url


@asynccontextmanager
async def database_of(server: EmbeddedServer, template: str) -> AsyncIterator[str]:
    """The address of a new database, which is gone afterwards."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(server.url)
    await connection.execute(f"create database {name} template {template} strategy file_copy")
    yield server.url.replace("/postgres?", f"/{name}?")
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database with today's schema."""
    async with await connect(database_url) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data home of its own."""
    return tmp_path / "home"
