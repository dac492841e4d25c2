"""How the gateway serves the dashboard: headers, caching, compression, a path prefix."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import brotli
import httpx
import pytest
from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from eopiez_ray.gateway.routes import dashboard
from tests.gateway.conftest import gateway_at, listening

from .conftest import Site, sign_in

ASSET = re.compile(r'"\./(assets/[\w.-]+)"')


async def fetched(site: Site, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=site.url) as client:
        return await client.get(path, headers=headers)


async def test_the_page_is_asked_for_anew_and_allows_nothing_from_elsewhere(site: Site) -> None:
    page = await fetched(site, "")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script>" not in page.text
    assert "style=" not in page.text


async def test_assets_are_kept_for_ever_and_come_compressed(site: Site) -> None:
    for name in ASSET.findall((await fetched(site, "")).text):
        plain = await fetched(site, name, **{"Accept-Encoding": "identity"})
        assert plain.status_code == httpx.codes.OK, name
        assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert plain.headers["vary"] == "Accept-Encoding"
        if not name.endswith(".svg"):
            packed = await fetched(site, name, **{"Accept-Encoding": "br"})
            assert packed.headers["content-encoding"] == "br"
            assert len(packed.content) == len(plain.content)
            assert int(packed.headers["content-length"]) < len(plain.content)


@pytest.mark.parametrize(
    "name",
    ["assets/no.js", "assets/..%2Findex.html", "assets/%2e%2e%2f%2e%2e%2fapp.py", "assets/index.html", "assets/"],
)
async def test_nothing_but_assets_is_served(site: Site, name: str) -> None:
    assert (await fetched(site, name)).status_code == httpx.codes.NOT_FOUND


async def test_links_are_looked_at_without_a_body(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.url) as client:
        assert (await client.head("")).status_code == httpx.codes.OK


async def test_the_page_knows_whether_there_is_an_identity_provider(database_url: str, home: Path, site: Site) -> None:
    assert 'data-identity-provider="no"' in (await fetched(site, "")).text
    async with gateway_at(database_url, home, oidc_issuer="https://id.example") as app, listening(app) as url:
        page = await asyncio.to_thread(httpx.get, url.removesuffix("v1"))
    assert 'data-identity-provider="yes"' in page.text


async def test_without_pages_the_api_still_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "_pages", lambda: site.home / "nothing")
    answer = await fetched(site, "")
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert "make dashboard" in answer.json()["hint"]
    assert (await fetched(site, "v1/health/live")).status_code == httpx.codes.OK


async def test_it_works_behind_a_path(site: Site, browser: Browser) -> None:
    async with listening(Starlette(routes=[Mount("/tools/eopiez", site.app)])) as url:
        page = await browser.new_page()
        behind = Site(url.removesuffix("v1") + "tools/eopiez/", site.home, site.database, site.settings, site.executor)
        await sign_in(page, behind)
        await page.goto(f"{behind.url}#/workflows")
        await expect(page.get_by_role("heading", name="Workflows")).to_be_visible()
        assert "/tools/eopiez/" in page.url
        await page.close()


def test_brotli_is_what_browsers_take() -> None:
    packed = sorted((dashboard._pages() / "assets").glob("*.js.br"))  # type: ignore[attr-defined]
    assert packed
    for path in packed:
        assert brotli.decompress(path.read_bytes()) == path.with_suffix("").read_bytes()
