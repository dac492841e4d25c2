"""What a collection shows: two runs beside each other, themes as a tree, times, and disagreement."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from eopiez_ray.model.ids import WorkflowId

from .collected import FIRST, SUBJECTS, Letter, analysed, letters
from .conftest import PHONE, WIDE, Site, Watched
from .test_pages import SIDEWAYS, show_dark_on_a_phone, violations

Runs = dict[str, WorkflowId]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def runs(site: Site) -> Runs:
    """The same letters in three themes, and most of them with more letters in two."""
    every = letters(48)
    return {
        "before": await analysed(site, every[:36], "Letters in spring", themes={"themes": 3}),
        "after": await analysed(site, every[3:], "Letters in autumn", themes={"themes": 2}),
        "bursting": await analysed(site, bursting(), "Letters of a championship", themes={"themes": 3}),
        "undated": await analysed(site, letters(12, is_dated=False), "Letters without dates"),
    }


def bursting() -> list[Letter]:
    """A letter a day on two subjects, and eight letters on football on each of three days."""
    days = [(day, subject) for day in range(24) for subject in range(2)]
    days += [(day, 2) for day in range(12, 15) for _ in range(8)]
    return [
        {"text": f"{SUBJECTS[subject]}, said report {at}", "time": (FIRST + timedelta(days=day)).isoformat()}
        for at, (day, subject) in enumerate(days)
    ]


async def open_part(site: Site, page: Page, run: WorkflowId, query: str) -> None:
    await page.goto(f"{site.url}#/collections/{run}?{query}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Letters")


async def test_two_runs_are_compared(site: Site, page: Page, runs: Runs) -> None:
    await open_part(site, page, runs["after"], "part=themes")
    await page.get_by_role("link", name="Compare", exact=True).click()
    await page.get_by_label("Compare with an earlier run").select_option(str(runs["before"]))
    await expect(page.get_by_text("matched by the 33 documents that both runs have")).to_be_visible()
    themes = page.get_by_role("region", name="Themes before and after")
    await expect(themes.get_by_text("merged")).to_be_visible()
    await expect(themes.get_by_text("kept")).to_be_visible()
    await page.get_by_role("link", name="merged 1").click()
    await expect(themes.get_by_role("row")).to_have_count(2)
    address = page.url
    assert all(part in address for part in ("part=compare", f"before={runs['before']}", "kind=merged"))
    await page.reload()
    await expect(themes.get_by_role("row")).to_have_count(2)


async def test_numbers_of_a_comparison_lead_to_their_documents(site: Site, page: Page, runs: Runs) -> None:
    await open_part(site, page, runs["after"], f"part=compare&before={runs['before']}")
    await page.get_by_role("link", name="New documents: 12").click()
    table = page.get_by_role("table", name="New documents")
    await expect(table.get_by_role("row")).to_have_count(13)
    await table.get_by_role("button", name="Report 40").click()
    await expect(page.get_by_role("dialog").get_by_text("said report 40").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("link", name="All themes").click()
    await page.get_by_role("link", name="Documents that are gone: 3").click()
    await page.get_by_role("button", name="Report 2", exact=True).click()
    await expect(page.get_by_role("heading", name="Letters in spring")).to_be_visible()
    await expect(page.get_by_role("dialog").get_by_text("said report 2").first).to_be_visible()


async def test_what_runs_are_matched_by_is_chosen_and_they_are_swapped(site: Site, page: Page, runs: Runs) -> None:
    await open_part(site, page, runs["after"], f"part=compare&before={runs['before']}&change=stayed")
    await expect(page.get_by_role("row", name="onerror")).to_be_visible()
    assert "broken" not in await page.title()
    await page.get_by_label("Match themes by").select_option("words")
    await expect(page.get_by_text("Themes are matched by their words")).to_be_visible()
    await page.get_by_role("link", name="Swap").click()
    await expect(page.get_by_role("heading", name="Letters in spring")).to_be_visible()
    await expect(page.get_by_role("link", name="New documents: 3")).to_be_visible()


async def test_a_branch_of_the_tree_filters_documents_and_the_map_by_keyboard(
    site: Site, page: Page, runs: Runs
) -> None:
    await open_part(site, page, runs["before"], "part=tree")
    tree = page.get_by_role("tree", name="Themes as a tree")
    root = tree.get_by_role("treeitem").first
    await expect(root).to_have_attribute("aria-expanded", "true")
    await root.focus()
    await page.keyboard.press("End")
    leaf = tree.locator(":focus")
    await expect(leaf).to_have_attribute("aria-level", re.compile("[23]"))
    await page.keyboard.press("Enter")
    await expect(leaf).to_have_attribute("aria-selected", "true")
    table = page.get_by_role("table", name="Documents")
    await expect(table.get_by_role("row")).to_have_count(13)
    await page.get_by_role("button", name="Map", exact=True).click()
    await expect(page.get_by_role("img", name="Map of 36 documents")).to_be_visible()
    await expect(page.get_by_role("region", name="Themes").get_by_role("link")).to_have_count(1)
    await page.reload()
    await expect(page.get_by_role("img", name="Map of 36 documents")).to_be_visible()
    await root.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(tree.get_by_role("treeitem")).to_have_count(1)
    assert "closed=" in page.url
    await page.keyboard.press("ArrowRight")
    await expect(tree.get_by_role("treeitem").nth(2)).to_be_visible()
    await root.click()
    await page.get_by_role("button", name="Documents", exact=True).click()
    await expect(table).to_have_attribute("aria-rowcount", "37")


async def test_a_time_is_chosen_by_mouse_and_by_keyboard(site: Site, page: Page, runs: Runs) -> None:
    await open_part(site, page, runs["before"], "part=times")
    chart = page.get_by_role("slider", name="Choose a time")
    await expect(chart).to_have_attribute("aria-valuetext", "36 documents")
    box = await chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + 1, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] / 3, middle, steps=4)
    await page.mouse.up()
    table = page.get_by_role("table", name="Documents")
    await expect(table.get_by_role("row", name="Report 0 ")).to_be_visible()
    await expect(page.get_by_text("onerror").first).to_be_visible()
    assert "since=2026-03-01" in page.url
    await page.reload()
    await expect(table.get_by_role("row", name="Report 0 ")).to_be_visible()
    await page.get_by_role("button", name="Show all times").click()
    await expect(table).to_have_count(0)
    await chart.focus()
    await page.keyboard.press("Home")
    await expect(chart).to_have_attribute("aria-valuetext", re.compile("1 document$"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Too few documents are in this time")).to_be_visible()
    await expect(table.get_by_role("row")).to_have_count(2)


async def test_a_burst_leads_to_its_documents(site: Site, page: Page, runs: Runs) -> None:
    await open_part(site, page, runs["bursting"], "part=times")
    bursts = page.get_by_role("region", name="Bursts: when")
    await expect(bursts.get_by_role("row")).to_have_count(2)
    await bursts.get_by_role("button").click()
    await expect(page.get_by_role("table", name="Documents").get_by_role("row", name="football").first).to_be_visible()
    assert "theme=" in page.url
    await expect(page.get_by_role("table", name="Documents").get_by_role("row", name="violin")).to_have_count(0)


async def test_a_collection_without_times_teaches_how_to_get_them(site: Site, page: Page, runs: Runs) -> None:
    await open_part(site, page, runs["undated"], "part=times")
    await expect(page.get_by_text("No document has a time.")).to_be_visible()


async def test_documents_that_disagree_are_side_by_side(site: Site, page: Page, runs: Runs) -> None:
    await open_part(site, page, runs["before"], "part=disagreement")
    pairs = page.get_by_role("article")
    await expect(pairs.first.get_by_text("Agreement", exact=True)).to_be_visible()
    await expect(pairs.first.get_by_role("group")).to_have_count(2)
    await page.get_by_label("Theme", exact=True).select_option(index=1)
    await expect(pairs.first.get_by_role("group")).to_have_count(2)
    assert "theme=0" in page.url
    title = pairs.first.get_by_role("heading").first
    text = await title.inner_text()
    await title.get_by_role("button").click()
    await expect(page.get_by_role("dialog")).to_contain_text(text)
    assert "broken" not in await page.title()


async def test_a_run_that_cannot_be_compared_says_so(site: Site, page: Page, runs: Runs, watched: Watched) -> None:
    await open_part(site, page, runs["after"], "part=compare&before=00000000-0000-7000-8000-000000000000")
    await expect(page.get_by_text("there is no workflow 00000000")).to_be_visible()
    watched.forgive("404")


@pytest.mark.parametrize(
    "query",
    [
        "part=compare&before={before}",
        "part=compare&before={before}&change=new",
        "part=tree",
        "part=tree&view=map",
        "part=times",
        "part=times&theme=0",
        "part=disagreement",
    ],
)
async def test_a_part_is_accessible(site: Site, page: Page, runs: Runs, query: str) -> None:
    await page.set_viewport_size(WIDE)
    await open_part(site, page, runs["after"], query.format(**runs))
    await expect(page.get_by_text("Loading …")).to_have_count(0)
    await expect(page.locator("main").locator("table, [role=table], canvas, .bars, article").first).to_be_visible()
    assert await violations(page) == []
    await show_dark_on_a_phone(page)
    assert page.viewport_size == PHONE
    assert await violations(page, "color-contrast", "scrollable-region-focusable", "target-size") == []
    assert await page.evaluate(SIDEWAYS) == []
