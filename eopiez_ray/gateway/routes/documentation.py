"""The API's own documentation, to read and to try: it loads nothing from elsewhere."""

from __future__ import annotations

from http import HTTPStatus
from importlib.resources import files
from typing import Literal

from fastapi.responses import RedirectResponse, Response

from ..routing import Resource

router = Resource(include_in_schema=False)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Eopiez API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """\
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, filter: true, tryItOutEnabled: true,
  displayRequestDuration: true, persistAuthorization: false, docExpansion: "list", defaultModelsExpandDepth: 0,
});
"""
TYPES = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
File = Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "start.js"]


@router.get("/docs")
async def get_documentation() -> Response:
    """The page."""
    return Response(PAGE, media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/docs/")
async def get_documentation_below() -> Response:
    """The page's links are relative to the path without the slash."""
    return RedirectResponse("../docs", HTTPStatus.PERMANENT_REDIRECT)


@router.get("/docs/{name}")
async def get_file(name: File) -> Response:
    """A file that the page loads."""
    content = START.encode() if name == "start.js" else (files("fastapi_swagger") / "resources" / name).read_bytes()
    kept = {"Cache-Control": "public, max-age=86400"}
    return Response(content, media_type=TYPES[name.rpartition(".")[2]], headers=kept)
