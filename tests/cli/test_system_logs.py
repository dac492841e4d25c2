"""``eopiez logs --system`` and ``eopiez logs level`` on this machine's own system."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app
from eopiez_ray.model.log_lines import NewLine, Part
from eopiez_ray.store import Database
from eopiez_ray.store.log_lines import append


@pytest_asyncio.fixture(loop_scope="session")
async def said(database: Database, home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A system in which a few lines were said."""
    monkeypatch.setenv("EOPIEZ_HOME", str(home))
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", database.url)
    monkeypatch.setenv("COLUMNS", "200")
    for number, part in enumerate((Part.GATEWAY, Part.SUPERVISOR)):
        line = NewLine(at=1e9 + number, level="warning", part=part, process="h", logger="l", message=f"\x1b[2J {part}")
        await append(database, [line])
    yield


async def eopiez(*arguments: str, code: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, app, [*arguments])
    assert result.exit_code == code, result.output
    return result


async def test_lines_of_all_parts_are_printed_in_order(said: None) -> None:
    lines = (await eopiez("logs", "--system")).stdout.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        "gateway warning  \\x1b[2J gateway", "supervisor warning  \\x1b[2J supervisor",
    ]  # fmt: skip
    found: list[dict[str, Any]] = [
        json.loads(line)
        for line in (await eopiez("logs", "--system", "--part", "gateway", "--json")).stdout.splitlines()
    ]
    assert [(line["part"], line["level"], line["message"]) for line in found] == [
        ("gateway", "warning", "\x1b[2J gateway")
    ]
    assert (await eopiez("logs", "--system", "--text", "nobody says this")).stdout == ""


async def test_what_cannot_be_is_refused(said: None) -> None:
    assert "the parts are gateway" in (await eopiez("logs", "--system", "--part", "kitchen", code=64)).stderr
    assert "the levels are debug" in (await eopiez("logs", "--system", "--level", "loud", code=64)).stderr
    assert "need --system" in (await eopiez("logs", "--text", "a", code=64)).stderr


async def test_a_level_is_set_listed_and_lifted(said: None) -> None:
    assert "No levels were set" in (await eopiez("logs", "level")).stderr
    await eopiez("logs", "level", "eopiez_ray.gateway", "debug")
    assert "eopiez_ray.gateway  debug" in (await eopiez("logs", "level")).stdout
    assert "the levels are debug" in (await eopiez("logs", "level", "eopiez_ray", "loud", code=64)).stderr
    await eopiez("logs", "level", "eopiez_ray.gateway", "normal")
    assert "was not set" in (await eopiez("logs", "level", "eopiez_ray.gateway", "normal", code=64)).stderr
