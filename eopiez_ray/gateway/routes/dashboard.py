"""The dashboard: one page, and the hashed files that it loads. What it shows, it asks the API for."""

from __future__ import annotations

import re
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import Request, Response

from ..access import SystemDep
from ..problems import Problem, not_found
from ..routing import Resource

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

router = Resource(include_in_schema=False)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; object-src 'none'"
)
TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
FOR_EVER = "public, max-age=31536000, immutable"
"""An asset's name holds a hash of its content."""
_ASSET = re.compile(r"[A-Za-z0-9_-]+\.(?:css|js|svg|woff2)")
_PROVIDER = b'data-identity-provider="no"'


@router.api_route("/", methods=["GET", "HEAD"])
async def get_page(request: Request, system: SystemDep) -> Response:
    """The page; every address of the dashboard is one of its fragments."""
    content = _page()
    if system.settings.oidc_issuer:
        content = content.replace(_PROVIDER, b'data-identity-provider="yes"')
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response(content, media_type="text/html", headers=headers)


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
async def get_asset(name: str, request: Request) -> Response:
    """A file that the page loads, which browsers and caches may keep for ever."""
    path = _pages() / "assets" / name
    if not _ASSET.fullmatch(name) or not path.is_file():
        raise not_found("asset", name, "load the page again: it may be of another version")
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
    packed = _pages() / "assets" / f"{name}.br"
    if "br" in request.headers.get("accept-encoding", "") and packed.is_file():
        path, headers["Content-Encoding"] = packed, "br"
    return Response(path.read_bytes(), media_type=TYPES[name.rpartition(".")[2]], headers=headers)


def _page() -> bytes:
    page = _pages() / "index.html"
    if not page.is_file():
        hint = "build it with `make dashboard`; the API is under /v1/docs"
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "this installation has no dashboard", hint)
    return page.read_bytes()


def _pages() -> Traversable:
    return files("eopiez_ray.gateway") / "pages"
