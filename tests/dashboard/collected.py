"""Runs of the content pipeline, started as a client starts them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from eopiez_ray.model.ids import WorkflowId

from .conftest import PASSWORD, Site
from .phases import HOSTILE

SUBJECTS = (
    "the violin concert of the orchestra was sold out",
    "oil prices rise on the stock market",
    "the football match ended in a draw",
)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
Letter = dict[str, Any]


def letters(count: int, *, is_dated: bool = True) -> list[Letter]:
    """Letters on three subjects, one a day; the fifth has a hostile title and text."""
    return [
        {
            "id": f"letter-{number}",
            "text": f"{SUBJECTS[number % 3]}, said report {number} {HOSTILE if number == 4 else ''}",
            "title": HOSTILE if number == 4 else f"Report {number}",
            **({"time": (FIRST + timedelta(days=number)).isoformat()} if is_dated else {}),
        }
        for number in range(count)
    ]


async def analysed(site: Site, documents: Sequence[Letter], title: str, **options: Any) -> WorkflowId:
    """A run over these documents that has ended well."""
    async with httpx.AsyncClient(base_url=f"{site.url}v1", timeout=60) as client:
        signed_in = await client.post("/auth/login", json={"login": "admin", "password": PASSWORD})
        answer = await client.post(
            "/pipeline/execute",
            params={"project": "default"},
            json={"documents": documents, "options": {"title": title, "provider": "lsa", **options}},
            headers={"Authorization": f"Bearer {signed_in.json()['access_token']}"},
        )
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    run = WorkflowId(UUID(answer.json()["id"]))
    view = await site.rest(run)
    assert view.status == "succeeded", view.error
    return run
