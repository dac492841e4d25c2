"""Bytes from the gateway, in ranges: a download that breaks off goes on where it was."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GatewayError
from ..home import make_folder
from .patience import Patience
from .transport import Call, Unanswered

if TYPE_CHECKING:
    from .transport import Transport


@dataclass(slots=True)
class _Arrival:
    """What of a download is here."""

    size: int = 0
    tag: str | None = None
    """What it is, in the version whose beginning is here."""
    headers: Mapping[str, str] | None = None


async def download(
    transport: Transport, path: str, keep: Callable[[bytes], Any], *, accept: str, patience: Patience | None = None,
    **query: Any,
) -> Mapping[str, str]:  # fmt: skip
    """Fetch what is at a path, however often the connection breaks, and give the headers of the answer.

    Args:
        transport: to the gateway.
        path: below ``/v1``.
        keep: takes the next bytes.
        accept: in which form.
        patience: how long to try without a further byte.
        query: parameters.

    Raises:
        GatewayError: it became something else meanwhile.
        EopiezError: the gateway refuses, or does not answer for longer than we are patient.
    """
    call = Call(method="GET", path=path, query=query, headers={"Accept": accept}, is_repeatable=True)
    patience, arrival = patience or Patience(), _Arrival()
    tries, since, known = 0, time.monotonic(), 0
    while True:
        try:
            await _receive(transport, call, arrival, keep)
        except Unanswered as caught:
            if arrival.size > known:
                tries, since, known = 0, time.monotonic(), arrival.size
            tries += 1
            pause = max(caught.after_s, patience.pause_s(tries, random.random()))
            if not patience.allows(time.monotonic() - since, pause):
                raise caught.error from caught
            await asyncio.sleep(pause)
        else:
            return arrival.headers or {}


async def _receive(transport: Transport, call: Call, arrival: _Arrival, keep: Callable[[bytes], Any]) -> None:
    """Take as much as one connection gives."""
    if arrival.size:
        call = replace(call, headers={**call.headers, "Range": f"bytes={arrival.size}-"})
    async with transport.stream(call) as answer:
        _check_same(answer.status_code, answer.headers, arrival)
        async for part in answer.aiter_raw():
            keep(part)
            arrival.size += len(part)


def _check_same(status: int, headers: Mapping[str, str], arrival: _Arrival) -> None:
    """The rest must be the rest of what is here."""
    tag = headers.get("etag")
    if arrival.size and (status != HTTPStatus.PARTIAL_CONTENT or tag != arrival.tag):
        raise GatewayError("what was being downloaded has changed meanwhile; begin again", status=status)
    arrival.tag, arrival.headers = tag, arrival.headers or headers


async def save(transport: Transport, path: str, target: Path, **query: Any) -> Path:
    """Download into a file, which appears once it is whole.

    Raises:
        OSError: it cannot be written.
        EopiezError: as in ``download``.
    """
    make_parents(target)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            await download(transport, path, file.write, accept="*/*", **query)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def make_parents(target: Path) -> None:
    """Make the folder for a file."""
    if not target.parent.exists():
        make_folder(target.parent)
