"""Somebody who uses a system over HTTP, and notes every answer."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from .report import Kind, Notes, Visit

ANSWER_S = 60.0
FOLLOW_S = 60.0
"""Seconds after which a stream should have ended: all that is followed is short."""
RECENT = 20
SUCCESS = range(200, 300)


class Unanswered(Exception):
    """Somebody did not get the answer that they needed to go on; it is noted already."""


@dataclass
class Person:
    """Somebody with a password, who works for a project."""

    login: str
    password: str
    project: str
    http: httpx.AsyncClient
    notes: Notes
    random: Random
    collection: str = ""
    """The analysed collection of the project."""
    neighbours: deque[str] = field(default_factory=deque)
    """Workflows of another project."""
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))
    """What was submitted last in the project, shared by its members."""
    _refresh_token: str = ""

    async def sign_in(self) -> None:
        """Begin a session."""
        body = {"login": self.login, "password": self.password}
        self._take((await self._noted("log in", Kind.CHANGE, "POST", "/auth/login", SUCCESS, json=body)).json())

    async def read(self, part: str, path: str, *, expects: Collection[int] = SUCCESS, **query: Any) -> httpx.Response:
        """Look at something."""
        return await self.ask(part, Kind.READ, "GET", path, expects, params=query)

    async def change(self, part: str, method: str, path: str, **more: Any) -> httpx.Response:
        """Do something else than submit work."""
        return await self.ask(part, Kind.CHANGE, method, path, **more)

    async def ask(
        self, part: str, kind: Kind, method: str, path: str, expects: Collection[int] = SUCCESS, **more: Any
    ) -> httpx.Response:
        """Send a request, with a new token if the last one has run out.

        Raises:
            Unanswered: the answer is not as expected.
        """
        if kind is not Kind.READ:
            more = {"params": {"project": self.project}} | more
        answer = await self._noted(part, kind, method, path, {*expects, httpx.codes.UNAUTHORIZED}, **more)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            await self.refresh()
            answer = await self._noted(part, kind, method, path, expects, **more)
        return answer

    async def refresh(self) -> None:
        """Exchange the tokens for the next."""
        token = {"refresh_token": self._refresh_token}
        self._take((await self._noted("refresh", Kind.CHANGE, "POST", "/auth/refresh", SUCCESS, json=token)).json())

    async def follow(self, workflow: str, most: int) -> list[str]:
        """The kinds of the events of a workflow as they happen, up to its end or to so many."""
        began, is_first, kinds = time.perf_counter(), True, list[str]()
        headers = {"Accept": "text/event-stream"}
        try:
            async with (
                asyncio.timeout(FOLLOW_S),
                self.http.stream("GET", f"/workflows/{workflow}/events", headers=headers) as answer,
            ):
                if answer.status_code not in SUCCESS:
                    await answer.aread()
                    self._note("follow", Kind.FOLLOWING, began, _told(answer))
                    raise Unanswered(_told(answer))
                async for line in answer.aiter_lines():
                    if is_first:
                        self._note("follow", Kind.FOLLOWING, began)
                        is_first = False
                    if line.startswith("event: "):
                        kinds.append(line.removeprefix("event: "))
                    if len(kinds) >= most:
                        break
        except TimeoutError as error:
            self._note("follow", Kind.FOLLOWING, began, f"the stream did not end; it brought {kinds[:10]}")
            raise Unanswered(f"the stream of {workflow} did not end") from error
        except httpx.TransportError as error:
            self._note("follow", Kind.FOLLOWING, began, repr(error))
            raise Unanswered(repr(error)) from error
        return kinds

    async def _noted(
        self, part: str, kind: Kind, method: str, path: str, expects: Collection[int], **more: Any
    ) -> httpx.Response:
        began = time.perf_counter()
        try:
            answer = await self.http.request(method, path, **more)
        except httpx.TransportError as error:
            self._note(part, kind, began, repr(error))
            raise Unanswered(repr(error)) from error
        is_expected = answer.status_code in expects
        self._note(part, kind, began, "" if is_expected else _told(answer))
        if not is_expected:
            raise Unanswered(_told(answer))
        return answer

    def _note(self, part: str, kind: Kind, began: float, error: str = "") -> None:
        self.notes.visits.append(Visit(part, kind, (time.perf_counter() - began) * 1000, error))

    def _take(self, signed_in: dict[str, Any]) -> None:
        self._refresh_token = signed_in["refresh_token"]
        self.http.headers["Authorization"] = f"Bearer {signed_in['access_token']}"


def _told(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.text[:300]}"
