"""A workflow that could not be driven on: every command says so, and says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app
from eopiez_ray.cli.watch import raise_unless_succeeded
from eopiez_ray.errors import WorkflowQuarantinedError
from eopiez_ray.model.ids import OrchestratorId, WorkflowId, uuid7
from eopiez_ray.store import Batch, Database, Ledger, Workflows

from ..store.given import LEASE_S, create


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "80")


def eopiez(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result


def rows(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in eopiez(*arguments, "--json").stdout.splitlines()]


def folded(result: Result) -> str:
    return " ".join(result.output.split())


def deep(depth: int) -> None:
    if depth:
        deep(depth - 1)
    raise KeyError("feed")


async def quarantined(database: Database, **options: Any) -> WorkflowId:
    """A workflow that was set aside by its holder, beside another one that was not."""
    workflow = await create(database, **options)
    ledger, orchestrator = Ledger(database, LEASE_S), OrchestratorId(uuid7())
    await ledger.register(orchestrator, "test")
    (claim,) = await ledger.claim(orchestrator, [workflow], 1)
    batch = Batch()
    try:
        deep(20)
    except KeyError as error:
        batch.quarantine(workflow, claim.epoch, error)
    await ledger.commit(batch)
    await create(database)
    return workflow


async def test_show_tells_its_error_where_it_was_raised_and_what_to_do(database: Database) -> None:
    workflow = await quarantined(database)
    shown = folded(eopiez("show", str(workflow)))
    assert "quarantined · created" in shown
    assert "Quarantined: eopiez could not continue it: KeyError: 'feed'" in shown
    assert f"`eopiez retry {str(workflow)[-8:]}` continues it" in shown
    assert 'raise KeyError("feed")' in shown
    assert "Traceback (most recent call last)" not in shown
    assert "Traceback (most recent call last)" in folded(eopiez("--debug", "show", str(workflow)))
    (value,) = rows("show", str(workflow))
    assert value["status"] == "quarantined"
    assert value["error"]["traceback"].startswith("Traceback (most recent call last)")


async def test_it_is_listed_and_found_by_its_status(database: Database) -> None:
    workflow = await quarantined(database)
    assert [row["status"] for row in rows("list")] == ["queued", "quarantined"]
    assert [row["id"] for row in rows("list", "--status", "quarantined")] == [str(workflow)]
    assert "quarantined" in eopiez("list", "-s", "quarantined").stdout


async def test_its_history_says_why_it_was_set_aside(database: Database) -> None:
    workflow = await quarantined(database)
    (event,) = [event for event in rows("events", str(workflow)) if event["kind"] == "quarantined"]
    assert event["data"]["error_type"] == "KeyError"
    shown = folded(eopiez("events", str(workflow)))
    assert "could not continue it" in shown
    assert "Traceback" not in shown


async def test_failures_list_it_beside_tasks_that_were_given_up(database: Database) -> None:
    workflow = await quarantined(database, labels={"team": "blue"})
    assert f"{str(workflow)[-8:]} plan eopiez could not continue it: KeyError: 'feed'" in folded(eopiez("failures"))
    (value,) = rows("failures", "--error", "KeyError")
    assert (value["workflow"], value["outcome"], value["step"]) == (str(workflow), "quarantined", None)
    assert rows("failures", "--error", "OSError") == rows("failures", "--label", "team=red") == []
    assert "no workflow is quarantined" in eopiez("failures", "--error", "OSError").stderr


@pytest.mark.parametrize("which", [(), ("--error", "KeyError"), ("--status", "quarantined"), ("--all",)])
async def test_retry_takes_it_up_again_however_it_is_described(database: Database, which: tuple[str, ...]) -> None:
    workflow = await quarantined(database)
    eopiez("retry", *(which or (str(workflow),)), "--no-wait")
    view = await Workflows(database).get(workflow)
    assert (view.status, view.error) == ("queued", None)
    assert [event["kind"] for event in rows("events", str(workflow))][-1] == "retry_requested"


async def test_what_makes_no_sense_for_it_is_refused_with_what_does(database: Database) -> None:
    workflow = str(await quarantined(database))
    assert f"it is quarantined; `eopiez retry {workflow[-8:]}` starts it again" in folded(
        eopiez("resume", workflow, code=1)
    )
    for verb in ("pause", "cancel"):
        assert f"cannot {verb} workflow {workflow}: it is quarantined" in folded(eopiez(verb, workflow, code=1))


async def test_who_follows_it_ends_with_an_error_and_exit_code_70(database: Database) -> None:
    workflow = await quarantined(database)
    with pytest.raises(WorkflowQuarantinedError, match=r"KeyError: 'feed'.*eopiez retry") as raised:
        raise_unless_succeeded(await Workflows(database).get(workflow))
    assert raised.value.exit_code == 70


BROKEN_PLANS = ['{"name": 1}', '{"steps": {}}', '{"name": "x", "steps": [{"name": "s"}]}', "[]", "1", "null"]


@pytest.mark.parametrize("spec", BROKEN_PLANS)
async def test_a_plan_that_cannot_be_read_hides_nothing_else(database: Database, spec: str) -> None:
    workflow = await quarantined(database, labels={"team": "blue"})
    await database.fetch("update plans set spec = $1::text::jsonb", spec)
    assert len(rows("list")) == 2
    assert "could not continue it" in folded(eopiez("show", str(workflow)))
    assert rows("show", str(workflow))[0]["steps"] == []
    assert len(rows("failures")) == 1
    assert "quarantined" in [event["kind"] for event in rows("events", str(workflow))]
    assert rows("retry", "--label", "team=blue", "--no-wait")[0]["status"] == "queued"


async def test_what_needs_a_plan_says_that_it_cannot_be_read(database: Database) -> None:
    workflow = await quarantined(database)
    await database.fetch("update plans set spec = '{}'")
    for command in ("tasks", "logs"):
        assert "stored plan" in folded(eopiez(command, str(workflow), code=64))
