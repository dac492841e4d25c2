"""Workflows are started in the browser: documents, plans, and what is wrong with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect

from .conftest import Site, Watched
from .phases import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

PLAN = """\
plan: counted
steps:
  words:
    values: ["one", "two"]
"""


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Documents on three subjects, one of them hostile."""
    subjects = ("the violin concert was sold out", "oil prices rise on the market", "the match ended in a draw")
    lines = [
        {"id": str(n), "text": f"{subjects[n % 3]}, said report {n} {HOSTILE if n == 4 else ''}"} for n in range(30)
    ]
    path = tmp_path / "letters.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


async def try_the_map(page: Page) -> None:
    """The map: a document is found under the pointer and opened; a lasso catches all of them."""
    await page.get_by_role("link", name="Map").click()
    picture = page.get_by_role("img", name="Map of 30 documents")
    box = await picture.bounding_box()
    assert box is not None
    assert await picture.evaluate("canvas => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[3]") == 255
    await page.get_by_role("button", name="Lasso").click()
    corners = ((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99))
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    await page.mouse.move(*points[0])
    await page.mouse.down()
    for point in points[1:]:
        await page.mouse.move(*point, steps=3)
    await page.mouse.up()
    caught = page.get_by_role("region", name="Lasso")
    await expect(caught.get_by_role("heading")).to_have_text("30 documents")
    await caught.get_by_role("button").first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await picture.focus()
    for key in ("+", "ArrowLeft", "-", "0"):
        await page.keyboard.press(key)


async def test_a_file_becomes_a_collection_that_can_be_explored(site: Site, page: Page, letters: Path) -> None:
    await page.goto(f"{site.url}#/start?from=files&project=default")
    await page.get_by_label("Choose files").set_input_files(letters)
    await expect(page.get_by_text("uploaded")).to_be_visible()
    await page.get_by_text("Options").click()
    await page.get_by_label("Title of its report").fill("Letters")
    await page.get_by_label("How documents become vectors").select_option("lsa")
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_role("heading", name="pipeline")).to_be_visible()
    await page.get_by_role("link", name="Open the collection").click(timeout=90_000)
    await expect(page.get_by_role("heading", name="Letters")).to_be_visible()
    await expect(page.locator("article.theme").first).to_be_visible()
    await page.get_by_role("link", name="Documents", exact=True).click()
    await page.get_by_role("button", name="report 4 ").click()
    await expect(page.get_by_role("dialog").get_by_text("onerror")).to_be_visible()
    assert "broken" not in await page.title()
    await page.keyboard.press("Escape")
    await try_the_map(page)
    await page.get_by_role("link", name="Motifs").click()
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    await page.get_by_role("link", name="Search").click()
    await page.get_by_label("What to find").fill("violin")
    await page.keyboard.press("Enter")
    await expect(page.locator(".hit").first).to_contain_text("violin")


async def write(page: Page, text: str) -> None:
    """Paste a text in place of what is in the editor."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.evaluate("text => navigator.clipboard.writeText(text)", text)
    await page.get_by_role("textbox", name="A plan as YAML").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+v")


async def test_a_plan_is_written_checked_and_started(site: Site, page: Page, watched: Watched) -> None:
    await page.goto(f"{site.url}#/start?from=yaml&project=default")
    await write(page, PLAN + "  words: [")
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_role("alert").filter(has_text="line 5")).to_be_visible()
    await write(page, PLAN.replace("values:", "worths:"))
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_role("alert").filter(has_text="worths")).to_be_visible()
    await expect(page.locator(".cm-lint-marker-error")).to_be_visible()
    watched.forgive("422")
    await write(page, PLAN)
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_role("heading", name="counted")).to_be_visible()


async def test_the_editor_completes_what_the_schema_knows(site: Site, page: Page) -> None:
    await page.goto(f"{site.url}#/start?from=yaml")
    await write(page, "plan: words\nst")
    await page.keyboard.press("Control+Space")
    await page.get_by_role("option", name="steps").click()
    await expect(page.get_by_role("textbox", name="A plan as YAML")).to_contain_text("steps: ")
