"""Everybody of a day: made before it begins, at their errands until it ends, and what became of their work."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from .errands import LABEL, PATIENCE_S, PAUSE_S, WEIGHTS, status_of
from .letters import letters
from .person import ANSWER_S, RECENT, Person, Unanswered
from .report import AT_REST, Ending, Notes

PROJECTS = ("archive", "letters", "research", "sales")
AT_ONCE = 4
"""People who are made at a time: each costs some hashes of passwords."""
MORNING = 0.1
"""The share of the day in which everybody signs in."""
PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """How long a day is, and how busy."""

    users: int
    seconds: float
    pause_s: float
    """Mean seconds between two errands of one user."""
    projects: int
    documents: int
    """In the collection of each project."""
    seed: int


@asynccontextmanager
async def gathered(day: Day, url: str, first_password: str) -> AsyncIterator[tuple[Person, list[Person]]]:
    """The administrator and everybody else, each in a project with a collection."""
    async with AsyncExitStack() as stack:
        administrator = await stack.enter_async_context(_administrator(day, url, first_password))
        names = PROJECTS[: day.projects]
        for name in names:
            await administrator.change("project", "POST", "/projects", json={"name": name}, params={})
        collections = await asyncio.gather(*(_collection(administrator, name, day.documents) for name in names))
        recent, notes, room = [deque[str](maxlen=RECENT) for _ in names], Notes(), asyncio.Semaphore(AT_ONCE)

        async def made(number: int) -> Person:
            http = await stack.enter_async_context(_client(url, f"10.2.{number // 250}.{number % 250 + 1}"))
            login, mine = f"user-{number}", number % len(names)
            async with room:
                password = await _user(administrator, http, login, names[mine])
            return Person(
                login, password, names[mine], http, notes, Random(day.seed + number), collections[mine],
                recent[mine - 1] if len(names) > 1 else deque(), recent[mine],
            )  # fmt: skip

        yield administrator, await asyncio.gather(*(made(number) for number in range(day.users)))


async def spend(day: Day, people: list[Person]) -> None:
    """Let everybody do errands until the day is over; what was begun is brought to its end."""
    ends_at = time.monotonic() + day.seconds
    await asyncio.gather(*(_live(person, day, ends_at) for person in people))


async def ending(administrator: Person) -> Ending:
    """Wait until all work is at rest, as long as it moves."""
    began = time.monotonic()
    while True:
        statuses = await _statuses(administrator)
        waited_s = time.monotonic() - began
        if AT_REST.issuperset(statuses.values()) or waited_s > PATIENCE_S:
            return Ending(statuses, waited_s)
        await asyncio.sleep(PAUSE_S)


async def _live(person: Person, day: Day, ends_at: float) -> None:
    await asyncio.sleep(person.random.uniform(0, MORNING * day.seconds))
    errands, weights = [*WEIGHTS], [*WEIGHTS.values()]
    is_signed_in = False
    while time.monotonic() < ends_at:
        try:
            if not is_signed_in:
                await person.sign_in()
                is_signed_in = True
            (errand,) = person.random.choices(errands, weights)
            await errand(person)
        except Unanswered:
            pass  # It is noted, and life goes on.
        pause_s = person.random.expovariate(1 / day.pause_s)
        await asyncio.sleep(max(0.0, min(pause_s, ends_at - time.monotonic())))


def _client(url: str, address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{url}/v1", headers={"X-Forwarded-For": address}, timeout=ANSWER_S, follow_redirects=True,
        verify=False, trust_env=False,
    )  # fmt: skip


@asynccontextmanager
async def _administrator(day: Day, url: str, first_password: str) -> AsyncIterator[Person]:
    """The administrator, signed in, who keeps notes of their own."""
    async with _client(url, "10.1.0.1") as http:
        password = await _change_password(http, "admin", first_password)
        person = Person("admin", password, PROJECTS[0], http, Notes(), Random(day.seed))
        await person.sign_in()
        yield person


async def _change_password(http: httpx.AsyncClient, login: str, first: str) -> str:
    """Sign in by a password that works once, and choose another, which is given."""
    own = secrets.token_urlsafe(16)
    signed = (await http.post("/auth/login", json={"login": login, "password": first})).raise_for_status().json()
    bearer = {"Authorization": f"Bearer {signed['access_token']}"}
    change = {"password": first, "new_password": own}
    (await http.post("/users/profile/password", json=change, headers=bearer)).raise_for_status()
    return own


async def _user(administrator: Person, http: httpx.AsyncClient, login: str, project: str) -> str:
    """Make a user who may send code to a project; gives their password."""
    made = (await administrator.change("user", "POST", "/users", json={"login": login}, params={})).json()
    member = f"/projects/{project}/members/{made['id']}"
    await administrator.change("member", "PUT", member, json={"role": "developer"}, params={})
    return await _change_password(http, login, made["password"])


async def _collection(administrator: Person, project: str, documents: int) -> str:
    """An analysed collection of a project."""
    body = {"documents": letters(documents, administrator.random)}
    began = await administrator.change("execute", "POST", "/pipeline/execute", json=body, params={"project": project})
    workflow = str(began.json()["id"])
    status = await status_of(administrator, workflow, AT_REST)
    if status != "succeeded":
        raise SystemExit(f"the collection of {project} could not be analysed: it is {status}")
    return workflow


async def _statuses(administrator: Person) -> dict[str, str]:
    """The status of each workflow that people have submitted."""
    found = dict[str, str]()
    query: dict[str, Any] = {"label": f"{LABEL}=day", "limit": PAGE}
    while True:
        page = (await administrator.read("all", "/workflows", **query)).json()
        found |= {item["id"]: item["status"] for item in page["items"]}
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]
