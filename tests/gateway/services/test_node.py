"""A workflow whose phase runs in Node, through a gateway that answers on a port of its own; the service is killed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import eopiez_ray as ez
from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.identity.services import open_identity
from eopiez_ray.model.access import Role
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.phases.services.steps import call_service
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from tests.engine.conftest import Stage
from tests.engine.inline import InlineExecutor
from tests.gateway.identity.given import member
from tests.gateway.identity.test_keys import key_of
from tests.waiting import until

NODE = shutil.which("node")
SHOUT = Path(__file__).parents[3] / "examples" / "services" / "shout.mjs"
WORDS = [f"word {number}" for number in range(20)]
FATAL = "word 7"

pytestmark = pytest.mark.skipif(NODE is None, reason="this machine has no Node")


@ez.phase(version="1")
def pass_on(word: str, *, fatal: str, pid: int) -> str:
    """The word; one of them kills a process, the first time that it comes by."""
    import os
    import signal

    if word == fatal and ez.current_task().attempt == 1:
        os.kill(pid, signal.SIGKILL)
    return word


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[str]:
    """A gateway in a thread of its own, since workers in the test's process hold up the test's loop; gives its URL."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()

    async def started() -> bool:
        return server.started

    try:
        await until(started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join)


@asynccontextmanager
async def shouting(url: str, key: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The example service, registered."""
    assert NODE is not None
    environment = os.environ | {"EOPIEZ_URL": url, "EOPIEZ_KEY": key, "LEASE_S": "2"}
    process = await asyncio.create_subprocess_exec(
        NODE, str(SHOUT), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        said = await process.stdout.readline()
        assert said.startswith(b"registered"), said + await process.stdout.read()
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def keys_of(database: Database, settings: Settings) -> tuple[str, str]:
    """A developer's key, with which a service registers, and an operator's, with which workers call it."""
    async with open_identity(database, settings) as services:
        owner = await member(services)
        _, developer = await key_of(services, owner, Role.DEVELOPER, name="service")
        _, operator = await key_of(services, owner, Role.OPERATOR, name="workers")
    return developer, operator


def equip(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, key: str) -> None:
    """Let this process, whose workers are inside, reach services."""
    file = folder / "keys.json"
    file.touch(0o600)
    file.write_text(json.dumps({"default": key}))
    monkeypatch.setenv("EOPIEZ_SERVICES_URL", url)
    monkeypatch.setenv("EOPIEZ_SERVICES_KEYS", str(file))


def loud_plan(pid: int) -> ez.Plan:
    """Words that are shouted; one of them kills who shouts."""
    plan = ez.Plan("loud")
    words = plan.step("pass_on", pass_on, plan.values("words", WORDS), fatal=FATAL, pid=pid)
    plan.step("shout", call_service, words, service="shout", path="shout")
    plan.tune("shout", retry=ez.RetryPolicy(initial_interval_s=0.1, maximum_interval_s=0.5, maximum_attempts=100))
    return plan


async def test_a_workflow_outlives_the_service_that_it_calls(
    database: Database, database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=home, database_url=database_url, gateway_services=("127.0.0.1",))
    developer, operator = await keys_of(database, settings)
    stage = Stage(database, home / "artifacts")
    async with gateway(settings) as url, shouting(url, developer) as first:
        equip(tmp_path, monkeypatch, url, operator)
        workflow = await stage.submit(loud_plan(first.pid))
        stage.orchestrate()
        assert await first.wait() == -signal.SIGKILL
        async with shouting(url, developer) as second:
            view = await stage.rest(workflow)
            assert view.status is WorkflowStatus.SUCCEEDED, view.error
            results: list[dict[str, Any]] = await stage.values(workflow, "shout")
    assert [each["text"] for each in results] == [word.upper() for word in WORDS]
    assert second.pid in {each["by"] for each in results} <= {first.pid, second.pid}
    await stage.close()


async def test_what_a_service_refuses_fails_the_workflow_at_once(
    database: Database, database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=home, database_url=database_url, gateway_services=("127.0.0.1",))
    developer, operator = await keys_of(database, settings)
    stage = Stage(database, home / "artifacts")
    async with gateway(settings) as url, shouting(url, developer):
        equip(tmp_path, monkeypatch, url, operator)
        plan = ez.Plan("numbers")
        plan.step("shout", call_service, plan.values("numbers", [1]), service="shout", path="shout")
        workflow = await stage.submit(plan)
        executor = InlineExecutor(home)
        stage.orchestrate(executor)
        view = await stage.rest(workflow)
    assert view.status is WorkflowStatus.FAILED
    assert view.error is not None
    assert view.error["message"] == "service 'shout' refuses the input with status 422: the value is no text"
    assert len(executor.tasks()) == 1
    await stage.close()
