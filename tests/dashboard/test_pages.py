"""Every page: shown without complaint, in light and dark, wide and on a phone; axe finds nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, expect

from eopiez_ray.model.changes import Change, StepChange
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.store import Updates

from .conftest import PHONE, WIDE, Site, Watched
from .phases import HOSTILE, failing, lengths, rejecting, scaled, shown, tables

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "": "Overview",
    "workflows": "Workflows",
    "workflows/{tables}": "tables",
    "workflows/{tables}/graph": "tables",
    "workflows/{tables}/timeline": "tables",
    "workflows/{tables}/steps": "tables",
    "workflows/{tables}/tasks": "tables",
    "workflows/{failing}/attempts": "failing",
    "workflows/{tables}/logs": "tables",
    "workflows/{tables}/results": "tables",
    "workflows/{shown}/results?step=drawn": "shown",
    "workflows/{shown}/results?step=grid": "shown",
    "workflows/{rejecting}/rejects": "rejecting",
    "workflows/{tables}/events": "tables",
    "workflows/{tables}/plan": "tables",
    "workflows/{scaled}/plan?beside=1": "scaled",
    "workflows/{tables}/compare?other={failing}": "tables",
    "start": "Start",
    "start?from=files": "Start",
    "start?from=plans": "Start",
    "start?from=yaml": "Start",
    "collections": "Collections",
    "performance?baseline=before": "Performance",
    "costs": "Costs",
    "alerts": "Alerts",
    "alerts?part=rules": "Alerts",
    "alerts?part=silences": "Alerts",
    "alerts?part=channels": "Alerts",
    "logs": "Logs",
    "metrics?window=3600": "Metrics",
    "resources": "Resources",
    "services": "Services",
    "settings": "Your account",
    "administration": "Administration",
    "administration?part=users": "Administration",
    "administration?part=limits": "Administration",
    "administration?part=audit": "Administration",
}
"""Addresses, and the first heading of each page."""


SIDEWAYS = """() => {
    const most = document.documentElement.clientWidth + 1;
    if (document.documentElement.scrollWidth <= most) return [];
    const wide = [...document.querySelectorAll("main *")].filter((each) => each.getBoundingClientRect().right > most);
    return wide.slice(0, 3).map((each) => each.outerHTML.slice(0, 200));
}"""
"""What makes a page scroll sideways, if it does."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made(site: Site) -> dict[str, WorkflowId]:
    """Workflows of every kind."""
    await site.run(lengths("one", "two"), labels={"note": HOSTILE[:200]})
    updated = await site.run(scaled(2))
    await Updates(site.database).ask(updated, Change((StepChange("scale", {"factor": 3}),)))
    every = {plan.name: await site.run(plan) for plan in (tables(), failing(), rejecting(), shown())}
    return every | {"scaled": updated}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visitor(signed_in: BrowserContext) -> AsyncIterator[tuple[Page, Watched]]:
    """One page that goes everywhere, and what it complained of."""
    page, watched = await signed_in.new_page(), Watched()
    watched.watch(page)
    yield page, watched
    await page.close()


async def settled(page: Page, heading: str) -> None:
    """Wait until the page shows what it is about."""
    await expect(page.get_by_role("heading", level=1).filter(has_text=heading)).to_be_visible()
    await expect(page.get_by_text("Loading …")).to_have_count(0)
    await expect(page.get_by_role("alert").filter(has_text="failed")).to_have_count(0)


async def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds; by some rules, or by all that WCAG 2.2 AA asks for."""
    found = await Axe().run(page, options={"runOnly": list(rules or TAGS)})
    response = cast("dict[str, Any]", found.response)
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in response["violations"]]


async def show_dark_on_a_phone(page: Page) -> None:
    """Change how the page is shown, as its reader could."""
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size(PHONE)
    await expect(page.locator("html[data-theme=dark]")).to_be_attached()


@pytest.mark.parametrize("address", PAGES)
async def test_a_page_is_shown_and_accessible(
    site: Site, visitor: tuple[Page, Watched], made: dict[str, WorkflowId], address: str
) -> None:
    page, watched = visitor
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(WIDE)
    await page.goto(f"{site.url}#/{address.format(**made)}")
    await settled(page, PAGES[address])
    assert await violations(page) == []
    await show_dark_on_a_phone(page)
    assert await violations(page, "color-contrast", "scrollable-region-focusable", "target-size") == []
    assert await page.evaluate(SIDEWAYS) == []
    assert watched.complaints == []


async def test_a_page_that_is_not_there_leads_back(site: Site, page: Page) -> None:
    await page.goto(f"{site.url}#/no/such/page")
    await page.locator("main").get_by_role("link", name="Overview").click()
    await settled(page, "Overview")


async def test_pages_are_zoomed_without_loss(site: Site, page: Page, made: dict[str, WorkflowId]) -> None:
    """At 200 % of 1440 pixels there are 720 left (WCAG 1.4.4)."""
    await page.set_viewport_size({"width": WIDE["width"] // 2, "height": WIDE["height"] // 2})
    for address in ("", "workflows", "workflows/{tables}", "performance?baseline=before", "settings"):
        await page.goto(f"{site.url}#/{address.format(**made)}")
        await settled(page, PAGES[address])
        assert await page.evaluate(SIDEWAYS) == [], address
