"""What has been done, by the command line: tasks, attempts, logs, events, phases, and a screen of it all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app
from eopiez_ray.machine import Profile
from eopiez_ray.model.changes import Change
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.store import Database, Intake, NewWorkflow, PhaseBook, Updates

from ..machine.plans import codes, plan, step
from ..store.test_history import long


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")


def eopiez(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result


def rows(*arguments: str) -> list[dict[str, Any]]:
    """What a command prints for machines."""
    return [json.loads(line) for line in eopiez(*arguments, "--json").stdout.splitlines()]


def places(found: list[dict[str, Any]]) -> list[str]:
    return [f"{row['step']}/{row['partition']}" for row in found]


async def test_tasks_are_listed_a_page_at_a_time(database: Database) -> None:
    _, workflow = await long(database)
    first = eopiez("tasks", str(workflow), "--limit", "21")
    assert "read/0" in first.stdout
    assert "tidy/0" in first.stdout
    assert "tidy/1 " not in first.stdout
    assert f"There are more: eopiez tasks {str(workflow)[-8:]} … --after tidy/0" in first.stderr
    second = eopiez("tasks", "--after", "tidy/0")
    assert ("tidy/1 " in second.stdout, "tidy/0" in second.stdout, second.stderr) == (True, False, "")


async def test_tasks_for_machines_have_no_limit_if_all_are_wanted(database: Database) -> None:
    await long(database, 2100)
    assert len(rows("tasks")) == 50
    found = rows("tasks", "--all")
    assert len(found) == len(set(places(found))) == 2100
    task = {"step": "read", "partition": 1, "worker": "w1", "host": "host0", "node": "node0", "pid": 1, "actor": "a1"}
    assert task.items() <= found[1].items()


async def test_tasks_are_found_by_what_they_took_and_where(database: Database) -> None:
    await long(database)
    assert places(rows("tasks", "--slower-than", "10")) == ["read/3"]
    assert places(rows("tasks", "--memory-above", "3.5kB")) == ["read/3"]
    assert places(rows("tasks", "--cached")) == ["read/1"]
    assert places(rows("tasks", "--rejects")) == ["read/7"]
    assert places(rows("tasks", "--host", "host1", "--step", "tidy")) == [f"tidy/{part}" for part in range(2, 20, 4)]
    assert places(rows("tasks", "--worker", "w3", "--node", "node1")) == []
    assert "None." in eopiez("tasks", "--host", "nowhere").stderr


async def test_rows_that_were_set_aside_are_listed_and_counted(database: Database) -> None:
    _, workflow = await long(database)
    for number, reason in enumerate(["it is odd", "it is \x1b[31mlong", "it is odd"]):
        await database.fetch(
            "insert into rejects (workflow_id, step, partition, ordinal, source, reason, sample) "
            "values ($1, 1, 7, $2, $3, $4, 'how it begins')",
            workflow, number, f"row {number}", reason,
        )  # fmt: skip
    listed = eopiez("rejects", str(workflow), "--reason", "it is odd").stdout
    assert ("row 0" in listed, "row 1" in listed, "row 2" in listed) == (True, False, True)
    assert "\x1b[31m" not in eopiez("rejects").stdout
    assert [row["source"] for row in rows("rejects", "--limit", "2")] == ["row 0", "row 1"]
    (step,) = {row["step"] for row in rows("rejects")}
    assert rows("rejects", "--reasons")[0] == {"step": step, "reason": "it is odd", "rows": 2}
    assert "no step 'none'" in eopiez("rejects", "--step", "none", code=64).stderr


async def test_failed_attempts_are_listed_alike(database: Database) -> None:
    await long(database)
    shown = eopiez("tasks", "--failed", "-n", "3")
    assert "OSError: no luck" in shown.stdout
    last = rows("tasks", "--failed", "-n", "3")[-1]
    assert f"--after {last['id']}" in shown.stderr
    assert [row["partition"] for row in rows("tasks", "--failed", "--after", str(last["id"]), "-n", "2")] == [4, 5]
    assert [row["partition"] for row in rows("tasks", "--outcome", "lost", "--step", "tidy")] == [5, 15]
    assert len(rows("tasks", "--failed", "--all")) == 20


async def test_refusals_are_sentences(database: Database) -> None:
    eopiez("tasks", code=1)
    await long(database)
    refusals = [
        (("tasks", "--step", "reed"), 64, "did you mean 'read'"),
        (("tasks", "--after", "seventeen"), 64, "such as read/17"),
        (("tasks", "--failed", "--after", "read/1"), 64, "the number of an attempt"),
        (("tasks", "--failed", "--cached", "--memory-above", "1GB"), 64, "--cached and --memory-above select finished"),
        (("tasks", "--memory-above", "much"), 64, "such as 500MB or 4GiB"),
        (("logs", "--level", "loud"), 64, "the levels are debug, info"),
        (("logs", "--step", "x"), 64, "it has read, tidy, sum"),
        (("events", "ffffffff"), 66, "there is no workflow"),
    ]
    for arguments, code, sentence in refusals:
        assert sentence in " ".join(eopiez(*arguments, code=code).output.split()), arguments


async def test_logs_of_one_task_and_of_one_level(database: Database) -> None:
    await long(database)
    assert [row["message"] for row in rows("logs", "--step", "tidy", "--partition", "4")] == ["13"]
    assert [row["message"] for row in rows("logs", "--level", "warning")] == ["0", "10", "20", "30"]


async def test_history_tells_who_changed_what_and_why(database: Database) -> None:
    _, workflow = await long(database)
    await Updates(database).ask(workflow, Change((), 7, {"team": "red"}, "anna", "it is late"))
    shown = eopiez("events").stdout
    (line,) = [line for line in shown.splitlines() if "update_requested" in line]
    assert [part in line for part in ("anna", "it is late", "priority: 7", "team: red")] == [True] * 4
    assert [row["kind"] for row in rows("events", str(workflow))] == ["created", "update_requested"]


async def test_phases_are_listed_with_what_they_take(database: Database) -> None:
    assert "No phase has run yet" in eopiez("phases").stderr
    await PhaseBook(database).save([Profile("d1", "tidy", "1", 1234, 0.5, 0.4, 2_000_000)])
    assert "tidy 1 1,234 0.5 s 0.4 s 2 MB " in " ".join(eopiez("phases").stdout.split())
    (known,) = rows("phases")
    assert (known["name"], known["tasks"], known["peak_bytes"]) == ("tidy", 1234, 2_000_000)
    assert "eopiez phases" in eopiez("plan", "phases", "--help").stdout
    assert "eopiez plan phases" in eopiez("phases", "--help").stdout


async def counters(database: Database, workflow: WorkflowId) -> None:
    await database.fetch(
        "insert into steps (workflow_id, position, status, partitions, done, running, rows, rejects, cached, wall_s, "
        "cpu_s) values ($1, 0, 'running', 40, 20, 1, 20, 0, 10, 25, 20)",
        workflow,
    )


async def test_show_says_what_each_step_comes_down_to(database: Database) -> None:
    _, workflow = await long(database)
    await counters(database, workflow)
    shown = eopiez("show").stdout
    (line,) = [line for line in shown.splitlines() if line.strip().startswith("read")]
    assert " ".join(line.split()).endswith("20/40 10 20 25 s 20 s 2.5 s 4 kB 8 failed, 2 lost")
    value = rows("show")[0]
    assert value["steps"][0]["attempts"] == {"failed": 8, "lost": 2}
    assert (value["steps"][0]["mean_s"], value["steps"][0]["peak_bytes"]) == (2.5, 4000)
    assert len(value["attempts"]) == 20


async def test_show_of_a_plan_of_hundreds_of_steps_fits_on_a_screen(database: Database) -> None:
    spec = plan(step("s0", "source"), *(step(f"s{number}", "map", f"s{number - 1}") for number in range(1, 300)))
    (created,) = await Intake(database).create(NewWorkflow(spec, codes(spec)))
    await database.fetch(
        "insert into steps (workflow_id, position, status, done, running, rows, rejects, cached, wall_s, cpu_s) "
        "values ($1, 250, 'running', 0, 1, 0, 0, 0, 0, 0)",
        created.id,
    )
    shown = eopiez("show").stdout
    assert len(shown.splitlines()) <= 40
    assert "s250" in shown
    assert "and 276 waiting more; --json has all of them" in shown
    assert len(rows("show")[0]["steps"]) == 300


async def test_show_names_the_version_of_an_updated_plan(database: Database) -> None:
    _, workflow = await long(database)
    assert "plan version" not in eopiez("show").stdout
    await database.fetch("update workflows set plan_version = 2 where id = $1", workflow)
    assert "plan version 2" in eopiez("show").stdout
