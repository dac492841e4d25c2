"""A page that stays open while what it shows is killed and comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from eopiez_ray.gateway.identity.first import ensure_first_administrator
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.store import connect
from eopiez_ray.supervision.parts import free_ports
from tests.engine.conftest import Stage
from tests.engine.inline import InlineExecutor
from tests.waiting import until

from .conftest import PASSWORD, PATIENCE_MS, WIDE, Watched, choose_password
from .phases import lengths

AWAY = "The gateway does not answer"
NOBODY = "No orchestrator drives it"


@dataclass
class Gateway:
    """A gateway in a process of its own, as whoever runs it without Ray starts it."""

    port: int
    home: Path
    database_url: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def start(self) -> None:
        own = {"HOME": str(self.home), "GATEWAY_PORT": str(self.port), "DATABASE_URL": self.database_url}
        environment = os.environ | {f"EOPIEZ_{name}": value for name, value in own.items()}
        command = [sys.executable, "-m", "eopiez_ray.gateway.asgi"]
        self.process = subprocess.Popen(command, env=environment)  # noqa: ASYNC220 - nothing else waits.
        await until(self._answers)

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{self.url}v1/health/live")).is_success
        except httpx.TransportError:
            return False

    async def kill(self) -> None:
        """End it at once, without a farewell."""
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)


@asynccontextmanager
async def staged(database_url: str, home: Path) -> AsyncIterator[Stage]:
    async with await connect(database_url) as database:
        await ensure_first_administrator(database, home)
        stage = Stage(database, home / "artifacts")
        yield stage
        await stage.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(database_url, tmp_path) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(stage: Stage, database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose administrator has chosen a password."""
    made = Gateway(free_ports(1)[0], tmp_path, database_url)
    try:
        await made.start()
        await choose_password(f"{made.url}v1", (tmp_path / "first-password").read_text().strip())
        yield made
    finally:
        await made.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def page(gateway: Gateway, browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=WIDE)
    context.set_default_timeout(PATIENCE_MS)
    opened = await context.new_page()
    watched = Watched()
    await opened.goto(gateway.url)
    await opened.get_by_label("Login").fill("admin")
    await opened.get_by_label("Password").fill(PASSWORD)
    await opened.get_by_role("button", name="Sign in").click()
    await opened.get_by_role("navigation", name="Pages").wait_for()
    watched.watch(opened)
    yield opened
    await context.close()
    watched.forgive("ERR_(CONNECTION|EMPTY|INCOMPLETE)|503")
    assert watched.complaints == []


async def opened_workflow(gateway: Gateway, page: Page, workflow: WorkflowId) -> None:
    await page.goto(f"{gateway.url}#/workflows/{workflow}")
    await expect(page.get_by_role("heading", name="lengths")).to_be_visible()
    await page.evaluate("document.body.dataset.opened = 'once'")


async def test_a_page_stays_while_orchestrator_and_gateway_are_killed_and_then_shows_the_truth(
    stage: Stage, gateway: Gateway, page: Page, tmp_path: Path
) -> None:
    executor = InlineExecutor(tmp_path / "artifacts")
    executor.gate.clear()
    first = stage.orchestrate(executor)
    workflow = await stage.submit(lengths("one", "two"))
    await opened_workflow(gateway, page, workflow)
    status = page.locator(".workflow-head .status")
    await expect(status).to_contain_text("Running")
    await expect(page.get_by_text(NOBODY)).to_have_count(0)

    await stage.kill(first)
    await expect(page.get_by_text(NOBODY)).to_be_visible()

    await gateway.kill()
    await expect(page.get_by_text(AWAY).first).to_be_visible()
    await expect(page.get_by_role("heading", name="lengths")).to_be_visible()

    stage.orchestrate(InlineExecutor(tmp_path / "artifacts"))
    await stage.rest(workflow)
    await gateway.start()
    await expect(status).to_contain_text("Succeeded")
    await expect(page.get_by_text(AWAY)).to_have_count(0)
    await expect(page.get_by_text(NOBODY)).to_have_count(0)
    assert await page.evaluate("document.body.dataset.opened") == "once"
