"""Search by meaning in a run's collection, in a process apart.

The model and the index of a run are pickles that workers have made, and loading one runs what it says. The gateway's
own process never does that: another one does, which knows no database and no secret, and gives back ids and numbers.
Each project has one of its own, so that what is loaded for one can neither read nor change what others search.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from .problems import unavailable

if TYPE_CHECKING:
    import pyarrow as pa

    from ..model.tasks import Output

ANSWER_S = 30.0
"""Seconds within which an answer has to come; the first one of a run loads its model."""
LONGEST_ANSWER = 2**20
MOST_PROJECTS = 4
"""Projects whose process is kept; the one that was longest not asked for makes way."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "HOME")
"""All that the other process gets of the environment."""


class Stored(NamedTuple):
    """A value as it is stored."""

    output: Output
    content: pa.Buffer


class Near(NamedTuple):
    """A document near a query."""

    document_id: str
    similarity: float


class Searchers:
    """Searches for many projects, each in a process of its own."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Searcher] = OrderedDict()

    async def search(self, project: str, model: Stored, index: Stored, query: str, count: int) -> list[Near]:
        """As ``Searcher.search``, for a run of that project."""
        if project not in self._of:
            await self._make_room()
        searcher = self._of.setdefault(project, Searcher())
        self._of.move_to_end(project)
        return await searcher.search(model, index, query, count)

    async def close(self) -> None:
        """End all processes."""
        while self._of:
            _, searcher = self._of.popitem()
            await searcher.close()

    async def _make_room(self) -> None:
        """End processes that nobody waits for, until there is room for one more.

        Raises:
            Problem: all are at work.
        """
        while len(self._of) >= MOST_PROJECTS:
            idle = next((project for project, searcher in self._of.items() if not searcher.is_busy), None)
            if idle is None:
                raise unavailable("too many projects search at once")
            await self._of.pop(idle).close()


class Searcher:
    """Searches; its process starts when it is first needed, and again if it ends."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._known: set[str] = set()
        """Digests of what the process has been given."""

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return self._turn.locked()

    async def search(self, model: Stored, index: Stored, query: str, count: int) -> list[Near]:
        """The documents nearest to the query, the nearest first.

        Raises:
            Problem: the search does not answer, or what the run has stored is no index.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer = await self._ask([model, index], query, count)
            except (TimeoutError, OSError, ValueError) as error:
                await self.close()
                raise unavailable("the search does not answer") from error
            except BaseException:  # A caller that has gone leaves an answer behind, which is nobody else's.
                await asyncio.shield(self.close())
                raise
        if "error" in answer:
            raise unavailable(f"the run cannot be searched: {answer['error']}")
        return [Near(str(name), float(similarity)) for name, similarity in answer["hits"]]

    async def close(self) -> None:
        """End the process, with all that it has started."""
        process, self._process = self._process, None
        self._known.clear()
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()

    async def _ask(self, values: list[Stored], query: str, count: int) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        new = [each for each in values if each.output.digest.hex() not in self._known]
        asked = {
            "query": query,
            "count": count,
            "values": [each.output.digest.hex() for each in values],
            "new": [(each.output.digest.hex(), each.output.content_form, each.output.size) for each in new],
        }
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        for each in new:
            process.stdin.write(memoryview(each.content))
        await process.stdin.drain()
        answer: dict[str, Any] = json.loads(await process.stdout.readline())
        self._known = set(answer["known"])
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._known.clear()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "eopiez_ray.gateway.search_process",
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
                cwd="/", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, limit=LONGEST_ANSWER, start_new_session=True,
            )  # fmt: skip
        return self._process
