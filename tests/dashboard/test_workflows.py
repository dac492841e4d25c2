"""Workflows in the browser: found, looked at, steered."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, expect

from eopiez_ray.model.changes import Change, StepChange
from eopiez_ray.model.status import WorkflowStatus
from eopiez_ray.store import NewWorkflow, Updates, Workflows
from tests.store.given import intake_of

from .conftest import Site, Watched
from .phases import HOSTILE, failing, lengths, rejecting, scaled, shown, tables


async def test_a_failure_is_found_and_retried(site: Site, page: Page) -> None:
    workflow = await site.run(failing())
    await page.goto(f"{site.url}#/workflows?status=failed")
    await page.get_by_role("link", name="failing").first.click()
    await expect(page.get_by_role("heading", name="failing")).to_be_visible()
    await expect(page.get_by_text("ValueError").first).to_be_visible()
    await page.get_by_role("link", name="Attempts").first.click()
    await page.get_by_role("button", name="Traceback").first.click()
    await expect(page.get_by_text("no length for").last).to_be_visible()
    await page.get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Why").fill("the disk was full")
    await dialog.get_by_role("button", name="Retry").click()
    await page.get_by_role("link", name="Events").click()
    await expect(page.get_by_text("the disk was full").first).to_be_visible()
    assert (await site.rest(workflow)).status is WorkflowStatus.FAILED


async def test_what_users_write_is_shown_as_text(site: Site, page: Page) -> None:
    workflow = await site.run(tables(), labels={"note": HOSTILE[:60]})
    for tab in ("", "/steps", "/tasks", "/attempts", "/logs", "/results", "/events", "/plan"):
        await page.goto(f"{site.url}#/workflows/{workflow}{tab}")
        await expect(page.get_by_role("heading", name="tables")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        assert "broken" not in await page.title()
        assert await page.locator("main img[src=x], main script").count() == 0
    await page.goto(f"{site.url}#/workflows/{workflow}/results")
    await expect(page.get_by_text("onerror").first).to_be_visible()


async def test_a_workflow_is_paused_resumed_and_followed(site: Site, page: Page) -> None:
    site.executor.gate.clear()
    workflow = await site.submit(lengths(*map(str, range(200)), name="many"))
    await page.goto(f"{site.url}#/workflows/{workflow}")
    await expect(page.locator("main header .status", has_text="Running")).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    await expect(page.locator("main header .status", has_text="Pausing")).to_be_visible()
    site.executor.gate.set()
    await expect(page.locator("main header .status", has_text="Paused")).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    await page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    await expect(page.locator("main header .status", has_text="Succeeded")).to_be_visible()


async def test_filters_are_in_the_address(site: Site, page: Page) -> None:
    await site.run(lengths("one", name="alpha"), labels={"team": "blue"})
    await site.run(lengths("one", name="beta"))
    await page.goto(f"{site.url}#/workflows")
    await page.get_by_label("Name or id begins with").fill("alph")
    await expect(page.get_by_role("link", name="beta")).to_have_count(0)
    await expect(page.get_by_role("link", name="alpha")).to_be_visible()
    await expect(page).to_have_url(re.compile("text=alph"))
    await page.reload()
    await expect(page.get_by_label("Name or id begins with")).to_have_value("alph")
    await expect(page.get_by_role("link", name="alpha")).to_be_visible()
    await expect(page.get_by_role("link", name="beta")).to_have_count(0)


async def test_many_are_steered_with_an_answer_for_each(site: Site, page: Page) -> None:
    for _ in range(3):
        await site.run(failing("bulk"))
    await page.goto(f"{site.url}#/workflows?text=bulk&status=failed")
    await expect(page.get_by_role("link", name="bulk")).to_have_count(3)
    await page.get_by_label("Select all that are loaded").check()
    await page.get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading")).to_have_text("Retry 3 workflows?")
    await dialog.get_by_role("button", name="Retry").click()
    await expect(dialog.get_by_role("status")).to_have_text("3 done")


async def test_all_that_match_a_filter_are_steered_and_none_that_came_later(
    site: Site, page: Page, gate: asyncio.Event
) -> None:
    gate.clear()
    plan = lengths("a", name="flood")
    new = NewWorkflow(plan.spec(), plan.code(), project="default", labels={"batch": "flood"})
    made = [each.id for each in await intake_of(site.database).create(*[new] * 130)]
    await page.goto(f"{site.url}#/workflows?label=batch=flood")
    await expect(page.get_by_role("link", name="flood").first).to_be_visible()
    await page.get_by_label("Select all that are loaded").check()
    await page.get_by_role("button", name="Select all 130 that match this filter").click()
    await page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading")).to_have_text("Pause 130 workflows?")
    for each in made[:2]:
        await Workflows(site.database).cancel(each)
    (later,) = await intake_of(site.database).create(new)
    await dialog.get_by_role("button", name="Pause").click()
    await expect(dialog.get_by_role("status")).to_have_text("128 done, 2 refused")
    await expect(dialog.get_by_role("listitem").filter(has_text="cannot")).to_have_count(2)
    await expect(dialog.get_by_text("1 workflow matches the filter by now")).to_be_visible()
    statuses = await Workflows(site.database).statuses([*made, later.id])
    assert statuses[later.id] in {WorkflowStatus.QUEUED, WorkflowStatus.RUNNING}
    assert {statuses[each] for each in made[2:]} <= {WorkflowStatus.PAUSING, WorkflowStatus.PAUSED}


async def test_two_runs_are_compared(site: Site, page: Page) -> None:
    one, other = await site.run(lengths("a", "b")), await site.run(lengths("a", "c"))
    await page.goto(f"{site.url}#/workflows/{one}/compare")
    await page.get_by_label("Compare with the workflow").fill(str(other))
    await page.get_by_role("button", name="Compare").click()
    await expect(page.get_by_role("row", name="length")).to_be_visible()


async def test_versions_of_a_plan_are_seen_side_by_side(site: Site, page: Page) -> None:
    workflow = await site.run(scaled(2))
    change = Change((StepChange("scale", {"factor": 3}, timeout_s=30.0),))
    assert (await Updates(site.database).ask(workflow, change)).is_answered
    await page.goto(f"{site.url}#/workflows/{workflow}/plan")
    await expect(page.get_by_test_id("plan")).to_contain_text("factor: 3")
    await page.get_by_label("Beside").select_option("1")
    table = page.get_by_role("region", name="Steps that differ")
    await expect(table.get_by_role("rowheader")).to_have_text("scale ~ changed")
    await expect(table.get_by_role("row").filter(has_text="parameters.factor")).to_contain_text("23")
    await expect(table.get_by_role("row").filter(has_text="timeout_s")).to_contain_text("none30")
    lines = page.locator(".difference > [class^=side-]:not(.side-both)")
    await expect(lines.filter(has_text="factor")).to_have_text(
        [re.compile("- removed: +factor: 2"), re.compile(r"\+ added: +factor: 3")]
    )
    await expect(page).to_have_url(re.compile("beside=1"))
    await page.goto(f"{site.url}#/workflows/{workflow}/plan?version=1")
    await expect(page.get_by_test_id("plan")).to_contain_text("factor: 2")
    assert await page.locator("main img[src=x], main script").count() == 0


async def test_rejected_rows_are_found_by_their_reason_and_downloaded(site: Site, page: Page) -> None:
    workflow = await site.run(rejecting())
    await page.goto(f"{site.url}#/workflows/{workflow}/steps")
    await page.get_by_role("table").get_by_role("link", name="10", exact=True).click()
    table = page.get_by_role("table", name="Rejected rows")
    await expect(table.get_by_role("row")).to_have_count(11)
    await page.get_by_label("Reason").select_option("too long")
    await expect(table.get_by_role("row")).to_have_count(5)
    await expect(table.get_by_text("b.csv, row 3")).to_be_visible()
    await expect(page).to_have_url(re.compile("reason=too(%20|\\+)long"))
    assert await page.locator("main img, main script").count() == 0
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download CSV").click()
    lines = (await (await download.value).path()).read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["step", *["choosy"] * 4]


async def test_images_and_arrays_are_seen_as_such(site: Site, page: Page) -> None:
    workflow = await site.run(shown())
    await page.goto(f"{site.url}#/workflows/{workflow}/results?step=drawn")
    for kind in ("PNG", "JPEG"):
        image = page.get_by_role("img", name=kind)
        await expect(image).to_be_visible()
        assert await image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [32, 16]
    await page.goto(f"{site.url}#/workflows/{workflow}/results?step=grid")
    array = page.get_by_role("region", name="Array of 4 × 3 numbers")
    await expect(array.get_by_role("row").last).to_have_text("391011")


async def test_a_workflow_that_is_not_there_says_so(site: Site, page: Page, watched: Watched) -> None:
    await page.goto(f"{site.url}#/workflows/0197b3c1-7a52-7c11-9c3e-5a2d8e1f0b6a")
    await expect(page.get_by_role("alert").filter(has_text="that you can see")).to_be_visible()
    watched.forgive("404")
