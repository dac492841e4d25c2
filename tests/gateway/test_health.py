"""Health, for whoever asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from eopiez_ray.gateway import readiness
from tests.gateway.conftest import Client
from tests.waiting import until

if TYPE_CHECKING:
    import pytest
    from fastapi import FastAPI

    from tests.engine.conftest import Stage


async def test_readiness_names_what_is_down(client: Client, stage: Stage) -> None:
    anybody = client("nobody")
    answer = await anybody.get("/health/ready")
    states = {part["name"]: part["status"] for part in answer.json()["parts"]}
    assert (answer.status_code, states.pop("orchestrator"), set(states.values())) == (503, "down", {"ok"})
    stage.orchestrate()

    async def is_ready() -> bool:
        return (await anybody.get("/health/ready")).status_code == 200

    await until(is_ready)


async def test_many_who_ask_cause_one_look(app: FastAPI, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "KEPT_S", 3600.0)
    looks: list[str] = []
    probe = app.state.system.artifacts.probe

    def counted() -> None:
        looks.append("look")
        probe()

    monkeypatch.setattr(app.state.system.artifacts, "probe", counted)
    answers = await asyncio.gather(*(client("nobody").get("/health") for _ in range(20)))
    assert len(looks) == 1
    assert len({answer.text for answer in answers}) == 1
