"""What people do in a day: each errand is some requests, as the dashboard, the client and scripts send them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from . import plans
from .person import Person
from .report import AT_REST, Kind

LABEL = "load"
PAUSE_S, PATIENCE_S = 0.2, 180.0
UPLOAD_BYTES, PARTS = 2**20, 4
QUERIES = (
    "the heating is cold",
    "late delivery of an order",
    "learning a language",
    "football match",
    "ship in a storm",
)


async def overview(person: Person) -> None:
    """Open the dashboard: what it asks at once."""
    where: dict[str, Any] = {"project": person.project}
    await asyncio.gather(
        person.read("overview", "/workflows", limit=20, counted=True, **where),
        person.read("overview", "/workflows", limit=5, status="running", **where),
        person.read("overview", "/workflows/failures", **where),
        person.read("overview", "/performance", **where),
        person.read("overview", "/alerts", **where),
        person.read("overview", "/health"),
    )


async def browse(person: Person) -> None:
    """List workflows by a condition, and turn some pages."""
    condition = person.random.choice(({}, {"status": "failed"}, {"name": "squares"}, {"owner": person.login}))
    query: dict[str, Any] = {"limit": 50, "project": person.project} | condition
    for _ in range(3):
        page = (await person.read("list", "/workflows", **query)).json()
        if page["next"] is None:
            return
        query["cursor"] = page["next"]


async def look(person: Person) -> None:
    """Open a workflow with everything that there is to see."""
    if not person.recent:
        return
    path = f"/workflows/{person.random.choice(list(person.recent))}"
    await person.read("workflow", path, inside=True)
    await asyncio.gather(*(person.read(f"its {each}", f"{path}/{each}") for each in ("graph", "timeline", "logs")))
    for each in ("tasks", "events", "attempts"):
        await person.read(f"its {each}", f"{path}/{each}")


async def trespass(person: Person) -> None:
    """Look at what belongs to others: it is not there."""
    if person.neighbours:
        path = f"/workflows/{person.random.choice(list(person.neighbours))}"
        await person.read("another project's", path, expects={404})


async def work(person: Person) -> None:
    """Submit, follow to the end, and read the result; now and then the request is sent twice."""
    numbers = _numbers(person, 4)
    workflow = await _submit(person, plans.quick(numbers), "succeeded", is_twice=person.random.random() < 0.2)
    if person.random.random() < 0.2:
        await person.follow(workflow, 1)  # And go away in the middle.
        return
    kinds = await person.follow(workflow, 10_000)
    if "succeeded" not in kinds:
        person.notes.wrong.append(f"a follower of {workflow} saw {kinds}")
    await _check_total(person, workflow, sum(number * number for number in numbers))


async def failure(person: Person) -> None:
    """Submit what fails, and look for the reason."""
    workflow = await _submit(person, plans.failing(_numbers(person, 2)), "failed")
    await status_of(person, workflow, {"failed"})
    attempts = (await person.read("its attempts", f"/workflows/{workflow}/attempts")).json()["items"]
    if {attempt["error_type"] for attempt in attempts} != {"ValueError"}:
        person.notes.wrong.append(f"{workflow} failed for another reason: {attempts}")


async def pause(person: Person) -> None:
    """Submit something longer, pause it, let it go on, and read the result."""
    numbers = _numbers(person, 10)
    workflow = await _submit(person, plans.lengthy(numbers), "succeeded")
    why = {"why": "others are in a hurry"}
    await _steer(person, workflow, "pause", why)
    if await status_of(person, workflow, {"paused", *AT_REST}) == "paused":
        await _steer(person, workflow, "resume", {})
    await status_of(person, workflow, AT_REST)
    await _check_total(person, workflow, sum(numbers))


async def cancel(person: Person) -> None:
    """Submit something longer, and think better of it."""
    workflow = await _submit(person, plans.lengthy(_numbers(person, 10)), "cancelled", "succeeded")
    await person.change("cancel", "DELETE", f"/workflows/{workflow}", expects={202, 409})


async def search(person: Person) -> None:
    """Search the collection in meaning, and look around in it."""
    path, query = f"/pipeline/{person.collection}", person.random.choice(QUERIES)
    hits = (await person.read("search", f"{path}/search", query=query)).json()["items"]
    if hits:
        chosen = {"document": person.random.choice(hits)["document_id"]}
        await person.read("similar", f"{path}/similar", **chosen)
    await person.read("themes", f"{path}/themes")
    await person.read("documents", f"{path}/documents", limit=50)


async def upload(person: Person) -> None:
    """Upload a file in parts."""
    content = person.random.randbytes(UPLOAD_BYTES)
    body = {"name": "file.txt", "size": UPLOAD_BYTES}
    made = (await person.change("upload", "POST", "/uploads", json=body)).json()["id"]
    size = UPLOAD_BYTES // PARTS
    for offset in range(0, UPLOAD_BYTES, size):
        part, headers = content[offset : offset + size], {"Upload-Offset": str(offset)}
        await person.change("upload", "PATCH", f"/uploads/{made}", content=part, headers=headers)


async def figures(person: Person) -> None:
    """Look at what the work costs, who may do what, and whether another session is open."""
    await person.read("costs", "/costs", project=person.project)
    await person.read("limits", "/limits", project=person.project)
    await person.read("profile", "/users/profile")
    await person.read("sessions", "/users/sessions")


Errand = Callable[[Person], Awaitable[None]]
WEIGHTS: dict[Errand, int] = {
    overview: 20, browse: 15, look: 20, work: 20, search: 10, figures: 5, failure: 3, pause: 3, cancel: 2, upload: 1,
    trespass: 2,
}  # fmt: skip
"""How often each is done, relative to the others."""


async def _submit(person: Person, body: dict[str, Any], *endings: str, is_twice: bool = False) -> str:
    """The id of new work that may end in these ways; the same request sent twice makes one workflow."""
    key = {"Idempotency-Key": uuid4().hex}
    ids = set[str]()
    for _ in range(2 if is_twice else 1):
        answer = await person.ask(
            "submit", Kind.SUBMISSION, "POST", "/workflows", json=body | {"labels": {LABEL: "day"}}, headers=key
        )
        ids.add(str(answer.json()["id"]))
        person.notes.accepted |= dict.fromkeys(ids, frozenset(endings))
    if len(ids) > 1:
        person.notes.wrong.append(f"one key made {sorted(ids)}")
    workflow = ids.pop()
    person.recent.append(workflow)
    return workflow


async def _steer(person: Person, workflow: str, verb: str, body: dict[str, str]) -> None:
    """Ask for it; 409 if it has ended meanwhile."""
    await person.change(verb, "POST", f"/workflows/{workflow}/{verb}", json=body, expects={200, 202, 409})


async def status_of(person: Person, workflow: str, wanted: set[str] | frozenset[str]) -> str:
    """The status once it is one of those."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        status = str((await person.read("workflow", f"/workflows/{workflow}")).json()["status"])
        if status in wanted:
            return status
        if time.monotonic() > deadline:
            person.notes.wrong.append(f"{workflow} was still {status} after {PATIENCE_S:g} s")
            return status
        await asyncio.sleep(PAUSE_S)


async def _check_total(person: Person, workflow: str, total: int) -> None:
    values = (await person.read("result", f"/workflows/{workflow}/results/total")).json()["values"]
    if values != [total]:
        person.notes.wrong.append(f"the result of {workflow} is {values}, not {total}")


def _numbers(person: Person, count: int) -> list[int]:
    return [person.random.randrange(1000) for _ in range(count)]
