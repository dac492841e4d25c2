"""Where commands for operators get the database, without Ray and without a gateway."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import EopiezError
from ..home import open_home
from .system import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..settings import Settings
    from ..store import Database

Result = TypeVar("Result")


def on_database(work: Callable[[Database, Settings], Coroutine[Any, Any, Result]]) -> Result:
    """The result of some work on the database, which is started if need be.

    Raises:
        EopiezError: the gateway's packages are not installed.
        StoreError: the database cannot be started or reached.
    """
    if find_spec("pwdlib") is None:
        raise EopiezError("the gateway is not installed; run: pip install 'eopiez-ray[gateway]'")
    settings = read_settings()
    open_home(settings.home)
    with ThreadPoolExecutor(1) as thread:  # The caller's own thread may have an event loop.
        return thread.submit(asyncio.run, _worked(settings, work)).result()


async def _worked(settings: Settings, work: Callable[[Database, Settings], Coroutine[Any, Any, Result]]) -> Result:
    from ..store import EmbeddedServer, connect

    server = EmbeddedServer(settings.home) if settings.database_url is None else None
    url = settings.database_url if server is None else await asyncio.to_thread(server.start)
    assert url is not None
    try:
        async with await connect(url, encryption=settings.at_rest) as database:
            return await work(database, settings)
    finally:
        if server is not None:
            await asyncio.to_thread(server.leave)
