"""The timeline in the browser: what ran when, found, looked at closely, and followed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from eopiez_ray.model.ids import WorkflowId

from .conftest import Site
from .phases import HOSTILE, failing, lengths
from .rows import Ran, add_history, with_history

COLOURS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Map();
    for (let at = 0; at < data.length; at += 4) {
        const colour = data[at] * 65536 + data[at + 1] * 256 + data[at + 2];
        seen.set(colour, (seen.get(colour) ?? 0) + 1);
    }
    return [...seen];
}"""
GOOD, BAD, WARN = 0x14713D, 0xB3261E, 0x8A5300


async def open_timeline(site: Site, page: Page, workflow: WorkflowId, query: str = "") -> None:
    await page.goto(f"{site.url}#/workflows/{workflow}/timeline{query}")
    await page.get_by_test_id("timeline").wait_for()


async def colours(page: Page) -> dict[int, int]:
    """How many pixels of the timeline have which colour."""
    return dict(await page.get_by_test_id("timeline").evaluate(COLOURS))


async def drawn(page: Page, is_so: Callable[[dict[int, int]], bool]) -> None:
    """Wait until what is drawn has these colours."""
    for _ in range(200):
        if is_so(await colours(page)):
            return
        await page.evaluate("() => new Promise(requestAnimationFrame)")
    pytest.fail(f"not drawn: {await colours(page)}")


async def test_a_run_is_seen_and_a_task_chosen(site: Site, page: Page) -> None:
    workflow = await site.run(lengths("ship", "crane"))
    await open_timeline(site, page, workflow)
    await expect(page.get_by_role("application")).to_have_attribute("aria-label", re.compile("2 tasks and attempts"))
    await drawn(page, lambda seen: seen.get(GOOD, 0) > 100)
    await page.get_by_text("The same tasks as a table").click()
    await page.get_by_role("button", name="length / 1").click()
    chosen = page.get_by_role("region", name="The chosen task")
    await expect(chosen.get_by_role("heading", name="length / 1")).to_be_visible()
    assert "task=1%2F1%2F1" in page.url
    await chosen.get_by_text("What it wrote").click()
    await expect(chosen.get_by_text("the word is crane")).to_be_visible()
    await chosen.get_by_role("link", name="Tasks of the step").click()
    await expect(page).to_have_url(re.compile("tasks.*step=length"))


async def test_a_bar_is_hovered_and_clicked(site: Site, page: Page) -> None:
    workflow = await with_history(site, [Ran(0, 10), Ran(10, 10, partition=1)])
    await open_timeline(site, page, workflow)
    box = await page.get_by_test_id("timeline").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 400, box["y"] + 54)
    await expect(page.locator(".chart-tooltip")).to_contain_text("length / 0")
    await page.mouse.click(box["x"] + 400, box["y"] + 54)
    await expect(page.get_by_role("region", name="The chosen task")).to_contain_text("10 s")
    await page.get_by_role("application").press("Escape")
    await expect(page.get_by_role("region", name="The chosen task")).to_have_count(0)


async def test_the_window_is_in_the_address(site: Site, page: Page) -> None:
    workflow = await with_history(site, [Ran(each, 0.5, partition=each) for each in range(100)])
    await open_timeline(site, page, workflow)
    await page.get_by_role("button", name="Zoom in").click()
    await expect(page).to_have_url(re.compile("from=2[34].*to=7"))
    await page.reload()
    await page.get_by_text("The same tasks as a table").click()
    await expect(page.get_by_text(re.compile("5[0-9] tasks and attempts in the window"))).to_be_visible()
    await page.get_by_role("application").press("ArrowRight")
    await expect(page).to_have_url(re.compile("from=2[789]|from=3"))
    await page.get_by_role("button", name="Everything").click()
    await expect(page).not_to_have_url(re.compile("from="))


@pytest.mark.parametrize("key", ["+", "wheel", "pinch"])
async def test_it_is_zoomed_by(site: Site, page: Page, key: str) -> None:
    workflow = await with_history(site, [Ran(each, 0.5, partition=each) for each in range(20)])
    await open_timeline(site, page, workflow)
    box = await page.get_by_test_id("timeline").bounding_box()
    assert box is not None
    if key == "+":
        await page.get_by_role("application").press("+")
    elif key == "wheel":
        await page.mouse.move(box["x"] + 600, box["y"] + 100)
        await page.mouse.wheel(0, -300)
    else:
        await pinch(page, box["x"] + 600, box["y"] + 100)
    await expect(page).to_have_url(re.compile("from="))
    await page.get_by_role("application").press("0")
    await expect(page).not_to_have_url(re.compile("from="))


async def pinch(page: Page, x: float, y: float) -> None:
    """Two fingers that go apart."""
    session = await page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 60), ("touchMove", 120), ("touchEnd", None)):
        fingers = [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    await session.detach()


async def test_it_is_dragged(site: Site, page: Page) -> None:
    workflow = await with_history(site, [Ran(each, 0.5, partition=each) for each in range(20)])
    await open_timeline(site, page, workflow, "?from=5&to=10")
    box = await page.get_by_test_id("timeline").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 700, box["y"] + 100)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 500, box["y"] + 100, steps=4)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile(r"from=(5\.[5-9]|6)"))


async def test_what_went_wrong_stands_out_of_a_hundred_thousand(site: Site, page: Page) -> None:
    many = [Ran(each / 100, 0.009, partition=each) for each in range(100_000)]
    workflow = await with_history(site, [*many, Ran(500.001, 0.001, partition=7, outcome="out_of_memory")])
    await open_timeline(site, page, workflow)
    await drawn(page, lambda seen: seen.get(GOOD, 0) > 1000 and seen.get(BAD, 0) > 5)
    await expect(page.get_by_role("list", name="Legend")).to_contain_text("Out of memory")


