"""The thread in which an engine lives: whatever it had begun, nothing goes on after its end."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from eopiez_ray import Settings
from eopiez_ray.engine.thread import EngineThread
from eopiez_ray.errors import EopiezError


def engines() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "eopiez"]


def test_what_is_still_at_work_ends_with_it(home: Path, database_url: str) -> None:
    thread, ended = EngineThread(Settings(home=home, database_url=database_url)), threading.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        return task

    task = thread.run(begin())
    thread.end(thread.engine.close)
    assert ended.is_set()
    assert task.cancelled()
    assert engines() == []


def test_one_that_cannot_open_leaves_no_thread_behind(home: Path) -> None:
    with pytest.raises(EopiezError):
        EngineThread(Settings(home=home, database_url="postgresql://nobody@127.0.0.1:1/none"))
    assert engines() == []


def test_an_end_that_fails_ends_it_all_the_same(home: Path, database_url: str) -> None:
    thread = EngineThread(Settings(home=home, database_url=database_url))

    async def fail() -> None:
        await thread.engine.close()
        raise OSError("no luck")

    with pytest.raises(OSError, match="no luck"):
        thread.end(fail)
    thread.end(fail)
    assert engines() == []
