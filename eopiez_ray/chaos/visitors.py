"""Visitors of a gateway: they create, look, list and follow, as people and programs do, and note every answer."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from ..authoring.contract import phase
from ..authoring.plans.builder import Plan
from .tally import Account, Visit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

PAUSE_S = 0.1
"""Between the requests of one visitor, and before one is sent again."""
CREATORS, READERS, FOLLOWERS = 2, 3, 2
PATIENCE_S = 180.0
"""Seconds after which what was accepted and has not succeeded counts as lost."""
ANSWER_S = 30.0
LABEL = "siege"
PAGE = 100
AT_REST = frozenset({"succeeded", "failed", "cancelled", "paused", "quarantined"})


@phase(kind="map", name="chaos.double", version="1")
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def request_body(numbers: list[int], label: str) -> dict[str, Any]:
    """A new workflow, as it is sent."""
    plan = Plan("siege")
    plan.step("double", double, plan.values("numbers", numbers))
    code = {digest: base64.b64encode(each).decode() for digest, each in plan.code().items()}
    return {"spec": plan.spec().to_value(), "code": code, "labels": {LABEL: label}}


@dataclass
class Notes:
    """What all visitors have met."""

    visits: list[Visit] = field(default_factory=list)
    accepted: dict[str, list[int]] = field(default_factory=dict)
    """The numbers of each accepted workflow, by its id."""
    wrong: list[str] = field(default_factory=list)


class Visitors:
    """They come as long as the block lasts."""

    def __init__(self, url: str, token: str, seed: int) -> None:
        self.notes, self._label = Notes(), uuid4().hex[:12]
        self._random, self._is_over = Random(seed), False
        bearer = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=f"{url}/v1", headers=bearer, timeout=ANSWER_S, follow_redirects=True)

    @contextlib.asynccontextmanager
    async def visiting(self) -> AsyncIterator[None]:
        """Let them come; in the end, let each finish what it has begun."""
        duties = [self._create] * CREATORS + [self._look] * READERS + [self._follow] * FOLLOWERS
        async with asyncio.TaskGroup() as tasks:
            for duty in duties:
                tasks.create_task(self._again(duty))
            try:
                yield
            finally:
                self._is_over = True

    async def account(self) -> Account:
        """What became of all that was accepted."""
        deadline = time.monotonic() + PATIENCE_S
        lost = 0
        for workflow, numbers in self.notes.accepted.items():
            status = await self._rest(workflow, deadline)
            if status != "succeeded":
                lost += 1
                continue
            result = (await self._sure("GET", f"/workflows/{workflow}/results/double")).json()["values"]
            if result != [2 * number for number in numbers]:
                self.notes.wrong.append(f"the result of {workflow} is {result}")
        there = await self._listed()
        await self._http.aclose()
        return Account(
            accepted=len(self.notes.accepted), lost=lost + len(self.notes.accepted.keys() - there),
            doubled=len(there - self.notes.accepted.keys()), wrong=self.notes.wrong,
        )  # fmt: skip

    async def _again(self, duty: Callable[[], Awaitable[None]]) -> None:
        while not self._is_over:
            await duty()
            await asyncio.sleep(PAUSE_S)

    async def _create(self) -> None:
        """Create a workflow, however often it has to be sent; a second time, it is the same one."""
        numbers = [self._random.randrange(1000) for _ in range(3)]
        body, key = request_body(numbers, self._label), {"Idempotency-Key": uuid4().hex}
        first = (await self._sure("POST", "/workflows", json=body, headers=key)).json()["id"]
        self.notes.accepted[first] = numbers
        if self._random.random() < 0.2:
            second = (await self._sure("POST", "/workflows", json=body, headers=key)).json()["id"]
            if second != first:
                self.notes.wrong.append(f"one key made {first} and {second}")

    async def _look(self) -> None:
        """Look at a workflow that was accepted, and at a list."""
        if not self.notes.accepted:
            return
        workflow = self._random.choice(list(self.notes.accepted))
        answer = await self._send("GET", f"/workflows/{workflow}")
        if answer is not None and answer.status_code == httpx.codes.NOT_FOUND:
            self.notes.wrong.append(f"{workflow} was accepted, and is not there")
        elif answer is not None and answer.is_success and answer.json()["labels"] != {LABEL: self._label}:
            self.notes.wrong.append(f"{workflow} is another one")
        await self._send("GET", "/workflows", params={"limit": "20"})

    async def _follow(self) -> None:
        """Follow a workflow to its end over all interruptions; every event comes once, and in order."""
        if not self.notes.accepted:
            return
        workflow, seen = list(self.notes.accepted)[-1], list[int]()
        path = f"/workflows/{workflow}/events"
        while not await self._followed(path, seen):
            pass
        events = [event["id"] for event in (await self._sure("GET", path)).json()["items"]]
        if seen != events[: len(seen)] or not seen:
            self.notes.wrong.append(f"a follower of {workflow} saw {seen} of {events}")

    async def _followed(self, path: str, seen: list[int]) -> bool:
        """Follow until the connection ends; whether the workflow is at rest."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(seen[-1])} if seen else {})
        try:
            async with self._http.stream("GET", path, headers=headers) as answer:
                self._note(answer)
                if answer.status_code == httpx.codes.NO_CONTENT:
                    return True
                if answer.is_success:
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            seen.append(int(line[4:]))  # noqa: PERF401 - one by one: the connection may break
        except httpx.TransportError:
            self.notes.visits.append(Visit(time.time(), 0))
        await asyncio.sleep(PAUSE_S)
        return False

    async def _rest(self, workflow: str, deadline: float) -> str:
        while True:
            answer = await self._sure("GET", f"/workflows/{workflow}")
            status = str(answer.json().get("status"))
            if status in AT_REST or answer.status_code == httpx.codes.NOT_FOUND or time.monotonic() > deadline:
                return status
            await asyncio.sleep(PAUSE_S)

    async def _listed(self) -> set[str]:
        """The ids of all workflows of these visitors that there are."""
        found: set[str] = set()
        query = {"label": f"{LABEL}={self._label}", "limit": str(PAGE)}
        while True:
            page = (await self._sure("GET", "/workflows", params=query)).json()
            found |= {item["id"] for item in page["items"]}
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    async def _sure(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send until it is answered as asked, or by what does not exist."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = await self._send(method, path, **more)
            if answer is not None and (answer.is_success or answer.status_code == httpx.codes.NOT_FOUND):
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path} was not answered in {PATIENCE_S:g} s")
            await asyncio.sleep(PAUSE_S)

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """Send once; None if the connection broke."""
        try:
            answer = await self._http.request(method, path, **more)
        except httpx.TransportError:
            self.notes.visits.append(Visit(time.time(), 0))
            return None
        self._note(answer)
        return answer

    def _note(self, answer: httpx.Response) -> None:
        is_ours = "x-request-id" in answer.headers and "json" in answer.headers.get("content-type", "json")
        self.notes.visits.append(Visit(time.time(), answer.status_code, is_ours))