async def test_attempts_of_a_task_are_found_from_one_another(site: Site, page: Page) -> None:
    tries = [
        Ran(0, 1, outcome="failed"),
        Ran(2, 1, outcome="lost", attempt=2),
        Ran(4, 1, outcome="timed_out", attempt=3),
    ]
    workflow = await with_history(site, [*tries, Ran(6, 1)])
    await open_timeline(site, page, workflow, "?task=1/0/4")
    chosen = page.get_by_role("region", name="The chosen task")
    attempts = chosen.get_by_role("group", name="Attempts of this task").get_by_role("button")
    await expect(attempts).to_have_text([re.compile(each) for each in ("Failed", "Lost", "Timed out", "Succeeded")])
    await attempts.nth(1).click()
    await expect(page).to_have_url(re.compile("task=1%2F0%2F2"))
    await expect(chosen).to_contain_text("1 s")
    await chosen.get_by_role("button", name="Zoom to it").click()
    await expect(page).to_have_url(re.compile("from="))
    await drawn(page, lambda seen: seen.get(WARN, 0) > 100)


async def test_long_gaps_are_folded_or_shown(site: Site, page: Page) -> None:
    workflow = await with_history(site, [Ran(0, 10), Ran(1_000_000, 10, partition=1)])
    await open_timeline(site, page, workflow)
    await drawn(page, lambda seen: seen.get(GOOD, 0) > 5000)
    await page.get_by_label("Fold 1 long gap").uncheck()
    await expect(page).to_have_url(re.compile("gaps=shown"))
    await drawn(page, lambda seen: 0 < seen.get(GOOD, 0) < 500)


async def test_rows_are_steps_or_workers(site: Site, page: Page) -> None:
    ran = [Ran(each, 1, step=1 + each % 2, partition=each, worker=f"node-{each % 3}") for each in range(6)]
    workflow = await with_history(site, ran, "one", "two")
    await open_timeline(site, page, workflow)
    label = page.get_by_role("application")
    await expect(label).to_have_attribute("aria-label", re.compile("in 2 rows"))
    await page.get_by_role("combobox", name="Rows").select_option("by worker")
    await expect(page).to_have_url(re.compile("by=worker"))
    await expect(label).to_have_attribute("aria-label", re.compile("in 3 rows"))


async def test_clocks_that_differ_are_told(site: Site, page: Page) -> None:
    workflow = await with_history(site, [Ran(-3, 1), Ran(2, -1, partition=1, outcome="failed"), Ran(2, 0, partition=2)])
    await open_timeline(site, page, workflow, "?task=1/1/1")
    await expect(page.get_by_role("region", name="The chosen task")).to_contain_text("clocks of two machines differ")
    await drawn(page, lambda seen: seen.get(BAD, 0) > 0)


async def test_tasks_that_start_together_are_side_by_side(site: Site, page: Page) -> None:
    workflow = await with_history(site, [Ran(1, 5, partition=each) for each in range(300)])
    await open_timeline(site, page, workflow)
    await drawn(page, lambda seen: seen.get(GOOD, 0) > 50_000)


async def test_without_tasks_it_says_so_and_then_follows(site: Site, page: Page, gate: asyncio.Event) -> None:
    gate.clear()
    await site.submit(lengths("ship", name="followed"))
    await page.goto(f"{site.url}#/workflows?text=followed")
    await page.get_by_role("link", name="followed").first.click()
    await page.get_by_role("link", name="Timeline").click()
    await expect(page.get_by_text("No task has ended yet")).to_be_visible()
    gate.set()
    await expect(page.get_by_test_id("timeline")).to_be_visible()


async def test_new_tasks_come_into_an_open_timeline(site: Site, page: Page, gate: asyncio.Event) -> None:
    gate.clear()
    workflow = await site.submit(lengths("ship", name="growing"))
    await add_history(site, workflow, [Ran(0, 1, partition=7)])
    await open_timeline(site, page, workflow)
    summary = page.get_by_role("application")
    await expect(summary).to_have_attribute("aria-label", re.compile("^1 task"))
    await add_history(site, workflow, [Ran(1, 1, partition=8), Ran(2, 1, partition=9, outcome="lost")])
    await expect(summary).to_have_attribute("aria-label", re.compile("^3 tasks"))


async def test_hostile_names_are_text(site: Site, page: Page) -> None:
    workflow = await with_history(site, [Ran(0, 1, worker=HOSTILE), Ran(1, 1, partition=1)], name=HOSTILE[:100])
    await open_timeline(site, page, workflow, "?by=worker&task=1/0/1")
    await expect(page.get_by_role("region", name="The chosen task")).to_contain_text("onerror")
    assert "broken" not in await page.title()
    assert await page.locator("main img[src=x], main script").count() == 0


async def test_a_window_or_task_that_is_not_there_harms_nothing(site: Site, page: Page) -> None:
    workflow = await site.run(failing())
    for query in ("?from=1e300&to=-5", "?from=x&to=y", "?task=9/9/9", "?task=<b>&by=nobody&gaps=maybe"):
        await open_timeline(site, page, workflow, query)
        await drawn(page, lambda seen: seen.get(BAD, 0) > 0 or len(seen) > 3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_accessible(site: Site, page: Page, scheme: Any) -> None:
    await page.emulate_media(color_scheme=scheme)
    workflow = await with_history(site, [Ran(0, 1, outcome="failed"), Ran(2, 1), Ran(1e6, 1, partition=1)])
    await open_timeline(site, page, workflow, "?task=1/0/2")
    await page.get_by_text("The same tasks as a table").click()
    await expect(page.get_by_role("table").first).to_be_visible()
    results = await Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
