"""Files to the gateway, in parts: an upload that breaks off goes on where it was."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import httpx

from ..errors import GatewayError, ParameterError, UnreadableInputError
from .patience import Patience
from .transport import Call, Unanswered

if TYPE_CHECKING:
    from .transport import Transport

LONGEST_NAME = 255
PART_BYTES = 8 * 2**20
"""Bytes of a part: what is sent again at most."""
TIMEOUT = httpx.Timeout(120.0, connect=10.0)
_AGAIN = {"wrong-offset", "upload-busy"}
"""Refusals after which the gateway is asked how much it has, and the rest is sent."""

Progress = Callable[[int, int], None]
"""Told how many bytes have arrived, and of how many."""


async def upload(
    transport: Transport, path: Path, project: str | None, told: Progress | None = None, name: str | None = None
) -> str:
    """Send a file, and give the upload's id.

    Args:
        transport: to the gateway.
        path: the file; it must not change meanwhile.
        project: whose upload it is.
        told: how far it is.
        name: what it is called there; its ending says its format.

    Raises:
        UnreadableInputError: it cannot be read, or is being changed.
        EopiezError: the gateway refuses, or does not answer for longer than we are patient.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            new = {"name": _sent_name(name or path.name), "size": size}
            call = Call(method="POST", path="uploads", query={"project": project}, body=new)
            made = await transport.json(call)
            await _Sending(transport, made["id"], file, size, told).all_of_it()
    except OSError as error:
        raise UnreadableInputError(str(path), error.strerror or str(error)) from error
    return str(made["id"])


class _Sending:
    """The bytes of one upload on their way."""

    def __init__(self, transport: Transport, upload_id: str, file: IO[bytes], size: int, told: Progress | None) -> None:
        self._transport, self._path, self._file, self._size = transport, f"uploads/{upload_id}", file, size
        self._told, self._patience = told, Patience()
        self._offset = 0

    async def all_of_it(self) -> None:
        """Send until all has arrived."""
        tries, since = 0, time.monotonic()
        while self._offset < self._size:
            before = self._offset
            try:
                await self._part()
            except (Unanswered, GatewayError) as caught:
                tries += 1
                await self._pause(caught, tries, time.monotonic() - since)
                self._offset = int((await self._transport.get(self._path))["offset"])
            if self._offset > before:
                tries, since = 0, time.monotonic()
            if self._told is not None:
                self._told(self._offset, self._size)

    async def _part(self) -> None:
        self._file.seek(self._offset)
        part = await asyncio.to_thread(self._file.read, PART_BYTES)
        if not part:
            raise UnreadableInputError(self._file.name, "it has become shorter while it was sent", "send it again")
        call = Call(
            method="PATCH", path=self._path, content=part[: self._size - self._offset], timeout=TIMEOUT,
            headers={"Upload-Offset": str(self._offset), "Content-Type": "application/octet-stream"},
            is_repeatable=True,
        )  # fmt: skip
        async with self._transport.stream(call) as answer:
            await answer.aread()
            self._offset = int(answer.json()["offset"])

    async def _pause(self, caught: Unanswered | GatewayError, tries: int, elapsed_s: float) -> None:
        """Wait before the gateway is asked how much it has."""
        error = caught.error if isinstance(caught, Unanswered) else caught
        pause = self._patience.pause_s(tries, random.random())
        if isinstance(caught, Unanswered):
            pause = max(pause, caught.after_s)
        elif caught.status != HTTPStatus.CONFLICT or caught.type.rpartition(":")[2] not in _AGAIN:
            raise caught
        if not self._patience.allows(elapsed_s, pause):
            raise error from caught
        await asyncio.sleep(pause)


def files_in(paths: list[Path]) -> list[Path]:
    """The files to send: those named, and those in the folders named, in order of their names.

    Raises:
        ParameterError: there are none.
        UnreadableInputError: a path is not there.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UnreadableInputError(str(path), "there is no such file or folder")
        found += sorted(each for each in _below(path) if each.is_file()) if path.is_dir() else [path]
    if paths and not found:
        raise ParameterError("the folders have no files in them")
    return found


def _below(folder: Path) -> Iterator[Path]:
    """What is in a folder, without what is hidden."""
    return (path for path in folder.rglob("*") if not any(map(_is_hidden, path.relative_to(folder).parts)))


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _sent_name(name: str) -> str:
    """A name as JSON can express it; its end, by which the file is read, stays."""
    return name.encode("utf-8", "replace").decode()[-LONGEST_NAME:]


def shown(body: Any) -> Any:
    """A value as the gateway takes it: dataclasses as objects, paths and times as text."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(body, exclude_none=False)
