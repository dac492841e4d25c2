"""Two runs of the pipeline beside each other, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest_asyncio

from tests.engine.inline import InlineExecutor
from tests.gateway.conftest import Client
from tests.gateway.test_pipeline import LETTERS

if TYPE_CHECKING:
    from tests.engine.conftest import Stage

POEMS = [
    {"id": str(number), "text": f"Poem {number} of the {word} and the {word} alone."}
    for number, word in enumerate(["music", "river"] * 8)
]


@pytest_asyncio.fixture
async def runs(client: Client, stage: Stage) -> dict[str, str]:
    """Runs of letters, of more letters in reverse, of poems, of another project, and one that waits."""
    made = {}
    given = {"before": LETTERS[6:], "after": [*LETTERS[::-1], *POEMS[:2]], "poems": POEMS, "red": POEMS, "early": POEMS}
    for name, documents in given.items():
        query = {"project": "red" if name == "red" else "blue"}
        answer = await client("root").post("/pipeline/execute", json={"documents": documents}, params=query)
        assert answer.status_code == 202, answer.text
        made[name] = answer.json()["id"]
    await client("ben").post("/pipeline/pause", json={"workflow": made["early"]})
    stage.orchestrate(InlineExecutor(stage.folder))
    for name in ("before", "after", "poems", "red"):
        view = await stage.rest(made[name])
        assert view.status == "succeeded", view.error
    return made


async def test_runs_are_compared_and_numbers_lead_to_documents(client: Client, runs: dict[str, str]) -> None:
    viewer, path = client("cleo"), f"/pipeline/{runs['after']}/comparison"
    query = {"before": runs["before"]}
    answer = await viewer.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["matched_by"], found["common"]) == ("documents", len(LETTERS) - 6)
    assert (found["before"]["id"], found["after"]["id"]) == (runs["before"], runs["after"])
    for name in ("before", "after"):
        themes = (await viewer.get(f"/pipeline/{runs[name]}/themes")).json()["items"]
        assert [each["label"] for each in found[name]["themes"]] == [each["label"] for each in themes]
    assert sum(group["stayed"] for group in found["groups"]) + found["moved"] == found["common"]
    assert {group["kind"] for group in found["groups"]} == {"kept"}

    async def listed(**more: Any) -> list[dict[str, Any]]:
        page = await viewer.get(f"{path}/documents", params=query | more)
        assert page.status_code == 200, page.text
        items: list[dict[str, Any]] = page.json()["items"]
        return items

    new = await listed(change="new")
    assert [each["snippet"] for each in new] == [each["text"] for each in [*LETTERS[5::-1], *POEMS[:2]]]
    assert all(each["theme_before"] is None and each["theme_after"] is not None for each in new)
    assert await listed(change="gone") == []
    both = await listed(change="stayed", theme_after=[group["after"][0] for group in found["groups"][:2]])
    assert len(both) == sum(group["stayed"] for group in found["groups"][:2])
    group = found["groups"][0]
    theme = {"theme_before": group["before"][0], "theme_after": group["after"][0]}
    stayed = await listed(change="stayed", **theme)
    assert len(stayed) == group["stayed"]
    page = (await viewer.get(f"{path}/documents", params=query | theme | {"change": "stayed", "limit": 4})).json()
    rest = await listed(change="stayed", cursor=page["next"], **theme)
    assert page["items"] + rest == stayed
    back = (await viewer.get(f"/pipeline/{runs['before']}/comparison", params={"before": runs["after"]})).json()
    assert (back["common"], back["moved"]) == (found["common"], found["moved"])


async def test_runs_of_other_documents_are_matched_by_words(client: Client, runs: dict[str, str]) -> None:
    path, query = f"/pipeline/{runs['poems']}/comparison", {"before": runs["before"]}
    found = (await client("cleo").get(path, params=query)).json()
    assert (found["matched_by"], found["common"]) == ("words", 0)
    by_documents = (await client("cleo").get(path, params=query | {"by": "documents"})).json()
    assert {group["kind"] for group in by_documents["groups"]} == {"gone", "new"}


async def test_only_ended_runs_of_one_project_that_one_can_see_are_compared(
    client: Client, runs: dict[str, str]
) -> None:
    async def check(name: str, after: str, before: str, status: int) -> None:
        for place in ("comparison", "comparison/documents"):
            answer = await client(name).get(f"/pipeline/{after}/{place}", params={"before": before})
            assert answer.status_code == status, answer.text

    ours, theirs = runs["after"], runs["red"]
    await check("cleo", ours, runs["before"], 200)
    await check("dora", ours, runs["before"], 404)
    for name in ("dora", "cleo", "emil", "root"):
        await check(name, ours, theirs, 404)
        await check(name, theirs, ours, 404)
    await check("olga", ours, runs["before"], 403)
    await check("cleo", ours, str(uuid4()), 404)
    await check("cleo", ours, "a word", 422)
    await check("cleo", ours, runs["early"], 410)
