"""What holds on every page: keyboard, palette, preferences, a gateway that goes away and comes back."""

from __future__ import annotations

import re

from playwright.async_api import Page, Route, expect

from tests.waiting import until

from .conftest import Site, Watched
from .phases import lengths


async def test_pages_are_reached_by_keyboard(site: Site, page: Page) -> None:
    await page.goto(site.url)
    await page.get_by_role("navigation", name="Pages").wait_for()
    for letter, heading in (("w", "Workflows"), ("p", "Performance"), ("a", "Alerts"), ("o", "Overview")):
        await page.keyboard.press("g")
        await page.keyboard.press(letter)
        await expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.press("w")
    await page.keyboard.press("/")
    await expect(page.get_by_label("Name or id begins with")).to_be_focused()


async def test_the_palette_finds_pages_workflows_and_commands(site: Site, page: Page) -> None:
    await site.run(lengths("one", name="needle"))
    await page.goto(site.url)
    await page.get_by_role("navigation", name="Pages").wait_for()
    await page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Type a page")
    await field.fill("needl")
    await expect(page.get_by_role("option", name="needle")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="needle")).to_be_visible()
    await page.keyboard.press("Control+k")
    await field.fill("Dark")
    await page.keyboard.press("Enter")
    await expect(page.locator("html[data-theme=dark]")).to_be_attached()
    await page.keyboard.press("Control+k")
    await field.fill("System colours")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+k")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_what_a_page_asked_is_copied(site: Site, page: Page) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    workflow = await site.run(lengths("one", name="copied"))
    await page.goto(f"{site.url}#/workflows/{workflow}/events")
    await expect(page.get_by_role("cell", name="created", exact=True)).to_be_visible()
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox", name="Type a page").fill("as curl")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith((f"curl '{site.url}v1/", f"curl {site.url}v1/"))
    assert "$EOPIEZ_KEY" in copied


async def test_times_are_shown_as_their_reader_likes(site: Site, page: Page) -> None:
    workflow = await site.run(lengths("one", name="timely"))
    await page.goto(f"{site.url}#/workflows/{workflow}")
    shown = page.get_by_test_id("progress").locator("time")
    await expect(shown).to_have_text(re.compile("ago|now"))
    await page.get_by_label("Times").select_option("absolute")
    await expect(shown).to_have_text(re.compile(r"\d{2}:\d{2}:\d{2} (CET|CEST|GMT\+\d)"))
    await page.get_by_label("Zone").select_option("utc")
    await expect(shown).to_have_text(re.compile(r"\d{2}:\d{2}:\d{2} UTC"))
    await page.get_by_label("Times").select_option("relative")
    await page.get_by_label("Zone").select_option("local")


async def test_a_gateway_that_is_away_is_said_and_waited_for(site: Site, page: Page, watched: Watched) -> None:
    await page.goto(f"{site.url}#/workflows")
    await expect(page.get_by_role("heading", name="Workflows")).to_be_visible()

    async def fail(route: Route) -> None:
        await route.abort("connectionrefused")

    await page.route("**/v1/**", fail)
    await expect(page.get_by_text("The gateway does not answer").first).to_be_visible()
    await expect(page.get_by_role("heading", name="Workflows")).to_be_visible()
    await page.unroute("**/v1/**", fail)
    await expect(page.get_by_text("The gateway does not answer")).to_have_count(0)
    watched.forgive("ERR_CONNECTION_REFUSED")


async def test_nothing_comes_from_elsewhere(site: Site, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for address in ("", "#/workflows", "#/metrics", "#/start?from=yaml"):
        await page.goto(site.url + address)
        await page.wait_for_load_state("networkidle")
    assert asked
    assert all(url.startswith((site.url, "data:", "blob:")) for url in asked)


SEEN = """
Object.defineProperty(document, "hidden", { get: () => true });
window.seen = [];
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); window.seen.push(`${title}: ${options.body}`); }
};
"""
"""The page is looked away from, and what it tells the browser is noted."""


async def test_whoever_looks_elsewhere_is_told_that_a_workflow_has_ended(site: Site, page: Page) -> None:
    await page.context.grant_permissions(["notifications"])
    await page.add_init_script(SEEN)
    await page.goto(f"{site.url}#/settings")
    await page.get_by_label("Notify me in this browser").click()
    await expect(page.get_by_label("Notify me in this browser")).to_be_checked()
    site.executor.gate.clear()
    workflow = await site.submit(lengths("one", name="awaited"))
    await page.goto(f"{site.url}#/workflows/{workflow}")
    await expect(page.locator("main header .status", has_text="Running")).to_be_visible()
    site.executor.gate.set()

    async def is_told() -> bool:
        return "awaited: Succeeded" in await page.evaluate("window.seen")

    await until(is_told)
    await page.goto(f"{site.url}#/settings")
    await page.get_by_label("Notify me in this browser").click()
    await expect(page.get_by_label("Notify me in this browser")).not_to_be_checked()
