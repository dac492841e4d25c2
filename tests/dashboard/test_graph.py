"""The graph in the browser: steps and groups as boxes, found, opened, walked through, followed."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

import eopiez_ray as ez
from eopiez_ray.model.ids import WorkflowId

from .conftest import Site
from .phases import failing, lengths
from .rows import same
from .test_timeline import pinch


@ez.phase(version="1")
def add(one: int, other: int) -> int:
    return one + other


def grouped(name: str = "grouped") -> ez.Plan:
    plan = ez.Plan(name)
    given = plan.values("numbers", [1, 2])
    one, two = plan.step("clean.one", same, given), plan.step("clean.two", same, given)
    plan.step("sum.all", add, one, two)
    plan.step("sum.again", same, one)
    return plan


async def open_graph(site: Site, page: Page, workflow: WorkflowId, query: str = "") -> None:
    await page.goto(f"{site.url}#/workflows/{workflow}/graph{query}")
    await page.get_by_test_id("graph").wait_for()


async def test_small_plans_begin_open_and_are_walked_through_by_arrows(site: Site, page: Page) -> None:
    await open_graph(site, page, await site.run(grouped()))
    graph, chosen = page.get_by_role("application"), page.get_by_role("region", name="What is chosen")
    await expect(graph).to_have_attribute("aria-label", re.compile("5 steps in 5 boxes"))
    await graph.press("ArrowRight")
    await expect(chosen.get_by_role("heading")).to_have_text("numbers")
    await graph.press("ArrowRight")
    await expect(chosen.get_by_role("heading")).to_have_text("clean")
    assert "group=clean" in page.url
    await graph.press("ArrowRight")
    await graph.press("ArrowRight")
    await expect(chosen.get_by_role("heading")).to_have_text(re.compile("sum"))
    await graph.press("Escape")
    await expect(chosen).to_have_count(0)


async def test_groups_are_closed_and_opened(site: Site, page: Page) -> None:
    await open_graph(site, page, await site.run(grouped()))
    graph = page.get_by_role("application")
    await page.get_by_role("button", name="Close all").click()
    await expect(graph).to_have_attribute("aria-label", re.compile("5 steps in 3 boxes"))
    await page.reload()
    await expect(graph).to_have_attribute("aria-label", re.compile("5 steps in 3 boxes"))
    await graph.press("ArrowRight")
    await graph.press("ArrowRight")
    await graph.press("Enter")
    await expect(graph).to_have_attribute("aria-label", re.compile("5 steps in 4 boxes"))
    await expect(page).to_have_url(re.compile("open=clean"))
    await page.get_by_role("button", name="Open all").click()
    await expect(graph).to_have_attribute("aria-label", re.compile("5 steps in 5 boxes"))


async def test_a_step_is_found_in_a_closed_group(site: Site, page: Page) -> None:
    await open_graph(site, page, await site.run(grouped()), "?open=.")
    await page.get_by_label("Find a step").fill("AGAIN")
    await expect(page.get_by_text("1 match")).to_be_visible()
    await page.get_by_label("Find a step").press("Enter")
    chosen = page.get_by_role("region", name="What is chosen")
    await expect(chosen.get_by_role("heading")).to_have_text("sum.again")
    await expect(page).to_have_url(re.compile("open=sum.*"))
    await chosen.get_by_role("button", name="clean.one").click()
    await expect(chosen.get_by_role("heading")).to_have_text("clean.one")
    await chosen.get_by_role("link", name="Tasks").click()
    await expect(page).to_have_url(re.compile("tasks.*step=clean.one"))


async def test_the_list_has_the_same_boxes(site: Site, page: Page) -> None:
    await open_graph(site, page, await site.run(grouped()), "?open=.")
    await page.get_by_text("The same boxes as a list").click()
    rows = page.get_by_role("table", name="The same boxes as a list").get_by_role("row")
    await expect(rows).to_have_count(4)
    await page.get_by_role("button", name="Open clean").click()
    await expect(rows).to_have_count(6)
    await page.get_by_role("button", name="clean.two", exact=True).click()
    await expect(page.get_by_role("region", name="What is chosen").get_by_role("heading")).to_have_text("clean.two")


@pytest.mark.parametrize("how", ["+", "button", "wheel", "drag", "pinch"])
async def test_it_is_moved_by(site: Site, page: Page, how: str) -> None:
    await open_graph(site, page, await site.run(grouped()))
    box = await page.get_by_test_id("graph").bounding_box()
    assert box is not None
    x, y = box["x"] + 300, box["y"] + 100
    if how == "+":
        await page.get_by_role("application").press("+")
    elif how == "button":
        await page.get_by_role("button", name="Zoom in").click()
    elif how == "pinch":
        await pinch(page, x, y)
    else:
        await page.mouse.move(x, y)
        if how == "wheel":
            await page.mouse.wheel(0, -300)
        else:
            await page.mouse.down()
            await page.mouse.move(x + 80, y + 30, steps=4)
            await page.mouse.up()
    await expect(page).to_have_url(re.compile("at="))
    await page.reload()
    await page.get_by_test_id("graph").wait_for()
    await page.get_by_role("button", name="Everything").click()
    await expect(page).not_to_have_url(re.compile("at="))


async def test_a_box_is_clicked_and_a_group_double_clicked(site: Site, page: Page) -> None:
    plan = ez.Plan("pair")
    given = plan.values("g.numbers", [1])
    plan.step("g.only", same, given)
    await open_graph(site, page, await site.run(plan), "?open=.")
    box = await page.get_by_test_id("graph").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.click(*middle)
    await expect(page.get_by_role("region", name="What is chosen").get_by_role("heading")).to_have_text("g")
    await page.wait_for_timeout(500)  # Two clicks this far apart are no double click.
    await page.mouse.dblclick(*middle)
    await expect(page.get_by_role("application")).to_have_attribute("aria-label", re.compile("2 steps in 2 boxes"))


async def test_the_critical_path_is_marked_or_not(site: Site, page: Page) -> None:
    await open_graph(site, page, await site.run(grouped()))
    await expect(page.get_by_label("Critical path")).to_be_checked()
    await page.get_by_label("Critical path").uncheck()
    await expect(page).to_have_url(re.compile("critical=hidden"))


async def test_states_are_live(site: Site, page: Page, gate: asyncio.Event) -> None:
    gate.clear()
    workflow = await site.submit(lengths("ship", name="live"))
    await open_graph(site, page, workflow, "?step=length")
    chosen = page.get_by_role("region", name="What is chosen")
    await expect(chosen.locator(".status")).to_contain_text(re.compile("Waiting|Running"))
    gate.set()
    await expect(chosen.locator(".status")).to_contain_text("Succeeded")


async def test_large_plans_begin_closed(site: Site, page: Page) -> None:
    plan = ez.Plan("large")
    last = plan.values("numbers", [1])
    for number in range(2_000):
        last = plan.step(f"part{number // 100:02}.step{number:04}", same, last)
    workflow = await site.submit(plan)
    await page.goto(f"{site.url}#/workflows/{workflow}")
    await expect(page.get_by_role("heading", name="large")).to_be_visible()
    await open_graph(site, page, workflow)
    await expect(page.get_by_role("application")).to_have_attribute("aria-label", re.compile("in 21 boxes"))
    await page.get_by_role("button", name="Open all").click()
    await expect(page.get_by_role("application")).to_have_attribute("aria-label", re.compile("2001 boxes|2,001 boxes"))


async def test_hostile_or_strange_words_of_an_address_harm_nothing(site: Site, page: Page) -> None:
    workflow = await site.run(failing())
    for query in ("?at=1,2,3,4", "?at=999999999,-999999999,0.0001", "?open=<b>&step=<i>&find=%00(", "?group=nobody"):
        await open_graph(site, page, workflow, query)
        await expect(page.get_by_role("application")).to_have_attribute("aria-label", re.compile("2 steps"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_accessible(site: Site, page: Page, scheme: Any) -> None:
    await page.emulate_media(color_scheme=scheme)
    await open_graph(site, page, await site.run(grouped()), "?step=clean.one&find=clean")
    await page.get_by_text("The same boxes as a list").click()
    await expect(page.get_by_role("table").first).to_be_visible()
    results = await Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
