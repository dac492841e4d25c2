"""Files that a request names by URLs: brought here before their run begins, from places that an operator allows.

Each connection, that of a redirect too, goes through the checks of ``outbound``. A file is written as it arrives, and
is in its place only once it is whole: under the same key, the same request finds it there and asks nobody.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import aiohttp
from blake3 import blake3
from yarl import URL

from ..encryption.streams import seal_in_place
from ..errors import ParameterError
from ..home import make_file, make_folder, sync_folder
from ..model.ids import uuid7
from ..outbound.connections import CheckedResolver, new_session
from ..outbound.places import LONGEST_URL, Places, literal
from .files import Arrival, closed, full_disk, gathered, safe_name
from .problems import Problem

if TYPE_CHECKING:
    from ..encryption.keys import Cipher
    from ..settings import Settings

MOST_REDIRECTS = 5
SHARE = 0.9
"""Of the time that a request may take, which downloads get: the rest is for the answer."""
READ_S = 20.0
"""Seconds that may pass before a server answers, and between parts of what it sends."""
CHUNK = 2**18
SETTING = "EOPIEZ_GATEWAY_INPUT_URLS"
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "eopiez-gateway"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ENDINGS = {
    "text/csv": ".csv", "text/tab-separated-values": ".tsv", "application/json": ".json", "text/html": ".html",
    "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl", "application/json-lines": ".jsonl",
    "text/markdown": ".md", "text/plain": ".txt", "application/mbox": ".mbox", "message/rfc822": ".eml",
    "application/vnd.apache.parquet": ".parquet", "application/xhtml+xml": ".xhtml",
}  # fmt: skip
"""What a file is called whose name says nothing of its format, by its media type."""
_PACKED = {"gzip": ".gz", "x-gzip": ".gz", "zstd": ".zst", "identity": "", "": ""}
"""How a file is called that is sent compressed although nobody asked for that."""


class Downloads:
    """Brings files here; one for each replica. To be closed."""

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            ParameterError: the setting of where files may be cannot be read.
        """
        self.resolver = CheckedResolver(Places.of(settings.gateway_input_urls, "gateway_input_urls"))
        self._session = new_session(self.resolver, READ_S)
        self._most, self._within_s = settings.gateway_input_url_bytes, SHARE * settings.gateway_timeout_s

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        await self.resolver.close()

    async def bring(self, urls: Sequence[str], folder: Path, cipher: Cipher | None) -> list[str]:
        """The paths of the files, below the folder and durable, encrypted if there is a cipher.

        Raises:
            ParameterError: one is no URL.
            Problem: one leads where it must not, does not answer well or in time, or is too large.
            StorageFullError: no space is left.
        """
        checked = [self._checked(text, place) for place, text in enumerate(urls)]
        deadline = asyncio.get_running_loop().time() + self._within_s
        return [await self._brought(url, folder / _folder_name(url, cipher), cipher, deadline) for url in checked]

    async def _brought(self, url: URL, place: Path, cipher: Cipher | None, deadline: float) -> str:
        found = _found(place)
        if found is not None:
            return found
        arriving = make_folder(place.with_name(f".{uuid7()}") / place.name)
        try:
            async with asyncio.timeout_at(deadline):
                path = await self._saved(url, arriving)
            if cipher is not None:
                await asyncio.to_thread(_sealed, path, cipher)
            return _moved(arriving, place)
        except TimeoutError as error:
            raise self._failed(url, "did not send all of it in time", HTTPStatus.GATEWAY_TIMEOUT) from error
        except aiohttp.ClientConnectorDNSError as error:
            raise _forbidden(f"{url.host} has no address that the pipeline may read from") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._failed(url, f"cannot be read from: {type(error).__name__}") from error
        finally:
            await asyncio.to_thread(shutil.rmtree, arriving.parent)

    async def _saved(self, url: URL, folder: Path) -> Path:
        """The file, as it came."""
        async with self._answer(url) as answer:
            path = folder / _file_name(url, answer)
            if (answer.content_length or 0) > self._most:
                raise self._too_large(url)
            with full_disk(path):
                file = make_file(path).open("r+b", buffering=0)
                try:
                    arrival = Arrival(file, self._most)
                    async for part in gathered(answer.content.iter_chunked(CHUNK)):
                        if len(part) > arrival.room:
                            raise self._too_large(url)
                        await asyncio.to_thread(arrival.write, part)
                finally:
                    await asyncio.to_thread(closed, file)
        return path

    @asynccontextmanager
    async def _answer(self, url: URL) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good answer, wherever redirects lead."""
        for _ in range(MOST_REDIRECTS + 1):
            self._check_place(url)
            async with self._session.get(url, headers=_HEADERS, allow_redirects=False) as answer:
                if answer.status not in _REDIRECTS:
                    self._check_answer(url, answer)
                    yield answer
                    return
                url = self._redirected(url, answer.headers.get("Location", ""))
        raise self._failed(url, "redirects again and again")

    def _checked(self, text: str, place: int) -> URL:
        """What a request names, as the only form in which it is looked at from here on."""
        self._check_allowed()
        fault = ParameterError(f"urls[{place}] is no URL of a file; give one such as https://example.com/letters.csv")
        if len(text) > LONGEST_URL or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
            raise fault
        try:
            url = URL(text).with_fragment(None)
        except ValueError as error:
            raise fault from error
        if url.scheme not in {"http", "https"} or not url.host or not url.port:
            raise fault
        self._check_place(url)
        return url

    def _check_allowed(self) -> None:
        if self.resolver.places.is_nowhere:
            raise _forbidden("this gateway reads from no URL")

    def _check_place(self, url: URL) -> None:
        """Check an address that is written in the URL; those of names are checked as they are connected to."""
        host, port = url.host or "", url.port or 0
        address = literal(host)
        if address is not None and not self.resolver.places.allows(host, address, port):
            raise _forbidden(f"the pipeline may not read from {host}")

    def _check_answer(self, url: URL, answer: aiohttp.ClientResponse) -> None:
        if answer.status != HTTPStatus.OK:
            is_theirs = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            status = HTTPStatus.BAD_GATEWAY if is_theirs else HTTPStatus.UNPROCESSABLE_ENTITY
            raise self._failed(url, f"answers with status {answer.status}", status)
        if answer.headers.get("Content-Encoding", "").lower() not in _PACKED:
            raise self._failed(url, "sends it compressed in a way that nobody asked for")

    def _redirected(self, url: URL, location: str) -> URL:
        """Where a redirect leads. It names no user: a server has no say in whose name is used elsewhere."""
        try:
            target = url.join(URL(location)).with_fragment(None)
        except ValueError as error:
            raise self._failed(url, "redirects to what is no URL") from error
        is_weaker = url.scheme == "https" and target.scheme != "https"
        if target.scheme not in {"http", "https"} or is_weaker or not target.host:
            raise self._failed(url, "redirects to what is not safe to follow")
        return target if target.origin() == url.origin() else target.with_user(None)

    def _failed(self, url: URL, what: str, status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> Problem:
        """A problem that names the host alone: the rest of a URL may be a secret."""
        hint = "try whether this URL gives the file elsewhere, or upload it"
        return Problem(status, "url-failed", f"{url.host} {what}", hint)

    def _too_large(self, url: URL) -> Problem:
        detail = f"the file at {url.host} has more than {self._most:,} bytes"
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail, "upload it with POST /v1/uploads")


def _forbidden(detail: str) -> Problem:
    hint = f"upload the files, or ask an operator to name the place in {SETTING}"
    return Problem(HTTPStatus.FORBIDDEN, "url-forbidden", detail, hint)


def _folder_name(url: URL, cipher: Cipher | None) -> str:
    text = str(url).encode()
    return f"url-{(blake3(text) if cipher is None else blake3(text, key=cipher.name_key)).hexdigest(8)}"


def _file_name(url: URL, answer: aiohttp.ClientResponse) -> str:
    """What a file is called: as its server says, or else its URL, with an ending that says its format."""
    said = answer.content_disposition.filename if answer.content_disposition is not None else None
    name = safe_name(said or url.name or "documents")
    if not PurePosixPath(name).suffix:
        name += _ENDINGS.get(answer.content_type, "")
    return name + _PACKED[answer.headers.get("Content-Encoding", "").lower()]


def _sealed(path: Path, cipher: Cipher) -> None:
    with full_disk(path):
        seal_in_place(path, cipher)


def _found(place: Path) -> str | None:
    """The path of the file that has come there; None before that."""
    return str(next(place.iterdir())) if place.exists() else None


def _moved(arriving: Path, place: Path) -> str:
    """The path of the file, with its folder in its place; the same may have come there meanwhile."""
    try:
        arriving.rename(place)
    except OSError:
        if _found(place) is None:
            raise
    sync_folder(place.parent)
    return str(next(place.iterdir()))
