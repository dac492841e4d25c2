"""People in the browser: they sign in and out, set up second factors, make keys, manage others."""

from __future__ import annotations

import io
import re
from urllib.parse import parse_qs, urlsplit

import pyotp
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

from .conftest import PASSWORD, WIDE, Site, sign_in

OWN = "a password of my own"


async def in_a_new_browser(site: Site, browser: Browser) -> Page:
    context = await browser.new_context(viewport=WIDE)
    page = await context.new_page()
    await page.goto(site.url)
    return page


async def created_user(site: Site, page: Page, login: str) -> str:
    """The password that works once of somebody new."""
    await page.goto(f"{site.url}#/administration?part=users")
    await page.get_by_text("New user").click()
    await page.get_by_role("textbox", name="Login", exact=True).fill(login)
    await page.get_by_role("button", name="Add").click()
    note = page.get_by_role("status").filter(has_text=f"Password of {login}")
    return await note.locator("code").inner_text()


async def arrived(page: Page, login: str, first: str) -> None:
    """Somebody new has signed in, and has a password of their own."""
    await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(first)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Choose your own password").wait_for()
    for label, text in (("Password", first), ("New password", OWN), ("Once more", OWN)):
        await page.get_by_label(label, exact=True).fill(text)
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("navigation", name="Pages").wait_for()


async def read_code(panel: Locator) -> str:
    """What a camera reads of the QR code as it is shown."""
    picture = await panel.get_by_role("img", name="QR code").screenshot()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    text: str = code.text
    return text


async def test_a_wrong_password_says_no_more_than_that(site: Site, browser: Browser) -> None:
    page = await in_a_new_browser(site, browser)
    await page.get_by_label("Login").fill("admin")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not match")
    await page.context.close()


async def test_a_newcomer_signs_in_chooses_a_password_and_is_let_into_a_project(
    site: Site, page: Page, browser: Browser
) -> None:
    first = await created_user(site, page, "nora")
    theirs = await in_a_new_browser(site, browser)
    await arrived(theirs, "nora", first)
    await expect(theirs.get_by_role("link", name="Administration")).to_have_count(0)
    await expect(theirs.get_by_role("link", name="Start", exact=True)).to_have_count(0)

    await page.goto(f"{site.url}#/administration")
    await page.locator("summary", has_text="default").click()
    await page.get_by_role("textbox", name="Login, default").fill("nora")
    await page.locator("form", has_text="Add a member").get_by_label("Role").select_option("operator")
    await page.get_by_role("button", name="Add a member").click()
    await expect(page.get_by_label("Role: nora")).to_have_value("operator")
    await theirs.reload()
    await expect(theirs.get_by_role("link", name="Start", exact=True)).to_be_visible()
    await theirs.context.close()


async def test_a_second_factor_is_set_up_asked_for_and_removed(site: Site, page: Page, browser: Browser) -> None:
    first = await created_user(site, page, "tom")
    theirs = await in_a_new_browser(site, browser)
    await arrived(theirs, "tom", first)
    await theirs.goto(f"{site.url}#/settings")
    panel = theirs.locator("section", has=theirs.get_by_role("heading", name="Second factor"))
    await panel.get_by_label("Present password").fill(OWN)
    await panel.get_by_role("button", name="Set it up").click()
    address = await panel.get_by_role("link", name="Open in an app").get_attribute("href")
    assert address is not None
    (secret,) = parse_qs(urlsplit(address).query)["secret"]
    assert await read_code(panel) == address
    await theirs.emulate_media(color_scheme="dark")
    assert await read_code(panel) == address
    await panel.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).now())
    await panel.get_by_role("button", name="Confirm").click()
    codes = (await panel.get_by_role("status").filter(has_text="Recovery codes").locator("code").inner_text()).split()
    assert len(codes) == 10

    await theirs.get_by_role("button", name="Sign out").click()
    await theirs.get_by_label("Login").fill("tom")
    await theirs.get_by_label("Password").fill(OWN)
    await theirs.get_by_role("button", name="Sign in").click()
    await theirs.get_by_label("Code of your authenticator app").fill(codes[0])
    await theirs.get_by_role("button", name="Sign in").click()
    await theirs.get_by_role("navigation", name="Pages").wait_for()
    await theirs.context.close()


async def test_limits_and_weights_are_set_and_lifted(site: Site, page: Page) -> None:
    await page.goto(f"{site.url}#/administration?part=limits")
    limits = page.locator("section", has=page.get_by_role("heading", name="Limits on calls at once"))
    await expect(limits).to_contain_text("No limits")
    await limits.get_by_label("Limit on").select_option("label")
    await limits.get_by_label("Name").fill("team=red/blue")
    await limits.get_by_label("In project").fill("default")
    await limits.get_by_label("Maximum").fill("4")
    await limits.get_by_role("button", name="Set the limit").click()
    await expect(limits.get_by_role("row").nth(1)).to_have_text(re.compile("label.*team=red/blue.*default.*0.*4"))
    await limits.get_by_role("button", name="Lift the limit on label team=red/blue").click()
    await expect(limits).to_contain_text("No limits")
    weights = page.locator("section", has=page.get_by_role("heading", name="Weights"))
    await weights.get_by_label("Project").fill("default")
    await weights.get_by_label("Owner").fill("anna")
    await weights.get_by_label("Weight").fill("2.5")
    await weights.get_by_role("button", name="Set the weight").click()
    await expect(weights.get_by_role("row").nth(1)).to_have_text(re.compile("default.*anna.*2.5"))


async def test_signed_out_elsewhere_is_noticed(site: Site, page: Page, browser: Browser) -> None:
    other = await in_a_new_browser(site, browser)
    await sign_in(other, site)
    await other.goto(f"{site.url}#/workflows")
    await page.goto(f"{site.url}#/settings")
    await page.get_by_role("button", name="End all others").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Present password").fill(PASSWORD)
    await dialog.get_by_role("button", name="End", exact=True).click()
    await expect(dialog).to_have_count(0)
    await expect(other.get_by_role("heading", name="Sign in to Eopiez")).to_be_visible()
    assert "workflows" in other.url
    await other.get_by_label("Login").fill("admin")
    await other.get_by_label("Password").fill(PASSWORD)
    await other.get_by_role("button", name="Sign in").click()
    await expect(other.get_by_role("heading", name="Workflows")).to_be_visible()
    await other.context.close()


async def test_a_key_is_shown_once_and_revoked(site: Site, page: Page) -> None:
    await page.goto(f"{site.url}#/settings")
    await page.get_by_text("New key").first.click()
    keys = page.locator("section", has=page.get_by_role("heading", name="API keys"))
    await keys.get_by_label("Name").fill("nightly")
    await keys.get_by_role("button", name="New key").click()
    key = await keys.get_by_role("status").locator("code").inner_text()
    assert re.fullmatch(r"\S{30,}", key)
    row = keys.get_by_role("row", name="nightly")
    await row.get_by_role("button", name="Revoke").click()
    await expect(row).to_have_count(0)
    await page.reload()
    await expect(page.get_by_text(key)).to_have_count(0)
