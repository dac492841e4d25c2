"""A real browser before a real gateway, with a database, an orchestrator and people of their own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from playwright.async_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Request,
    ViewportSize,
    async_playwright,
    expect,
)

import eopiez_ray as ez
from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.engine.orchestrator import Orchestrator
from eopiez_ray.gateway.app import create_app
from eopiez_ray.gateway.identity.first import ensure_first_administrator
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database, EmbeddedServer, NewWorkflow, Workflows, WorkflowView, connect
from tests.conftest import database_of, has_failed
from tests.engine.inline import InlineExecutor
from tests.gateway.conftest import listening, running
from tests.store.given import intake_of
from tests.waiting import until

PATIENCE_MS = 60_000  # A machine may have other things to do.
expect.set_options(timeout=PATIENCE_MS)

PASSWORD = "correct horse battery staple"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def chromium() -> str | None:
    """The browser: `EOPIEZ_CHROMIUM`, or the one on the path, or the one that `playwright install chromium` has put."""
    return os.environ.get("EOPIEZ_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@dataclass
class Site:
    """A gateway at an address, with an orchestrator that drives what is submitted."""

    url: str
    home: Path
    database: Database
    settings: Settings
    executor: InlineExecutor
    """Its gate holds calls back."""
    app: FastAPI | None = None

    async def submit(self, plan: ez.Plan, project: str = "default", **options: object) -> WorkflowId:
        """Create a workflow in a project."""
        new = NewWorkflow(plan.spec(), plan.code(), project=project, **options)  # type: ignore[arg-type]
        (created,) = await intake_of(self.database).create(new)
        return created.id

    async def rest(self, workflow: WorkflowId) -> WorkflowView:
        """The workflow once it is at rest."""
        workflows = Workflows(self.database)

        async def at_rest() -> WorkflowView | None:
            view = await workflows.get(workflow)
            return view if view.status.is_at_rest else None

        view: WorkflowView = await until(at_rest)
        return view

    async def run(self, plan: ez.Plan, project: str = "default", **options: object) -> WorkflowId:
        """Create a workflow and wait until it is at rest."""
        workflow = await self.submit(plan, project, **options)
        await self.rest(workflow)
        return workflow


@asynccontextmanager
async def site_at(database_url: str, home: Path) -> AsyncIterator[Site]:
    """A site with its first administrator, whose password is `PASSWORD`."""
    settings = Settings(home=home, database_url=database_url, database_patience_s=20, alert_targets=("127.0.0.1",))
    async with await connect(database_url) as database:
        await ensure_first_administrator(database, home)
        executor = InlineExecutor(home)
        orchestrator = Orchestrator(database, executor, Artifacts(settings.artifacts), settings)
        driving = asyncio.create_task(orchestrator.run())
        try:
            async with running(create_app(settings)) as app, listening(app) as url:
                await choose_password(url, (home / "first-password").read_text().strip())
                yield Site(url.removesuffix("v1"), home, database, settings, executor, app)
        finally:
            orchestrator.stop()
            await driving


async def choose_password(url: str, first: str) -> None:
    """Let the first administrator choose `PASSWORD` instead of the first one."""
    async with httpx.AsyncClient(base_url=url) as client:
        signed_in = await client.post("/auth/login", json={"login": "admin", "password": first})
        bearer = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
        body = {"password": first, "new_password": PASSWORD}
        changed = await client.post("/users/profile/password", json=body, headers=bearer)
        assert changed.status_code == httpx.codes.OK, changed.text


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One site for all tests of the dashboard."""
    async with database_of(server, template) as url, site_at(url, tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield opened
        await opened.close()


@dataclass
class Watched:
    """What a page complained of."""

    heard: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)
    """Patterns of complaints that a test provokes, whenever they come."""
    waiting: list[Request] = field(default_factory=list)
    """Requests without an answer."""

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.waiting.append(request))
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)
        page.on("pageerror", lambda error: self.heard.append(str(error)))
        page.on("console", lambda said: self.heard.append(said.text) if said.type == "error" else None)

    def _answered(self, request: Request) -> None:
        if request in self.waiting:
            self.waiting.remove(request)

    @property
    def complaints(self) -> list[str]:
        """What it was not forgiven."""
        return [each for each in self.heard if not any(re.search(pattern, each) for pattern in self.forgiven)]

    def forgive(self, pattern: str) -> None:
        """Do not mind complaints that a test provokes."""
        self.forgiven.append(pattern)


async def sign_in(page: Page, site: Site, login: str = "admin", password: str = PASSWORD) -> None:
    """Sign in as a person does."""
    await page.goto(site.url)
    await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("navigation", name="Pages").wait_for()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def signed_in(site: Site, browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser in which the administrator is signed in."""
    context = await browser.new_context(viewport=WIDE, timezone_id="Europe/Vienna", locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await sign_in(page, site)
    await page.close()
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def watched() -> Watched:
    return Watched()


async def shown(page: Page) -> str:
    """The text of a page, even if its scripts are busy."""
    try:
        return await page.locator("body").inner_text(timeout=5_000)
    except Error as error:
        return f"nothing: {error}"


@pytest_asyncio.fixture(loop_scope="session")
async def page(request: pytest.FixtureRequest, signed_in: BrowserContext, watched: Watched) -> AsyncIterator[Page]:
    """A page of the administrator, which must not complain of anything."""
    opened = await signed_in.new_page()
    watched.watch(opened)
    yield opened
    if has_failed(request.node):
        print(f"What {opened.url} showed:", await shown(opened), "Requests without an answer:", sep="\n")
        print(*(f"{each.method} {each.url}" for each in watched.waiting), sep="\n")
    await opened.close()
    assert watched.complaints == []


@pytest.fixture
def gate(site: Site) -> Iterator[asyncio.Event]:
    """Holds calls back while it is clear; open in the end at the latest."""
    yield site.executor.gate
    site.executor.gate.set()
