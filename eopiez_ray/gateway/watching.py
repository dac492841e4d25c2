"""Changes of workflows as the database announces them, shared by all who follow.

However many follow a workflow, each of its events is read once and kept for all of them. What a lost notification
or a lost connection hides is found by the next look, ``LOOK_S`` later at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ..errors import StoreError, WorkflowNotFoundError
from ..logs import get_logger
from .bodies import ProgressBody

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from ..model.ids import WorkflowId
    from ..store import Database, EventView, Workflows

LOOK_S = 1.0
"""Seconds after which followers look without having been told: progress is not announced, and notices can be lost."""
RECONNECT_S = 0.5
KEPT = 256
"""Latest events kept for followers of a workflow; older ones are read from the database."""
PAGE = 1000

log = get_logger(__name__)


class Watcher:
    """Listens to the database, and wakes who follows a workflow."""

    def __init__(self, database: Database, workflows: Workflows) -> None:
        self._database, self._workflows = database, workflows
        self._topics: dict[str, Topic] = {}
        self._listening: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether the gateway is closing."""
        return self._closing.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait for so long, or until the gateway closes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def start(self) -> None:
        """Begin to listen."""
        self._listening = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """End all who follow, and stop listening."""
        self._closing.set()
        for topic in self._topics.values():
            topic.end()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    @property
    def followers(self) -> int:
        """How many follow something here now."""
        return sum(topic.followers for topic in self._topics.values())

    @contextlib.asynccontextmanager
    async def follow(self, workflow: WorkflowId) -> AsyncIterator[Topic]:
        """The changes of a workflow, as long as the block lasts."""
        topic = self._topics.setdefault(str(workflow), Topic(workflow, self._workflows))
        topic.followers += 1
        try:
            yield topic
        finally:
            topic.followers -= 1
            if not topic.followers:
                self._topics.pop(str(workflow), None)

    async def _listen(self) -> None:
        """Listen for ever; a lost connection is opened again. Meanwhile, followers look by themselves."""
        while True:
            try:
                await self._listen_once()
            except StoreError as error:
                log.warning("cannot listen to the database, trying again", error=str(error))
            except Exception:  # The loop's outermost guard.
                log.exception("listening to the database failed, trying again")
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self) -> None:
        connection = await self._database.listen(self._hear, "eopiez_status")
        try:
            self._wake_all()
            await _until_lost(connection)
        finally:
            connection.terminate()

    def _hear(self, _channel: str, workflows: str) -> None:
        if self._topics:
            for workflow in workflows.split(","):
                if workflow in self._topics:
                    self._topics[workflow].wake()

    def _wake_all(self) -> None:
        for topic in self._topics.values():
            topic.wake()


class Standing(NamedTuple):
    """How far a workflow is."""

    progress: ProgressBody
    is_at_rest: bool


class Topic:
    """The events of one workflow, for all who follow it here."""

    def __init__(self, workflow: WorkflowId, workflows: Workflows) -> None:
        self._workflow, self._workflows = workflow, workflows
        self.followers = 0
        self.is_over = False
        """Whether the gateway is closing."""
        self._changed = asyncio.Event()
        self._is_stale, self._looked_at = True, 0.0
        self._reading = asyncio.Lock()
        self._known: deque[EventView] = deque()
        """The latest events, without a gap."""
        self._floor: int | None = None
        """All events after the one with this id, up to the newest read, are known."""
        self._standing: Standing | None = None

    def wake(self) -> None:
        """Something has changed."""
        self._is_stale, self._standing = True, None
        self._changed.set()

    def end(self) -> None:
        """Let all who follow end."""
        self.is_over = True
        self._changed.set()

    async def changed(self, within_s: float = LOOK_S) -> None:
        """Wait until something has changed, or it is time to look anyway."""
        try:
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        except TimeoutError:
            self._look()

    def _look(self) -> None:
        """Look again, once for all who look at about the same time."""
        if time.monotonic() - self._looked_at >= LOOK_S / 2:
            self._looked_at = time.monotonic()
            self._is_stale, self._standing = True, None

    async def events_after(self, last: int) -> list[EventView]:
        """Up to 1,000 events after that one, in order; none is left out, even if the caller comes late."""
        await self._refresh(last)
        if self._floor is not None and last >= self._floor:
            return [event for event in self._known if event.id > last]
        return await self._workflows.events(self._workflow, last, PAGE)

    async def standing(self) -> Standing:
        """How far the workflow is, as of the last look.

        Raises:
            WorkflowNotFoundError: it was forgotten meanwhile.
        """
        async with self._reading:
            if self._standing is None:
                statuses = await self._workflows.statuses([self._workflow])
                if not statuses:
                    raise WorkflowNotFoundError(str(self._workflow))
                progress = ProgressBody.of(await self._workflows.steps(self._workflow))
                self._standing = Standing(progress, statuses[self._workflow].is_at_rest)
            return self._standing

    async def _refresh(self, last: int) -> None:
        """Read what is new, once for all who wait for it; the first one says where to begin."""
        async with self._reading:
            if not self._is_stale:
                return
            self._is_stale = False
            self._changed.clear()
            floor = last if self._floor is None else self._floor
            try:
                new = await self._workflows.events(self._workflow, self._known[-1].id if self._known else floor, PAGE)
            except BaseException:
                self.wake()
                raise
            self._floor = floor
            self._add(new)

    def _add(self, new: list[EventView]) -> None:
        self._known.extend(new)
        while len(self._known) > KEPT:
            self._floor = self._known.popleft().id
        if len(new) == PAGE:  # There may be more.
            self.wake()


async def _until_lost(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Wait until the connection is closed, by whichever side."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    while not connection.is_closed():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await lost.wait()
                return
