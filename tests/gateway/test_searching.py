"""The process in which runs are searched: what is hostile there stays there."""

from __future__ import annotations

import asyncio
import os
import pickle
from typing import TYPE_CHECKING, Any

import psutil
import pyarrow as pa
import pytest
import pytest_asyncio

from eopiez_ray.gateway.problems import Problem
from eopiez_ray.gateway.searching import MOST_PROJECTS, Searcher, Searchers, Stored
from eopiez_ray.model.tasks import Output
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture(loop_scope="session")
async def searcher() -> AsyncIterator[Searcher]:
    made = Searcher()
    yield made
    await made.close()


def stored(value: Any, name: bytes = b"a") -> Stored:
    content = pickle.dumps(value, protocol=5)
    return Stored(Output(name * 16, len(content), "pickle", None), pa.py_buffer(content))


class Runs:
    """Runs a command where it is loaded."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> Any:
        return os.system, (self._command,)


async def test_what_is_loaded_there_sees_no_secret(
    searcher: Searcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", "postgresql://eopiez:secret@db/eopiez")
    seen = tmp_path / "seen"
    with pytest.raises(Problem, match="cannot be searched"):
        await searcher.search(stored(Runs(f"env > {seen}")), stored(1, b"b"), "a", 1)
    assert "secret" not in seen.read_text()
    assert "EOPIEZ" not in seen.read_text()


async def test_a_process_that_ends_is_started_again(searcher: Searcher) -> None:
    for _ in range(2):
        with pytest.raises(Problem, match="does not answer"):
            await searcher.search(stored(Runs("kill -9 $PPID")), stored(1, b"b"), "a", 1)


async def test_what_cannot_be_loaded_spoils_no_later_search(searcher: Searcher) -> None:
    broken = Stored(Output(b"x" * 16, 3, "pickle", None), pa.py_buffer(b"\x80\x05?"))
    for _ in range(2):
        with pytest.raises(Problem, match="cannot be searched: UnpicklingError"):
            await searcher.search(broken, stored(1, b"b"), "a", 1)
    with pytest.raises(Problem, match="cannot be searched: AttributeError"):
        await searcher.search(stored(1), stored(2, b"b"), "a", 1)


async def test_a_caller_who_leaves_takes_nobody_elses_answer(searcher: Searcher, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    leaving = asyncio.create_task(searcher.search(stored(Runs(f"touch {begun}; sleep 60")), stored(1, b"b"), "a", 1))
    await until(begun.exists)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    with pytest.raises(Problem, match="cannot be searched"):
        await searcher.search(stored(1), stored(2, b"b"), "a", 1)


@pytest_asyncio.fixture(loop_scope="session")
async def searchers() -> AsyncIterator[Searchers]:
    made = Searchers()
    yield made
    await made.close()


class Marks:
    """Writes down in which process it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def __reduce__(self) -> Any:
        return exec, (f"import os; open({self._path!r}, 'a').write(f'{{os.getpid()}}\\n')",)


async def test_projects_share_no_process(searchers: Searchers, tmp_path: Path) -> None:
    processes: dict[str, set[str]] = {}
    for number, project in enumerate(("blue", "red", "blue")):
        seen = tmp_path / f"{number}"
        with pytest.raises(Problem, match="cannot be searched"):
            await searchers.search(project, stored(Marks(seen)), stored(1, b"b"), "a", 1)
        processes.setdefault(project, set()).add(seen.read_text())
    assert len(processes["blue"]) == 1
    assert processes["blue"].isdisjoint(processes["red"])


async def test_so_many_processes_are_kept(searchers: Searchers, tmp_path: Path) -> None:
    for number in range(MOST_PROJECTS + 2):
        with pytest.raises(Problem, match="cannot be searched"):
            await searchers.search(f"p{number}", stored(Marks(tmp_path / f"{number}")), stored(1, b"b"), "a", 1)
    pids = [int((tmp_path / f"{number}").read_text()) for number in range(MOST_PROJECTS + 2)]
    assert [psutil.pid_exists(pid) for pid in pids] == [False] * 2 + [True] * MOST_PROJECTS


async def test_whoever_searches_is_not_ended_for_another_project(searchers: Searchers, tmp_path: Path) -> None:
    begun = [tmp_path / f"{number}" for number in range(MOST_PROJECTS)]
    asking = [
        asyncio.create_task(
            searchers.search(f"p{number}", stored(Runs(f"touch {path}; sleep 60")), stored(1, b"b"), "a", 1)
        )
        for number, path in enumerate(begun)
    ]
    await until(lambda: all(path.exists() for path in begun))
    with pytest.raises(Problem, match="too many projects"):
        await searchers.search("late", stored(1), stored(2, b"b"), "a", 1)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    with pytest.raises(Problem, match="cannot be searched"):
        await searchers.search("late", stored(1), stored(2, b"b"), "a", 1)
